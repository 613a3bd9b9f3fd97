"""Deciding a case (决定) and ending it: approval, denial, hand-over, termination, and corrections by administrators."""

from __future__ import annotations

from functools import partial
from typing import Any

from app import clock
from app.db import Row
from app.errors import Conflict
from services.applications import moves
from services.applications.documents import letters
from services.applications.materials.listing import require_settled
from services.applications.reviewing.acting import CaseActs
from services.applications.scope import case_in_scope
from services.applications.states import Act, Correction, Status, forced_edge, next_edge
from services.applications.types import CaseSummary
from services.applications.views import case_summary
from services.staff.types import Role, StaffCaller

_APPEAL = "如有异议，可依法申请行政复议或提起行政诉讼"


class Decisions(CaseActs):
    """Use cases that decide and end. All raise: NotFound, Forbidden, InvalidTransition, StaleVersion."""

    async def approve(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Grant a case (准予). Raises: Conflict `fee_unpaid` until its fee is paid."""
        row = await self._for(staff, application_no, Act.APPROVE, version)
        return await self._move(staff, row, Act.APPROVE, address, **await self.approval(row))

    async def approval(self, row: Row) -> dict[str, Any]:
        """Plan an approval: words, columns and the decision in writing; for whoever makes the move.

        Raises: Conflict `fee_unpaid`, `materials_awaited`, `licence_no_longer_valid`.
        """
        if row["fee_fen"] and row["fee_paid_at"] is None:
            raise Conflict("申请人尚未缴费，缴费后才能准予", code="fee_unpaid")
        item = await self._item(row)
        await require_settled(row, item, self._parts.licences)
        record = item.record
        return {
            "told": "您的申请已准予，正在制证和安排送达",
            "sets": {"decided_at": clock.now()},
            "document": letters.approved(record),
        }

    async def deny(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Refuse a case with reason and remedy (不予批准)."""
        row = await self._for(staff, application_no, Act.DENY, version)
        next_edge(row["status"], Act.DENY)
        record = (await self._item(row)).record
        return await self._move(
            staff,
            row,
            Act.DENY,
            address,
            told=f"不予批准：{reason}。{_APPEAL}",
            facts={"reason": reason},
            sets={"reason": reason, "decided_at": clock.now()},
            document=letters.denied(record, reason),
        )

    async def terminate(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """End a case that can not be decided any more, for a lawful reason (终止), as when the applicant is gone."""
        row = await self._for(staff, application_no, Act.TERMINATE, version)
        next_edge(row["status"], Act.TERMINATE)
        record = (await self._item(row)).record
        return await self._move(
            staff,
            row,
            Act.TERMINATE,
            address,
            told=f"办件终止：{reason}",
            facts={"reason": reason},
            sets={"reason": reason, "closed_at": clock.now()},
            pause_ends=row["status"] == Status.SUSPENDED,
            document=letters.terminated(record, reason),
        )

    async def hand_over(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Note that the applicant took the result at the window, which closes the case.

        Raises: Conflict `held_elsewhere` where the window does not have it.
        """
        row = await self._for(staff, application_no, Act.CLOSE, version)
        if row["status"] != Status.DELIVERING:
            raise Conflict("办件尚未进入送达环节", code="not_delivering")
        told, now = "办理结果已在窗口领取", clock.now()
        give = partial(
            self._parts.delivery.custody.give_by_hand, subject_no=application_no, reason=told, actor=staff.username
        )
        return await self._move(
            staff,
            row,
            Act.CLOSE,
            address,
            told=told,
            facts={"outcome": row["outcome"]},
            sets={"closed_at": now},
            document=letters.served(told, now),
            also=give,
        )

    async def force(
        self,
        staff: StaffCaller,
        application_no: str,
        correction: Correction,
        reason: str,
        address: str,
        *,
        version: int | None = None,
    ) -> CaseSummary:
        """Correct a case against its ordinary course; administrators only, named and audited apart."""
        staff.require_role(Role.ADMINISTRATOR)
        row = await case_in_scope(staff, application_no)
        moves.expect_version(row, version)
        edge = forced_edge(row["status"], row["outcome"], correction)
        now = clock.now()
        columns: dict[str, Any] = {"reason": reason, "closed_at": now if edge.to is Status.CLOSED else None}
        if edge.to is Status.SUBMITTED:
            columns["received_at"] = now
        ends = correction is Correction.TERMINATE
        move = moves.along(
            row,
            edge,
            self._actor(staff),
            told=reason,
            facts={"correction": correction.value, "reason": reason},
            sets=columns,
            at=now,
            pause_ends=row["status"] == Status.SUSPENDED,
            document=letters.terminated((await self._item(row)).record, reason) if ends else None,
        )
        act = self._act(staff, row, f"forced_{correction.value}", address, reason=reason)
        return case_summary(await moves.make(move, act=act, audit=self._parts.audit))
