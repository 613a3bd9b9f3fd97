"""Every query of uploaded lists: their rows, their people, and the words that staff give to these."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from app import db
from app.db import Row, Transaction
from app.ids import new_id
from services.audiences.types import MOST_SHOWN_FAULTS, BadLine

_COLUMNS = (
    "id, created_at, name, uploaded_by, divisions, status, fault, lines, matched, unknown, doubled, bad, bad_lines"
)
_WITHIN = (
    "NOT EXISTS (SELECT 1 FROM jsonb_array_elements_text(divisions) AS own"
    " WHERE NOT EXISTS (SELECT 1 FROM unnest({scope}::text[]) AS prefix WHERE own LIKE prefix || '%'))"
)
"""Lists all of whose divisions somebody covers."""


@dataclass(slots=True)
class Tally:
    """What the lines so far came to."""

    lines: int = 0
    matched: int = 0
    unknown: int = 0
    doubled: int = 0
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)

    def note_bad(self, line: int, fault: str) -> None:
        """Count a line that was not understood; the first of them are kept with their numbers."""
        self.bad += 1
        if len(self.bad_lines) < MOST_SHOWN_FAULTS:
            self.bad_lines.append(BadLine(line, fault))


async def add_list(tx: Transaction, name: str, uploaded_by: str, divisions: Sequence[str], sha256: str) -> uuid.UUID:
    """Write a list that is about to be read."""
    list_id = new_id()
    await tx.execute(
        "INSERT INTO audience_list (id, created_at, name, uploaded_by, divisions, sha256, status, fault, lines,"
        " matched, unknown, doubled, bad_lines, bad)"
        " VALUES ($1, now(), $2, $3, $4::jsonb, $5, 'READING', '', 0, 0, 0, 0, '[]', 0)",
        list_id,
        name,
        uploaded_by,
        msgspec.json.encode(list(divisions)).decode(),
        sha256,
    )
    return list_id


async def add_members(tx: Transaction, list_id: uuid.UUID, citizen_ids: Sequence[uuid.UUID]) -> int:
    """Put people on a list; return how many were not on it."""
    return await tx.execute(
        "INSERT INTO audience_member (id, created_at, list_id, citizen_id) SELECT * FROM"
        " unnest($2::uuid[], array_fill(now(), array[cardinality($2)]), array_fill($1::uuid, array[cardinality($2)]),"
        " $3::uuid[]) ON CONFLICT DO NOTHING",
        list_id,
        [new_id() for _ in citizen_ids],
        list(citizen_ids),
    )


async def save_tally(tx: Transaction, list_id: uuid.UUID, tally: Tally) -> bool:
    """Write how far the reading is; False where the list is no longer being read."""
    touched = await tx.execute(
        "UPDATE audience_list SET lines = $2, matched = $3, unknown = $4, doubled = $5, bad = $6, bad_lines = $7::jsonb"
        " WHERE id = $1 AND status = 'READING'",
        list_id,
        tally.lines,
        tally.matched,
        tally.unknown,
        tally.doubled,
        tally.bad,
        msgspec.json.encode(tally.bad_lines).decode(),
    )
    return touched == 1


async def end_reading(tx: Transaction, list_id: uuid.UUID, fault: str) -> None:
    """Make a list READY; with a fault BROKEN, and nobody stays on it."""
    await tx.execute(
        "UPDATE audience_list SET status = $2, fault = $3 WHERE id = $1 AND status = 'READING'",
        list_id,
        "BROKEN" if fault else "READY",
        fault,
    )
    if fault:
        await tx.execute("DELETE FROM audience_member WHERE list_id = $1", list_id)


async def list_forsaken(before: datetime) -> list[uuid.UUID]:
    """Return lists whose reader has gone: begun before a moment and still READING."""
    rows = await db.fetch_all("SELECT id FROM audience_list WHERE status = 'READING' AND created_at < $1", before)
    return [row["id"] for row in rows]


async def list_lists(scope: Sequence[str], after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return a page of lists within a scope, newest first."""
    return await db.fetch_all(
        f"SELECT {_COLUMNS} FROM audience_list WHERE {_WITHIN.format(scope='$1')}"
        " AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        list(scope),
        after,
        limit,
    )


async def find_list(list_id: uuid.UUID, scope: Sequence[str]) -> Row | None:
    """Find a list within a scope."""
    return await db.fetch_row(
        f"SELECT {_COLUMNS} FROM audience_list WHERE id = $2 AND {_WITHIN.format(scope='$1')}", list(scope), list_id
    )


async def add_tag(tx: Transaction, list_id: uuid.UUID, tag: str) -> int:
    """Give the people of a list a word of staff; those who were merged away hand it on. Return how many got it."""
    return await tx.execute(
        "INSERT INTO citizen_tag (id, created_at, citizen_id, tag, source)"
        " SELECT gen_random_uuid(), now(), id, $2, 'STAFF' FROM ("
        " SELECT DISTINCT coalesce(c.merged_into_id, c.id) AS id FROM audience_member m"
        " JOIN citizen c ON c.id = m.citizen_id WHERE m.list_id = $1) AS people ON CONFLICT DO NOTHING",
        list_id,
        tag,
    )


async def remove_tag(tx: Transaction, list_id: uuid.UUID, tag: str) -> int:
    """Take a word of staff back from the people of a list; what they chose themselves stays."""
    return await tx.execute(
        "DELETE FROM citizen_tag WHERE tag = $2 AND source = 'STAFF' AND citizen_id IN ("
        " SELECT unnest(array[c.id, coalesce(c.merged_into_id, c.id)]) FROM audience_member m"
        " JOIN citizen c ON c.id = m.citizen_id WHERE m.list_id = $1)",
        list_id,
        tag,
    )
