"""Queries of uploaded files."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.db import Row


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file that is in the store already."""

    upload_id: uuid.UUID
    citizen_id: uuid.UUID
    purpose: str
    content_type: str
    size_bytes: int
    sha256: str
    storage_key: str
    at: datetime
    pages: int = 1
    scanned_at: datetime | None = None


async def add_upload(upload: NewUpload) -> None:
    """Write the row of a stored file."""
    await db.execute(
        "INSERT INTO upload (id, created_at, citizen_id, purpose, content_type, size_bytes, sha256, storage_key,"
        " pages, scanned_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        upload.upload_id,
        upload.at,
        upload.citizen_id,
        upload.purpose,
        upload.content_type,
        upload.size_bytes,
        upload.sha256,
        upload.storage_key,
        upload.pages,
        upload.scanned_at,
    )


async def find(upload_id: uuid.UUID) -> Row | None:
    """Return one file, whoever it belongs to; for links, whose makers have asked that already."""
    return await db.fetch_row("SELECT content_type, storage_key FROM upload WHERE id = $1", upload_id)


async def find_own(citizen_id: uuid.UUID, upload_id: uuid.UUID) -> Row | None:
    """Return one file of this citizen."""
    return await db.fetch_row(
        "SELECT content_type, storage_key FROM upload WHERE id = $1 AND citizen_id = $2", upload_id, citizen_id
    )


async def list_cases_of(upload_id: uuid.UUID) -> Sequence[Row]:
    """Return the submitted cases that a file belongs to, each with the file."""
    return await db.fetch_all(
        """SELECT a.application_no, a.division_code, a.department_code, a.intake_division_code,
               u.content_type, u.storage_key
           FROM upload u JOIN application_material m ON m.upload_id = u.id
           JOIN application a ON a.id = m.application_id
           WHERE u.id = $1 AND a.status <> 'DRAFT'""",
        upload_id,
    )


async def list_case_files(case_id: uuid.UUID) -> Sequence[Row]:
    """Return the files of a case in order of material and page."""
    return await db.fetch_all(
        """SELECT m.material_code, m.material_name, m.page, m.upload_id, u.content_type, u.size_bytes, u.sha256, u.pages
           FROM application_material m JOIN upload u ON u.id = m.upload_id
           WHERE m.application_id = $1 ORDER BY m.material_code, m.page""",
        case_id,
    )
