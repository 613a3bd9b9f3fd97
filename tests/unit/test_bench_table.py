"""The bench's table: medians, targets, and a Markdown block that leaves the prose around it alone."""

from __future__ import annotations

from pathlib import Path

from bench.measures import Size
from bench.report import BEGIN, END, Line, Pair, bounded, compared, markdown, marked, reached, write

_PAIRS = [Pair(1000.0, 800.0), Pair(2000.0, 1000.0), Pair(1500.0, 1150.0)]


def test_compared_pairs_take_the_median_of_ratios_not_the_ratio_of_medians() -> None:
    line = compared("detail", _PAIRS, 0.7)
    assert (line.floor, line.product, line.ratio) == ("1,500/s", "1,000/s", "0.77")
    assert line.ok


def test_compared_below_target_fails() -> None:
    assert not compared("detail", _PAIRS, 0.78).ok


def test_pair_without_floor_has_no_ratio() -> None:
    assert Pair(0.0, 5.0).ratio == 0.0


def test_bounded_quantity_is_met_at_the_bound_and_missed_above_it() -> None:
    assert bounded("memory", 150.0, 150, "MiB").cells() == ("memory", "–", "150.0 MiB", "–", "≤ 150 MiB", "yes")
    assert bounded("memory", 150.2, 150, "MiB").cells()[-1] == "NO"


def test_rate_is_met_at_its_least_and_missed_below_it() -> None:
    assert reached("lines", 16_667.0, 16_667, "lines/s").cells()[2:] == (
        "16,667 lines/s",
        "–",
        "≥ 16,667 lines/s",
        "yes",
    )
    assert reached("lines", 16_600.0, 16_667, "lines/s").cells()[-1] == "NO"


def test_markdown_has_one_row_a_line_and_ends_with_what_was_said() -> None:
    text = markdown([Line("a", "1/s", "2/s", "2.00", "≥ 1", True)], ["two cores"])
    assert text.splitlines()[2] == "| a | 1/s | 2/s | 2.00 | ≥ 1 | yes |"
    assert text.endswith("\n\ntwo cores")


def test_marked_block_is_replaced_and_prose_stays() -> None:
    before = f"# Title\n\nwhy\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    assert marked(before, "new") == f"# Title\n\nwhy\n\n{BEGIN}\nnew\n{END}\n\nafter\n"
    assert marked(marked(before, "x"), "new") == marked(before, "new")


def test_document_without_marks_gets_the_block_at_its_end() -> None:
    assert marked("# Title\n", "new") == f"# Title\n\n{BEGIN}\nnew\n{END}\n"


def test_write_makes_the_file_and_keeps_its_prose_the_second_time(tmp_path: Path) -> None:
    file = tmp_path / "docs" / "performance.md"
    write(file, "first")
    file.write_text(
        file.read_text(encoding="utf-8").replace("# Performance", "# Performance\n\nprose"), encoding="utf-8"
    )
    write(file, "second")
    text = file.read_text(encoding="utf-8")
    assert "prose" in text
    assert "second" in text
    assert "first" not in text


def test_size_supplies_both_sides_with_every_request_once() -> None:
    size = Size(rounds=2, seconds=1.0, writes=10, warm_writes=3)
    assert size.batches == (3, 10, 10)
    assert size.supply == 46
