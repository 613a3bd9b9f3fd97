"""What commands print: nothing is cut, on a narrow window, a wide one and in a file."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from app.terminal import make_console, make_table, print_rows

ROWS = [{"out_trade_no": f"P20261122EKR969X6CZ29T6P{n}", "状态": "SUCCEEDED", "note": "[red]a[/red]"} for n in (5, 6)]


def _console(columns: int) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=columns), out


def test_file_is_wide_and_a_told_width_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert make_console().width >= 200
    monkeypatch.setenv("COLUMNS", "90")
    assert make_console().width == 90


def test_rows_that_fit_are_a_table() -> None:
    console, out = _console(120)
    print_rows(console, "支付单", [{"a": "1", "b": "2"}, {"a": "3", "b": "[/]"}])
    assert [line for line in out.getvalue().splitlines() if "│" in line] == ["│ 1 │ 2   │", "│ 3 │ [/] │"]
    assert "支付单" in out.getvalue()


def test_rows_that_do_not_fit_are_lists_with_whole_values() -> None:
    console, out = _console(24)
    print_rows(console, "支付单", ROWS)
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line.startswith("out_trade_no")] == [
        f"out_trade_no  {row['out_trade_no']}" for row in ROWS
    ]
    assert lines.count("note  [red]a[/red]") == 2, "values are no markup"


def test_table_cuts_no_value() -> None:
    console, out = _console(24)
    table = make_table("账户", "金额")
    table.add_row("traffic-police-wechat", "5 笔 710.00")
    console.print(table)
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.getvalue().splitlines() if "│" in line]
    assert "".join(row[0] for row in cells) == "traffic-police-wechat"
    assert "…" not in out.getvalue()
