"""Turns measurements into a table for people, on the screen and in a Markdown file. Pure but for writing the file."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEADINGS = ("measure", "floor", "product", "ratio", "target", "ok")


@dataclass(frozen=True, slots=True)
class Pair:
    """One alternation: answers per second of the floor (or what stands for it) and of the product."""

    floor: float
    product: float

    @property
    def ratio(self) -> float:
        """Product by floor."""
        return self.product / self.floor if self.floor else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table, printed; `ok` is None where there is no target."""

    measure: str
    floor: str
    product: str
    ratio: str
    target: str
    ok: bool

    def cells(self) -> tuple[str, ...]:
        """Return the six cells as text."""
        return self.measure, self.floor, self.product, self.ratio, self.target, "yes" if self.ok else "NO"


def compared(measure: str, pairs: Sequence[Pair], target: float) -> Line:
    """Make the line of a measure: medians of the rates, and the median of the ratios against the least ratio."""
    floor, product = (statistics.median(rates) for rates in zip(*((p.floor, p.product) for p in pairs), strict=True))
    ratio = statistics.median(pair.ratio for pair in pairs)
    return Line(measure, f"{floor:,.0f}/s", f"{product:,.0f}/s", f"{ratio:.2f}", f"≥ {target:g}", ratio >= target)


def bounded(measure: str, value: float, most: float, unit: str, digits: int = 1) -> Line:
    """Make the line of a quantity that must not exceed `most`."""
    return Line(measure, "–", f"{value:.{digits}f} {unit}", "–", f"≤ {most:g} {unit}", value <= most)


def reached(measure: str, value: float, least: float, unit: str) -> Line:
    """Make the line of a rate that must reach `least`."""
    return Line(measure, "–", f"{value:,.0f} {unit}", "–", f"≥ {least:,.0f} {unit}", value >= least)


def screen(lines: Sequence[Line]) -> Table:
    """Return the table for the terminal."""
    table = Table(*HEADINGS)
    for line in lines:
        table.add_row(*line.cells(), style=None if line.ok else "red")
    return table


def markdown(lines: Sequence[Line], said: Sequence[str]) -> str:
    """Return the table as Markdown, with what was said about the run below it."""
    rows = [HEADINGS, ("---", "---:", "---:", "---:", "---:", "---"), *(line.cells() for line in lines)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return "\n\n".join([table, *said])


def marked(document: str, block: str) -> str:
    """Return the document with the block between its marks; a document without marks gets them at its end."""
    inner = f"{BEGIN}\n{block}\n{END}"
    head, found, rest = document.partition(BEGIN)
    if not found:
        return f"{document.rstrip()}\n\n{inner}\n".lstrip()
    _, closed, tail = rest.partition(END)
    return head + inner + (tail if closed else "\n")


def write(file: Path, block: str) -> None:
    """Put the block into the file; the prose around it stays."""
    document = file.read_text(encoding="utf-8") if file.is_file() else "# Performance\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(marked(document, block), encoding="utf-8")
