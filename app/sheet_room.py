"""The room apart in which a spreadsheet of a stranger is opened: a process of its own with little memory and time.

Run as `python -m app.sheet_room`, the file on standard input. Writes each row of the first sheet as one
line of JSON, or leaves with one of the codes below. What a file does to its reader, it does to this process only.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

MEMORY_BYTES = 805_306_368
CPU_SECONDS = 60
MOST_ROWS = 200_001
MOST_COLUMNS = 50
MOST_BYTES_UNPACKED = 134_217_728
MOST_PARTS = 1_000
DAMAGED, MACROS, TOO_MUCH = 10, 12, 13
_MACROS = ("vbaproject.bin", "vbadata.xml")


class Refused(Exception):
    """The file is not taken; the code says why."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


def rows_of(content: bytes) -> Iterator[Sequence[str]]:
    """Yield the rows of the first sheet as texts. Raises Refused."""
    try:
        _look_at_parts(content)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size is not believed
        for row in sheet.iter_rows(max_col=MOST_COLUMNS, max_row=MOST_ROWS, values_only=True):
            yield [_text(cell) for cell in row]
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        ParseError,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        TypeError,
        RuntimeError,
    ) as error:
        raise Refused(DAMAGED) from error


def _look_at_parts(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        listed = parts.infolist()
        if len(listed) > MOST_PARTS or sum(part.file_size for part in listed) > MOST_BYTES_UNPACKED:
            raise Refused(TOO_MUCH)
        if any(part.filename.lower().endswith(_MACROS) for part in listed):
            raise Refused(MACROS)
        if b"macroEnabled" in parts.read("[Content_Types].xml"):
            raise Refused(MACROS)


def _text(cell: Any) -> str:
    if cell is None or isinstance(cell, bool):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def main() -> int:
    """Read one file under limits."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        for row in rows_of(sys.stdin.buffer.read()):
            sys.stdout.write(json.dumps([cell[:200] for cell in row], ensure_ascii=False) + "\n")
    except Refused as refused:
        return refused.code
    except (MemoryError, RecursionError):
        return TOO_MUCH
    return 0


if __name__ == "__main__":
    sys.exit(main())
