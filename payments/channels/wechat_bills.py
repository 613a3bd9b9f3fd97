"""WeChat Pay's daily bills behind the port of reconciliation: gzip, back-ticks and yuan become neutral lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from app.clock import now
from app.errors import ProviderRejected
from clients.wechat.pay_bill_files import PayBillFiles
from clients.wechat.pay_bills import read_fund_flow_bill, read_trade_bill
from clients.wechat.pay_types import BillLink
from payments.reconciliation.neutral import BillLine, BillNotReady, FlowSum, RefundShown, ready_at

_REFUNDS = {
    "SUCCESS": RefundShown.SUCCEEDED,
    "PROCESSING": RefundShown.PROCESSING,
    "ABNORMAL": RefundShown.ABNORMAL,
    "CHANGE": RefundShown.ABNORMAL,
    "CLOSED": RefundShown.CLOSED,
    "FAIL": RefundShown.CLOSED,
}
"""退款状态 of the file, its older words included; any other one is a snapshot that tells nothing."""
_OF_TRADES = ("交易", "退款")
"""What the 业务类型 of a movement by trades and their fees contains; withdrawals and the like do not."""


class WeChatBillFiles:
    """Bills of one WeChat Pay account. See reconciliation.ports.BillFiles for what every method promises."""

    has_flows = True

    def __init__(self, files: PayBillFiles) -> None:
        self._files = files

    async def fetch_trades(self, day: date, target: Path) -> bool:
        """Download the trade bill, unpacked and checked against its hash. Source: WeChat Pay, 申请交易账单."""
        try:
            link = await self._files.trade_bill(day)
        except ProviderRejected as error:
            raise _too_early(error, day) from None
        return await self._download(link, day, target)

    async def fetch_flows(self, day: date, target: Path) -> bool:
        """Download the fund flow bill of the basic account. Source: WeChat Pay, 申请资金账单."""
        try:
            link = await self._files.fund_flow_bill(day)
        except ProviderRejected as error:
            raise _too_early(error, day) from None
        return await self._download(link, day, target)

    def read_trades(self, file: Path) -> Iterator[BillLine]:
        """Yield the lines of an unpacked trade bill."""
        return lines_of(file)

    def read_flows(self, file: Path) -> FlowSum:
        """Add up the movements."""
        net_fen = count = 0
        with file.open("rb") as lines:
            for row in read_fund_flow_bill(lines):
                if any(word in row.business_type for word in _OF_TRADES):
                    net_fen += row.amount_fen
                    count += 1
        return FlowSum(net_fen, count)

    async def _download(self, link: BillLink | None, day: date, target: Path) -> bool:
        if link is None:
            if now() < ready_at(day):
                raise BillNotReady(provider="wechat_pay", provider_code="NO_STATEMENT_EXIST")
            return False
        with target.open("wb") as file:
            await self._files.download(link, file)
        return True


def lines_of(file: Path) -> Iterator[BillLine]:
    """Yield the neutral lines of an unpacked trade bill."""
    with file.open("rb") as lines:
        for row in read_trade_bill(lines):
            is_refund = bool(row.refund_id or row.out_refund_no)
            yield BillLine(
                row.out_trade_no,
                row.transaction_id,
                is_refund,
                row.out_refund_no,
                _REFUNDS.get(row.refund_status, RefundShown.PROCESSING) if is_refund else RefundShown.NONE,
                row.refund_fen if is_refund else row.order_fen,
                row.fee_fen,
                row.traded_at,
            )


def _too_early(error: ProviderRejected, day: date) -> ProviderRejected:
    """A refusal before the bill can be there is no failure of the day."""
    if error.retryable or now() < ready_at(day):
        return BillNotReady(provider=error.provider, provider_code=error.provider_code)
    return error
