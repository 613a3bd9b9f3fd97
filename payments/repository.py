"""Merchant accounts and channel orders: reads, and the writes that move no money. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from app import db
from app.events import DomainEvent
from app.ids import new_id
from payments.neutral import ChannelOrder
from payments.records import SETTLE_ORDER, PaymentRecord
from payments.states import BILL, OPEN_PAYMENT, PAYMENT, BillMove, BillStatus, PaymentMove, PaymentStatus, sources
from payments.types import Account

_RECORD = """
SELECT p.id, p.out_trade_no, p.channel, p.app_id, p.mch_id, p.sub_mch_id, p.payer_subject, p.amount_fen, p.status,
       p.provider_trade_no, p.request_body, p.prepay_reference, p.prepay_until, p.expires_at, p.asked_count,
       p.created_at, a.code AS account_code,
       b.id AS bill_id, b.bill_no, b.status AS bill_status, b.citizen_id, b.subject_no, b.title
FROM payment p JOIN bill b ON b.id = p.bill_id JOIN payment_account a ON a.id = p.account_id
"""
_SHOWN_PAYMENT = """
SELECT p.id, p.out_trade_no, p.channel, p.mch_id, p.amount_fen, p.status, p.provider_status, p.provider_trade_no,
       p.created_at, p.expires_at, p.paid_at, p.closed_at, b.id AS bill_id, b.bill_no, b.subject_no, b.title,
       b.status AS bill_status, b.late_fee_fen, b.paid_payment_id, b.citizen_id, b.department_code, b.division_code
FROM payment p JOIN bill b ON b.id = p.bill_id
"""
_IN_SCOPE = """
 EXISTS (SELECT 1 FROM unnest($1::text[]) AS prefix WHERE starts_with(b.division_code, prefix))
 AND (cardinality($2::text[]) = 0 OR b.department_code = ANY ($2::text[]))
"""


def record_of(row: db.Row) -> PaymentRecord:
    """Build the record of a row of _RECORD's columns."""
    order = ChannelOrder(
        out_trade_no=row["out_trade_no"],
        description=row["title"],
        amount_fen=row["amount_fen"],
        app_id=row["app_id"],
        mch_id=row["mch_id"],
        sub_mch_id=row["sub_mch_id"],
        payer_subject=row["payer_subject"],
        expires_at=row["expires_at"],
        request_body=row["request_body"] or b"",
    )
    names = (
        "id channel account_code status prepay_reference prepay_until provider_trade_no asked_count created_at "
        "bill_id bill_no bill_status citizen_id subject_no"
    )
    return PaymentRecord(order=order, **{name: row[name] for name in names.split()})


async def save_accounts(accounts: Sequence[Account]) -> None:
    """Write merchant accounts by their code. Idempotent; an account that staff disabled stays disabled."""
    for account in accounts:
        await db.execute(
            "INSERT INTO payment_account (id, created_at, code, channel, mode, app_id, mch_id, sub_mch_id, sub_app_id,"
            " department_code, division_code, key_reference, enabled)"
            " VALUES ($1, now(), $2, $3, $4, $5, $6, $7, $8, $9, $10, 'settings', true)"
            " ON CONFLICT (code) DO UPDATE SET channel = $3, mode = $4, app_id = $5, mch_id = $6, sub_mch_id = $7,"
            " sub_app_id = $8, department_code = $9, division_code = $10",
            new_id(),
            account.code,
            account.channel,
            account.mode,
            account.app_id,
            account.mch_id,
            account.sub_mch_id,
            account.sub_app_id,
            account.department_code,
            account.division_code,
        )


async def list_accounts(channel: str) -> list[tuple[uuid.UUID, Account]]:
    """Return the enabled merchant accounts of a channel with their row ids."""
    rows = await db.fetch_all(
        "SELECT id, code, channel, mode, app_id, mch_id, sub_mch_id, sub_app_id, department_code, division_code"
        " FROM payment_account WHERE channel = $1 AND enabled",
        channel,
    )
    return [(row["id"], Account(**{name: row[name] for name in row.keys() if name != "id"})) for row in rows]  # noqa: SIM118  # an asyncpg record iterates over its values


async def find_open_payment(bill_id: uuid.UUID) -> PaymentRecord | None:
    """Return the open channel order of a bill."""
    row = await db.fetch_row(f"{_RECORD} WHERE p.bill_id = $1 AND p.status = ANY ($2)", bill_id, _texts(OPEN_PAYMENT))
    return None if row is None else record_of(row)


async def find_payment(out_trade_no: str) -> PaymentRecord | None:
    """Return a channel order by our number."""
    row = await db.fetch_row(f"{_RECORD} WHERE p.out_trade_no = $1", out_trade_no)
    return None if row is None else record_of(row)


async def record_intent(
    bill_id: uuid.UUID, account_id: uuid.UUID, channel: str, order: ChannelOrder, ask_after: datetime
) -> bool:
    """First beat: bill UNPAID → PAYING and the order as CREATED, with the exact request, in one statement.

    Returns False when the bill is not free: it was paid or repriced meanwhile, or has an open order (also by the
    constraint).
    """
    move = BillMove.OPEN
    try:
        row = await db.fetch_row(
            "WITH taken AS (UPDATE bill SET status = $3, version = version + 1, updated_at = now()"
            " WHERE id = $2 AND status = ANY ($4) AND amount_fen = $12 RETURNING id)"
            " INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id,"
            " mch_id, sub_mch_id, payer_subject, amount_fen, status, provider_status, provider_trade_no, request_body,"
            " prepay_reference, expires_at, asked_count, ask_after)"
            " SELECT $1, now(), now(), $5, id, $6, $7, $8, $9, $10, $11, $12, 'CREATED', '', '', $13, '', $14, 0, $15"
            " FROM taken RETURNING id",
            new_id(),
            bill_id,
            BILL[BillStatus.UNPAID, move].to,
            sources(BILL, move),
            order.out_trade_no,
            channel,
            account_id,
            order.app_id,
            order.mch_id,
            order.sub_mch_id,
            order.payer_subject,
            order.amount_fen,
            order.request_body,
            order.expires_at,
            ask_after,
        )
    except asyncpg.UniqueViolationError:
        return False
    return row is not None


async def record_opened(payment_id: uuid.UUID, prepay_reference: str, prepay_until: datetime) -> bool:
    """Third beat: CREATED or AWAITING → AWAITING with a fresh prepay reference; False when it was settled meanwhile, or
    its bill was paid by another order."""
    move = PaymentMove.OPENED
    return bool(
        await db.execute(
            "UPDATE payment SET status = $2, prepay_reference = $3, prepay_until = $4, updated_at = now()"
            " WHERE id = $1 AND status = ANY ($5)"
            " AND EXISTS (SELECT 1 FROM bill WHERE bill.id = payment.bill_id AND bill.status = $6)",
            payment_id,
            PAYMENT[PaymentStatus.CREATED, move].to,
            prepay_reference,
            prepay_until,
            sources(PAYMENT, move),
            BILL[BillStatus.UNPAID, BillMove.OPEN].to,
        )
    )


async def record_closed(payment: PaymentRecord, provider_status: str, *, unless_opened: bool = False) -> bool:
    """Close an open order and free its bill, with the event; False when it was settled meanwhile.

    Args:
        unless_opened: also False when the provider took the order after the record was read.
    """
    froms = [payment.status] if unless_opened else sources(PAYMENT, PaymentMove.CLOSE)
    edge = PAYMENT[PaymentStatus.AWAITING, PaymentMove.CLOSE]
    async with db.transaction() as tx:
        closed = await tx.fetch_row(
            "WITH closed AS (UPDATE payment SET status = $2, provider_status = $3, closed_at = now(),"
            " ask_after = NULL, updated_at = now() WHERE id = $1 AND status = ANY ($4) RETURNING bill_id)"
            " UPDATE bill SET status = CASE WHEN status = ANY ($5) THEN $6 ELSE status END, version = version + 1,"
            " updated_at = now() FROM closed WHERE bill.id = closed.bill_id RETURNING bill.id",
            payment.id,
            edge.to,
            provider_status,
            froms,
            sources(BILL, BillMove.CLOSE),
            BILL[BillStatus.PAYING, BillMove.CLOSE].to,
        )
        if closed is not None:
            facts = {"bill_no": payment.bill_no, "out_trade_no": payment.order.out_trade_no}
            tx.emit(
                DomainEvent(
                    name=edge.event, subject_no=payment.subject_no, citizen_id=payment.citizen_id.hex, facts=facts
                )
            )
    return closed is not None


async def claim_silent(now: datetime, lease_until: datetime, expired: bool, limit: int) -> list[PaymentRecord]:
    """Take open orders whose question is due, before or after their expiry, for the time of a lease.

    A claimer that dies gives its rows back when the lease ends; two claimers never get the same row.
    """
    rows = await db.fetch_all(
        "WITH due AS (SELECT id FROM payment WHERE ask_after <= $1 AND status = ANY ($3)"
        " AND (expires_at <= $1) = $4 ORDER BY ask_after LIMIT $5 FOR UPDATE SKIP LOCKED),"
        " claimed AS (UPDATE payment SET ask_after = $2, asked_count = asked_count + 1 FROM due"
        " WHERE payment.id = due.id RETURNING payment.id)"
        f" {_RECORD} WHERE p.id IN (SELECT id FROM claimed)",
        now,
        lease_until,
        _texts(OPEN_PAYMENT),
        expired,
        limit,
    )
    return [record_of(row) for row in rows]


async def record_silence(payment_id: uuid.UUID, ask_after: datetime) -> None:
    """Note when to ask next about an order that is still open."""
    await db.execute(
        "UPDATE payment SET ask_after = $2 WHERE id = $1 AND status = ANY ($3)",
        payment_id,
        ask_after,
        _texts(OPEN_PAYMENT),
    )


async def request_settlement(out_trade_no: str) -> None:
    """Have an order asked about and closed by a job: it was placed after we had given it up."""
    async with db.transaction() as tx:
        tx.enqueue(SETTLE_ORDER, {"out_trade_no": out_trade_no})


async def find_shown_payment(out_trade_no: str) -> db.Row | None:
    """Return the shown columns of a channel order."""
    return await db.fetch_row(f"{_SHOWN_PAYMENT} WHERE p.out_trade_no = $1", out_trade_no)


async def list_quarantined(
    divisions: Sequence[str], departments: Sequence[str], after: uuid.UUID | None, limit: int
) -> Sequence[db.Row]:
    """Return a page of quarantined callbacks, newest first: of bills within a scope, and those that match no bill."""
    return await db.fetch_all(
        "SELECT q.id, q.provider, q.reason, q.reference_no, q.expected, q.received, q.created_at, q.resolved_at"
        " FROM quarantined_callback q LEFT JOIN bill b ON b.id = coalesce("
        "(SELECT bill_id FROM payment WHERE out_trade_no = q.reference_no),"
        " (SELECT bill_id FROM refund WHERE out_refund_no = q.reference_no),"
        " (SELECT id FROM bill WHERE bill_no = q.reference_no))"
        f" WHERE (b.id IS NULL OR ({_IN_SCOPE})) AND ($3::uuid IS NULL OR q.id < $3) ORDER BY q.id DESC LIMIT $4",
        list(divisions),
        list(departments),
        after,
        limit,
    )


def _texts(values: Sequence[Any]) -> list[str]:
    return [str(value) for value in values]
