"""Tables as files for staff: CSV that Excel opens as it is, and XLSX, both made page by page in constant memory.

Called by the doors that offer downloads. A cell that holds text never becomes a formula. Knows no service.
"""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import IO, Any
from urllib.parse import quote

from app import clock, money
from app.errors import FieldFault, InvalidRequest

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MARK = "\ufeff"
"""Excel reads a CSV as UTF-8 only behind a byte order mark."""
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_LONGEST_NUMBER = 11
"""Excel rounds longer numbers; text cells of more digits get a tab behind, which keeps them text."""
MOST_ROWS = 150_000
"""Of an XLSX, which begins to arrive when its last row is written: a longer one would let its reader wait too long."""
_CHUNK_BYTES = 65_536


class Kind(StrEnum):
    """How the values of a column are written."""

    TEXT = "text"
    COUNT = "count"
    FEN = "fen"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, what its values are (fen are written as yuan, moments in Beijing time), its width."""

    heading: str
    kind: Kind = Kind.TEXT
    width: int = 14


Rows = Sequence[Sequence[Any]]


async def csv_file(columns: Sequence[Column], pages: AsyncIterator[Rows]) -> AsyncGenerator[bytes, None]:
    """Yield a table as CSV with a byte order mark, one piece a page."""
    cells = [_CSV_CELLS[column.kind] for column in columns]
    yield (_MARK + _csv_lines([[column.heading for column in columns]])).encode()
    async for rows in pages:
        yield _csv_lines([[cell(value) for cell, value in zip(cells, row, strict=True)] for row in rows]).encode()


async def xlsx_file(title: str, columns: Sequence[Column], pages: AsyncIterator[Rows]) -> AsyncGenerator[bytes, None]:
    """Yield a table as XLSX. Rows are written to temporary files, in a thread, before the first piece goes out.

    Raises: InvalidRequest `format` for more than MOST_ROWS rows.
    """
    # The writer leaves files of its own behind where it is given up half-way; they go with their folder.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(dir=folder) as file:
        book, count = _Book(file, folder, title, columns), 0
        async for rows in pages:
            count += len(rows)
            if count > MOST_ROWS:
                raise InvalidRequest(faults=(FieldFault("format", f"超过{MOST_ROWS}行，请下载CSV"),))
            await asyncio.to_thread(book.write, rows)
        await asyncio.to_thread(book.close)
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield piece


def download_headers(name: str, plain_name: str) -> dict[str, str]:
    """Return the headers of a download that is called `name` (Chinese allowed), `plain_name` to old browsers.

    Source: RFC 6266 and RFC 8187 (formerly 5987).
    """
    disposition = f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{quote(name, safe='')}"
    return {"Content-Disposition": disposition, "Cache-Control": "no-store"}


class _Book:
    """An XLSX file under construction; each call may come from another thread, but one at a time."""

    def __init__(self, file: IO[bytes], folder: str, title: str, columns: Sequence[Column]) -> None:
        # Loaded with the first file: most processes never write one.
        import xlsxwriter

        self._book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        self._book.set_properties({"title": title, "created": clock.to_beijing(clock.now()).replace(tzinfo=None)})
        self._formats = {
            Kind.FEN: self._book.add_format({"num_format": "#,##0.00"}),
            Kind.MOMENT: self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        self._columns, self._row = columns, 0
        self._sheet = self._book.add_worksheet(title)
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for at, column in enumerate(columns):
            self._sheet.set_column(at, at, column.width)
            self._sheet.write_string(0, at, column.heading, bold)

    def write(self, rows: Rows) -> None:
        """Append rows."""
        for row in rows:
            self._row += 1
            for at, (column, value) in enumerate(zip(self._columns, row, strict=True)):
                self._write_cell(at, column.kind, value)

    def _write_cell(self, at: int, kind: Kind, value: Any) -> None:
        if value is None or value == "":
            return
        if kind is Kind.TEXT:
            self._sheet.write_string(self._row, at, value)
        elif kind is Kind.COUNT:
            self._sheet.write_number(self._row, at, value)
        elif kind is Kind.FEN:
            self._sheet.write_number(self._row, at, Decimal(money.yuan_text(value)), self._formats[kind])
        else:
            shown = clock.to_beijing(value).replace(tzinfo=None)
            self._sheet.write_datetime(self._row, at, shown, self._formats[kind])

    def close(self) -> None:
        """Finish the file."""
        self._book.close()


def _csv_lines(rows: Rows) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _csv_text(value: str) -> str:
    """Guard a text cell: what a spreadsheet would calculate gets an apostrophe before it."""
    if value.startswith(_STARTS_A_FORMULA):
        return f"'{value}"
    return f"{value}\t" if len(value) > _LONGEST_NUMBER and value.isdigit() else value


def _csv_moment(value: datetime) -> str:
    return clock.to_beijing(value).strftime("%Y-%m-%d %H:%M:%S")


_CSV_CELLS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _csv_text,
    Kind.COUNT: str,
    Kind.FEN: money.yuan_text,
    Kind.MOMENT: _csv_moment,
}
