"""Reads the lines of a courier's statement: which column is which, and what a cell says. Pure.

The accepted headings stand in docs/delivery.md; brackets with a unit, blanks and full-width signs do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

_WAYBILL = ("运单号码", "运单号", "邮件号码", "邮件号", "快递单号", "物流单号", "面单号", "mailno", "waybillno")
_CHARGED = (
    "应付金额", "应收金额", "结算金额", "折后金额", "折后运费", "实际费用", "实收资费", "应收资费", "总资费", "总费用",
    "费用合计", "合计金额", "邮资", "资费", "运费", "费用", "金额",
)  # fmt: skip
_WEIGHT = ("计费重量", "结算重量", "收费重量", "实际重量", "重量")
_CARRIED = (
    "揽收时间", "揽收日期", "揽件时间", "收寄时间", "收寄日期", "寄件时间", "寄件日期", "发货时间", "发货日期",
    "业务日期", "下单时间", "日期",
)  # fmt: skip
_UNIT = re.compile(r"[(\[](.*?)[)\]]")
_SUMS = ("合计", "小计", "总计", "汇总")
_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})")
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)
_WAYBILL_SHAPE = re.compile(r"[0-9A-Z][0-9A-Z-]{0,39}")
_SHORTEST_WAYBILL = 8
"""A number of parcels, which stands in the place of the waybill in rows of sums, is shorter."""
_MOST_FEN, _MOST_GRAMS = 100_000_000, 1_000_000


class Line(NamedTuple):
    """A line as the statement has it; `waybill_no` is "" for a fee that belongs to no parcel."""

    line: int
    waybill_no: str
    carried_on: date | None
    weight_grams: int | None
    charged_fen: int


class Fault(NamedTuple):
    """A line that cannot be read."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Where what stands; -1 where a column is missing. `width` is how many cells the heading has."""

    waybill: int
    charged: int
    weight: int
    carried: int
    is_in_grams: bool
    width: int


def columns_of(row: Sequence[str]) -> Columns | None:
    """Return the columns where a row is the heading of a statement: it names waybills and charges."""
    headings = [unicodedata.normalize("NFKC", cell) for cell in row]
    names = ["".join(_UNIT.sub("", each).split()).lower() for each in headings]
    waybill, charged = _first(names, _WAYBILL), _first(names, _CHARGED)
    if waybill < 0 or charged < 0:
        return None
    weight = _first(names, _WEIGHT)
    unit = "".join(_UNIT.findall(headings[weight])).strip().lower() if weight >= 0 else ""
    carried, is_in_grams = _first(names, _CARRIED), unit in ("g", "克")
    return Columns(waybill, charged, weight, carried, is_in_grams=is_in_grams, width=len(row))


def lines_of(columns: Columns, rows: Sequence[tuple[int, Sequence[str]]]) -> Iterator[Line | Fault]:
    """Read numbered rows; sums and empty rows are passed over."""
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if any(cells[columns.width :]):
            # A comma of thousands without quotes moves every cell behind it: the charge would be another number.
            yield Fault(number, "列数多于表头，含逗号的内容（如 1,234.50）请加英文双引号或去掉逗号")
        elif any(cells) and not _is_sum(columns, cells):
            yield _line(columns, number, cells)


def _first(names: Sequence[str], wanted: Sequence[str]) -> int:
    return next((names.index(each) for each in wanted if each in names), -1)


def _is_sum(columns: Columns, cells: Sequence[str]) -> bool:
    """Tell a row of sums by its word, which in the line of a parcel is only a remark."""
    number = _waybill_of(columns, cells)
    is_parcel = len(number) >= _SHORTEST_WAYBILL and _WAYBILL_SHAPE.fullmatch(number) is not None
    return not is_parcel and any(cell.rstrip(":：").replace(" ", "") in _SUMS for cell in cells)


def _waybill_of(columns: Columns, cells: Sequence[str]) -> str:
    return _text(cells, columns.waybill).strip("'=\"").strip().upper()


def _line(columns: Columns, number: int, cells: Sequence[str]) -> Line | Fault:
    waybill_no = _waybill_of(columns, cells)
    if _SCIENTIFIC.fullmatch(waybill_no):
        return Fault(number, "运单号被表格软件改写为科学计数，请将该列设为文本后重新导出")
    if waybill_no and not _WAYBILL_SHAPE.fullmatch(waybill_no):
        return Fault(number, "运单号应为40位以内的字母和数字")
    charged = _hundredths(_text(cells, columns.charged))
    if charged is None or abs(charged) > _MOST_FEN:
        return Fault(number, "金额应为以元为单位、最多两位小数的数字")
    weight = _text(cells, columns.weight)
    grams = _grams(weight, is_in_grams=columns.is_in_grams) if weight else None
    if weight and grams is None:
        return Fault(number, "重量应为数字")
    return Line(number, waybill_no, _day(_text(cells, columns.carried)), grams, charged)


def _text(cells: Sequence[str], place: int) -> str:
    return unicodedata.normalize("NFKC", cells[place]).strip() if 0 <= place < len(cells) else ""


def _hundredths(text: str) -> int | None:
    """Read yuan as fen; what a spreadsheet's arithmetic added behind the fen is dropped."""
    value = _number(text.strip("¥元"))
    if value is None:
        return None
    fen = value * 100
    return int(fen.to_integral_value()) if abs(fen - fen.to_integral_value()) < Decimal("0.001") else None


def _grams(text: str, *, is_in_grams: bool) -> int | None:
    value = _number(text.lower().removesuffix("kg").removesuffix("g"))
    if value is None:
        return None
    grams = value if is_in_grams else value * 1000
    return int(grams.to_integral_value()) if 0 <= grams <= _MOST_GRAMS else None


def _number(text: str) -> Decimal | None:
    plain = text.replace(",", "").strip()
    if len(plain) > 24 or not re.fullmatch(r"-?\d+(\.\d+)?", plain, re.ASCII):
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def _day(text: str) -> date | None:
    """Read the day of a moment as couriers print it; what says no day says nothing."""
    found = _DAY.match(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
