"""Notices as rows: written one by one or by the page, claimed for a lease, and moved from state to state.

Called by the service, delivery, sweeps and mass pushes. Every move of a notice that belongs to a mass push moves its
counters in the same statement. Decides nothing.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from app import db
from app.ids import new_id

DELIVER = "notify.deliver"
COUNT_SHARDS = 16
"""Writers of one campaign's counters spread over so many rows a state; readers add them up."""
_NOTICE = ", ".join(
    (
        *("id", "occurred_at", "citizen_id", "template_code", "template_version", "variables", "subject_no", "tries"),
        *("campaign_id", "expires_at"),
    )
)
_DECODER = msgspec.json.Decoder(dict[str, str])
_NEW = (
    *("uuid timestamptz varchar uuid varchar int varchar varchar jsonb varchar boolean uuid varchar".split()),
    *("timestamptz timestamptz".split()),
)
_INSERT = (
    "INSERT INTO notice (id, occurred_at, created_at, dedupe_key, citizen_id, template_code, template_version, title,"
    " text, variables, subject_kind, subject_no, status, sent_channel, next_try_at, tries, campaign_id, pushed_by,"
    " expires_at) SELECT id, occurred_at, now(), dedupe_key, citizen_id, code, version, title, text, variables, '',"
    " subject_no, CASE WHEN sendable THEN 'QUEUED' ELSE 'INBOX_ONLY' END, CASE WHEN sendable THEN '' ELSE 'INBOX' END,"
    " CASE WHEN sendable THEN coalesce(begins_at, now()) END, 0, campaign_id, pushed_by, expires_at"
    f" FROM unnest({', '.join(f'${at}::{kind}[]' for at, kind in enumerate(_NEW, 1))}) AS new (id, occurred_at,"
    " dedupe_key, citizen_id, code, version, title, text, variables, subject_no, sendable, campaign_id, pushed_by,"
    " expires_at, begins_at) ON CONFLICT (dedupe_key, occurred_at) DO NOTHING"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord:
    """A notice as its delivery needs it. `tries` counts its claims, this one included."""

    id: uuid.UUID
    occurred_at: datetime
    citizen_id: uuid.UUID
    template_code: str
    template_version: int
    variables: Mapping[str, str]
    subject_no: str
    tries: int
    campaign_id: uuid.UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A notice to write. Without channels it is done at once: the inbox has it.

    `begins_at` is when the first try may be made; None = now.
    """

    dedupe_key: str
    occurred_at: datetime
    citizen_id: uuid.UUID
    code: str
    version: int
    title: str
    text: str
    variables: Mapping[str, str]
    subject_no: str = ""
    has_channels: bool = True
    campaign_id: uuid.UUID | None = None
    pushed_by: str = ""
    expires_at: datetime | None = None
    begins_at: datetime | None = None
    id: uuid.UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Move:
    """How a notice goes on: a status with the channel that sent it, or why none did.

    A QUEUED one is tried again at `next_try_at`. `tries` is what it shall count as then.
    """

    notice: NoticeRecord
    status: str
    channel: str = ""
    reason: str = ""
    next_try_at: datetime | None = None
    tries: int = 0


async def record_notice(new: NewNotice) -> bool:
    """Write a notice once with its delivery job; False when it was there."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(f"{_INSERT} RETURNING id", *_columns([new]))
        if row is not None and new.has_channels:
            tx.enqueue(DELIVER, _job(new.id, new.occurred_at))
    return row is not None


async def record_many(tx: db.Transaction, new: Sequence[NewNotice]) -> int:
    """Write a page of notices in one statement, without jobs; return how many were not there yet.

    Idempotent: yes, by dedupe key and moment. The caller counts the new ones in the same transaction.
    """
    row = await tx.fetch_row(
        f"WITH written AS ({_INSERT} RETURNING 1) SELECT count(*) AS n FROM written", *_columns(new)
    )
    return int(row["n"]) if row is not None else 0


def enqueue_delivery(tx: db.Transaction, new: Sequence[NewNotice]) -> None:
    """Write the delivery jobs of new notices, in the transaction that wrote them."""
    for each in new:
        if each.has_channels:
            tx.enqueue(DELIVER, _job(each.id, each.occurred_at))


def _columns(new: Sequence[NewNotice]) -> list[list[object]]:
    return [
        [each.id for each in new],
        [each.occurred_at for each in new],
        [each.dedupe_key for each in new],
        [each.citizen_id for each in new],
        [each.code for each in new],
        [each.version for each in new],
        [each.title for each in new],
        [each.text for each in new],
        [msgspec.json.encode(each.variables).decode() for each in new],
        [each.subject_no for each in new],
        [each.has_channels for each in new],
        [each.campaign_id for each in new],
        [each.pushed_by for each in new],
        [each.expires_at for each in new],
        [each.begins_at for each in new],
    ]


def _job(notice_id: uuid.UUID, occurred_at: datetime) -> dict[str, str]:
    return {"notice_id": notice_id.hex, "occurred_at": occurred_at.isoformat()}


async def claim_notice(notice_id: uuid.UUID, occurred_at: datetime, lease_until: datetime) -> NoticeRecord | None:
    """Take one queued notice whose time has come, for the time of a lease; None when there is nothing to do.

    One of a campaign that does not send now stays where it is: the campaign itself takes it up again, or back.
    """
    row = await db.fetch_row(
        "UPDATE notice SET next_try_at = $3, tries = tries + 1"
        " WHERE id = $1 AND occurred_at = $2 AND status = 'QUEUED' AND next_try_at <= now()"
        " AND NOT EXISTS (SELECT 1 FROM campaign c WHERE c.id = notice.campaign_id AND c.status <> 'SENDING')"
        f" RETURNING {_NOTICE}",
        notice_id,
        occurred_at,
        lease_until,
    )
    return None if row is None else _records([row])[0]


async def claim_due(before: datetime, lease_until: datetime, limit: int) -> list[NoticeRecord]:
    """Take queued notices of no campaign whose time came before a moment, for a lease; never one twice."""
    return await _claim("campaign_id IS NULL", before, lease_until, limit)


async def claim_of_campaign(
    campaign_id: uuid.UUID, before: datetime, lease_until: datetime, limit: int
) -> list[NoticeRecord]:
    """Take queued notices of a campaign whose time came before a moment, for a lease; never one twice."""
    return await _claim("campaign_id = $4", before, lease_until, limit, campaign_id)


async def _claim(
    whose: str, before: datetime, lease_until: datetime, limit: int, *values: object
) -> list[NoticeRecord]:
    rows = await db.fetch_all(
        "UPDATE notice SET next_try_at = $2, tries = tries + 1 FROM (SELECT id AS due_id, occurred_at AS due_at"
        f" FROM notice WHERE next_try_at <= $1 AND status = 'QUEUED' AND {whose} ORDER BY next_try_at LIMIT $3"
        " FOR UPDATE SKIP LOCKED) AS due WHERE id = due_id AND occurred_at = due_at"
        f" RETURNING {_NOTICE}",
        before,
        lease_until,
        limit,
        *values,
    )
    return _records(rows)


def _records(rows: Sequence[db.Row]) -> list[NoticeRecord]:
    """Read claimed rows; the words that a mass push tells everybody are read once and shared."""
    words: dict[str, Mapping[str, str]] = {}
    found = []
    for row in rows:
        plain = dict(row)
        text = plain["variables"]
        if (variables := words.get(text)) is None:
            variables = words[text] = _DECODER.decode(text)
        plain["variables"] = variables
        found.append(NoticeRecord(**plain))
    return found


FREED = (
    # A permission set aside is used up where its channel sent or may have sent, else it is back in stock.
    "UPDATE subscription s SET changed_at = now(), status = CASE WHEN used THEN 'CONSUMED' ELSE 'IN_STOCK'"
    " END, notice_id = CASE WHEN used THEN s.notice_id END FROM (SELECT h.id, (m.status = 'SENT'"
    " AND h.channel = m.sent_channel) OR EXISTS (SELECT 1 FROM notice_attempt a WHERE a.notice_id = h.notice_id"
    " AND a.channel = h.channel AND a.outcome IN ('STARTED', 'UNKNOWN', 'SENT', 'DELIVERED')) AS used"
    # Each is looked up by its notice (OFFSET 0): else every permission that is held by anybody is gone through.
    " FROM moved m CROSS JOIN LATERAL (SELECT id, notice_id, channel FROM subscription WHERE notice_id = m.id"
    " AND status = 'HELD' OFFSET 0) AS h WHERE m.status <> 'QUEUED') AS end_of WHERE s.id = end_of.id"
)
COUNTED = (
    "INSERT INTO campaign_count (id, created_at, campaign_id, shard, status, channel, reason, notices)"
    " SELECT gen_random_uuid(), now(), campaign_id, {shard}::smallint, status, channel, reason, sum(n) FROM"
    " (SELECT campaign_id, status, sent_channel AS channel, reason, 1 AS n FROM moved"
    " WHERE campaign_id IS NOT NULL UNION ALL SELECT campaign_id, old_status, old_channel, old_reason, -1 FROM moved"
    " WHERE campaign_id IS NOT NULL) AS counted"
    " GROUP BY campaign_id, status, channel, reason HAVING sum(n) <> 0 ORDER BY campaign_id, status, channel, reason"
    " ON CONFLICT (campaign_id, shard, status, channel, reason)"
    " DO UPDATE SET notices = campaign_count.notices + excluded.notices"
)
"""What follows from `moved` (id, campaign_id, status, sent_channel, reason and the same of before as old_…)."""
_MOVE = (
    # Sub-selects hide how many there are: else a table that is small, or was, is read through rather than looked up in.
    "WITH given AS (SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::timestamptz[]), (SELECT $3::int[]),"
    " (SELECT $4::varchar[]), (SELECT $5::varchar[]), (SELECT $6::varchar[]), (SELECT $7::timestamptz[]),"
    " (SELECT $8::int[])) AS given (id, occurred_at, claimed, status, channel, reason, next_try_at, tries)),"
    # Whoever has lost its lease may still say that a message went out, but nothing else.
    " held AS (SELECT n.id, n.occurred_at, n.status, n.sent_channel, n.reason FROM notice n JOIN given g"
    " ON n.id = g.id AND n.occurred_at = g.occurred_at WHERE n.status <> 'SENT' AND (g.status = 'SENT'"
    " OR (n.status = 'QUEUED' AND n.tries = g.claimed)) ORDER BY n.id FOR UPDATE OF n),"
    " moved AS (UPDATE notice n SET status = g.status, sent_channel = g.channel, reason = g.reason,"
    " next_try_at = g.next_try_at, tries = CASE WHEN g.status = 'QUEUED' THEN g.tries ELSE n.tries END"
    " FROM given g JOIN held h ON h.id = g.id"
    " WHERE n.id = g.id AND n.occurred_at = g.occurred_at RETURNING n.id, n.campaign_id, n.status, n.sent_channel,"
    " n.reason, h.status AS old_status, h.sent_channel AS old_channel, h.reason AS old_reason),"
    f" freed AS ({FREED}) {COUNTED.format(shard='$9')}"
)


async def move(tx: db.Transaction, moves: Sequence[Move]) -> None:
    """Write how notices go on, what becomes of the permissions they hold, and the counters of their campaigns.

    Idempotent: yes; only who holds the newest claim moves a notice, and nobody moves one that is SENT.
    """
    await tx.execute(
        _MOVE,
        [each.notice.id for each in moves],
        [each.notice.occurred_at for each in moves],
        [each.notice.tries for each in moves],
        [each.status for each in moves],
        [each.channel for each in moves],
        [each.reason for each in moves],
        [each.next_try_at for each in moves],
        [each.tries for each in moves],
        random.randrange(COUNT_SHARDS),
    )


_BACK = (
    "WITH back AS (UPDATE notice SET status = 'QUEUED', sent_channel = '', reason = '', next_try_at = now()"
    " WHERE id = $1 AND status = 'SENT' AND sent_channel = $2 RETURNING id, occurred_at, campaign_id),"
    " counted AS (INSERT INTO campaign_count (id, created_at, campaign_id, shard, status, channel, reason, notices)"
    " SELECT gen_random_uuid(), now(), campaign_id, $3::smallint, state.status, state.channel, '', state.n"
    " FROM back, (VALUES ('QUEUED', '', 1), ('SENT', $2, -1)) AS state (status, channel, n)"
    " WHERE campaign_id IS NOT NULL ORDER BY state.status ON CONFLICT (campaign_id, shard, status, channel, reason)"
    " DO UPDATE SET notices = campaign_count.notices + excluded.notices)"
    " SELECT id, occurred_at FROM back"
)


async def take_back(tx: db.Transaction, notice_id: uuid.UUID, channel: str) -> None:
    """Queue a notice again whose channel says, late, that it did not arrive; its job commits with it. Idempotent."""
    row = await tx.fetch_row(_BACK, notice_id, channel, random.randrange(COUNT_SHARDS))
    if row is not None:
        tx.enqueue(DELIVER, _job(row["id"], row["occurred_at"]))
