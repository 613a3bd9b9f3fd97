"""The room apart in which a PDF of a stranger is opened: a process of its own with little memory and little time.

Run as `python -m services.applications.files.pdf_room`, the file on standard input. Writes the number of pages and a
line feed, then the file as qpdf writes it anew; or nothing, and leaves with one of the codes below. What a file does
to its reader, it does to this process only.
"""

from __future__ import annotations

import io
import resource
import sys
import zlib
from collections.abc import Iterator

import pikepdf

MEMORY_BYTES = 1_073_741_824
CPU_SECONDS = 15
MOST_PAGES = 200
MOST_OBJECTS = 200_000
MOST_PIXELS = 50_000_000
MOST_BYTES_UNPACKED = 268_435_456
DAMAGED, ENCRYPTED, ACTIVE, TOO_MUCH = 10, 11, 12, 13
_ACTIVE = frozenset(("/JavaScript", "/JS", "/Launch", "/EmbeddedFile", "/EmbeddedFiles", "/RichMedia", "/ImportData"))
_DEFLATED = ("/FlateDecode", "/Fl")
_GROWING = frozenset((*_DEFLATED, "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"))
_PLAIN = _GROWING | {"/ASCII85Decode", "/A85", "/ASCIIHexDecode", "/AHx"}
"""Filters that qpdf undoes by itself, also by their short names; of these a few bytes may grow into very many."""
_CHUNK = 1_048_576


class Refused(Exception):
    """The file is not taken; the code says why."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


def written_anew(content: bytes) -> tuple[int, bytes]:
    """Return the number of pages and the file without what nobody needs. Raises Refused, and what a bomb causes."""
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            if pdf.is_encrypted:
                raise Refused(ENCRYPTED)
            pages = len(pdf.pages)
            if not 0 < pages <= MOST_PAGES or len(pdf.objects) > MOST_OBJECTS:
                raise Refused(TOO_MUCH if pages else DAMAGED)
            _look_at_objects(pdf)
            for name in ("/Metadata", "/OpenAction", "/AA", "/PieceInfo"):
                if name in pdf.Root:
                    del pdf.Root[name]
            del pdf.docinfo
            buffer = io.BytesIO()
            pdf.save(buffer, deterministic_id=True, linearize=False)
            return pages, buffer.getvalue()
    except pikepdf.PasswordError as error:
        raise Refused(ENCRYPTED) from error
    except (
        pikepdf.PdfError,
        pikepdf.DataDecodingError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        raise Refused(DAMAGED) from error


def _look_at_objects(pdf: pikepdf.Pdf) -> None:
    unpacked = 0
    for each in pdf.objects:
        for part in _dictionaries(each):
            if _ACTIVE & set(part.keys()) or str(part.get("/S", "")) in _ACTIVE:
                raise Refused(ACTIVE)
        if isinstance(each, pikepdf.Stream):
            if int(each.get("/Width", 0)) * int(each.get("/Height", 0)) > MOST_PIXELS:
                raise Refused(TOO_MUCH)
            unpacked += _unpacked_size(each, MOST_BYTES_UNPACKED - unpacked)
            if unpacked > MOST_BYTES_UNPACKED:
                raise Refused(TOO_MUCH)


def _dictionaries(value: pikepdf.Object, depth: int = 0) -> Iterator[pikepdf.Object]:
    """Yield a direct object and what stands inside it; what it points to comes by itself."""
    if depth > 50:
        raise Refused(TOO_MUCH)
    if isinstance(value, (pikepdf.Dictionary, pikepdf.Stream)):
        yield value
        inner = [part for _, part in value.items()]
    elif isinstance(value, pikepdf.Array):
        inner = list(value)  # type: ignore[call-overload]  # pikepdf's arrays are sequences
    else:
        return
    for part in inner:
        if isinstance(part, pikepdf.Object) and not part.is_indirect:
            yield from _dictionaries(part, depth + 1)


def _unpacked_size(stream: pikepdf.Object, budget: int) -> int:
    """Count what a stream unpacks to; a deflated one by pieces, stopping past the budget, another within our memory."""
    filters = stream.get("/Filter", pikepdf.Array())
    names = [str(name) for name in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]
    if sum(name in _DEFLATED for name in names) > 1:
        raise Refused(TOO_MUCH)  # nobody packs twice who means well
    if names and names[0] in _DEFLATED:
        return _inflated_size(stream.read_raw_bytes(), budget)
    if not _GROWING & set(names):
        return 0
    if not _PLAIN.issuperset(names):
        raise Refused(TOO_MUCH)
    return len(stream.read_bytes())


def _inflated_size(raw: bytes, budget: int) -> int:
    unpacking, total = zlib.decompressobj(), 0
    while raw and total <= budget:
        try:
            total += len(unpacking.decompress(raw, _CHUNK))
        except zlib.error:
            return total
        raw = unpacking.unconsumed_tail
    return total


def main() -> int:
    """Limit this process, read, write."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        pages, content = written_anew(sys.stdin.buffer.read())
    except Refused as refusal:
        return refusal.code
    except MemoryError:
        return TOO_MUCH
    sys.stdout.buffer.write(b"%d\n" % pages + content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
