"""Cells of uploaded lists, and how wished-for places meet a scope."""

from __future__ import annotations

from datetime import date

import pytest

from app.identifiers import id_check_character
from services.audiences.numbers import Fault, Number, cell_of, column_of, read
from services.audiences.people import narrowed

TODAY = date(2026, 11, 22)
DIVISIONS = frozenset({"140105"})
_FIRST = "14010519900307001"
ID_NUMBER = _FIRST + id_check_character(_FIRST)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (ID_NUMBER, Number("id_number", ID_NUMBER)),
        (f" {ID_NUMBER} ", Number("id_number", ID_NUMBER)),
        (f"'{ID_NUMBER}", Number("id_number", ID_NUMBER)),
        (f'="{ID_NUMBER}"', Number("id_number", ID_NUMBER)),
        ("138 0000-0001", Number("phone", "13800000001")),
        ("+8613800000001", Number("phone", "13800000001")),
        ("１３８０００００００１", Number("phone", "13800000001")),
    ],
)
def test_numbers_are_understood_however_they_are_written(cell: str, number: Number) -> None:
    assert read(cell, DIVISIONS, TODAY) == number


@pytest.mark.parametrize("cell", ["", "张伟", "=1+1", "=cmd|' /C calc'!A0", "140105", ID_NUMBER[:17] + "?", "9" * 500])
def test_what_is_no_number_is_a_fault_that_does_not_repeat_it(cell: str) -> None:
    found = read(cell, DIVISIONS, TODAY)
    assert isinstance(found, Fault)
    assert not cell or cell not in found.sentence


def test_a_heading_names_the_column() -> None:
    assert column_of(["姓名", " 身份证号 ", "手机号"]) == 1
    assert column_of(["name", "PHONE"]) == 1
    assert column_of([ID_NUMBER]) is None
    assert cell_of(["", "x", "y"], None) == "x"
    assert cell_of(["a"], 3) == ""


@pytest.mark.parametrize(
    ("wanted", "scope", "both"),
    [
        ([], ["14"], ["14"]),
        (["1401"], ["14"], ["1401"]),
        (["14"], ["140105", "1402"], ["140105", "1402"]),
        (["140105"], ["1402"], []),
        (["1401", "140105"], ["14"], ["1401"]),
    ],
)
def test_places_meet_the_scope(wanted: list[str], scope: list[str], both: list[str]) -> None:
    assert narrowed(wanted, scope) == both
