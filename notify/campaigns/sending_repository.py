"""Pages of a campaign's notices that are taken back or tried again, its end, and the jobs that send it."""

from __future__ import annotations

import random
import uuid
from datetime import datetime

import msgspec

from app import db
from app.jobs import NewJob
from notify.campaigns.repository import BEHIND, CANCEL, RESEND, SEND
from notify.notices_repository import COUNT_SHARDS
from notify.states import LEASE_SECONDS, Reason

SLOTS = 4
"""Jobs that send one campaign at a time, over all processes."""
_NOBODY = uuid.UUID(int=0)
_COUNT_MOVED = """
    INSERT INTO campaign_count (id, created_at, campaign_id, shard, status, channel, reason, notices)
    SELECT gen_random_uuid(), now(), $1, $2::smallint, moved.status, moved.channel, moved.reason, sum(moved.n)
    FROM (SELECT status, sent_channel AS channel, reason, 1 AS n FROM moved UNION ALL
          SELECT old_status, old_channel, old_reason, -1 FROM moved) AS moved
    GROUP BY moved.status, moved.channel, moved.reason HAVING sum(moved.n) <> 0
    ORDER BY moved.status, moved.channel, moved.reason
    ON CONFLICT (campaign_id, shard, status, channel, reason)
    DO UPDATE SET notices = campaign_count.notices + excluded.notices
"""
_SUPPRESS = f"""
WITH held AS (
    SELECT id, occurred_at, status, sent_channel, reason FROM notice
    WHERE campaign_id = $1 AND status = 'QUEUED'
        -- Within a lease somebody may be sending it at this moment: that one ends by itself.
        AND (tries = 0 OR next_try_at <= now() OR next_try_at > now() + interval '{LEASE_SECONDS} seconds')
    ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE notice n SET status = 'SUPPRESSED', reason = '{Reason.CANCELLED}', next_try_at = NULL
    FROM held WHERE n.id = held.id AND n.occurred_at = held.occurred_at
    RETURNING n.id, n.status, n.sent_channel, n.reason, held.status AS old_status, held.sent_channel AS old_channel,
        held.reason AS old_reason
), freed AS (
    -- What may have been sent has used its permission, as where a notice ends by itself.
    UPDATE subscription s SET changed_at = now(), status = CASE WHEN used THEN 'CONSUMED' ELSE 'IN_STOCK' END,
        notice_id = CASE WHEN used THEN s.notice_id END
    FROM (SELECT h.id, EXISTS (SELECT 1 FROM notice_attempt a WHERE a.notice_id = h.notice_id
            AND a.channel = h.channel AND a.outcome IN ('STARTED', 'UNKNOWN', 'SENT', 'DELIVERED')) AS used
          FROM moved JOIN subscription h ON h.notice_id = moved.id AND h.status = 'HELD') AS end_of
    WHERE s.id = end_of.id
), counted AS ({_COUNT_MOVED})
SELECT count(*) AS n FROM moved
"""
_REQUEUE = f"""
WITH held AS (
    SELECT id, occurred_at, status, sent_channel, reason FROM notice
    WHERE campaign_id = $1 AND status IN ('FAILED', 'INBOX_ONLY') AND reason = $4 AND id > $5
    ORDER BY id LIMIT $3 FOR UPDATE
), moved AS (
    UPDATE notice n SET status = 'QUEUED', reason = '', sent_channel = '', next_try_at = now(), tries = 0
    FROM held WHERE n.id = held.id AND n.occurred_at = held.occurred_at
    RETURNING n.id, n.status, n.sent_channel, n.reason, held.status AS old_status, held.sent_channel AS old_channel,
        held.reason AS old_reason
), counted AS ({_COUNT_MOVED})
SELECT count(*) AS n, (SELECT id FROM held ORDER BY id DESC LIMIT 1) AS last FROM moved
"""


def send_jobs(campaign_id: uuid.UUID) -> list[NewJob]:
    """Return the jobs that send a campaign: one a slot, of which one waits at a time."""
    return [send_job(campaign_id, slot, 0) for slot in range(SLOTS)]


def send_job(campaign_id: uuid.UUID, slot: int, turn: int, delay_seconds: int = 0) -> NewJob:
    """Return one slot's job; the turn lets a running job write its follower, which has another key."""
    payload = msgspec.json.encode({"campaign_id": campaign_id.hex, "slot": slot, "turn": turn})
    return NewJob(SEND, payload, delay_seconds, f"{SEND}:{campaign_id.hex}:{slot}:{turn}", BEHIND)


def cancel_job(campaign_id: uuid.UUID, turn: int = 0, delay_seconds: int = 0) -> NewJob:
    """Return the job that takes unsent notices back."""
    payload = msgspec.json.encode({"campaign_id": campaign_id.hex, "turn": turn})
    return NewJob(CANCEL, payload, delay_seconds, f"{CANCEL}:{campaign_id.hex}:{turn}", BEHIND)


def resend_job(campaign_id: uuid.UUID, reason: str, after: uuid.UUID = _NOBODY) -> NewJob:
    """Return the job that tries a page of failed notices again."""
    payload = msgspec.json.encode({"campaign_id": campaign_id.hex, "reason": reason, "after": after.hex})
    return NewJob(RESEND, payload, 0, f"{RESEND}:{campaign_id.hex}:{reason}:{after.hex}", BEHIND)


async def follow(job: NewJob) -> None:
    """Write the next job of a running one."""
    async with db.transaction() as tx:
        tx.pending.append(job)


async def suppress_page(campaign_id: uuid.UUID, limit: int) -> int:
    """Take some unsent notices of a cancelled campaign back, with their counters; return how many. Idempotent."""
    row = await db.fetch_row(_SUPPRESS, campaign_id, random.randrange(COUNT_SHARDS), limit)
    return 0 if row is None else int(row["n"])


async def requeue_page(campaign_id: uuid.UUID, reason: str, after: uuid.UUID, limit: int) -> uuid.UUID | None:
    """Queue some failed notices again, with their counters and the job of the next page; return the last of them."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(_REQUEUE, campaign_id, random.randrange(COUNT_SHARDS), limit, reason, after)
        last: uuid.UUID | None = None if row is None else row["last"]
        if last is not None:
            tx.pending.append(resend_job(campaign_id, reason, last))
        tx.pending += send_jobs(campaign_id)
    return last


async def finish(campaign_id: uuid.UUID) -> bool:
    """Finish a campaign of which nothing is queued any more; False where that is not so."""
    touched = await db.execute(
        "UPDATE campaign SET status = 'FINISHED', version = version + 1, finished_at = now(), updated_at = now()"
        " WHERE id = $1 AND status = 'SENDING' AND is_expanded"
        " AND NOT EXISTS (SELECT 1 FROM notice WHERE campaign_id = $1 AND status = 'QUEUED')",
        campaign_id,
    )
    return touched == 1


async def reopen_finished(since: datetime) -> list[tuple[uuid.UUID, str]]:
    """Send campaigns again of which something was queued after their end: a late word that it did not arrive."""
    rows = await db.fetch_all(
        "UPDATE campaign SET status = 'SENDING', version = version + 1, finished_at = NULL, updated_at = now()"
        " WHERE status = 'FINISHED' AND finished_at > $1"
        " AND EXISTS (SELECT 1 FROM notice WHERE campaign_id = campaign.id AND status = 'QUEUED')"
        " RETURNING id, campaign_no",
        since,
    )
    return [(row["id"], row["campaign_no"]) for row in rows]


async def is_any_due(campaign_id: uuid.UUID) -> bool:
    """Tell whether a notice of a campaign may be tried now."""
    row = await db.fetch_row(
        "SELECT 1 FROM notice WHERE campaign_id = $1 AND next_try_at <= now() LIMIT 1", campaign_id
    )
    return row is not None


async def is_any_queued(campaign_id: uuid.UUID) -> bool:
    """Tell whether anything of a campaign is not sent yet."""
    row = await db.fetch_row("SELECT 1 FROM notice WHERE campaign_id = $1 AND status = 'QUEUED' LIMIT 1", campaign_id)
    return row is not None


async def list_half_cancelled(since: datetime) -> list[uuid.UUID]:
    """Return campaigns that were cancelled since a moment and still have unsent notices."""
    rows = await db.fetch_all(
        "SELECT id FROM campaign WHERE status = 'CANCELLED' AND updated_at > $1"
        " AND EXISTS (SELECT 1 FROM notice WHERE campaign_id = campaign.id AND status = 'QUEUED')",
        since,
    )
    return [row["id"] for row in rows]
