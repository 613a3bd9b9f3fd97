"""Repairs of differences: each asks somebody outside or writes a refund, and books what is certain like a callback.

Run as jobs after a run's commit, at its own or at a cashier's wish. A difference that stays is left to staff with
what was tried; a provider that is away brings the job back.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from app.db import Row
from app.errors import NotFound, ProviderProtocolError, ProviderRejected
from payments import repository as payment_repository
from payments.asking import Asking
from payments.fiscal.records import CONFIRM_BILL
from payments.neutral import RefundOrder, Standing
from payments.ports import ChannelTable
from payments.receiving import Receiving
from payments.reconciliation import discrepancy_repository as repository
from payments.reconciliation.kinds import KINDS, Kind, Repair
from payments.refunds.repository import find_refund
from payments.states import PaymentStatus, RefundMove, RefundStatus

_CONFIRMATION_LADDER_SECONDS = (5, 30, 60, 300, 600, 1800, 3600)
"""When the repair looks whether the fiscal platform has confirmed; after the last rung staff do."""
log = structlog.get_logger()
Repairer = Callable[[Row, int], Awaitable[None]]


class Repairs:
    """Repairs one open difference at a time."""

    def __init__(self, channels: ChannelTable, asking: Asking, receiving: Receiving) -> None:
        self._channels = channels
        self._asking = asking
        self._receiving = receiving
        self._repairers: Mapping[Repair, Repairer] = {
            Repair.ASK_ORDER: self._ask_order,
            Repair.ASK_REFUND: self._ask_refund,
            Repair.REFUND_EXTRA: self._refund_extra,
            Repair.CONFIRM_BILL: self._confirm_bill,
        }

    async def repair(self, payload: dict[str, Any]) -> None:
        """Try the repair of a difference's kind. Raises ProviderUnavailable (the job comes again).

        Idempotent: yes, by the difference's status and by what the repair itself calls.
        """
        row = await repository.find_open(uuid.UUID(payload["discrepancy_id"]))
        if row is None:
            return
        repairer = self._repairers.get(KINDS[Kind(row["kind"])].repair)
        if repairer is None:
            return
        try:
            await repairer(row, payload.get("tries", 0))
        except (ProviderRejected, ProviderProtocolError, NotFound) as error:
            if isinstance(error, ProviderRejected) and error.retryable:
                raise
            log.warning("repair_refused", kind=row["kind"], reference_no=row["reference_no"], code=error.stable_code)
            await self._left(row, f"未能自动处理：{error.detail}（{error.stable_code}）")

    async def _ask_order(self, row: Row, tries: int) -> None:
        record = await payment_repository.find_payment(row["reference_no"])
        if record is None:
            await self._left(row, "本地没有该订单")
            return
        standing = await self._asking.ask(record)
        booked = await payment_repository.find_payment(row["reference_no"])
        if standing is Standing.PAID and booked is not None and booked.status == PaymentStatus.SUCCEEDED:
            await self._done(row, "渠道查询确认已收款，已入账")
        else:
            await self._left(row, f"渠道查询结果：{standing}")

    async def _ask_refund(self, row: Row, tries: int) -> None:
        refund = await find_refund(row["reference_no"])
        if refund is None:
            await self._left(row, "本地没有该退款单")
            return
        channel = self._channels.of_account(refund.payment.account_code)
        event = await channel.query_refund(
            RefundOrder(
                out_refund_no=refund.out_refund_no,
                amount_fen=refund.amount_fen,
                reason=refund.reason,
                order=refund.payment.order,
            )
        )
        if event is None:
            await self._left(row, "渠道查询不到该退款")
            return
        outcome = await self._receiving.apply_refund(event)
        booked = await find_refund(row["reference_no"])
        succeeded = booked is not None and booked.status == RefundStatus.SUCCEEDED
        if event.move == RefundMove.SUCCEED and succeeded and outcome != "quarantined":
            await self._done(row, "渠道查询确认已退款，已记账")
        else:
            await self._left(row, f"渠道查询结果：{event.provider_status}")

    async def _refund_extra(self, row: Row, tries: int) -> None:
        number = await repository.refund_extra(row["reference_no"])
        await self._done(row, f"已发起退款 {number}" if number else "该笔款项已在退款或已不需退款")

    async def _confirm_bill(self, row: Row, tries: int) -> None:
        if await repository.is_confirmed(row["bill_no"]) and not _was_confirmed(row):
            await self._done(row, "财政平台已确认")
        elif tries >= len(_CONFIRMATION_LADDER_SECONDS) or _was_confirmed(row):
            await self._left(row, "已重新提交，财政平台仍未确认")
        else:
            await self._left(row, "已重新向财政平台提交确认")
            payload = {"discrepancy_id": row["id"].hex, "tries": tries + 1}
            seconds = _CONFIRMATION_LADDER_SECONDS[tries]
            await repository.request_confirmation(CONFIRM_BILL, row["bill_no"], seconds, payload)

    async def _done(self, row: Row, note: str) -> None:
        await repository.record_repaired(row["id"], KINDS[Kind(row["kind"])].repair, note)

    async def _left(self, row: Row, note: str) -> None:
        await repository.record_tried(row["id"], KINDS[Kind(row["kind"])].repair, note)


def _was_confirmed(row: Row) -> bool:
    """Tell whether our bill was confirmed already when the platform's list did not hold it: only a person can tell."""
    return '"confirmed_at": null' not in row["details"]
