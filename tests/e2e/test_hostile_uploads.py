"""The upload door against broken forms and files that are not what they claim: a 4xx problem, and nothing is kept."""

from __future__ import annotations

import hashlib
import io
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pikepdf
import pytest
from PIL import Image

from demo.photo import photograph
from tests.e2e.conftest import Product
from tests.e2e.walking import Doors
from tests.knocking import Heard, Knocker, check_problem

BOUNDARY = "b0undary"
Part = tuple[str, bytes]


def _file(content: bytes, name: str = "file", filename: str = "a.jpg", kind: str = "image/jpeg") -> Part:
    return f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {kind}', content


def _field(name: str, text: bytes) -> Part:
    return f'Content-Disposition: form-data; name="{name}"', text


PURPOSE = _field("purpose", b"material")


def _form(*parts: Part, boundary: str = BOUNDARY) -> bytes:
    sent = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts]
    return b"".join(sent) + f"--{boundary}--\r\n".encode()


def _send(doors: Doors, body: bytes, boundary: str = f"; boundary={BOUNDARY}") -> Heard:
    knocker = Knocker(doors.base, doors.tokens["citizen"])
    return knocker.knock("POST", "/api/v1/uploads", body, content_type=f"multipart/form-data{boundary}")


def _upload(doors: Doors, content: bytes) -> Heard:
    return _send(doors, _form(PURPOSE, _file(content)))


def _png(width: int, height: int, rows: bytes = b"", *, text: bytes = b"") -> bytes:
    """A PNG of one bit a pixel, written by hand: its header may promise what its data do not hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    extra = chunk(b"zTXt", b"Comment\x00\x00" + text) if text else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _black(width: int, height: int) -> bytes:
    return _png(width, height, zlib.compress(b"\x00" * ((width // 8 + 1) * height), 9))


def _pdf(inside: bytes = b"") -> bytes:
    return b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n" + inside + b"\nstartxref\n9\n%%EOF\n"


def _paper(pages: int = 1, password: str = "", stream: bytes = b"", **root: pikepdf.Object) -> bytes:
    """A whole PDF, as a well-behaved program writes it, with something odd in it."""
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page()
        if stream:
            pdf.pages[0].Contents = pikepdf.Stream(pdf, stream, Filter=pikepdf.Name.FlateDecode)
        for name, value in root.items():
            pdf.Root[f"/{name}"] = value
        pdf.save(
            out,
            compress_streams=False,
            encryption=pikepdf.Encryption(owner=password, user=password) if password else False,
        )
    return out.getvalue()


_SCRIPT = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
_PROGRAM = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("/bin/sh"))
_ATTACHED = pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary(Names=pikepdf.Array([])))


def _nested(depth: int) -> bytes:
    """A PDF whose pages lie in one array in another, thousands deep."""
    deep = b"[" * depth + b"]" * depth
    return _pdf(b"2 0 obj<</Type/Pages/Count 1/Kids " + deep + b">>endobj\ntrailer<</Root 1 0 R/Size 3>>")


def _gif() -> bytes:
    out = io.BytesIO()
    Image.new("P", (8, 8)).save(out, "GIF")
    return out.getvalue()


JPEG = photograph("test", 200, 300)
EIGHT_ROWS = zlib.compress(b"\x00\x00" * 8)
_BROKEN_FORMS: dict[str, tuple[bytes, str]] = {
    "no body": (b"", f"; boundary={BOUNDARY}"),
    "no boundary named": (_form(PURPOSE, _file(JPEG)), ""),
    "empty boundary": (_form(PURPOSE, _file(JPEG)), "; boundary="),
    "another boundary": (_form(PURPOSE, _file(JPEG), boundary="other"), f"; boundary={BOUNDARY}"),
    "boundary of odd bytes": (_form(PURPOSE, _file(JPEG)), '; boundary="\xff\x01"'),
    "boundary without end": (_form(PURPOSE, _file(JPEG)), '; boundary="' + "x" * 3_000),
    "part without head": (f"--{BOUNDARY}\r\n\r\n--{BOUNDARY}--".encode(), f"; boundary={BOUNDARY}"),
    "head without body": (f"--{BOUNDARY}\r\nContent-Disposition: form-data".encode(), f"; boundary={BOUNDARY}"),
    "head of control characters": (_form(PURPOSE, ("\x01: \x02", JPEG)), f"; boundary={BOUNDARY}"),
    "not a form": (b'{"file": "x"}', f"; boundary={BOUNDARY}"),
    "no file": (_form(PURPOSE), f"; boundary={BOUNDARY}"),
    "two files": (_form(PURPOSE, _file(JPEG), _file(JPEG)), f"; boundary={BOUNDARY}"),
    "file under another name": (_form(PURPOSE, _file(JPEG, "photo")), f"; boundary={BOUNDARY}"),
    "file without a filename": (_form(PURPOSE, _field("file", JPEG)), f"; boundary={BOUNDARY}"),
    "no purpose": (_form(_file(JPEG)), f"; boundary={BOUNDARY}"),
    "purpose of NUL": (_form(_field("purpose", b"mat\x00"), _file(JPEG)), f"; boundary={BOUNDARY}"),
    "purpose of bytes": (_form(_field("purpose", b"\xff\xfe"), _file(JPEG)), f"; boundary={BOUNDARY}"),
    "long purpose": (_form(_field("purpose", b"m" * 500), _file(JPEG)), f"; boundary={BOUNDARY}"),
    "unknown charset": (
        _form((f"{PURPOSE[0]}\r\nContent-Type: text/plain; charset=klingon", b"material"), _file(JPEG)),
        f"; boundary={BOUNDARY}",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "boundary"), _BROKEN_FORMS.values(), ids=_BROKEN_FORMS.keys())
def test_broken_forms_are_refused(doors: Doors, body: bytes, boundary: str) -> None:
    check_problem(_send(doors, body, boundary), 400)


def test_a_form_of_very_many_parts_is_refused_at_once(doors: Doors) -> None:
    body = f"--{BOUNDARY}\r\n\r\n\r\n".encode() * 200_000
    started = time.monotonic()
    check_problem(_upload(doors, b"\0" * len(body)), 415)
    as_one_part = time.monotonic() - started
    started = time.monotonic()
    check_problem(_send(doors, body), 400)
    assert time.monotonic() - started < max(2, 4 * as_one_part)


_LOOP = b"trailer<</Root<</Type/Catalog/Pages 9 0 R>>>>"


def _bomb() -> bytes:
    return zlib.compress(b"a" * 90_000_000)


# Each is made by its test: some take a second, and every worker collects all of them.
_WRONG_FILES: Sequence[tuple[str, Callable[[], bytes], int, str]] = (
    ("GIF", _gif, 415, "upload_type"),
    ("SVG", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', 415, "upload_type"),
    ("HTML", lambda: b"<!doctype html><script>alert(1)</script>", 415, "upload_type"),
    ("program", lambda: b"MZ\x90\x00" + b"\x00" * 500, 415, "upload_type"),
    ("archive", lambda: b"PK\x03\x04" + b"\x00" * 500, 415, "upload_type"),
    ("text", lambda: "张伟".encode(), 415, "upload_type"),
    ("nothing", lambda: b"", 400, "upload_empty"),
    ("JPEG of three bytes", lambda: b"\xff\xd8\xff", 400, "upload_damaged"),
    ("JPEG cut off", lambda: JPEG[: len(JPEG) // 2], 400, "upload_damaged"),
    ("JPEG head, HTML body", lambda: b"\xff\xd8\xff\xe0<html><script>1</script>", 400, "upload_damaged"),
    ("PNG of eight bytes", lambda: b"\x89PNG\r\n\x1a\n", 400, "upload_damaged"),
    ("PNG without its data", lambda: _png(100, 100), 400, "upload_damaged"),
    ("PNG of 900 million pixels", lambda: _black(30_000, 30_000), 400, "upload_damaged"),
    ("PNG that claims four billion", lambda: _png(65_000, 65_000, zlib.compress(b"")), 400, "upload_damaged"),
    ("PNG of no width", lambda: _png(0, 10, zlib.compress(b"")), 400, "upload_damaged"),
    ("PNG with a text bomb", lambda: _png(8, 8, EIGHT_ROWS, text=_bomb()), 400, "upload_damaged"),
    ("PDF of five bytes", lambda: b"%PDF-", 400, "upload_damaged"),
    ("PDF cut off", lambda: _pdf()[:30], 400, "upload_damaged"),
    ("PDF without a page", _pdf, 400, "upload_damaged"),
    ("PDF that claims a password", lambda: _pdf(b"trailer<</Encrypt 5 0 R>>"), 400, "upload_damaged"),
    ("PDF with a password", lambda: _paper(password="1234"), 400, "upload_damaged"),
    ("PDF with a script", lambda: _paper(OpenAction=_SCRIPT), 400, "upload_damaged"),
    ("PDF that starts a program", lambda: _paper(OpenAction=_PROGRAM), 400, "upload_damaged"),
    ("PDF with a file in it", lambda: _paper(Names=_ATTACHED), 400, "upload_damaged"),
    ("PDF of 201 pages", lambda: _paper(pages=201), 400, "upload_damaged"),
    ("PDF of arrays in arrays", lambda: _nested(50_000), 400, "upload_damaged"),
    ("PDF that is its own page", lambda: _pdf(_LOOP), 400, "upload_damaged"),
    ("more than 10 MiB", lambda: b"\xff\xd8\xff" + b"\x00" * 10_485_760, 413, "payload_too_large"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("made", "status", "code"), [row[1:] for row in _WRONG_FILES], ids=[row[0] for row in _WRONG_FILES]
)
def test_files_that_are_not_what_they_claim_are_refused(
    doors: Doors, made: Callable[[], bytes], status: int, code: str
) -> None:
    assert check_problem(_upload(doors, made()), status)["code"] == code


def test_a_paper_is_kept_with_its_pages_and_without_what_nobody_needs(doors: Doors) -> None:
    paper = _paper(pages=2, PieceInfo=pikepdf.Dictionary(Note=pikepdf.String("written at home")))
    heard = _upload(doors, paper + b"<script>alert(1)</script>")
    assert (heard.status, heard.value["content_type"], heard.value["pages"]) == (201, "application/pdf", 2), heard.body
    knocker = Knocker(doors.base, doors.tokens["citizen"])
    kept = knocker.knock("GET", f"/api/v1/uploads/{heard.value['upload_id']}").body
    assert (kept[:5], hashlib.sha256(kept).hexdigest()) == (b"%PDF-", heard.value["sha256"])
    assert b"written at home" not in kept
    assert b"<script>" not in kept


def test_papers_are_refused_with_a_sentence_that_says_why(doors: Doors) -> None:
    locked = check_problem(_upload(doors, _paper(password="1234")), 400)["detail"]
    scripted = check_problem(_upload(doors, _paper(OpenAction=_SCRIPT)), 400)["detail"]
    broken = check_problem(_upload(doors, _pdf()[:30]), 400)["detail"]
    assert len({locked, scripted, broken}) == 3
    assert "加密" in locked


def test_a_paper_that_unpacks_to_very_much_is_refused(doors: Doors, product: Product) -> None:
    packing, blank = zlib.compressobj(9), b" " * 1_048_576
    packed = b"".join([*(packing.compress(blank) for _ in range(300)), packing.flush()])
    worker = product.api_worker()
    before = worker.memory_info().rss
    problem = check_problem(_upload(doors, _paper(stream=packed)), 400)
    assert (problem["code"], "复杂" in problem["detail"]) == ("upload_damaged", True)
    assert worker.memory_info().rss - before < 100 * 1_048_576


def test_what_is_hidden_behind_a_picture_is_not_kept(doors: Doors) -> None:
    hidden = b"<script>alert(1)</script>PK\x03\x04"
    heard = _send(
        doors, _form(PURPOSE, _file(JPEG + hidden, filename="../../../etc/cron.d/x.php\x00.jpg", kind="text/html"))
    )
    assert heard.status == 201, heard.body
    knocker = Knocker(doors.base, doors.tokens["citizen"])
    kept = knocker.knock("GET", f"/api/v1/uploads/{heard.value['upload_id']}")
    assert kept.content_type == "image/jpeg"
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert kept.headers["content-security-policy"].startswith("sandbox")
    assert hidden not in kept.body
    stranger = Knocker(doors.base, doors.tokens["stranger"])
    check_problem(stranger.knock("GET", f"/api/v1/uploads/{heard.value['upload_id']}"), 404)


def test_large_pictures_at_once_stay_within_memory(doors: Doors, product: Product) -> None:
    """Two dozen pictures of 49 million pixels in 6 KB each: decoded all at once they would be many gigabytes."""
    worker = product.api_worker()
    before = worker.memory_info().rss
    picture, peak = _black(7_000, 7_000), 0
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(_upload, doors, picture) for _ in range(6)]
        while not all(one.done() for one in waiting):
            peak = max(peak, worker.memory_info().rss)
            time.sleep(0.02)
    assert {one.result().status for one in waiting} <= {201, 400, 503}
    assert peak - before < 300 * 1_048_576
