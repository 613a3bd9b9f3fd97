"""The one statement by which a page of people becomes notices, counters, a moved cursor and the next job."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from app import db, jobs
from app.ids import new_id
from notify.campaigns.repository import BEHIND, EXPAND, Campaign
from notify.campaigns.types import People
from notify.notices_repository import COUNT_SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What everybody of a campaign is told, filled in once."""

    title: str
    text: str
    variables: Mapping[str, str]
    has_channels: bool
    expires_at: datetime | None


_PAGE = """
WITH held AS (
    UPDATE campaign SET cursor = coalesce($3, cursor), updated_at = now()
    WHERE id = $1 AND status = 'EXPANDING' AND NOT is_expanded AND cursor IS NOT DISTINCT FROM $2
    RETURNING id, cursor, template_code, template_version, created_by, started_at
), already AS (
    -- Whoever was told as somebody who has since been merged into a person of the page is not told twice.
    SELECT was.citizen_id FROM held, unnest($13::uuid[], $14::uuid[]) AS was (citizen_id, gone_id)
    JOIN notice told ON told.dedupe_key = $6::text || replace(was.gone_id::text, '-', '')
    WHERE told.occurred_at = held.started_at
), fresh AS (
    INSERT INTO notice (id, occurred_at, created_at, dedupe_key, citizen_id, template_code, template_version, title,
        text, variables, subject_kind, subject_no, status, reason, sent_channel, next_try_at, tries, campaign_id,
        pushed_by, expires_at)
    SELECT person.notice_id, held.started_at, now(), $6::text || replace(person.citizen_id::text, '-', ''),
        person.citizen_id, held.template_code, held.template_version, $7::varchar, $8::varchar, $15::jsonb, 'campaign',
        '', $9::varchar, '', $10::varchar, CASE WHEN $9::varchar = 'QUEUED' THEN now() END, 0, held.id,
        held.created_by, $11::timestamptz
    FROM held, unnest($4::uuid[], $5::uuid[]) AS person (citizen_id, notice_id)
    WHERE person.citizen_id NOT IN (SELECT citizen_id FROM already)
    ON CONFLICT (dedupe_key, occurred_at) DO NOTHING
    RETURNING 1
), counted AS (
    INSERT INTO campaign_count (id, created_at, campaign_id, shard, status, channel, reason, notices)
    SELECT gen_random_uuid(), now(), held.id, $12::smallint, $9::varchar, $10::varchar, '',
        (SELECT count(*) FROM fresh) FROM held
    WHERE (SELECT count(*) FROM fresh) > 0
    ON CONFLICT (campaign_id, shard, status, channel, reason)
    DO UPDATE SET notices = campaign_count.notices + excluded.notices
), follows AS (
    {follows}
)
SELECT (SELECT count(*) FROM held) AS held, (SELECT count(*) FROM fresh) AS fresh
"""
_NEXT_PAGE = _PAGE.format(
    follows=jobs.insert_of(
        f"SELECT '{EXPAND}'::text, convert_to(json_build_object('campaign_id', replace(held.id::text, '-', ''),"
        " 'after', replace(held.cursor::text, '-', ''))::text, 'UTF8') FROM held",
        priority=BEHIND,
    )
    + " RETURNING 1"
)
_NO_MORE = _PAGE.format(follows="SELECT 1")


async def write_page(campaign: Campaign, words: Words, people: People, cursor: uuid.UUID | None) -> tuple[bool, int]:
    """Write the notices of a page, their counters and the cursor in one transaction, with the job of the next page.

    Args:
        cursor: where the next page begins; None for people beside the order, who move nothing and cause no job.

    Returns:
        Whether the campaign still stood where it was read, and how many people were new.
    """
    row = await db.write_row(
        _NEXT_PAGE if cursor is not None else _NO_MORE,
        campaign.id,
        campaign.cursor,
        cursor,
        list(people.ids),
        [new_id() for _ in people.ids],
        dedupe_prefix(campaign.id),
        words.title,
        words.text,
        "QUEUED" if words.has_channels else "INBOX_ONLY",
        "" if words.has_channels else "INBOX",
        words.expires_at,
        random.randrange(COUNT_SHARDS),
        [stays for stays, _ in people.former],
        [gone for _, gone in people.former],
        msgspec.json.encode(words.variables).decode(),
    )
    return (False, 0) if row is None else (row["held"] == 1, int(row["fresh"]))


def dedupe_prefix(campaign_id: uuid.UUID) -> str:
    """Return what the dedupe key of every notice of a campaign begins with; the person's id follows."""
    return f"campaign:{campaign_id.hex}:"


def next_page(campaign: Campaign) -> jobs.NewJob:
    """Return the job that expands the next page; one of it waits at a time."""
    at = campaign.cursor.hex if campaign.cursor else ""
    payload = msgspec.json.encode({"campaign_id": campaign.id.hex, "after": at})
    return jobs.NewJob(EXPAND, payload, 0, f"{EXPAND}:{campaign.id.hex}:{at}", priority=BEHIND)
