"""Whether a verified message fits what we know. Pure; the first difference is named, nothing is decided here."""

from __future__ import annotations

from typing import Any

from payments.neutral import PaymentNotified, RefundNotified
from payments.records import RefundRecord
from payments.settlement_repository import Expected


def payment_mismatch(event: PaymentNotified, known: Expected | None) -> str:
    """Return why a success contradicts our order, "" when it fits: number, merchant, app, amount, currency, payer."""
    if known is None:
        return "unknown_number"
    wrong = {
        "wrong_merchant": (event.mch_id, event.sub_mch_id) != (known.mch_id, known.sub_mch_id),
        "wrong_app": event.app_id != known.app_id,
        "wrong_amount": event.amount_fen != known.amount_fen,
        "other_currency": event.currency != "CNY",
        "other_payer": _is_another(known.payer_subject, event.payer_subjects),
        "other_trade": bool(known.provider_trade_no) and event.provider_trade_no != known.provider_trade_no,
    }
    return next((reason for reason, found in wrong.items() if found), "")


def refund_mismatch(event: RefundNotified, known: RefundRecord | None) -> str:
    """Return why a refund's outcome contradicts our refund, "" when it fits."""
    if known is None:
        return "unknown_number"
    order = known.payment.order
    wrong = {
        "wrong_order": event.out_trade_no != order.out_trade_no,
        "wrong_merchant": bool(event.mch_id) and (event.mch_id, event.sub_mch_id) != (order.mch_id, order.sub_mch_id),
        "wrong_amount": event.amount_fen is not None and event.amount_fen != known.amount_fen,
        "other_currency": event.currency != "CNY",
    }
    return next((reason for reason, found in wrong.items() if found), "")


def _is_another(ours: str, theirs: tuple[str, ...]) -> bool:
    """Names of people come in two kinds, all digits (user ids) or not (open ids); only one of our kind can differ."""
    alike = [name for name in theirs if name.isdigit() == ours.isdigit()]
    return bool(alike) and ours not in alike


def shown_payment(event: PaymentNotified) -> dict[str, Any]:
    """Return what staff see of a contradicting success; payers stay out."""
    return {
        "out_trade_no": event.out_trade_no,
        "provider_trade_no": event.provider_trade_no,
        "provider_status": event.provider_status,
        "mch_id": event.mch_id,
        "sub_mch_id": event.sub_mch_id,
        "app_id": event.app_id,
        "amount_fen": event.amount_fen,
        "currency": event.currency,
    }


def shown_expected(known: Expected | None) -> dict[str, Any]:
    """Return what staff see of our own order beside it."""
    if known is None:
        return {}
    return {
        "bill_no": known.bill_no,
        "status": known.status,
        "provider_trade_no": known.provider_trade_no,
        "mch_id": known.mch_id,
        "sub_mch_id": known.sub_mch_id,
        "app_id": known.app_id,
        "amount_fen": known.amount_fen,
        "currency": "CNY",
    }
