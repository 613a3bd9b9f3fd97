"""Every query about campaigns themselves: their rows, their compare-and-set, their counters. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app import db
from app.db import Row, Transaction
from app.ids import new_id
from notify.campaigns.types import Audience

EXPAND, SEND, CANCEL, RESEND = "campaign.expand", "campaign.send", "campaign.cancel", "campaign.resend"
BEHIND = -1
"""Priority of campaigns' jobs: whatever else waits is taken before."""
_WITHIN = (
    "NOT EXISTS (SELECT 1 FROM jsonb_array_elements_text(divisions) AS own"
    " WHERE NOT EXISTS (SELECT 1 FROM unnest({scope}::text[]) AS prefix WHERE own LIKE prefix || '%'))"
)
"""Campaigns all of whose divisions somebody covers."""
_JSON = ("variables", "audience", "divisions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign as its row says."""

    id: uuid.UUID
    campaign_no: str
    title: str
    template_code: str
    template_version: int
    variables: dict[str, str]
    audience: Audience
    divisions: list[str]
    status: str
    version: int
    scheduled_at: datetime | None
    rate_per_second: int
    estimated: int | None
    is_estimate_exact: bool
    estimated_at: datetime | None
    cursor: uuid.UUID | None
    is_expanded: bool
    reason: str
    created_by: str
    submitted_at: datetime | None
    approved_by: str
    approved_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


_COLUMNS = ", ".join(Campaign.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Count:
    """How many notices of a campaign stand at one status, channel and reason."""

    campaign_id: uuid.UUID
    status: str
    channel: str
    reason: str
    notices: int


def _campaign(row: Row) -> Campaign:
    plain = {name: row[name] for name in Campaign.__dataclass_fields__ if name not in _JSON}
    return Campaign(
        variables=msgspec.json.decode(row["variables"]),
        audience=msgspec.json.decode(row["audience"], type=Audience),
        divisions=msgspec.json.decode(row["divisions"]),
        **plain,
    )


async def add_campaign(tx: Transaction, columns: Mapping[str, Any]) -> uuid.UUID:
    """Write a draft."""
    campaign_id = new_id()
    names = [*columns, "id"]
    marks = ", ".join(_mark(name, at) for at, name in enumerate(names, 1))
    await tx.execute(
        f"INSERT INTO campaign ({', '.join(names)}, created_at, updated_at, status, version, is_expanded, reason,"
        f" approved_by) VALUES ({marks}, now(), now(), 'DRAFT', 1, false, '', '')",
        *_values(columns),
        campaign_id,
    )
    return campaign_id


async def change(tx: Transaction, campaign: Campaign, to_status: str, columns: Mapping[str, Any] | None = None) -> bool:
    """Move a campaign from the state and version read to another, with further columns; False where it has moved."""
    changed = dict(columns or {})
    sets = "".join(f", {name} = {_mark(name, at)}" for at, name in enumerate(changed, 5))
    touched = await tx.execute(
        f"UPDATE campaign SET status = $4, version = version + 1, updated_at = now(){sets}"
        " WHERE id = $1 AND status = $2 AND version = $3",
        campaign.id,
        campaign.status,
        campaign.version,
        to_status,
        *_values(changed),
    )
    return touched == 1


def _mark(name: str, at: int) -> str:
    return f"${at}::jsonb" if name in _JSON else f"${at}"


def _values(columns: Mapping[str, Any]) -> list[Any]:
    return [msgspec.json.encode(value).decode() if name in _JSON else value for name, value in columns.items()]


async def find_campaign(campaign_no: str, scope: Sequence[str]) -> Campaign | None:
    """Find a campaign within a scope."""
    row = await db.fetch_row(
        f"SELECT {_COLUMNS} FROM campaign WHERE campaign_no = $2 AND {_WITHIN.format(scope='$1')}",
        list(scope),
        campaign_no,
    )
    return None if row is None else _campaign(row)


async def get_campaign(campaign_id: uuid.UUID) -> Campaign | None:
    """Return a campaign for its own jobs."""
    row = await db.fetch_row(f"SELECT {_COLUMNS} FROM campaign WHERE id = $1", campaign_id)
    return None if row is None else _campaign(row)


async def status_of(campaign_id: uuid.UUID) -> tuple[str, int]:
    """Return status and rate of a campaign: what a sender asks before each batch."""
    row = await db.fetch_row("SELECT status, rate_per_second FROM campaign WHERE id = $1", campaign_id)
    return ("", 1) if row is None else (row["status"], row["rate_per_second"])


async def list_campaigns(scope: Sequence[str], status: str, after: uuid.UUID | None, limit: int) -> list[Campaign]:
    """Return a page of campaigns within a scope, newest first."""
    rows = await db.fetch_all(
        f"SELECT {_COLUMNS} FROM campaign WHERE {_WITHIN.format(scope='$1')} AND ($2 = '' OR status = $2)"
        " AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        list(scope),
        status,
        after,
        limit,
    )
    return [_campaign(row) for row in rows]


async def list_counts(campaign_ids: Sequence[uuid.UUID]) -> list[Count]:
    """Return the counters of campaigns: sums of few rows, never of notices."""
    rows = await db.fetch_all(
        "SELECT campaign_id, status, channel, reason, sum(notices)::bigint AS notices FROM campaign_count"
        " WHERE campaign_id = ANY($1::uuid[]) GROUP BY campaign_id, status, channel, reason HAVING sum(notices) <> 0"
        " ORDER BY status, channel, reason",
        list(campaign_ids),
    )
    return [Count(**dict(row)) for row in rows]


async def list_stalled(before: datetime) -> list[Campaign]:
    """Return campaigns whose expansion has not moved since a moment."""
    rows = await db.fetch_all(
        f"SELECT {_COLUMNS} FROM campaign WHERE status = 'EXPANDING' AND updated_at < $1 ORDER BY id", before
    )
    return [_campaign(row) for row in rows]


async def list_to_start(now: datetime) -> list[Campaign]:
    """Return approved campaigns whose scheduled moment has come."""
    rows = await db.fetch_all(
        f"SELECT {_COLUMNS} FROM campaign WHERE status = 'APPROVED' AND scheduled_at <= $1 ORDER BY scheduled_at", now
    )
    return [_campaign(row) for row in rows]


async def list_of_status(status: str) -> list[Campaign]:
    """Return every campaign of a status that only few have at a time."""
    rows = await db.fetch_all(f"SELECT {_COLUMNS} FROM campaign WHERE status = $1 ORDER BY id", status)
    return [_campaign(row) for row in rows]
