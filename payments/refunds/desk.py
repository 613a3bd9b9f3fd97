"""What staff do with refunds: ask for one, decide as the second person, try again, settle, look. `payments.refunds`.

Handlers call it with a person whose role they have checked. It calls no provider: jobs do.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.clock import now
from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, NotFound, StaleVersion
from payments.ports import Audit
from payments.records import RefundRecord
from payments.refunds import desk_repository, repository, views
from payments.states import MOST_REFUNDS
from payments.types import AuditedAct, StaffPerson, StaffRefundView, StaffScope

MOST_LETTERS = 80
MOST_NOTE_LETTERS = 200
_CLOSED_SHOWN_FOR = timedelta(days=14)
_WORK_LENGTH = 100


class RefundDesk:
    """Use cases of staff about refunds. Out of scope is not found; every act stands in the audit trail.

    Args:
        audit: the audit trail.
        approval_fen: the sum of refunds of one payment from which on a second person must approve.
    """

    def __init__(self, audit: Audit, approval_fen: int) -> None:
        self._audit, self._approval_fen = audit, approval_fen

    async def request(
        self,
        staff: StaffPerson,
        out_trade_no: str,
        amount_fen: int,
        reason: str,
        *,
        seen_count: int | None = None,
        request_key: str = "",
    ) -> StaffRefundView:
        """Ask for (a part of) a paid bill's money to go back; it is pushed by a job, or waits for a second person.

        Args:
            seen_count: how many refunds of the payment the caller has seen; a form that is sent twice asks once.
            request_key: the caller's own name of this request; one that comes again asks once, also when the process
                that took it died before it could answer.

        Raises: NotFound, InvalidRequest, Conflict (`not_refundable`: no bill is paid by this order;
        `refund_exceeds`: more than is left; `refund_too_many`), StaleVersion.
        """
        _require_text("reason", reason, MOST_LETTERS, "请填写退款原因")
        if amount_fen <= 0:
            raise InvalidRequest(faults=(FieldFault("amount_fen", "退款金额应大于零"),))
        if not await desk_repository.is_in_scope(staff.scope, out_trade_no):
            raise NotFound("未找到该支付单")
        number = _number_of(staff, out_trade_no, amount_fen, reason, request_key)
        if request_key and (asked := await desk_repository.find_shown(staff.scope, number)) is not None:
            return views.staff_refund(asked)
        act = _act(staff, "requested", number, out_trade_no=out_trade_no, amount_fen=amount_fen)
        try:
            written = await desk_repository.record_request(
                out_trade_no, amount_fen, reason.strip(), self._approval_fen, act, self._audit, seen_count
            )
        except desk_repository.TooMuch as error:
            raise Conflict("退款金额超过可退金额", code="refund_exceeds", left_fen=error.left_fen) from None
        except desk_repository.Stale:
            raise StaleVersion("该支付单已有新的退款申请，请刷新后核对") from None
        except desk_repository.TooMany:
            raise Conflict(f"该支付单退款次数已达上限（{MOST_REFUNDS}次）", code="refund_too_many") from None
        if written is None:
            raise Conflict("该支付单当前不能退款", code="not_refundable")
        return await self.refund(staff.scope, number)

    async def approve(self, staff: StaffPerson, out_refund_no: str, note: str = "") -> StaffRefundView:
        """Approve a waiting refund as the second person; it is pushed at once.

        Raises: NotFound, Forbidden `own_refund`, Conflict `refund_not_waiting`.
        """
        _require_short("note", note, MOST_NOTE_LETTERS)
        await self._require_second_person(staff, out_refund_no)
        act = _act(staff, "approved", out_refund_no)
        if not await desk_repository.record_approval(out_refund_no, note.strip(), act, self._audit):
            raise _not_waiting()
        return await self.refund(staff.scope, out_refund_no)

    async def refuse(self, staff: StaffPerson, out_refund_no: str, note: str) -> StaffRefundView:
        """Refuse a waiting refund as the second person, with a note; its sum is free again.

        Raises: NotFound, InvalidRequest, Forbidden `own_refund`, Conflict `refund_not_waiting`.
        """
        _require_text("note", note, MOST_NOTE_LETTERS, "请写明不同意的理由")
        await self._require_second_person(staff, out_refund_no)
        refund = await self._found(staff, out_refund_no)
        if not await desk_repository.record_refusal(
            refund, note.strip(), _act(staff, "refused", out_refund_no), self._audit
        ):
            raise _not_waiting()
        return await self.refund(staff.scope, out_refund_no)

    async def retry(self, staff: StaffPerson, out_refund_no: str) -> StaffRefundView:
        """Have an abnormal refund asked about and tried again, under the same number; what the provider has closed
        gets a new number, and that refund is returned.

        Raises: NotFound, Conflict `refund_not_abnormal`.
        """
        refund = await self._found(staff, out_refund_no)
        act = _act(staff, "retried", out_refund_no)
        if views.is_given_up(refund.cause, refund.status, refund.provider_status):
            number = await desk_repository.record_renewal(refund, act, self._audit)
        else:
            number = out_refund_no if await desk_repository.record_retry(refund, act, self._audit) else None
        if number is None:
            raise _not_abnormal()
        return await self.refund(staff.scope, number)

    async def settle(self, staff: StaffPerson, out_refund_no: str, note: str) -> StaffRefundView:
        """Count an abnormal refund as paid back in another way (transfer, cash), with a note that says which.

        Raises: NotFound, InvalidRequest, Conflict `refund_not_abnormal`.
        """
        _require_text("note", note, MOST_NOTE_LETTERS, "请写明退款方式和凭证号")
        refund = await self._found(staff, out_refund_no)
        if not await desk_repository.record_settlement(
            refund, note.strip(), _act(staff, "settled", out_refund_no, amount_fen=refund.amount_fen), self._audit
        ):
            raise _not_abnormal()
        return await self.refund(staff.scope, out_refund_no)

    async def refund(self, scope: StaffScope, out_refund_no: str) -> StaffRefundView:
        """Return a refund. Raises: NotFound, also outside the scope."""
        row = await desk_repository.find_shown(scope, out_refund_no)
        if row is None:
            raise NotFound("未找到该退款")
        return views.staff_refund(row)

    async def refunds(
        self,
        scope: StaffScope,
        *,
        status: str = "",
        needs_approval: bool | None = None,
        after: uuid.UUID | None = None,
        limit: int = 20,
    ) -> tuple[list[StaffRefundView], uuid.UUID | None]:
        """Return a page of refunds within a scope, newest first, and where the next page begins."""
        rows = await desk_repository.list_shown(scope, status, needs_approval, after, limit + 1)
        page = rows[:limit]
        return [views.staff_refund(row) for row in page], page[-1]["id"] if len(rows) > limit else None

    async def work(self, scope: StaffScope) -> list[StaffRefundView]:
        """Return what a person must look at, oldest first: waiting, abnormal, and lately closed by the provider."""
        rows = await desk_repository.list_for_staff(scope, now() - _CLOSED_SHOWN_FOR, _WORK_LENGTH)
        return [views.staff_refund(row) for row in rows]

    async def _require_second_person(self, staff: StaffPerson, out_refund_no: str) -> None:
        shown = await self.refund(staff.scope, out_refund_no)
        if not shown.needs_approval:
            raise _not_waiting()
        if shown.requested_by == staff.username:
            raise Forbidden("须由申请人以外的人员审核", code="own_refund")

    async def _found(self, staff: StaffPerson, out_refund_no: str) -> RefundRecord:
        await self.refund(staff.scope, out_refund_no)
        found = await repository.find_refund(out_refund_no)
        if found is None:
            raise NotFound("未找到该退款")
        return found


def _number_of(staff: StaffPerson, out_trade_no: str, amount_fen: int, reason: str, request_key: str) -> str:
    if not request_key:
        return repository.new_refund_no()
    return repository.refund_no_of(staff.username, request_key, out_trade_no, str(amount_fen), reason)


def _act(staff: StaffPerson, verb: str, out_refund_no: str, **details: Any) -> AuditedAct:
    kept: Mapping[str, Any] = details
    return AuditedAct(staff.username, f"refund.{verb}", "refund", out_refund_no, kept, staff.address)


def _require_text(field: str, text: str, most: int, sentence: str) -> None:
    if not text.strip():
        raise InvalidRequest(faults=(FieldFault(field, sentence),))
    _require_short(field, text, most)


def _require_short(field: str, text: str, most: int) -> None:
    if len(text.strip()) > most:
        raise InvalidRequest(faults=(FieldFault(field, f"不能超过{most}字，现有{len(text.strip())}字"),))


def _not_waiting() -> Conflict:
    return Conflict("该退款不在待审核状态，请刷新后再看", code="refund_not_waiting")


def _not_abnormal() -> Conflict:
    return Conflict("该退款不在异常状态，请刷新后再看", code="refund_not_abnormal")
