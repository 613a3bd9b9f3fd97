"""Bills and channel orders: every read of the room, and the writes that move no money. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from app import db
from app.events import DomainEvent
from app.ids import new_id
from payments.fiscal.records import REGISTER_BILL, VOID_CODE
from payments.neutral import ChannelOrder
from payments.records import SETTLE_ORDER, BillRecord, PaymentRecord
from payments.states import BILL, OPEN_PAYMENT, PAYMENT, BillMove, BillStatus, PaymentMove, PaymentStatus, sources
from payments.types import Account, NewBill

_RECORD = """
SELECT p.id, p.out_trade_no, p.channel, p.app_id, p.mch_id, p.sub_mch_id, p.payer_subject, p.amount_fen, p.status,
       p.provider_trade_no, p.request_body, p.prepay_reference, p.prepay_until, p.expires_at, p.asked_count,
       p.created_at, a.code AS account_code,
       b.id AS bill_id, b.bill_no, b.status AS bill_status, b.citizen_id, b.subject_no, b.title
FROM payment p JOIN bill b ON b.id = p.bill_id JOIN payment_account a ON a.id = p.account_id
"""
_BILL = """
SELECT id, bill_no, citizen_id, subject_no, title, amount_fen, status, department_code, division_code, due_at FROM bill
"""
_SHOWN_BILL = """
SELECT id, bill_no, payment_code, subject_no, title, lines, amount_fen, late_fee_fen, status, due_at, paid_at,
       confirmed_at, created_at FROM bill
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


async def record_bill(bill: NewBill, bill_no: str) -> bool:
    """Write a bill with its ledger pair, its event and the job that has its code issued, once per subject and purpose;
    False when it was there."""
    async with db.transaction() as tx:
        written = await tx.fetch_row(
            "WITH issued AS ("
            " INSERT INTO bill (id, created_at, updated_at, bill_no, agency_name, citizen_id, subject_kind,"
            " subject_no, purpose, title, lines, department_code, division_code, amount_fen, status, version, due_at)"
            " VALUES ($1, now(), now(), $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12, 'UNPAID', 1, $13)"
            " ON CONFLICT (subject_no, purpose) DO NOTHING RETURNING bill_no, amount_fen),"
            " booked AS ("
            " INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
            " occurred_at) SELECT side.id, now(), 'bill.issued:' || bill_no, side.account, side.sign * amount_fen,"
            " bill_no, bill_no, now() FROM issued,"
            " (VALUES ($14::uuid, 'receivable', 1), ($15::uuid, 'revenue', -1)) AS side (id, account, sign))"
            " SELECT bill_no FROM issued",
            new_id(),
            bill_no,
            bill.agency_name[:100],
            bill.citizen_id,
            bill.subject_kind,
            bill.subject_no,
            bill.purpose,
            bill.title,
            msgspec.json.encode(bill.lines).decode(),
            bill.department_code,
            bill.division_code,
            bill.amount_fen,
            bill.due_at,
            new_id(),
            new_id(),
        )
        if written is not None:
            facts = {"bill_no": bill_no, "title": bill.title, "amount_fen": bill.amount_fen}
            tx.emit(
                DomainEvent(name="bill.issued", subject_no=bill.subject_no, citizen_id=bill.citizen_id.hex, facts=facts)
            )
            tx.enqueue(REGISTER_BILL, {"bill_no": bill_no})
    return written is not None


async def get_bill_of_purpose(subject_no: str, purpose: str) -> db.Row:
    """Return the shown columns of the one bill of a subject and purpose."""
    row = await db.fetch_row(f"{_SHOWN_BILL} WHERE subject_no = $1 AND purpose = $2", subject_no, purpose)
    assert row is not None, "a bill that was just written or found"
    return row


async def list_bills(subject_no: str, citizen_id: uuid.UUID | None = None, purpose: str = "") -> Sequence[db.Row]:
    """Return the shown columns of a subject's bills, oldest first; of one citizen or one kind only where given."""
    return await db.fetch_all(
        f"{_SHOWN_BILL} WHERE subject_no = $1 AND ($2::uuid IS NULL OR citizen_id = $2)"
        " AND ($3 = '' OR split_part(purpose, ':', 1) = $3) ORDER BY id",
        subject_no,
        citizen_id,
        purpose,
    )


async def find_bill(bill_no: str) -> BillRecord | None:
    """Return a bill by its number."""
    row = await db.fetch_row(f"{_BILL} WHERE bill_no = $1", bill_no)
    return None if row is None else BillRecord(**dict(row))


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


async def record_void(bill_no: str) -> bool:
    """Void an unpaid bill, reverse its ledger pair and have its code withdrawn; False when it is not unpaid (now)."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "WITH voided AS (UPDATE bill SET status = $2, version = version + 1, updated_at = now()"
            " WHERE bill_no = $1 AND status = ANY ($3) RETURNING bill_no, amount_fen)"
            " INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
            " occurred_at) SELECT side.id, now(), 'bill.voided:' || bill_no, side.account, side.sign * amount_fen,"
            " bill_no, bill_no, now() FROM voided,"
            " (VALUES ($4::uuid, 'revenue', 1), ($5::uuid, 'receivable', -1)) AS side (id, account, sign) RETURNING id",
            bill_no,
            BILL[BillStatus.UNPAID, BillMove.VOID].to,
            sources(BILL, BillMove.VOID),
            new_id(),
            new_id(),
        )
        if row is not None:
            tx.enqueue(VOID_CODE, {"bill_no": bill_no})
    return row is not None


async def list_unsettled_bills(subject_no: str, purpose: str = "") -> list[BillRecord]:
    """Return the bills of a subject that nobody has paid yet; of one kind only where given."""
    rows = await db.fetch_all(
        f"{_BILL} WHERE subject_no = $1 AND status = ANY ($2) AND ($3 = '' OR split_part(purpose, ':', 1) = $3)",
        subject_no,
        ["UNPAID", "PAYING"],
        purpose,
    )
    return [BillRecord(**dict(row)) for row in rows]


async def list_unsettled_subjects(after: uuid.UUID | None, limit: int) -> Sequence[db.Row]:
    """Return id and subject of bills that nobody has paid yet, oldest first."""
    return await db.fetch_all(
        "SELECT id, subject_no FROM bill WHERE status IN ('UNPAID', 'PAYING') AND ($1::uuid IS NULL OR id > $1)"
        " ORDER BY id LIMIT $2",
        after,
        limit,
    )


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


async def move_bills(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Give a merged person's bills to the person that stays. Idempotent."""
    await db.execute(
        "UPDATE bill SET citizen_id = $2, updated_at = now() WHERE citizen_id = $1", from_citizen_id, into_citizen_id
    )


def _texts(values: Sequence[Any]) -> list[str]:
    return [str(value) for value in values]
