"""Every query about the audit trail as it is read and checked. Called by trail.py; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app import db
from app.db import Row, Transaction
from services.staff.types import AuditFilter

CHECK = "staff.check_chain"
"""Job: check the chain some pages further."""


async def list_entries(wanted: AuditFilter, before_seq: int | None, limit: int) -> Sequence[Row]:
    """List acts, the newest first."""
    is_family = wanted.action.endswith(".")
    return await db.fetch_all(
        _LIST,
        before_seq,
        limit,
        wanted.actor or None,
        wanted.object_no or None,
        wanted.since,
        wanted.before,
        None if is_family else wanted.action or None,
        f"{_escaped(wanted.action)}%" if is_family else None,
    )


async def find_entry(seq: int) -> Row | None:
    """Find one act."""
    return await db.fetch_row("SELECT * FROM audit_entry WHERE seq = $1", seq)


async def head() -> Row:
    """Return the newest link's number and hash."""
    row = await db.fetch_row("SELECT seq, entry_hash FROM audit_head WHERE id = 1")
    return row or {"seq": 0, "entry_hash": ""}


async def find_check() -> Row | None:
    """Return how far the check came."""
    return await db.fetch_row("SELECT * FROM audit_check WHERE id = 1")


async def begin_check(
    tx: Transaction, actor: str, now: datetime, *, from_start: bool, head_seq: int, stale_before: datetime
) -> bool:
    """Start a check, from the first link or from where the last one ended; False while one is running.

    What an earlier check found intact is noted as the place that a check from the start must find again.
    """
    row = await tx.fetch_row(_BEGIN, actor, now, from_start, head_seq, stale_before)
    if row is not None:
        tx.enqueue(CHECK, {}, dedupe_key=CHECK)
    return row is not None


async def save_progress(tx: Transaction, seq: int, entry_hash: str, now: datetime, *, read_seq: int) -> bool:
    """Note how far the running check came, and have it go on; False where another has gone on from there."""
    saved = await tx.execute(
        "UPDATE audit_check SET seq = $1, entry_hash = $2, checked_at = $3"
        " WHERE id = 1 AND status = 'RUNNING' AND seq = $4",
        seq,
        entry_hash,
        now,
        read_seq,
    )
    if saved:
        tx.enqueue(CHECK, {})
    return saved == 1


async def end_check(
    seq: int, entry_hash: str, now: datetime, *, read_seq: int, broken_at_seq: int | None, reason: str
) -> None:
    """Note the verdict of the running check. Idempotent."""
    await db.execute(
        "UPDATE audit_check SET status = CASE WHEN $5::bigint IS NULL THEN 'INTACT' ELSE 'BROKEN' END, seq = $1,"
        " entry_hash = $2, checked_at = $3, broken_at_seq = $5, reason = $6"
        " WHERE id = 1 AND status = 'RUNNING' AND seq = $4",
        seq,
        entry_hash,
        now,
        read_seq,
        broken_at_seq,
        reason,
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_LIST = """
SELECT seq, occurred_at, actor, address, action, object_kind, object_no, details FROM audit_entry
WHERE ($1::bigint IS NULL OR seq < $1)
  AND ($3::text IS NULL OR actor = $3)
  AND ($4::text IS NULL OR object_no = $4)
  AND ($5::timestamptz IS NULL OR occurred_at >= $5)
  AND ($6::timestamptz IS NULL OR occurred_at < $6)
  AND ($7::text IS NULL OR action = $7)
  AND ($8::text IS NULL OR action LIKE $8)
ORDER BY seq DESC LIMIT $2
"""

_BEGIN = """
INSERT INTO audit_check AS c (id, status, seq, entry_hash, head_seq, anchor_seq, anchor_hash, reason, started_by,
                              started_at, checked_at)
VALUES (1, 'RUNNING', 0, '', $4, 0, '', '', $1, $2, $2)
ON CONFLICT (id) DO UPDATE SET
    status = 'RUNNING', head_seq = $4, started_by = $1, started_at = $2, checked_at = $2, broken_at_seq = NULL,
    reason = '',
    anchor_seq = CASE WHEN c.status = 'INTACT' THEN c.seq ELSE c.anchor_seq END,
    anchor_hash = CASE WHEN c.status = 'INTACT' THEN c.entry_hash ELSE c.anchor_hash END,
    seq = CASE WHEN $3 OR c.status = 'BROKEN' THEN 0 ELSE c.seq END,
    entry_hash = CASE WHEN $3 OR c.status = 'BROKEN' THEN '' ELSE c.entry_hash END
WHERE c.status <> 'RUNNING' OR c.checked_at < $5
RETURNING seq
"""
