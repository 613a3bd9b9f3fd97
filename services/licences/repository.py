"""Writes of licences and their versions; reading_repository.py has the reads, presentation_repository.py the shows."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from app import db
from app.db import Row, Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.licences import remaking_repository
from services.licences.kinds import Kind
from services.licences.states import LIVE, Change, Course, LicenceStatus, issued_as, may_follow
from services.licences.types import NewLicence, Sealed

COLUMNS = """id, created_at, licence_no, identifier, type_code, type_name, serial, version, status, citizen_id,
    holder_cipher, holder_shown, subject_no, issuer_code, issuer_name, enterprise_id, content_cipher, supersedes_id,
    superseded_at, issued_on, expires_on, storage_key, sha256, seal_no, sealed_at, seal_evidence, reminded_on"""
_HOUSE = "系统"
_SAME_HOLDER = "COALESCE(enterprise_id, citizen_id) = $2"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A new licence, its holder and content ready to be stored."""

    new: NewLicence
    kind: Kind
    expires_on: date | None
    holder_cipher: bytes = field(repr=False)
    holder_shown: str
    content_cipher: bytes = field(repr=False)
    licence_no: str
    serial: str
    at: datetime

    @property
    def holder_id(self) -> uuid.UUID:
        """Return whose it is: the enterprise's, else the person's."""
        return self.new.enterprise_id or self.new.citizen_id


@dataclass(frozen=True, slots=True)
class Place:
    """Where a licence stands in its chain of versions."""

    serial: str
    version: int
    supersedes_id: uuid.UUID | None


Identify = Callable[[str, str, str, int], str]
"""Makes the number of a version out of type, issuer, serial and version; handed in, for that is no query."""


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A change of status, its history and the event that tells of it, where one does."""

    row: Row
    change: Change | Course
    to_status: LicenceStatus
    reason: str
    actor: str
    at: datetime
    event: DomainEvent | None


async def reserve(prepared: Prepared, identify: Identify) -> Row:
    """Give a case its licence number, once, as the next version of what it continues; return the row, also an earlier
    one. One that was voided is followed by another. Idempotent: yes, by case and type."""
    new = prepared.new
    async with db.transaction() as tx:
        await _lock(tx, new.type_code, prepared.holder_id)
        found = await tx.fetch_row(
            f"SELECT {COLUMNS} FROM licence WHERE subject_no = $1 AND type_code = $2 ORDER BY version DESC LIMIT 1",
            new.subject_no,
            new.type_code,
        )
        if found is None or await remaking_repository.find_voided(tx, found):
            place = await _place(tx, prepared, found)
            identifier = identify(new.type_code, new.issuer_code, place.serial, place.version)
            found = await _insert(tx, prepared, place, identifier)
        return found


async def _lock(tx: Transaction, type_code: str, holder_id: uuid.UUID) -> None:
    """Let one at a time change the chains of a holder: two cases may end in the same moment."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"licence:{type_code}:{holder_id.hex}")


async def _place(tx: Transaction, prepared: Prepared, voided: Row | None) -> Place:
    new = prepared.new
    if voided is not None:
        last = await _last_of(tx, new.type_code, voided["serial"])
        return Place(voided["serial"], last["version"] + 1, voided["id"])
    if prepared.kind.one_per_holder:
        earlier = await tx.fetch_row(
            f"SELECT id, serial, status FROM licence WHERE type_code = $1 AND {_SAME_HOLDER} ORDER BY id DESC LIMIT 1",
            new.type_code,
            prepared.holder_id,
        )
    else:
        earlier = await tx.fetch_row(
            f"SELECT id, serial, status FROM licence WHERE type_code = $1 AND {_SAME_HOLDER} AND licence_no = $3",
            new.type_code,
            prepared.holder_id,
            new.supersedes,
        )
    if earlier is None or not may_follow(LicenceStatus(earlier["status"])):
        return Place(prepared.serial, 1, None)
    last = await _last_of(tx, new.type_code, earlier["serial"])
    return Place(earlier["serial"], last["version"] + 1, last["id"])


async def _last_of(tx: Transaction, type_code: str, serial: str) -> Row:
    last = await tx.fetch_row(
        "SELECT id, version FROM licence WHERE type_code = $1 AND serial = $2 ORDER BY version DESC LIMIT 1",
        type_code,
        serial,
    )
    assert last is not None, "somebody has a licence of this chain"
    return last


async def _insert(tx: Transaction, prepared: Prepared, place: Place, identifier: str) -> Row:
    new = prepared.new
    row = await tx.fetch_row(
        f"""INSERT INTO licence (id, created_at, licence_no, identifier, type_code, type_name, serial, version, status,
               citizen_id, holder_cipher, holder_shown, subject_no, issuer_code, issuer_name, enterprise_id,
               content_cipher, supersedes_id, issued_on, expires_on, storage_key, sha256)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'PREPARING', $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
               '', '')
           RETURNING {COLUMNS}""",
        new_id(),
        prepared.at,
        prepared.licence_no,
        identifier,
        new.type_code,
        new.type_name,
        place.serial,
        place.version,
        new.citizen_id,
        prepared.holder_cipher,
        prepared.holder_shown,
        new.subject_no,
        new.issuer_code,
        new.issuer_name,
        new.enterprise_id,
        prepared.content_cipher,
        place.supersedes_id,
        new.issued_on,
        prepared.expires_on,
    )
    assert row is not None
    return row


async def finish(row: Row, kind: Kind, sealed: Sealed | None, stored: tuple[str, str], event: DomainEvent) -> bool:
    """Make a prepared licence count and its predecessors end, in one transaction, and tell, once.

    Args:
        stored: key and SHA-256 of the document.

    Idempotent: yes, by its status.
    """
    at = event.occurred_at
    async with db.transaction() as tx:
        await _lock(tx, row["type_code"], row["enterprise_id"] or row["citizen_id"])
        waiting = await tx.fetch_row("SELECT 1 FROM licence WHERE id = $1 AND status = 'PREPARING'", row["id"])
        if waiting is None:
            return False
        newer = await tx.fetch_row(
            "SELECT 1 FROM licence WHERE type_code = $1 AND serial = $2 AND version > $3 AND status <> 'PREPARING'",
            row["type_code"],
            row["serial"],
            row["version"],
        )
        earlier = [] if newer else await _live_before(tx, row, kind)
        suspended = any(one["status"] == LicenceStatus.SUSPENDED for one in earlier)
        suspended = suspended or await remaking_repository.was_suspended(tx, row["supersedes_id"])
        status = issued_as(LicenceStatus.SUSPENDED if suspended else None, newer is not None)
        if newer is None:
            await _supersede(tx, row, earlier, at)
        await tx.execute(
            """UPDATE licence SET status = $2, storage_key = $3, sha256 = $4, seal_no = $5, sealed_at = $6,
                   seal_evidence = $7, superseded_at = $8
               WHERE id = $1""",
            row["id"],
            status.value,
            *stored,
            sealed.seal_no if sealed else "",
            sealed.sealed_at if sealed else None,
            sealed.evidence if sealed else "",
            at if newer else None,
        )
        reason = "原证处于暂扣期间，新版本随之暂扣" if suspended else ""
        await _note(tx, row["id"], Course.ISSUE, LicenceStatus.PREPARING, status, reason, _HOUSE, at)
        tx.emit(event)
        return True


async def _live_before(tx: Transaction, row: Row, kind: Kind) -> Sequence[Row]:
    """Return what the new version takes the place of: live ones of its chain, of a single licence all of its holder."""
    return await tx.fetch_all(
        f"""SELECT id, status FROM licence
            WHERE type_code = $1 AND {_SAME_HOLDER} AND id <> $3 AND status = ANY($4) AND (serial = $5 OR $6)
            FOR UPDATE""",
        row["type_code"],
        row["enterprise_id"] or row["citizen_id"],
        row["id"],
        [status.value for status in LIVE],
        row["serial"],
        kind.one_per_holder,
    )


async def _supersede(tx: Transaction, row: Row, earlier: Sequence[Row], at: datetime) -> None:
    for one in earlier:
        await tx.execute("UPDATE licence SET status = 'CANCELLED', superseded_at = $2 WHERE id = $1", one["id"], at)
        from_status, reason = LicenceStatus(one["status"]), f"已换发新版本 {row['licence_no']}"
        await _note(tx, one["id"], Course.SUPERSEDE, from_status, LicenceStatus.CANCELLED, reason, _HOUSE, at)
    await tx.execute(
        "UPDATE licence SET superseded_at = $2 WHERE id = $1 AND superseded_at IS NULL"
        " AND status IN ('EXPIRED', 'CANCELLED')",
        row["supersedes_id"],
        at,
    )


async def change_status(change: StatusChange) -> bool:
    """Move a licence from the status it was seen in to another, with its history and event; False where somebody was
    faster."""
    row = change.row
    async with db.transaction() as tx:
        done = await tx.execute(
            "UPDATE licence SET status = $3 WHERE id = $1 AND status = $2",
            row["id"],
            row["status"],
            change.to_status.value,
        )
        if done:
            from_status = LicenceStatus(row["status"])
            await _note(
                tx, row["id"], change.change, from_status, change.to_status, change.reason, change.actor, change.at
            )
            if change.event is not None:
                tx.emit(change.event)
        return bool(done)


async def _note(
    tx: Transaction,
    licence_id: uuid.UUID,
    change: Change | Course,
    from_status: LicenceStatus,
    to_status: LicenceStatus,
    reason: str,
    actor: str,
    at: datetime,
) -> None:
    await tx.execute(
        """INSERT INTO licence_change (id, created_at, licence_id, change, from_status, to_status, reason, actor)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        new_id(),
        at,
        licence_id,
        change.value,
        from_status.value,
        to_status.value,
        reason,
        actor,
    )


async def take_over(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Move licences and codes to the surviving citizen. Idempotent."""
    async with db.transaction() as tx:
        for table in ("licence", "presentation"):
            await tx.execute(
                f"UPDATE {table} SET citizen_id = $2 WHERE citizen_id = $1", from_citizen_id, into_citizen_id
            )
