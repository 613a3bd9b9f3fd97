"""Queries of templates and of the inbox. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app import db
from app.ids import new_id

Row = db.Row
_JSON = ("channels", "bindings", "variables")
_WRITTEN = (
    *("title", "inbox_text", "channels", "bindings", "statutory", "used_for", "topic", "urgent", "on_unknown"),
    *("lifetime_hours", "variables"),
)
_RETIRE_OLDER = (
    "UPDATE notice_template SET status = 'RETIRED' WHERE code = $1::text AND version < $2::int AND status = 'ENABLED'"
    " AND NOT EXISTS (SELECT 1 FROM notice_template AS same WHERE same.code = $1::text AND same.version = $2::int)"
)


async def save_templates(templates: Sequence[tuple[str, int, Mapping[str, Any]]]) -> None:
    """Write templates by code and version; a version that is new takes the place of the enabled one. Idempotent.

    The status of a version that exists is left alone, and so is every version that staff have made.
    """
    marks = ", ".join(f"${at}::jsonb" if name in _JSON else f"${at}" for at, name in enumerate(_WRITTEN, 4))
    sets = ", ".join(f"{name} = excluded.{name}" for name in _WRITTEN)
    async with db.transaction() as tx:
        await tx.execute_many(_RETIRE_OLDER, [(code, version) for code, version, _ in templates])
        await tx.execute_many(
            f"INSERT INTO notice_template (id, created_at, code, version, {', '.join(_WRITTEN)}, status, enabled_at)"
            f" VALUES ($1, now(), $2::text, $3::int, {marks}, CASE WHEN EXISTS (SELECT 1 FROM notice_template"
            " WHERE code = $2::text AND status = 'ENABLED' AND version <> $3::int) THEN 'RETIRED' ELSE 'ENABLED' END,"
            f" now()) ON CONFLICT (code, version) DO UPDATE SET {sets} WHERE notice_template.edited_by = ''",
            [(new_id(), code, version, *_column_values(columns)) for code, version, columns in templates],
        )


def _column_values(columns: Mapping[str, Any]) -> list[Any]:
    return [msgspec.json.encode(columns[name]).decode() if name in _JSON else columns[name] for name in _WRITTEN]


async def list_templates() -> Sequence[Row]:
    """Return every template, older versions first."""
    return await db.fetch_all(
        "SELECT code, version, title, inbox_text, channels, bindings, statutory, status, used_for, topic, urgent,"
        " on_unknown, lifetime_hours, variables FROM notice_template ORDER BY code, version"
    )


async def list_notices(citizen_id: uuid.UUID, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return a page of a person's notices, newest first."""
    return await db.fetch_all(
        "SELECT id, template_code, title, text, subject_no, occurred_at, read_at FROM notice"
        " WHERE citizen_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        citizen_id,
        after,
        limit,
    )


async def count_unread(citizen_id: uuid.UUID) -> int:
    """Count a person's unread notices, up to 999."""
    row = await db.fetch_row(
        "SELECT count(*) AS n FROM"
        " (SELECT 1 FROM notice WHERE citizen_id = $1 AND read_at IS NULL LIMIT 999) AS unread",
        citizen_id,
    )
    return int(row["n"]) if row is not None else 0


async def mark_read(citizen_id: uuid.UUID, ids: Sequence[uuid.UUID] | None) -> None:
    """Mark a person's notices as read: these, or all. Idempotent."""
    await db.execute(
        "UPDATE notice SET read_at = now() WHERE citizen_id = $1 AND read_at IS NULL"
        " AND ($2::uuid[] IS NULL OR id = ANY ($2))",
        citizen_id,
        None if ids is None else list(ids),
    )


async def list_told(subject_no: str) -> Sequence[Row]:
    """Return what was told about a case, in order."""
    return await db.fetch_all(
        "SELECT template_code, text, occurred_at, sent_channel, status FROM notice WHERE subject_no = $1"
        " ORDER BY occurred_at, id",
        subject_no,
    )


async def move_notices(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Give a merged person's notices and permissions to the person that stays. Idempotent."""
    await db.execute("UPDATE notice SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id)
    await db.execute("UPDATE subscription SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id)


async def has_open_cases(citizen_id: uuid.UUID) -> bool:
    """Tell whether a person was told lately of a case or package that nobody has said to be over."""
    row = await db.fetch_row(
        "SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT ON (subject_no) template_code FROM"
        " (SELECT subject_no, template_code, id FROM notice WHERE citizen_id = $1 ORDER BY id DESC LIMIT 200) AS lately"
        " WHERE template_code LIKE 'application.%' OR template_code LIKE 'package.%'"
        " ORDER BY subject_no, id DESC) AS last"
        " WHERE template_code NOT IN ('application.closed', 'application.withdrawn', 'application.terminated',"
        " 'application.not_accepted', 'package.closed')) AS open",
        citizen_id,
    )
    return row is not None and bool(row["open"])
