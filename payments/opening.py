"""Opening a channel order for a bill in three beats: record the intent, call the provider, record the outcome.

Before a new order the fiscal platform is asked what is due; an order that is continued keeps its sum.
At most one order of a bill is open. The same channel again continues it; another channel first settles it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from app.clock import now, rfc3339
from app.errors import Conflict, NotFound, ProviderRejected, ProviderUnavailable
from app.ids import dated_no
from app.tokens import Caller
from payments import bill_repository, repository
from payments.accounts import choose
from payments.asking import Asking
from payments.fiscal.office import FiscalOffice
from payments.neutral import ChannelOrder, Standing
from payments.ports import ChannelTable, Payers
from payments.records import BillRecord, PaymentRecord
from payments.states import PAID_BILL, BillStatus, PaymentStatus, is_expired, order_expiry, prepay_is_fresh
from payments.types import OpenedPayment, Payer

_ROUNDS = 3
_CHANNEL_NAMES = {"WECHAT": "微信", "ALIPAY": "支付宝"}


class Opening:
    """Opens and continues channel orders."""

    def __init__(
        self,
        channels: ChannelTable,
        payers: Payers,
        asking: Asking,
        fiscal: FiscalOffice,
        *,
        expiry_seconds: int,
        first_question_seconds: int,
    ) -> None:
        self._channels = channels
        self._payers = payers
        self._asking = asking
        self._fiscal = fiscal
        self._expiry_seconds = expiry_seconds
        self._first_question_seconds = first_question_seconds

    async def create(
        self, caller: Caller, bill_no: str, channel: str, owner_id: uuid.UUID | None = None
    ) -> OpenedPayment:
        """Open or continue the order of a bill. See PaymentService.create."""
        payer: Payer | None = None
        for _ in range(_ROUNDS):
            bill = await _payable(owner_id or caller.citizen_id, bill_no)
            payer = payer or await self._payer(caller, channel)
            record = await repository.find_open_payment(bill.id)
            if record is None:
                opened = await self._open_new(bill, channel, payer)
            elif _continues(record, channel, payer):
                opened = await self._continue(record)
            else:
                await self._asking.settle(record)
                opened = None
            if opened is not None:
                return opened
        raise _in_progress()

    async def _payer(self, caller: Caller, channel: str) -> Payer:
        payer = await self._payers.payer(caller.citizen_id, caller.identity_id, channel)
        if payer is None:
            raise Conflict(f"请在{_CHANNEL_NAMES[channel]}小程序中完成支付", code="channel_unavailable")
        return payer

    async def _open_new(self, bill: BillRecord, channel: str, payer: Payer) -> OpenedPayment | None:
        """Ask what is due, write the intent, place the order; None when somebody else was first with this bill."""
        chosen = choose(await repository.list_accounts(channel), bill, payer.app_id)
        if chosen is None:
            raise Conflict("该缴款单暂不支持此支付方式", code="channel_unavailable")
        account_id, account = chosen
        due = await self._fiscal.payable(bill)
        if due is None:
            return None
        moment = now()
        draft = ChannelOrder(
            out_trade_no=dated_no("P", moment, 16),
            description=bill.title,
            amount_fen=due.amount_fen,
            app_id=payer.app_id,
            mch_id=account.mch_id,
            sub_mch_id=account.sub_mch_id,
            payer_subject=payer.subject,
            expires_at=order_expiry(moment, self._expiry_seconds, bill.due_at),
        )
        order = draft.with_request(self._channels.of_account(account.code).prepare(draft))
        ask_after = moment + timedelta(seconds=self._first_question_seconds)
        if not await repository.record_intent(bill.id, account_id, channel, order, ask_after):
            return None
        record = await repository.find_payment(order.out_trade_no)
        return None if record is None else await self._place(record, is_new=True)

    async def _continue(self, record: PaymentRecord) -> OpenedPayment:
        if record.status == PaymentStatus.AWAITING and prepay_is_fresh(record.prepay_until, now()):
            return self._answer(record, record.prepay_reference)
        return await self._place(record, is_new=False)

    async def _place(self, record: PaymentRecord, *, is_new: bool) -> OpenedPayment:
        """Call the provider and record its answer.

        An order that was settled meanwhile is given up for good: displacing what took its place would never end.
        """
        try:
            opened = await self._channels.of_account(record.account_code).open(record.order)
        except ProviderUnavailable as error:
            # A repeat proves nothing about the earlier try, so only a new order may be given up like this.
            if is_new and error.details.get("nothing_sent") is True:
                await repository.record_closed(record, "NOT_SENT", unless_opened=True)
            raise
        except ProviderRejected:
            if await self._asking.settle(record) is Standing.PAID:
                raise _paid() from None
            raise
        if not await repository.record_opened(record.id, opened.prepay_reference, opened.prepay_until):
            await repository.request_settlement(record.order.out_trade_no)
            bill = await bill_repository.find_bill(record.bill_no)
            raise _paid() if bill is not None and bill.status in PAID_BILL else _in_progress()
        return self._answer(record, opened.prepay_reference)

    def _answer(self, record: PaymentRecord, prepay_reference: str) -> OpenedPayment:
        channel = self._channels.of_account(record.account_code)
        return OpenedPayment(
            out_trade_no=record.order.out_trade_no,
            channel=record.channel,
            expires_at=rfc3339(record.order.expires_at),
            parameters=channel.phone_parameters(record.order, prepay_reference),
        )


async def _payable(owner_id: uuid.UUID, bill_no: str) -> BillRecord:
    bill = await bill_repository.find_bill(bill_no)
    if bill is None or bill.citizen_id != owner_id:
        raise NotFound("未找到该缴款单")
    if bill.status in PAID_BILL:
        raise _paid()
    if bill.status == BillStatus.VOID:
        raise Conflict("该缴款单已作废", code="bill_void")
    if is_expired(now(), bill.due_at):
        raise Conflict("该缴款单已过缴款期限", code="bill_expired")
    return bill


def _paid() -> Conflict:
    return Conflict("该缴款单已缴费", code="bill_paid")


def _in_progress() -> Conflict:
    return Conflict("该缴款单正在支付处理中，请稍后再试", code="payment_in_progress", retry_after_seconds=2)


def _continues(record: PaymentRecord, channel: str, payer: Payer) -> bool:
    order = record.order
    same_payer = (order.app_id, order.payer_subject) == (payer.app_id, payer.subject)
    return record.channel == channel and same_payer and order.expires_at > now()
