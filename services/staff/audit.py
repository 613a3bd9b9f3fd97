"""The audit trail (审计): every act of staff as one link of a keyed hash chain; append-only, verified end to end.

Rooms call `record` inside the transaction of the act itself. Nobody but the checks reads the chain here.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from app import clock, db
from app.db import Row, Transaction
from services.staff.types import Act, AuditVerdict

_PURPOSE = b"sanjintong audit chain"
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """A link of the chain: its number and its hash; number 0 is before the first."""

    seq: int = 0
    entry_hash: str = ""


class AuditTrail:
    """Writes and checks the chain. The MAC is HMAC-SM3, so that nobody without the key can rewrite history.

    Args:
        key: secret of at least 32 bytes (the look-up hash key serves; the chain derives its own from it).
    """

    def __init__(self, key: bytes) -> None:
        self._key = _hmac_sm3(key, _PURPOSE)

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act, in the caller's transaction or one of its own.

        The head row is locked until that transaction ends, which puts the chain in order: record last.
        """
        if tx is None:
            async with db.transaction() as own:
                await self._append(own, act)
        else:
            await self._append(tx, act)

    async def verify(self, anchor: tuple[int, str] | None = None) -> AuditVerdict:
        """Recompute the whole chain.

        Args:
            anchor: a (seq, hash) noted earlier; it must still be in the chain. It shows when the end was cut off.
        """
        head = await db.fetch_row("SELECT seq, entry_hash FROM audit_head WHERE id = 1")
        head_seq, head_hash = (head["seq"], head["entry_hash"]) if head is not None else (0, "")
        seq, previous = 0, ""
        async for row in _entries(head_seq):
            if row["seq"] != seq + 1:
                return _broken(seq + 1, "missing_entry", head_seq, head_hash)
            expected = self._link(previous, row["seq"], row["occurred_at"], _act(row))
            if row["previous_hash"] != previous or not hmac.compare_digest(row["entry_hash"], expected):
                return _broken(row["seq"], "altered_entry", head_seq, head_hash)
            if anchor is not None and anchor[0] == row["seq"] and anchor[1] != expected:
                return _broken(row["seq"], "anchor_differs", head_seq, head_hash)
            seq, previous = row["seq"], expected
        if (seq, previous) != (head_seq, head_hash):
            return _broken(seq + 1, "end_cut_off", head_seq, head_hash)
        if anchor is not None and anchor[0] > seq:
            return _broken(seq + 1, "anchor_missing", head_seq, head_hash)
        return AuditVerdict(
            entries=seq, intact=True, broken_at_seq=None, reason="", head_seq=head_seq, head_hash=head_hash
        )

    async def verify_page(self, place: Place, until_seq: int, most: int) -> tuple[Place, str]:
        """Recompute the links after a place, `most` of them; return how far it came and what is wrong there, if so.

        The place before must have been found intact. A break is named as `verify` does; the place stays before it.
        """
        rows = await db.fetch_all(_SOME, place.seq, until_seq, most)
        for row in rows:
            if row["seq"] != place.seq + 1:
                return place, "missing_entry"
            expected = self._link(place.entry_hash, row["seq"], row["occurred_at"], _act(row))
            if row["previous_hash"] != place.entry_hash or not hmac.compare_digest(row["entry_hash"], expected):
                return place, "altered_entry"
            place = Place(row["seq"], expected)
        return place, "" if rows or place.seq >= until_seq else "end_cut_off"

    async def _append(self, tx: Transaction, act: Act) -> None:
        head = await tx.fetch_row("SELECT seq, entry_hash FROM audit_head WHERE id = 1 FOR UPDATE")
        if head is None:
            raise RuntimeError("audit_head has no row: the database is not migrated")
        seq, previous, now = head["seq"] + 1, head["entry_hash"], clock.now()
        link = self._link(previous, seq, now, act)
        await tx.execute(
            _APPEND,
            seq,
            now,
            act.actor,
            act.address,
            act.action,
            act.object_kind,
            act.object_no,
            _canonical(dict(act.details)).decode(),
            previous,
            link,
        )

    def _link(self, previous: str, seq: int, occurred_at: datetime, act: Act) -> str:
        content = (
            previous,
            seq,
            occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
            act.actor,
            act.address,
            act.action,
            act.object_kind,
            act.object_no,
            dict(act.details),
        )
        return _hmac_sm3(self._key, _canonical(content)).hex()


async def _entries(last_seq: int) -> AsyncIterator[Row]:
    """Read the chain in pages up to its present head; acts recorded meanwhile belong to the next check."""
    seen = 0
    while True:
        rows = await db.fetch_all(_SOME, seen, last_seq, _PAGE)
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        seen = rows[-1]["seq"]


def _act(row: Row) -> Act:
    details = msgspec.json.decode(row["details"])
    return Act(row["actor"], row["action"], row["object_kind"], row["object_no"], details, row["address"])


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _hmac_sm3(key: bytes, message: bytes) -> bytes:
    mac = HMAC(key, hashes.SM3())
    mac.update(message)
    return mac.finalize()


def _broken(seq: int, reason: str, head_seq: int, head_hash: str) -> AuditVerdict:
    return AuditVerdict(
        entries=seq - 1, intact=False, broken_at_seq=seq, reason=reason, head_seq=head_seq, head_hash=head_hash
    )


_SOME = "SELECT * FROM audit_entry WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3"

_APPEND = """
WITH head AS (UPDATE audit_head SET seq = $1, entry_hash = $10 WHERE id = 1)
INSERT INTO audit_entry (seq, occurred_at, actor, address, action, object_kind, object_no, details, previous_hash,
                         entry_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10)
"""
