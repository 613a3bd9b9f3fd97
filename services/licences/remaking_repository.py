"""Queries of licences that were voided because their physical copy was lost or spoilt."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from app import db
from app.db import Row, Transaction

_VOIDED = "EXISTS (SELECT 1 FROM licence_change WHERE licence_id = licence.id AND change = 'void')"


async def is_voided(licence_id: uuid.UUID) -> bool:
    """Tell whether a licence was voided to be made again."""
    return (await db.fetch_row(f"SELECT 1 FROM licence WHERE id = $1 AND {_VOIDED}", licence_id)) is not None


async def find_voided(tx: Transaction, found: Row) -> bool:
    """Tell the same of a row in the transaction that issues the next version."""
    return (await tx.fetch_row(f"SELECT 1 FROM licence WHERE id = $1 AND {_VOIDED}", found["id"])) is not None


async def was_suspended(tx: Transaction, licence_id: uuid.UUID | None) -> bool:
    """Tell whether a licence was voided while it was suspended (暂扣), which its next version then is."""
    row = await tx.fetch_row(
        "SELECT 1 FROM licence_change WHERE licence_id = $1 AND change = 'void' AND from_status = 'SUSPENDED'",
        licence_id,
    )
    return row is not None


async def issued_types(subject_no: str) -> frozenset[str]:
    """Return the licence types that were issued for a case and not voided since."""
    rows = await db.fetch_all(
        f"""SELECT type_code FROM (SELECT DISTINCT ON (type_code) id, type_code, status FROM licence
                WHERE subject_no = $1 ORDER BY type_code, version DESC) AS licence
            WHERE status <> 'PREPARING' AND NOT (status = 'CANCELLED' AND {_VOIDED})""",
        subject_no,
    )
    return frozenset(row["type_code"] for row in rows)


async def list_numbers(subject_no: str) -> Mapping[str, str]:
    """Return licence type → number of the newest that was issued for a case."""
    rows = await db.fetch_all(
        "SELECT DISTINCT ON (type_code) type_code, licence_no FROM licence WHERE subject_no = $1"
        " AND status <> 'PREPARING' ORDER BY type_code, version DESC",
        subject_no,
    )
    return {row["type_code"]: row["licence_no"] for row in rows}
