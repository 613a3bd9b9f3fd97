"""Queries about ended cases and packages for their rating."""

from __future__ import annotations

import uuid
from datetime import datetime

from app import db
from app.db import Row


async def find_case(citizen_id: uuid.UUID, application_no: str) -> Row | None:
    """Return an own case that was handed in, with who handled it last."""
    return await db.fetch_row(
        """SELECT application_no, item_code, item_name, division_code, department_code, status, package_no, closed_at,
               COALESCE(NULLIF(officer, ''), (SELECT t.actor_id FROM timeline_entry t
                   WHERE t.application_id = a.id AND t.actor_kind = 'STAFF' ORDER BY t.occurred_at DESC LIMIT 1), '')
                   AS officer
           FROM application a WHERE application_no = $1 AND citizen_id = $2 AND submitted_at IS NOT NULL""",
        application_no,
        citizen_id,
    )


async def find_package(citizen_id: uuid.UUID, package_no: str) -> Row | None:
    """Return an own package that was handed in."""
    return await db.fetch_row(
        """SELECT package_no, package_code, package_version, package_name, division_code, status, closed_at
           FROM package_case WHERE package_no = $1 AND citizen_id = $2 AND submitted_at IS NOT NULL""",
        package_no,
        citizen_id,
    )


async def note_rated(subject_no: str, at: datetime) -> None:
    """Note that a case or package was rated; neither its version nor its last change moves. Idempotent."""
    await db.execute(
        "UPDATE application SET rated_at = $2 WHERE application_no = $1 AND rated_at IS NULL", subject_no, at
    )
    await db.execute("UPDATE package_case SET rated_at = $2 WHERE package_no = $1 AND rated_at IS NULL", subject_no, at)
