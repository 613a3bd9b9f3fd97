"""Queries of the board of parcels; they stand on the index of status, body and last change. Read only."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.db import Row
from services.delivery.states import TERMINAL

_LINE = """id, created_at, shipment_no, subject_no, courier, waybill_no, status, cargo, receiver_shown, custody,
    division_code, department_code, last_event_at, delivered_at"""
_ENDED = [status.value for status in TERMINAL]
_IN_SCOPE = "division_code LIKE ANY($1) AND (cardinality($2::text[]) = 0 OR department_code = ANY($2))"
_ON_BOARD = f"{_IN_SCOPE} AND status = ANY($3) AND (status <> ALL($4::text[]) OR updated_at > $5)"
_FIRST_ID, _LAST_ID = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
_MOST_FOUND = 50


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which parcels: of which bodies, in which states, and those that have ended only since a moment."""

    divisions: Sequence[str]
    departments: Sequence[str]
    statuses: Sequence[str]
    ended_since: datetime

    def arguments(self) -> tuple[object, ...]:
        """Return them in the order of the statements."""
        return (_prefixes(self.divisions), list(self.departments), list(self.statuses), _ENDED, self.ended_since)


async def count(bounds: Bounds) -> Mapping[str, int]:
    """Count parcels by status."""
    rows = await db.fetch_all(
        f"SELECT status, count(*) AS parcels FROM shipment WHERE {_ON_BOARD} GROUP BY status", *bounds.arguments()
    )
    return {row["status"]: row["parcels"] for row in rows}


async def list_page(bounds: Bounds, after: uuid.UUID | None, limit: int, *, oldest_first: bool) -> Sequence[Row]:
    """Return parcels in the order in which they were made, or against it, from behind an id."""
    sign, direction, start = (">", "ASC", _FIRST_ID) if oldest_first else ("<", "DESC", _LAST_ID)
    return await db.fetch_all(
        f"SELECT {_LINE} FROM shipment WHERE {_ON_BOARD} AND id {sign} $6 ORDER BY id {direction} LIMIT $7",
        *bounds.arguments(),
        after or start,
        limit,
    )


async def search(divisions: Sequence[str], departments: Sequence[str], number: str) -> Sequence[Row]:
    """Return the parcels that carry a number, newest first."""
    return await db.fetch_all(
        f"""SELECT {_LINE} FROM shipment WHERE {_IN_SCOPE} AND (shipment_no = $3 OR waybill_no = $3 OR subject_no = $3)
            ORDER BY id DESC LIMIT $4""",
        _prefixes(divisions),
        list(departments),
        number,
        _MOST_FOUND,
    )


def _prefixes(divisions: Sequence[str]) -> list[str]:
    return [f"{prefix}%" for prefix in divisions]
