"""Rows of the cashier's desk in words for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app import db
from app.clock import rfc3339, rfc3339_or_none
from payments.cashier.types import CallbackLine, DifferenceLine, LedgerPair, OrderLine
from payments.reconciliation.kinds import KINDS, Kind

_TRANSFERS: Mapping[str, str] = {
    "bill.issued": "开具缴款单",
    "bill.repriced": "滞纳金调整",
    "bill.voided": "作废缴款单",
    "payment.succeeded": "收款",
    "refund.succeeded": "退款",
    "refund.bounced": "退款退回",
    "refund.resettled": "退款再次办理",
    "fiscal.confirmed": "财政确认",
    "fiscal.reversed": "财政冲红",
}
_ACCOUNTS: Mapping[str, str] = {
    "receivable": "应收",
    "revenue": "收入",
    "channel:WECHAT": "微信支付",
    "channel:ALIPAY": "支付宝",
    "overpaid": "重复缴费",
    "paid_back_elsewhere": "线下退还",
    "treasury_claim": "国库应收",
    "treasury_due": "国库应缴",
    "fees": "手续费",
}


def order(row: db.Row) -> OrderLine:
    """Show a channel order of a bill."""
    return OrderLine(
        out_trade_no=row["out_trade_no"],
        channel=row["channel"],
        amount_fen=row["amount_fen"],
        status=row["status"],
        created_at=rfc3339(row["created_at"]),
        paid_at=rfc3339_or_none(row["paid_at"]),
        closed_at=rfc3339_or_none(row["closed_at"]),
    )


def transfer(row: db.Row) -> LedgerPair:
    """Show a transfer of the ledger with both of its sides."""
    return LedgerPair(
        transfer=row["transfer_key"],
        transfer_text=_TRANSFERS.get(row["transfer_key"].partition(":")[0], "其他"),
        debit=_ACCOUNTS.get(row["debit"], row["debit"]),
        credit=_ACCOUNTS.get(row["credit"], row["credit"]),
        amount_fen=row["amount_fen"],
        is_balanced=row["sum_fen"] == 0,
        occurred_at=rfc3339(row["occurred_at"]),
    )


def callback(row: db.Row) -> CallbackLine:
    """Show a provider's message that was counted."""
    return CallbackLine(
        provider=row["provider"],
        reference_no=row["reference_no"],
        outcome=row["outcome"],
        occurred_at=rfc3339(row["occurred_at"]),
        received_at=rfc3339(row["received_at"]),
    )


def difference(row: db.Row) -> DifferenceLine:
    """Show a difference about a bill."""
    return DifferenceLine(
        business_on=row["business_on"].isoformat(),
        kind_text=KINDS[Kind(row["kind"])].text,
        reference_no=row["reference_no"],
        status=row["status"],
        note=row["note"],
    )
