"""Tables as files for staff: CSV that Excel opens as it is, and XLSX, both made page by page in constant memory.

Called by handlers/staff/sheets.py only, which marks and audits them. A cell that holds text never becomes a formula.
Knows no service.
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
MOST_CSV_ROWS = 1_000_000
"""Of a CSV: about what a spreadsheet opens. What is above is left out, and the last line says so."""
_LONGEST_CELL = 32_767
"""Characters that a cell of an XLSX holds; the writer would leave out a longer one whole."""
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


@dataclass(slots=True)
class Sheet:
    """A table on its way to a file.

    Attributes:
        mark: the first row, one cell: who takes it away.
        pages: what is read piece by piece; a refusal of the first piece comes before anything is written.
        row_count: how many rows have been read so far.
    """

    title: str
    mark: str
    columns: Sequence[Column]
    pages: AsyncIterator[Rows]
    row_count: int = 0


async def csv_file(sheet: Sheet) -> AsyncGenerator[bytes, None]:
    """Yield a table as CSV with a byte order mark, one piece a page."""
    cells = [_CSV_CELLS[column.kind] for column in sheet.columns]
    head = _MARK + _csv_lines([[_csv_text(sheet.mark)], [column.heading for column in sheet.columns]])
    async for page in sheet.pages:
        rows = page[: MOST_CSV_ROWS - sheet.row_count]
        sheet.row_count += len(rows)
        lines = _csv_lines([[_csv_cell(*pair) for pair in zip(cells, row, strict=True)] for row in rows])
        yield (head + lines).encode()
        head = ""
        if len(rows) < len(page):
            yield _csv_lines([[f"已满{MOST_CSV_ROWS}行，其余未导出，请缩小查询范围"]]).encode()
            return
    if head:
        yield head.encode()


async def xlsx_file(sheet: Sheet) -> AsyncGenerator[bytes, None]:
    """Yield a table as XLSX. Rows are written to temporary files, in a thread, before the first piece goes out.

    Raises: InvalidRequest `format` for more than MOST_ROWS rows.
    """
    # The writer leaves files of its own behind where it is given up half-way; they go with their folder.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile(dir=folder) as file:
        book = _Book(file, folder, sheet)
        async for rows in sheet.pages:
            sheet.row_count += len(rows)
            if sheet.row_count > MOST_ROWS:
                sentence = f"超过{MOST_ROWS}行，请缩小查询范围或下载CSV"
                raise InvalidRequest(sentence, faults=(FieldFault("format", sentence),))
            await asyncio.to_thread(book.write, rows)
        await asyncio.to_thread(book.close)
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield piece


class _Book:
    """An XLSX file under construction; each call may come from another thread, but one at a time."""

    def __init__(self, file: IO[bytes], folder: str, sheet: Sheet) -> None:
        # Loaded with the first file: most processes never write one.
        import xlsxwriter

        self._book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        self._book.set_properties({"title": sheet.title, "created": _local(clock.now())})
        self._formats = {
            Kind.FEN: self._book.add_format({"num_format": "#,##0.00"}),
            Kind.MOMENT: self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        self._columns, self._row = sheet.columns, 1
        self._sheet = self._book.add_worksheet(_plain(sheet.title))
        self._sheet.freeze_panes(2, 0)
        bold = self._book.add_format({"bold": True})
        self._sheet.write_string(0, 0, sheet.mark)
        for at, column in enumerate(sheet.columns):
            self._sheet.set_column(at, at, column.width)
            self._sheet.write_string(1, at, column.heading, bold)

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
            self._sheet.write_string(self._row, at, value[:_LONGEST_CELL])
        elif kind is Kind.COUNT:
            self._sheet.write_number(self._row, at, value)
        elif kind is Kind.FEN:
            self._sheet.write_number(self._row, at, Decimal(money.yuan_text(value)), self._formats[kind])
        else:
            self._sheet.write_datetime(self._row, at, _local(value), self._formats[kind])

    def close(self) -> None:
        """Finish the file."""
        self._book.close()


def _local(moment: datetime) -> datetime:
    return clock.to_beijing(moment).replace(tzinfo=None)


def _plain(title: str) -> str:
    """Return a title that a worksheet may have: at most 31 characters, none of those that its names forbid."""
    return title.translate(_FORBIDDEN_IN_NAMES)[:31]


_FORBIDDEN_IN_NAMES = str.maketrans("[]:*?/\\'", "（）：＊？／＼’")


def _csv_lines(rows: Rows) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _csv_cell(written: Callable[[Any], str], value: Any) -> str:
    return "" if value is None else written(value)


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
