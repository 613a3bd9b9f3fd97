"""Rows that many tests begin with, made once per process and copied back afterwards: a catalogue, staff accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from tests.conftest import TEMPLATE_ROWS

T = TypeVar("T")
_COLUMNS = """SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = 'public'
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' GROUP BY c.relname ORDER BY c.relname"""
_SEQUENCES = "SELECT quote_ident(sequencename) AS name, last_value FROM pg_sequences WHERE last_value IS NOT NULL"


@dataclass(frozen=True)
class _Seed:
    """The rows of every table that was filled, where the sequences stood, and what the maker gave back."""

    columns: dict[str, list[str]]
    rows: dict[str, list[tuple[Any, ...]]]
    sequences: dict[str, int]
    value: Any


_seeds: dict[str, _Seed] = {}


async def seeded(name: str, url: str, make: Callable[[], Awaitable[T]]) -> T:
    """Fill the database at `url` as `make` does; from the second time on by copying the rows of the first.

    Whatever encrypts or signs those rows must have the same keys all the time.
    """
    link = await asyncpg.connect(url)
    try:
        known = _seeds.get(name)
        if known is None:
            value = await make()
            _seeds[name] = await _read(link, value)
            return value
        async with link.transaction():
            for table, rows in known.rows.items():
                await link.execute(f'DELETE FROM "{table}"')
                await link.copy_records_to_table(table, records=rows, columns=known.columns[table])
            for sequence, last in known.sequences.items():
                await link.execute(f"SELECT setval('{sequence}', {last})")
        return known.value
    finally:
        await link.close()


async def _read(link: asyncpg.Connection, value: Any) -> _Seed:
    columns = {row["relname"]: list(row["columns"]) for row in await link.fetch(_COLUMNS)}
    rows = {}
    for table, names in columns.items():
        listed = ", ".join(f'"{column}"' for column in names)
        found = [tuple(row) for row in await link.fetch(f'SELECT {listed} FROM "{table}"')]
        if found and found != TEMPLATE_ROWS.get(table):
            rows[table] = found
    sequences = {row["name"]: row["last_value"] for row in await link.fetch(_SEQUENCES)}
    return _Seed(columns, rows, sequences, value)
