"""Reads the cells of an uploaded list: which column is meant, and which ID number or phone a cell holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.identifiers import id_number_fault, is_mobile_phone, normalise_id_number, normalise_phone

_HEADINGS = (
    "身份证号",
    "身份证号码",
    "证件号码",
    "公民身份号码",
    "id_number",
    "手机号",
    "手机号码",
    "联系电话",
    "手机",
    "phone",
)
_AS_TEXT = re.compile(r'="?([^"]*)"?')
"""What many programs write so that a spreadsheet takes a long number for text: ="1401…"."""
_LONGEST = 64
_WIDE = str.maketrans("０１２３４５６７８９Ｘｘ", "0123456789XX")


@dataclass(frozen=True, slots=True)
class Number:
    """A well-formed number: `kind` is id_number or phone, as hashes are kept."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a cell holds no number; never the cell itself."""

    sentence: str


def column_of(first: Sequence[str]) -> int | None:
    """Return the column that a heading names; None where the first row is no heading."""
    for heading in _HEADINGS:
        for at, cell in enumerate(first):
            if cell.strip().lower() == heading:
                return at
    return None


def cell_of(row: Sequence[str], column: int | None) -> str:
    """Return the cell that counts: of the named column, else the first that is not empty."""
    if column is not None:
        return row[column] if column < len(row) else ""
    return next((cell for cell in row if cell.strip()), "")


def read(cell: str, divisions: frozenset[str], today: date) -> Number | Fault:
    """Read one cell."""
    text = cell.strip().lstrip("'").strip()
    if len(text) > _LONGEST:
        return Fault("内容过长")
    match = _AS_TEXT.fullmatch(text)
    text = (match[1] if match else text).translate(_WIDE)
    phone = normalise_phone(text)
    if is_mobile_phone(phone):
        return Number("phone", phone)
    number = normalise_id_number(text)
    if len(number) != 18:
        return Fault("不是18位身份证号或11位手机号")
    fault = id_number_fault(number, divisions, today)
    return Fault(fault) if fault else Number("id_number", number)
