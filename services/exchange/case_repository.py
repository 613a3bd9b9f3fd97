"""Reads of cases for department systems: changed ones of their departments, one with all that messages are made of."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.db import Row

_SCOPE = (
    "a.status <> 'DRAFT' AND a.department_code = ANY($1) AND (cardinality($2::text[]) = 0 OR a.item_code = ANY($2))"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cases: departments by credit code, and items of them (none = all)."""

    departments: tuple[str, ...]
    item_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All rows that the messages of one case are made of."""

    case: Row
    steps: Sequence[Row]
    reviews: Sequence[Row]
    pauses: Sequence[Row]
    documents: Sequence[Row]
    licences: Sequence[Row]
    by_courier: bool


async def list_changes(scope: Scope, after: tuple[datetime, uuid.UUID], until: datetime, limit: int) -> Sequence[Row]:
    """Return cases in scope that changed after a place in the list and before a moment, oldest change first."""
    return await db.fetch_all(
        f"""SELECT a.id, a.application_no, a.item_code, a.item_name, a.division_code, a.department_code, a.status,
                a.version, a.submitted_at, a.updated_at
            FROM application a WHERE {_SCOPE} AND (a.updated_at, a.id) > ($3, $4) AND a.updated_at < $5
            ORDER BY a.updated_at, a.id LIMIT $6""",
        list(scope.departments),
        list(scope.item_codes),
        *after,
        until,
        limit,
    )


async def oldest_write(since: datetime) -> datetime | None:
    """Return when the oldest transaction began, of those begun since a moment, that has written and not ended yet."""
    row = await db.fetch_row(
        """SELECT min(xact_start) AS begun_at FROM pg_stat_activity
           WHERE datname = current_database() AND backend_xid IS NOT NULL AND xact_start > $1""",
        since,
    )
    return None if row is None else row["begun_at"]


async def find_case(scope: Scope, application_no: str) -> Row | None:
    """Return one case in scope with the enterprise it is filed for; another's is not there."""
    return await db.fetch_row(
        f"""SELECT a.*, e.uscc AS enterprise_uscc, e.name AS enterprise_name, c.real_name_level
            FROM application a LEFT JOIN enterprise e ON e.id = a.enterprise_id
            LEFT JOIN citizen c ON c.id = a.citizen_id
            WHERE {_SCOPE} AND a.application_no = $3""",
        list(scope.departments),
        list(scope.item_codes),
        application_no,
    )


async def find_any(application_no: str) -> Row | None:
    """Return a case whoever is in charge of it; for the reaction that asks which systems it concerns."""
    return await db.fetch_row("SELECT * FROM application WHERE application_no = $1", application_no)


async def list_former_bodies(case: Row) -> Sequence[Row]:
    """Return the departments that have handed a case over, each with when they last did."""
    return await db.fetch_all(
        """SELECT split_part(from_body, '/', 2) AS department_code, max(created_at) AS left_at FROM case_assignment
           WHERE application_id = $1 AND kind = 'HAND_OVER' AND split_part(from_body, '/', 2) <> $2 GROUP BY 1""",
        case["id"],
        case["department_code"],
    )


async def list_materials(case_id: uuid.UUID) -> Sequence[Row]:
    """Return what a case's materials are: files with their digests, or what stands for them."""
    return await db.fetch_all(
        """SELECT m.material_code, m.material_name, m.page, m.source, m.upload_id, m.reference,
               COALESCE(u.content_type, '') AS content_type, COALESCE(u.size_bytes, 0) AS size_bytes,
               COALESCE(u.sha256, m.reference_hash) AS sha256
           FROM application_material m LEFT JOIN upload u ON u.id = m.upload_id
           WHERE m.application_id = $1 ORDER BY m.material_code, m.page""",
        case_id,
    )


async def belongs(case_id: uuid.UUID, upload_id: uuid.UUID) -> bool:
    """Tell whether a file is a material of a case."""
    row = await db.fetch_row(
        "SELECT 1 AS found FROM application_material WHERE application_id = $1 AND upload_id = $2 LIMIT 1",
        case_id,
        upload_id,
    )
    return row is not None


async def read_file(case: Row) -> CaseFile:
    """Return everything of a case that its messages are made of."""
    case_id, number = case["id"], case["application_no"]
    return CaseFile(
        case=case,
        steps=await list_steps(case_id),
        reviews=await db.fetch_all("SELECT * FROM case_review WHERE application_id = $1 ORDER BY id", case_id),
        pauses=await db.fetch_all(
            "SELECT * FROM application_pause WHERE application_id = $1 ORDER BY begun_at", case_id
        ),
        documents=await db.fetch_all(
            "SELECT kind, document_no FROM case_document WHERE application_id = $1 ORDER BY id", case_id
        ),
        licences=await db.fetch_all(
            "SELECT type_name, licence_no, issued_on, expires_on FROM licence"
            " WHERE subject_no = $1 AND superseded_at IS NULL ORDER BY id",
            number,
        ),
        by_courier=await _goes_by_courier(number),
    )


async def list_steps(case_id: uuid.UUID) -> Sequence[Row]:
    """Return the steps of a case, oldest first."""
    return await db.fetch_all(
        "SELECT id, occurred_at, event, from_status, to_status, title, told, actor_kind, actor_id, actor_shown"
        " FROM timeline_entry WHERE application_id = $1 ORDER BY occurred_at, id",
        case_id,
    )


async def _goes_by_courier(application_no: str) -> bool:
    row = await db.fetch_row("SELECT method FROM delivery_choice WHERE subject_no = $1", application_no)
    return row is not None and row["method"] == "COURIER"
