"""Queries of cards. Issuing and settling work on many cases in one statement, in pages, by partial indexes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app import db
from app.db import Row
from app.ids import new_id
from services.applications.cards.types import STAGES, Reach

_FIRST_ID = uuid.UUID(int=0)
_COLUMNS = {
    "received_at": "a.received_at < $2",
    "decided_at": "a.decided_at < $2",
    "due_soon_on": "a.due_soon_on <= $2",
    "promised_due_on": "a.promised_due_on <= $2",
}


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card to be issued."""

    case: Row
    stage: str
    colour: str
    due_on: date


async def list_due(reach: Reach, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return cases that have come so far and have no such card yet, in pages."""
    return await db.fetch_all(
        f"""SELECT a.id, a.application_no, a.received_at, a.decided_at, a.promised_due_on, a.officer, a.division_code,
                a.department_code
            FROM application a
            WHERE a.status = ANY($1) AND a.status IN ({_listed(reach)}) AND {_COLUMNS[reach.column]} AND a.id > $5
              AND NOT EXISTS (SELECT 1 FROM due_card c
                  WHERE c.application_id = a.id AND c.stage = $3 AND c.colour = $4)
            ORDER BY a.id LIMIT $6""",
        [status.value for status in reach.statuses],
        reach.until,
        reach.stage.value,
        reach.colour.value,
        after or _FIRST_ID,
        limit,
    )


async def issue(cards: Sequence[NewCard], at: datetime) -> int:
    """Issue cards, each once; return how many were new. Idempotent: yes, by case, stage and colour."""
    return await db.execute(
        """INSERT INTO due_card (id, created_at, application_id, stage, colour, due_on, officer, division_code,
               department_code)
           SELECT c.id, $2, c.case_id, c.stage, c.colour, c.due_on, c.officer, c.division_code, c.department_code
           FROM unnest($1::uuid[], $3::uuid[], $4::text[], $5::text[], $6::date[], $7::text[], $8::text[], $9::text[])
               AS c (id, case_id, stage, colour, due_on, officer, division_code, department_code)
           ON CONFLICT DO NOTHING""",
        [new_id() for _ in cards],
        at,
        [card.case["id"] for card in cards],
        [card.stage for card in cards],
        [card.colour for card in cards],
        [card.due_on for card in cards],
        [card.case["officer"] for card in cards],
        [card.case["division_code"] for card in cards],
        [card.case["department_code"] for card in cards],
    )


async def settle(at: datetime, application_no: str | None = None) -> int:
    """Settle the open cards whose stage has ended, of one case or of all; return how many. Idempotent."""
    stages = " OR ".join(
        f"(c.stage = '{stage.value}' AND a.status NOT IN ({', '.join(repr(str(status.value)) for status in statuses)}))"
        for stage, statuses in STAGES.items()
    )
    return await db.execute(
        f"""UPDATE due_card c SET settled_at = $1 FROM application a
            WHERE a.id = c.application_id AND c.settled_at IS NULL AND ($2::text IS NULL OR a.application_no = $2)
              AND ({stages})""",
        at,
        application_no,
    )


async def list_receipt_cards(application_no: str | None, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return the open cards on acceptance, of one case or of all, with when their cases came in; in pages."""
    return await db.fetch_all(
        """SELECT c.id, c.due_on, a.application_no, a.received_at
           FROM due_card c JOIN application a ON a.id = c.application_id
           WHERE c.settled_at IS NULL AND c.stage = 'RECEIPT' AND a.received_at IS NOT NULL
             AND ($1::text IS NULL OR a.application_no = $1) AND c.id > $2 ORDER BY c.id LIMIT $3""",
        application_no,
        after or _FIRST_ID,
        limit,
    )


async def settle_cards(ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Settle these cards. Idempotent."""
    await db.execute("UPDATE due_card SET settled_at = $2 WHERE id = ANY($1) AND settled_at IS NULL", list(ids), at)


async def list_open(
    divisions: Sequence[str],
    departments: Sequence[str],
    officer: str | None,
    colour: str,
    after: uuid.UUID | None,
    limit: int,
) -> Sequence[Row]:
    """Return cards in scope that are not settled, oldest first.

    Args:
        officer: whose cards, with those that nobody has claimed; None for everybody's.
        colour: empty for both.
    """
    return await db.fetch_all(
        """SELECT c.id, c.created_at, c.stage, c.colour, c.due_on, c.division_code, c.department_code,
               a.application_no, a.item_name, COALESCE(NULLIF(a.officer, ''), c.officer) AS officer
           FROM due_card c JOIN application a ON a.id = c.application_id
           WHERE c.settled_at IS NULL AND c.division_code LIKE ANY($1)
             AND (cardinality($2::text[]) = 0 OR c.department_code = ANY($2))
             AND ($3::text IS NULL OR COALESCE(NULLIF(a.officer, ''), c.officer) IN ('', $3))
             AND ($4 = '' OR c.colour = $4) AND c.id > $5 ORDER BY c.id LIMIT $6""",
        [f"{prefix}%" for prefix in divisions],
        list(departments),
        officer,
        colour,
        after or _FIRST_ID,
        limit,
    )


async def list_of_case(case_id: uuid.UUID) -> Sequence[Row]:
    """Return every card of a case, oldest first."""
    return await db.fetch_all(
        "SELECT created_at, stage, colour, due_on, settled_at FROM due_card WHERE application_id = $1 ORDER BY id",
        case_id,
    )


async def count_open() -> Sequence[Row]:
    """Count the cards that are not settled by colour and stage."""
    return await db.fetch_all(
        "SELECT colour, stage, count(*) AS count FROM due_card WHERE settled_at IS NULL GROUP BY colour, stage"
    )


def _listed(reach: Reach) -> str:
    # The words stand in the statement as well, so that the planner sees that the partial index fits.
    return ", ".join(f"'{status.value}'" for status in reach.statuses)
