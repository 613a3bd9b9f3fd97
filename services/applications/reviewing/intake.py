"""Taking a case in (收件与受理): pre-check, receipt, the one correction notice, acceptance or refusal to accept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest
from services.applications.documents import letters
from services.applications.documents import repository as documents
from services.applications.documents.types import DocumentKind
from services.applications.dues import accepted_columns, receipt_due
from services.applications.moves import material_codes
from services.applications.paper.completeness import complete_since
from services.applications.paper.originals import require_arrived
from services.applications.reviewing import points as notices
from services.applications.reviewing.acting import CaseActs
from services.applications.reviewing.types import CORRECTION_DAYS, CorrectionPoint
from services.applications.states import Act, next_edge
from services.applications.types import CaseSummary
from services.staff.types import StaffCaller

_APPEAL = "如有异议，可依法申请行政复议或提起行政诉讼"


class Intake(CaseActs):
    """Use cases up to acceptance. All raise: NotFound, Forbidden, InvalidTransition, StaleVersion."""

    async def receive(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Pass the pre-check (预审通过) and confirm the receipt in writing; the five days run on."""
        row = await self._for(staff, application_no, Act.RECEIVE, version)
        item = await self._item(row)
        codes = material_codes(row)
        names = [material.name for material in item.record.materials if material.code in codes]
        told = "您的申请已通过预审并收件，收件凭证可在“文书”中查看"
        return await self._move(staff, row, Act.RECEIVE, address, told=told, document=letters.received(names))

    async def return_to_citizen(
        self, staff: StaffCaller, application_no: str, reason: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Send a case back in the pre-check (预审退回), to be mended and handed in again.

        Raises: Conflict `notice_too_late`, `correction_already_given` once a correction notice has listed everything.
        """
        row = await self._for(staff, application_no, Act.RETURN, version)
        next_edge(row["status"], Act.RETURN)
        await self._require_in_time(row)
        if row["corrections"]:
            raise Conflict("已一次性告知补正，不能再预审退回", code="correction_already_given")
        due_at = clock.now() + timedelta(days=CORRECTION_DAYS)
        until = clock.beijing_date(due_at)
        return await self._move(
            staff,
            row,
            Act.RETURN,
            address,
            told=f"预审退回：{reason}。请于{until.isoformat()}前修改后重新提交",
            facts={"reason": reason, "until": until.isoformat()},
            sets={"reason": reason, "correction_due_at": due_at},
            document=letters.returned(reason, until),
        )

    async def request_correction(
        self,
        staff: StaffCaller,
        application_no: str,
        reason: str,
        address: str,
        *,
        points: Sequence[CorrectionPoint] = (),
        version: int | None = None,
    ) -> CaseSummary:
        """Send a case back once, listing everything that is missing (一次性告知补正).

        Args:
            reason: one point about the whole case, beside or instead of `points`.
        Raises: InvalidRequest, Conflict `notice_too_late` after five working days, when the case counts as accepted,
        `correction_already_given` for points that the first notice should have held.
        """
        row = await self._for(staff, application_no, Act.REQUEST_CORRECTION, version)
        next_edge(row["status"], Act.REQUEST_CORRECTION)
        general = (CorrectionPoint(text=reason),) if reason.strip() else ()
        if not general and not points:
            raise InvalidRequest(faults=(FieldFault("points", "请写明需要补正的全部内容"),))
        listed = notices.named(await self._item(row), (*points, *general))
        await self._require_in_time(row)
        seen = self._vault.digests(row)
        if row["corrections"]:
            await self._require_first_or_new(row, listed, seen)
        due_at = clock.now() + timedelta(days=CORRECTION_DAYS)
        until, told = clock.beijing_date(due_at), notices.as_reason(listed)
        plain = [msgspec.to_builtins(point) for point in listed]
        return await self._move(
            staff,
            row,
            Act.REQUEST_CORRECTION,
            address,
            told=f"请于{until.isoformat()}前补正：{told}",
            facts={"reason": told, "points": plain, "until": until.isoformat()},
            sets={
                "reason": told,
                "correction_due_at": due_at,
                "corrections": row["corrections"] + 1,
                "correction_points": msgspec.json.encode(plain).decode(),
            },
            document=letters.correction(plain, until, seen),
        )

    async def accept(
        self, staff: StaffCaller, application_no: str, address: str, *, version: int | None = None
    ) -> CaseSummary:
        """Accept a case (受理): its time runs from today, after five working days of silence from its receipt."""
        row = await self._for(staff, application_no, Act.ACCEPT, version)
        return await self._move(staff, row, Act.ACCEPT, address, **await self.acceptance(row))

    async def acceptance(self, row: Row) -> dict[str, Any]:
        """Plan an acceptance: words, facts, due dates and the notice; for whoever makes the move.

        One that comes too late is as of the receipt, as the law has it.
        Raises: Conflict `originals_awaited` while originals are under way to the window.
        """
        await require_arrived(self._parts.delivery, row["application_no"])
        record, late_since = (await self._item(row)).record, await self._late_since(row)
        accepted_at = self._calendar.received_at(late_since) if late_since else clock.now()
        columns, due = accepted_columns(self._calendar, record, accepted_at)
        later = "（日期待国家公布放假安排后确认）" if due.provisional else ""
        return {
            "told": f"您的办件已受理，承诺于{due.on.isoformat()}前办结{later}",
            "facts": {"promised_on": due.on.isoformat(), "fee_fen": row["fee_fen"]},
            "sets": columns,
            "document": letters.accepted(due, columns["legal_due_on"], by_silence=late_since is not None),
        }

    async def not_accept(
        self,
        staff: StaffCaller,
        application_no: str,
        reason: str,
        address: str,
        *,
        right_body: str = "",
        remedy: str = "",
        version: int | None = None,
    ) -> CaseSummary:
        """Refuse to take a case, with the reason in writing (不予受理).

        Args:
            right_body: whom to turn to where the matter is not this body's power.
            remedy: the way to appeal; empty for the one that the law gives against any such decision.
        Raises: Conflict `notice_too_late` after five working days, when the case counts as accepted.
        """
        row = await self._for(staff, application_no, Act.NOT_ACCEPT, version)
        next_edge(row["status"], Act.NOT_ACCEPT)
        await self._require_in_time(row)
        item = await self._item(row)
        turn_to = f"您可以向{right_body}提出申请。" if right_body else ""
        return await self._move(
            staff,
            row,
            Act.NOT_ACCEPT,
            address,
            told=f"不予受理：{reason}。{turn_to}{_APPEAL}",
            facts={"reason": reason, "right_body": right_body},
            sets={"reason": reason, "closed_at": clock.now()},
            document=letters.not_accepted(item.record, reason, right_body, remedy),
        )

    async def _late_since(self, row: Row) -> datetime | None:
        """Return since when a case lies here that nobody answered in time; None while there is time."""
        since = await complete_since(self._parts.delivery, self._calendar, row)
        is_late = since is not None and clock.beijing_date() > receipt_due(self._calendar, since).on
        return since if is_late else None

    async def _require_in_time(self, row: Row) -> None:
        if await self._late_since(row) is not None:
            raise Conflict("已超过5个工作日，逾期未告知视为受理，请直接受理", code="notice_too_late")

    @staticmethod
    async def _require_first_or_new(row: Row, listed: Sequence[Any], seen: dict[str, str]) -> None:
        earlier = await documents.latest(row["id"], DocumentKind.CORRECTION)
        facts = msgspec.json.decode(earlier["facts"]) if earlier else {}
        changed = notices.changed_since(facts.get("seen", {}), seen)
        notices.require_first_or_new(listed, facts.get("points", []), changed)
