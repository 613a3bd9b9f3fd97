"""Lines of a courier's statement that could be misread in silence."""

from __future__ import annotations

from services.delivery.statements.columns import Fault, Line, columns_of, lines_of


def _read(*rows: str) -> list[Line | Fault]:
    columns = columns_of("运单号,运费,备注".split(","))
    assert columns is not None
    return list(lines_of(columns, [(place, row.split(",")) for place, row in enumerate(rows, 2)]))


def test_comma_of_thousands_is_no_column() -> None:
    (fault,) = _read("SF6223608368327,1,234.50,标快")
    assert isinstance(fault, Fault)
    assert "列数多于表头" in fault.sentence
    assert _read("SF6223608368327,12.00,标快,,") == [Line(2, "SF6223608368327", None, None, 1200)]


def test_parcel_with_a_word_of_sums_in_its_remark_is_no_row_of_sums() -> None:
    assert _read("SF6223608368327,12.00,合计", "合计,24.00,", "2,24.00,总计", ",24.00,小计：") == [
        Line(2, "SF6223608368327", None, None, 1200)
    ]
