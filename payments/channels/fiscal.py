"""The fiscal platform (财政非税收入收缴平台) behind its port: its words, states and refusals become the room's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date

from app import metrics
from app.errors import ProviderRejected
from clients.fiscal import codes
from clients.fiscal.client import FiscalClient
from clients.fiscal.types import NewNotice, Notice, NoticeItem, PaymentReport, Receipt, StatementEntry
from payments.fiscal.neutral import (
    FiscalBill,
    FiscalConfirmation,
    FiscalEntry,
    FiscalEntryKind,
    FiscalOrder,
    FiscalPayment,
    FiscalProgress,
    FiscalReceipt,
    FiscalRefund,
    FiscalRefusal,
    FiscalReversal,
    FiscalStanding,
)
from payments.fiscal.ports import FiscalRefused

PROVIDER = codes.PROVIDER
_UNPAID, _VOID = "0", "2"
_REFUSALS: Mapping[str, FiscalRefusal] = {
    codes.NO_SUCH_CODE: FiscalRefusal.UNKNOWN_CODE,
    codes.CONTENT_DIFFERS: FiscalRefusal.CONTENT_DIFFERS,
    codes.AMOUNT_DIFFERS: FiscalRefusal.AMOUNT_DIFFERS,
    codes.REVERSED_TOO_MUCH: FiscalRefusal.AMOUNT_DIFFERS,
    codes.PAID_BY_ANOTHER: FiscalRefusal.PAID_BY_ANOTHER,
    codes.ALREADY_VOID: FiscalRefusal.ALREADY_VOID,
    codes.ALREADY_PAID: FiscalRefusal.ALREADY_PAID,
    codes.NOT_PAID: FiscalRefusal.NOT_CONFIRMED,
    codes.STILL_CONFIRMING: FiscalRefusal.NOT_CONFIRMED,
}


class FiscalAdapter:
    """One region's platform. See payments.fiscal.ports.FiscalPlatform for what every method promises.

    `paid_status` is the region's word for 已缴, which no public document confirms.
    """

    def __init__(self, client: FiscalClient, paid_status: str = "1") -> None:
        self._client = client
        self._standings: Mapping[str, FiscalStanding] = {
            paid_status: FiscalStanding.PAID,
            _UNPAID: FiscalStanding.UNPAID,
            _VOID: FiscalStanding.VOID,
        }

    async def issue(self, order: FiscalOrder) -> FiscalBill:
        """Issue the notice; the platform keeps its words, so all of them come from the order."""
        try:
            return self._bill(await self._client.issue(_notice(order)))
        except ProviderRejected as error:
            raise _refused(error) from None

    async def query(self, payment_code: str) -> FiscalBill | None:
        """Ask what is due now."""
        if not self._client.is_code(payment_code):
            return None
        try:
            return self._bill(await self._client.query(payment_code))
        except ProviderRejected as error:
            if error.provider_code == codes.NO_SUCH_CODE:
                return None
            raise _refused(error) from None

    async def confirm(self, payment: FiscalPayment) -> FiscalConfirmation:
        """Report the payment; DONE once the platform names the moment of confirmation."""
        self._require_code(payment.payment_code)
        report = PaymentReport(
            pay_code=payment.payment_code,
            amount_fen=payment.amount_fen,
            channel=payment.channel,
            out_trade_no=payment.out_trade_no,
            provider_trade_no=payment.provider_trade_no,
            paid_at=payment.paid_at,
        )
        try:
            confirmed_at = (await self._client.confirm(report)).confirmed_at
        except ProviderRejected as error:
            raise _refused(error) from None
        if confirmed_at is None:
            return FiscalConfirmation(FiscalProgress.PROCESSING)
        return FiscalConfirmation(FiscalProgress.DONE, confirmed_at)

    async def receipt(self, payment_code: str) -> FiscalReceipt | None:
        """Fetch the receipt."""
        self._require_code(payment_code)
        try:
            found = await self._client.receipt(payment_code)
        except ProviderRejected as error:
            raise _refused(error) from None
        return None if found is None else _receipt(found)

    async def reverse(self, refund: FiscalRefund) -> FiscalReversal:
        """Ask for the red letter."""
        self._require_code(refund.payment_code)
        try:
            found = await self._client.reverse(
                refund.payment_code, refund.out_refund_no, refund.amount_fen, refund.reason
            )
        except ProviderRejected as error:
            raise _refused(error) from None
        if found is None:
            return FiscalReversal(FiscalProgress.PROCESSING)
        return FiscalReversal(FiscalProgress.DONE, _receipt(found))

    async def void(self, payment_code: str) -> None:
        """Withdraw the notice."""
        self._require_code(payment_code)
        try:
            await self._client.void(payment_code)
        except ProviderRejected as error:
            raise _refused(error) from None

    async def list_day(self, business_on: date) -> AsyncIterator[FiscalEntry]:
        """List the day as the pages arrive."""
        try:
            async for entry in self._client.statement(business_on):
                yield _entry(entry)
        except ProviderRejected as error:
            raise _refused(error) from None

    def _bill(self, notice: Notice) -> FiscalBill:
        standing = self._standings.get(notice.status, FiscalStanding.UNRECOGNISED)
        if standing is FiscalStanding.UNRECOGNISED:
            metrics.UNKNOWN_CODES.labels(PROVIDER).inc()
        return FiscalBill(
            payment_code=notice.pay_code,
            bill_no=notice.biz_no,
            amount_fen=notice.amount_fen,
            late_fee_fen=notice.delay_fen,
            standing=standing,
            provider_status=notice.status,
            out_trade_no=notice.out_trade_no,
        )

    def _require_code(self, payment_code: str) -> None:
        if not self._client.is_code(payment_code):
            raise FiscalRefused(FiscalRefusal.UNKNOWN_CODE, provider=PROVIDER, provider_code="malformed")


def _refused(error: ProviderRejected) -> FiscalRefused:
    return FiscalRefused(
        _REFUSALS.get(error.provider_code, FiscalRefusal.OTHER),
        provider=error.provider,
        provider_code=error.provider_code,
        provider_message=error.provider_message,
        retryable=error.retryable,
    )


def _notice(order: FiscalOrder) -> NewNotice:
    return NewNotice(
        biz_no=order.bill_no,
        bill_date=order.billed_on,
        due_date=order.due_on,
        agency_code=order.agency_code,
        agency_name=order.agency_name,
        agency_division=order.division_code,
        title=order.title,
        payer_name=order.payer_name,
        original_fen=order.amount_fen,
        items=tuple(NoticeItem(line.item_code, line.name, line.amount_fen, line.basis) for line in order.lines),
    )


def _receipt(receipt: Receipt) -> FiscalReceipt:
    return FiscalReceipt(
        code=receipt.code,
        number=receipt.number,
        check_code=receipt.check_code,
        amount_fen=receipt.amount_fen,
        url=receipt.url,
        issued_at=receipt.issued_at,
    )


def _entry(entry: StatementEntry) -> FiscalEntry:
    is_payment = entry.kind == "PAY"
    return FiscalEntry(
        kind=FiscalEntryKind.PAYMENT if is_payment else FiscalEntryKind.REVERSAL,
        payment_code=entry.pay_code,
        bill_no=entry.biz_no,
        out_trade_no=entry.out_trade_no,
        reference_no=entry.out_trade_no if is_payment else entry.out_refund_no,
        amount_fen=entry.amount_fen,
        booked_at=entry.booked_at,
    )
