"""Every query of the notify room: templates, notices, attempts, permissions. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app import db
from app.ids import new_id

Row = db.Row
DELIVER = "notify.deliver"
_NOTICE = "id, occurred_at, citizen_id, template_code, template_version, variables, subject_no, tries"
_JSON = ("channels", "bindings", "variables")
_WRITTEN = (
    *("title", "inbox_text", "channels", "bindings", "statutory", "used_for", "topic", "urgent", "on_unknown"),
    *("lifetime_hours", "variables"),
)
_RETIRE_OLDER = (
    "UPDATE notice_template SET status = 'RETIRED' WHERE code = $1::text AND version < $2::int AND status = 'ENABLED'"
    " AND NOT EXISTS (SELECT 1 FROM notice_template AS same WHERE same.code = $1::text AND same.version = $2::int)"
)
_DECODER = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord:
    """A notice as its delivery needs it."""

    id: uuid.UUID
    occurred_at: datetime
    citizen_id: uuid.UUID
    template_code: str
    template_version: int
    variables: dict[str, str]
    subject_no: str
    tries: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try under way: its row, found by both columns because the table is partitioned."""

    id: uuid.UUID
    created_at: datetime


async def save_templates(templates: Sequence[tuple[str, int, Mapping[str, Any]]]) -> None:
    """Write templates by code and version; a version that is new takes the place of the enabled one. Idempotent.

    The status of a version that exists is left alone, and so is a newer one that staff have made.
    """
    marks = ", ".join(f"${at}::jsonb" if name in _JSON else f"${at}" for at, name in enumerate(_WRITTEN, 4))
    sets = ", ".join(f"{name} = excluded.{name}" for name in _WRITTEN)
    async with db.transaction() as tx:
        await tx.execute_many(_RETIRE_OLDER, [(code, version) for code, version, _ in templates])
        await tx.execute_many(
            f"INSERT INTO notice_template (id, created_at, code, version, {', '.join(_WRITTEN)}, status, enabled_at)"
            f" VALUES ($1, now(), $2::text, $3::int, {marks}, CASE WHEN EXISTS (SELECT 1 FROM notice_template"
            " WHERE code = $2::text AND status = 'ENABLED' AND version <> $3::int) THEN 'RETIRED' ELSE 'ENABLED' END, now())"
            f" ON CONFLICT (code, version) DO UPDATE SET {sets}",
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


async def record_notice(
    *,
    dedupe_key: str,
    occurred_at: datetime,
    citizen_id: uuid.UUID,
    code: str,
    version: int,
    title: str,
    text: str,
    variables: Mapping[str, str],
    subject_no: str,
    has_channels: bool,
) -> bool:
    """Write a notice once with its delivery job; False when it was there. Without channels it is done at once."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "INSERT INTO notice (id, occurred_at, created_at, dedupe_key, citizen_id, template_code, template_version,"
            " title, text, variables, subject_kind, subject_no, status, sent_channel, next_try_at, tries)"
            " VALUES ($1, $2, now(), $3, $4, $5, $6, $7, $8, $9::jsonb, '', $10, $11, $12,"
            " CASE WHEN $13 THEN now() END, 0) ON CONFLICT (dedupe_key, occurred_at) DO NOTHING RETURNING id",
            new_id(),
            occurred_at,
            dedupe_key,
            citizen_id,
            code,
            version,
            title,
            text,
            msgspec.json.encode(variables).decode(),
            subject_no,
            "QUEUED" if has_channels else "INBOX_ONLY",
            "" if has_channels else "INBOX",
            has_channels,
        )
        if row is not None and has_channels:
            tx.enqueue(DELIVER, {"notice_id": row["id"].hex, "occurred_at": occurred_at.isoformat()})
    return row is not None


async def claim_notice(notice_id: uuid.UUID, occurred_at: datetime, lease_until: datetime) -> NoticeRecord | None:
    """Take one queued notice whose time has come, for the time of a lease; None when there is nothing to do."""
    row = await db.fetch_row(
        "UPDATE notice SET next_try_at = $3, tries = tries + 1"
        " WHERE id = $1 AND occurred_at = $2 AND status = 'QUEUED' AND next_try_at <= now()"
        f" RETURNING {_NOTICE}",
        notice_id,
        occurred_at,
        lease_until,
    )
    return None if row is None else _record(row)


async def claim_due(before: datetime, lease_until: datetime, limit: int) -> list[NoticeRecord]:
    """Take queued notices whose time came before a moment, for the time of a lease; never one twice."""
    rows = await db.fetch_all(
        "UPDATE notice SET next_try_at = $2, tries = tries + 1 FROM (SELECT id AS due_id, occurred_at AS due_at"
        " FROM notice WHERE next_try_at <= $1 AND status = 'QUEUED' ORDER BY next_try_at LIMIT $3"
        " FOR UPDATE SKIP LOCKED) AS due WHERE id = due_id AND occurred_at = due_at"
        f" RETURNING {_NOTICE}",
        before,
        lease_until,
        limit,
    )
    return [_record(row) for row in rows]


def _record(row: Row) -> NoticeRecord:
    plain = {name: row[name] for name in _NOTICE.split(", ") if name != "variables"}
    return NoticeRecord(variables=_DECODER.decode(row["variables"]), **plain)


async def last_outcomes(notice_id: uuid.UUID) -> dict[str, str]:
    """Return the outcome of the last try of each channel."""
    rows = await db.fetch_all(
        "SELECT DISTINCT ON (channel) channel, outcome FROM notice_attempt WHERE notice_id = $1"
        " ORDER BY channel, created_at DESC",
        notice_id,
    )
    return {row["channel"]: row["outcome"] for row in rows}


async def begin_attempt(notice: NoticeRecord, channel: str) -> Attempt:
    """Write a try before its call: a process that dies in the call leaves STARTED behind."""
    row = await db.fetch_row(
        "INSERT INTO notice_attempt (id, created_at, notice_id, channel, number, outcome, provider_code,"
        " provider_message_no) VALUES ($1, now(), $2, $3, $4, 'STARTED', '', '') RETURNING id, created_at",
        new_id(),
        notice.id,
        channel,
        notice.tries,
    )
    assert row is not None, "an insert that returns its row"
    return Attempt(row["id"], row["created_at"])


async def finish_attempt(attempt: Attempt, outcome: str, provider_code: str, message_no: str) -> None:
    """Write what became of a try."""
    await db.execute(
        "UPDATE notice_attempt SET outcome = $3, provider_code = $4, provider_message_no = $5, finished_at = now()"
        " WHERE id = $1 AND created_at = $2",
        attempt.id,
        attempt.created_at,
        outcome,
        provider_code[:64],
        message_no[:64],
    )


async def finish_notice(notice: NoticeRecord, status: str, channel: str) -> None:
    """Write how a notice ended; a permission it holds is used up where its channel sent, else back in stock."""
    await db.execute(
        "WITH ended AS (UPDATE notice SET status = $3, sent_channel = $4, next_try_at = NULL"
        " WHERE id = $1 AND occurred_at = $2 RETURNING id, status = 'SENT' AS sent, sent_channel)"
        " UPDATE subscription SET changed_at = now(),"
        " status = CASE WHEN sent AND channel = sent_channel THEN 'CONSUMED' ELSE 'IN_STOCK' END,"
        " notice_id = CASE WHEN sent AND channel = sent_channel THEN notice_id END FROM ended"
        " WHERE notice_id = ended.id AND subscription.status = 'HELD'",
        notice.id,
        notice.occurred_at,
        status,
        channel,
    )


async def postpone_notice(notice: NoticeRecord, next_try_at: datetime) -> None:
    """Have a notice tried again; what it holds of permissions stays aside."""
    await db.execute(
        "UPDATE notice SET next_try_at = $3 WHERE id = $1 AND occurred_at = $2 AND status = 'QUEUED'",
        notice.id,
        notice.occurred_at,
        next_try_at,
    )


async def record_receipt(message_no: str, delivered: bool, provider_code: str) -> bool:
    """Write a provider's later word on a message; a failed one sends its notice to the channels that are left.

    Idempotent: yes, by the attempt's outcome. Returns False when no message is known by this number.
    """
    async with db.transaction() as tx:
        attempt = await tx.fetch_row(
            "UPDATE notice_attempt SET outcome = $2, provider_code = $3 WHERE provider_message_no = $1"
            " AND outcome IN ('SENT', 'UNKNOWN') RETURNING notice_id",
            message_no,
            "DELIVERED" if delivered else "FAILED",
            provider_code[:64],
        )
        if attempt is not None and not delivered:
            row = await tx.fetch_row(
                "UPDATE notice SET status = 'QUEUED', sent_channel = '', next_try_at = now() WHERE id = $1"
                " AND status = 'SENT' RETURNING id, occurred_at",
                attempt["notice_id"],
            )
            if row is not None:
                tx.enqueue(DELIVER, {"notice_id": row["id"].hex, "occurred_at": row["occurred_at"].isoformat()})
    return attempt is not None


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
