"""Queries of mandates; each write is one compare-and-set with its domain event. It decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import msgspec

from app import db
from app.db import Row
from app.events import DomainEvent
from app.ids import new_id

_COLUMNS = """m.id, m.mandate_no, m.created_at, m.principal_citizen_id, m.principal_enterprise_id, m.granted_by,
    m.agent_id, m.agent_shown, m.item_codes::text AS item_codes, m.from_on, m.until_on, m.accepted_at, m.declined_at,
    m.revoked_at, e.name AS enterprise_name, e.uscc AS enterprise_uscc, c.name_masked AS principal_name"""
_MANDATES = f"""SELECT {_COLUMNS} FROM mandate m LEFT JOIN enterprise e ON e.id = m.principal_enterprise_id
    LEFT JOIN citizen c ON c.id = m.principal_citizen_id"""
_GRANTED = "(m.principal_citizen_id = $1 OR m.principal_enterprise_id = ANY($2))"
_HELD = "(m.agent_id = $1 OR (m.agent_id IS NULL AND m.agent_hash = $2 AND m.revoked_at IS NULL))"
_LAST_ID = uuid.UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMandate:
    """An offer as it is stored: one of the two principals is set."""

    mandate_no: str
    principal_citizen_id: uuid.UUID | None
    principal_enterprise_id: uuid.UUID | None
    granted_by: uuid.UUID
    agent_hash: str = field(repr=False)
    agent_shown: str
    item_codes: Sequence[str]
    from_on: date
    until_on: date
    at: datetime


async def offer(new: NewMandate, agent_id: uuid.UUID | None) -> None:
    """Write an offer; its event tells the agent, where the house knows them already."""
    async with db.transaction() as tx:
        await tx.execute(
            """INSERT INTO mandate (id, created_at, mandate_no, principal_citizen_id, principal_enterprise_id,
                   granted_by, agent_hash, agent_shown, item_codes, from_on, until_on)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11)""",
            new_id(),
            new.at,
            new.mandate_no,
            new.principal_citizen_id,
            new.principal_enterprise_id,
            new.granted_by,
            new.agent_hash,
            new.agent_shown,
            msgspec.json.encode(new.item_codes).decode(),
            new.from_on,
            new.until_on,
        )
        tx.emit(_event("mandate.offered", new.mandate_no, agent_id, new.at, until_on=new.until_on.isoformat()))


async def find_citizen_by_number(id_number_hash: str) -> uuid.UUID | None:
    """Return who has proven an ID number."""
    row = await db.fetch_row("SELECT id FROM citizen WHERE id_number_hash = $1 AND status = 'ACTIVE'", id_number_hash)
    return None if row is None else row["id"]


async def find_granted(mandate_no: str, citizen_id: uuid.UUID, enterprise_ids: Sequence[uuid.UUID]) -> Row | None:
    """Return a mandate of this principal, or of an enterprise that they represent."""
    return await db.fetch_row(
        f"{_MANDATES} WHERE {_GRANTED} AND m.mandate_no = $3", citizen_id, enterprise_ids, mandate_no
    )


async def find_held(mandate_no: str, citizen_id: uuid.UUID, agent_hash: str) -> Row | None:
    """Return a mandate of this agent, or one offered to them."""
    return await db.fetch_row(f"{_MANDATES} WHERE {_HELD} AND m.mandate_no = $3", citizen_id, agent_hash, mandate_no)


async def list_granted(
    citizen_id: uuid.UUID, enterprise_ids: Sequence[uuid.UUID], after: uuid.UUID | None, limit: int
) -> Sequence[Row]:
    """Return a page of what a principal and their enterprises have granted, newest first."""
    return await db.fetch_all(
        f"{_MANDATES} WHERE {_GRANTED} AND m.id < $3 ORDER BY m.id DESC LIMIT $4",
        citizen_id,
        enterprise_ids,
        after or _LAST_ID,
        limit,
    )


async def list_held(citizen_id: uuid.UUID, agent_hash: str, after: uuid.UUID | None, limit: int) -> Sequence[Row]:
    """Return a page of what an agent holds or is offered, newest first."""
    return await db.fetch_all(
        f"{_MANDATES} WHERE {_HELD} AND m.id < $3 ORDER BY m.id DESC LIMIT $4",
        citizen_id,
        agent_hash,
        after or _LAST_ID,
        limit,
    )


async def list_usable(
    agent_id: uuid.UUID, principal_citizen_id: uuid.UUID | None, enterprise_id: uuid.UUID | None, today: date
) -> Sequence[Row]:
    """Return the mandates that an agent has taken up from a principal and that have not run out, newest first."""
    return await db.fetch_all(
        f"""{_MANDATES} WHERE m.agent_id = $1 AND m.accepted_at IS NOT NULL AND m.revoked_at IS NULL
            AND m.until_on >= $4 AND (m.principal_enterprise_id = $3 OR ($3::uuid IS NULL
            AND m.principal_citizen_id = $2)) ORDER BY m.id DESC""",
        agent_id,
        principal_citizen_id,
        enterprise_id,
        today,
    )


async def list_all_usable(agent_id: uuid.UUID, today: date) -> Sequence[Row]:
    """Return every mandate that an agent has taken up and that has not run out."""
    return await db.fetch_all(
        f"""{_MANDATES} WHERE m.agent_id = $1 AND m.accepted_at IS NOT NULL AND m.revoked_at IS NULL
            AND m.until_on >= $2 ORDER BY m.id DESC""",
        agent_id,
        today,
    )


async def accept(row: Row, agent_id: uuid.UUID, at: datetime) -> bool:
    """Take an offer up, unless it has been answered or taken back meanwhile."""
    return await _answer(row, "accepted_at", agent_id, at, "mandate.accepted")


async def decline(row: Row, agent_id: uuid.UUID, at: datetime) -> bool:
    """Decline an offer, unless it has been answered or taken back meanwhile."""
    return await _answer(row, "declined_at", agent_id, at, "mandate.declined")


async def _answer(row: Row, column: str, agent_id: uuid.UUID, at: datetime, event: str) -> bool:
    async with db.transaction() as tx:
        done = await tx.execute(
            f"""UPDATE mandate SET {column} = $2, agent_id = $3 WHERE id = $1 AND accepted_at IS NULL
                AND declined_at IS NULL AND revoked_at IS NULL""",
            row["id"],
            at,
            agent_id,
        )
        if done:
            tx.emit(_event(event, row["mandate_no"], row["granted_by"], at))
        return bool(done)


async def revoke(row: Row, at: datetime, told: uuid.UUID | None) -> bool:
    """End a mandate at once, unless it has ended already; `told` is the other side."""
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE mandate SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL AND declined_at IS NULL",
            row["id"],
            at,
        )
        if done:
            tx.emit(_event("mandate.revoked", row["mandate_no"], told, at))
        return bool(done)


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move mandates to the surviving citizen, on either side. Idempotent."""
    await db.execute(
        """UPDATE mandate SET granted_by = CASE granted_by WHEN $1 THEN $2 ELSE granted_by END,
               principal_citizen_id = CASE principal_citizen_id WHEN $1 THEN $2 ELSE principal_citizen_id END,
               agent_id = CASE agent_id WHEN $1 THEN $2 ELSE agent_id END
           WHERE principal_citizen_id = $1 OR agent_id = $1 OR granted_by = $1""",
        from_citizen_id,
        into_citizen_id,
    )


def _event(name: str, mandate_no: str, told: uuid.UUID | None, at: datetime, **facts: str) -> DomainEvent:
    return DomainEvent(
        name=name, subject_no=mandate_no, citizen_id=told.hex if told else "", occurred_at=at, facts=dict(facts)
    )
