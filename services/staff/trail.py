"""The audit trail for those who look at it: lists with filters, and the check of the whole chain in the background.

Called by handlers through the staff service; `check` is a job that goes on from where its last run came to.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from app import clock, db
from app.db import Row
from app.errors import Conflict, NotFound
from services.staff import trail_repository as repository
from services.staff.audit import AuditTrail, Place
from services.staff.types import (
    Act,
    AuditCheckView,
    AuditFilter,
    AuditPage,
    AuditRow,
    Role,
    StaffCaller,
)

_READERS = (Role.AUDITOR, Role.ADMINISTRATOR)
_PAGE = 1_000
_PAGES_A_RUN = 20
_STALE = timedelta(minutes=15)
"""A check that shows no progress for so long may be started anew: its job is parked or lost."""


class Trail:
    """Use cases of auditors."""

    def __init__(self, audit: AuditTrail) -> None:
        self._audit = audit

    async def page(self, caller: StaffCaller, wanted: AuditFilter, before_seq: int | None, limit: int) -> AuditPage:
        """List acts, the newest first. Raises: Forbidden `role_required`."""
        caller.require_role(*_READERS)
        rows = await repository.list_entries(wanted, before_seq, limit + 1)
        shown = rows[:limit]
        following = str(shown[-1]["seq"]) if len(rows) > limit else None
        return AuditPage(data=[_entry(row) for row in shown], next_cursor=following)

    async def show(self, caller: StaffCaller, seq: int) -> AuditRow:
        """Show one act. Raises: Forbidden `role_required`, NotFound."""
        caller.require_role(*_READERS)
        row = await repository.find_entry(seq)
        if row is None:
            raise NotFound("没有这条审计记录")
        return _entry(row)

    async def checked(self, caller: StaffCaller) -> AuditCheckView:
        """Show how far the check came. Raises: Forbidden `role_required`."""
        caller.require_role(*_READERS)
        newest, row = await repository.head(), await repository.find_check()
        found: dict[str, Any] = dict(row) if row is not None else _NEVER
        return AuditCheckView(
            status=found["status"],
            checked_seq=found["seq"],
            head_seq=found["head_seq"],
            newest_seq=newest["seq"],
            broken_at_seq=found["broken_at_seq"],
            reason=found["reason"],
            started_by=found["started_by"],
            started_at=clock.rfc3339_or_none(found["started_at"]),
            checked_at=clock.rfc3339_or_none(found["checked_at"]),
        )

    async def start_check(self, caller: StaffCaller, address: str, *, from_start: bool) -> AuditCheckView:
        """Have the chain checked in the background, all of it or what has come since the last check.

        Raises: Forbidden `role_required`, Conflict `check_running`.
        """
        caller.require_role(*_READERS)
        head, now = await repository.head(), clock.now()
        async with db.transaction() as tx:
            begun = await repository.begin_check(
                tx, caller.username, now, from_start=from_start, head_seq=head["seq"], stale_before=now - _STALE
            )
            if not begun:
                raise Conflict("核验正在进行", code="check_running")
            details = {"from_start": from_start, "until_seq": head["seq"]}
            await self._audit.record(Act(caller.username, "audit.check_started", details=details, address=address), tx)
        return await self.checked(caller)

    async def check(self, _: Any = None) -> None:
        """Check the chain some pages further and leave the rest to the next run. Idempotent: yes, by the place."""
        row = await repository.find_check()
        if row is None or row["status"] != "RUNNING":
            return
        begun = place = Place(row["seq"], row["entry_hash"])
        reason = ""
        for _page in range(_PAGES_A_RUN):
            place, reason = await self._further(row, place)
            if reason or place.seq >= row["head_seq"]:
                break
        if reason or place.seq >= row["head_seq"]:
            await self._end(begun, place, reason or await _head_fault(place))
            return
        async with db.transaction() as tx:
            await repository.save_progress(tx, place.seq, place.entry_hash, clock.now(), read_seq=begun.seq)

    async def _further(self, row: Row, place: Place) -> tuple[Place, str]:
        """Check one page; it ends at the anchor where that lies ahead, whose hash must still be the same."""
        anchor = Place(row["anchor_seq"], row["anchor_hash"])
        until = anchor.seq if place.seq < anchor.seq <= row["head_seq"] else row["head_seq"]
        place, reason = await self._audit.verify_page(place, until, _PAGE)
        if not reason and anchor.seq and place.seq == anchor.seq and place.entry_hash != anchor.entry_hash:
            return Place(anchor.seq - 1, ""), "anchor_differs"
        if not reason and anchor.seq > row["head_seq"]:
            return Place(row["head_seq"], ""), "anchor_missing"
        return place, reason

    async def _end(self, begun: Place, place: Place, reason: str) -> None:
        broken_at = place.seq + 1 if reason else None
        await repository.end_check(
            place.seq, place.entry_hash, clock.now(), read_seq=begun.seq, broken_at_seq=broken_at, reason=reason
        )


async def _head_fault(place: Place) -> str:
    """Compare the last link with the head row, unless acts have been recorded meanwhile."""
    head = await repository.head()
    differs = head["seq"] < place.seq or (head["seq"] == place.seq and head["entry_hash"] != place.entry_hash)
    return "end_cut_off" if differs else ""


_NEVER: dict[str, Any] = {
    "status": "NONE", "seq": 0, "head_seq": 0, "broken_at_seq": None, "reason": "", "started_by": "",
    "started_at": None, "checked_at": None,
}  # fmt: skip


def _entry(row: Row) -> AuditRow:
    return AuditRow(
        seq=row["seq"],
        occurred_at=clock.rfc3339(row["occurred_at"]),
        actor=row["actor"],
        address=row["address"],
        action=row["action"],
        object_kind=row["object_kind"],
        object_no=row["object_no"],
        details=msgspec.json.decode(row["details"]),
    )
