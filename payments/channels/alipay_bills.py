"""Alipay's daily bills behind the port of reconciliation: ZIP, GBK and signed yuan become neutral lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from app.clock import now
from app.errors import ProviderRejected
from clients.alipay.bill_rows import read_bill
from clients.alipay.bills import download_trade_bill
from clients.alipay.gateway import AlipayGateway
from payments.reconciliation.neutral import BillLine, BillNotReady, FlowSum, RefundShown, ready_at


class AlipayBillFiles:
    """Bills of one Alipay application. See reconciliation.ports.BillFiles for what every method promises."""

    has_flows = False

    def __init__(self, gateway: AlipayGateway) -> None:
        self._gateway = gateway

    async def fetch_trades(self, day: date, target: Path) -> bool:
        """Download the ZIP of the trade bill. Source: Alipay, 查询对账单下载地址."""
        try:
            with target.open("wb") as file:
                found = await download_trade_bill(self._gateway, day, file)
        except ProviderRejected as error:
            if error.retryable or now() < ready_at(day):
                raise BillNotReady(provider=error.provider, provider_code=error.provider_code) from None
            raise
        if not found and now() < ready_at(day):
            raise BillNotReady(provider="alipay", provider_code="NO_BILL_DATA")
        return found

    async def fetch_flows(self, day: date, target: Path) -> bool:
        """Alipay's account flow (signcustomer) is of another sign-up and is not compared."""
        return False

    def read_trades(self, file: Path) -> Iterator[BillLine]:
        """Yield the lines of the detail file."""
        return lines_of(file)

    def read_flows(self, file: Path) -> FlowSum:
        """There is no such file."""
        return FlowSum(0, 0)


def lines_of(file: Path) -> Iterator[BillLine]:
    """Yield the neutral lines of a downloaded ZIP; Alipay prints refunds and its fee with a minus."""
    with file.open("rb") as packed:
        for row in read_bill(packed):
            yield BillLine(
                row.out_trade_no,
                row.trade_no,
                row.is_refund,
                row.out_request_no if row.is_refund else "",
                RefundShown.SUCCEEDED if row.is_refund else RefundShown.NONE,
                -row.amount_fen if row.is_refund else row.amount_fen,
                -row.service_fee_fen,
                row.finished_at,
            )
