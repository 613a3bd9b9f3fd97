"""The console and the tables of the commands: nothing is cut, also where the output goes to a file or a narrow window.

The command modules print through it. It knows nothing of what is printed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_FILE_COLUMNS = 240
"""Width of what is written to a file or a pipe, where the environment (COLUMNS) says nothing."""


def make_console() -> Console:
    """Return a console as wide as the window; where there is none, wide enough that rows stay on one line."""
    is_told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_told else _FILE_COLUMNS)


def make_table(*headers: str, title: str | None = None) -> Table:
    """Return a table that breaks long values into lines instead of cutting them."""
    table = Table(title=title)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def print_rows(console: Console, title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows as a table; where it is wider than the window, each row as a list. Values are no markup."""
    table = make_table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(Text(value) for value in row.values()))
    if console.measure(table, options=console.options.update(max_width=_FILE_COLUMNS)).maximum <= console.width:
        console.print(table)
        return
    for row in rows:
        console.rule(title, align="left")
        for name, value in row.items():
            if value:
                console.print(f"{name}  {value}", soft_wrap=True, markup=False)
