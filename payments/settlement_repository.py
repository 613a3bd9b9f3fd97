"""Writes by which money counts: a success, a hint, a contradiction. Each is one transaction with its inbox row,
its balanced ledger pair and its events, so that repeating any of them changes nothing. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from app import db, jobs
from app.clock import now
from app.events import DomainEvent
from app.ids import dated_no, new_id
from payments.fiscal.records import CONFIRM_BILL
from payments.neutral import PaymentNotified
from payments.records import PUSH_REFUND, SETTLE_ORDER
from payments.states import BILL, PAYMENT, BillMove, BillStatus, PaymentMove, PaymentStatus, sources

_PAY_SOURCES = sources(PAYMENT, PaymentMove.SUCCEED)
_BILL_PAY_SOURCES = sources(BILL, BillMove.PAY)


@dataclass(frozen=True, slots=True)
class Expected:
    """What we know of an order when its callback comes in."""

    payment_id: uuid.UUID
    bill_id: uuid.UUID
    channel: str
    status: str
    amount_fen: int
    app_id: str
    mch_id: str
    sub_mch_id: str
    payer_subject: str
    provider_trade_no: str
    bill_no: str
    bill_status: str
    citizen_id: uuid.UUID
    subject_no: str
    title: str


_EXPECTED = """
SELECT p.id, p.bill_id, p.channel, p.status, p.amount_fen, p.app_id, p.mch_id, p.sub_mch_id, p.payer_subject,
       p.provider_trade_no, b.bill_no, b.status, b.citizen_id, b.subject_no, b.title
FROM payment p JOIN bill b ON b.id = p.bill_id WHERE p.out_trade_no = $1
"""
_FOLLOWING = """
  SELECT 'event', $18::bytea FROM settled
  UNION ALL SELECT $22::text, $23::bytea FROM settled
  UNION ALL SELECT $19::text, $20::bytea FROM refunded
  UNION ALL SELECT $21::text, convert_to(json_build_object('out_trade_no', other.out_trade_no)::text, 'UTF8')
  FROM settled, payment other
  WHERE other.bill_id = $10 AND other.id <> $8 AND other.status IN ('CREATED', 'AWAITING')
"""
_SUCCEED = f"""
WITH entered AS (
  INSERT INTO inbox_event (id, occurred_at, received_at, provider, event_key, reference_no, outcome)
  VALUES ($1, $2, now(), $3, $4, $5, 'APPLIED') ON CONFLICT (provider, event_key, occurred_at) DO NOTHING
  RETURNING id
), paid AS (
  UPDATE payment SET status = 'SUCCEEDED', provider_status = $6, provider_trade_no = $7, paid_at = $2,
         ask_after = NULL, updated_at = now()
  WHERE id = $8 AND status = ANY ($9) AND EXISTS (SELECT 1 FROM entered)
  RETURNING id, bill_id, amount_fen, channel, out_trade_no
), settled AS (
  UPDATE bill SET status = 'PAID', paid_at = $2, paid_payment_id = $8, version = version + 1, updated_at = now(),
         fiscal_asked_count = 0, fiscal_ask_after = now() + interval '1 minute'
  WHERE id = $10 AND status = ANY ($11) AND EXISTS (SELECT 1 FROM paid)
  RETURNING id
), booked AS (
  INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no, occurred_at)
  SELECT side.id, now(), 'payment.succeeded:' || out_trade_no,
         CASE WHEN side.sign = 1 THEN 'channel:' || channel WHEN EXISTS (SELECT 1 FROM settled) THEN 'receivable'
              ELSE 'overpaid' END,
         side.sign * amount_fen, $12, out_trade_no, $2
  FROM paid, (VALUES ($13::uuid, 1), ($14::uuid, -1)) AS side (id, sign)
), refunded AS (
  INSERT INTO refund (id, created_at, updated_at, out_refund_no, payment_id, bill_id, amount_fen, reason, cause, status,
         provider_refund_no, provider_status, requested_by, asked_count, ask_after)
  SELECT $15::uuid, now(), now(), $16::text, id, bill_id, amount_fen,
         CASE WHEN EXISTS (SELECT 1 FROM bill WHERE id = $10 AND status = 'VOID') THEN '缴款单已作废自动退款'
              ELSE '重复缴费自动退款' END, $17::text, 'REQUESTED', '', '', '', 0, now() + interval '30 seconds'
  FROM paid WHERE NOT EXISTS (SELECT 1 FROM settled)
  RETURNING id
), queued AS (
  {jobs.insert_of(_FOLLOWING)}
)
SELECT EXISTS (SELECT 1 FROM paid) AS booked
"""


async def find_expected(event: PaymentNotified) -> Expected | None:
    """Read in one round trip all that a success is checked against."""
    row = await db.fetch_row(_EXPECTED, event.out_trade_no)
    return None if row is None else Expected(*row.values())


async def record_success(event: PaymentNotified, known: Expected) -> bool:
    """Book a checked success in one statement: inbox row, order → SUCCEEDED, bill → PAID, ledger pair, jobs.

    A success that finds its bill paid (or void) already is booked as overpaid and gets its refund in the same
    statement. Another open order of the bill is settled by a job.
    Idempotent: yes, by the inbox row and the statuses. Returns False when nothing was left to do.
    """
    refund_no = dated_no("R", now(), 16)
    row = await db.write_row(
        _SUCCEED,
        new_id(),
        event.occurred_at,
        event.provider,
        event.event_key,
        event.out_trade_no,
        event.provider_status,
        event.provider_trade_no,
        known.payment_id,
        _PAY_SOURCES,
        known.bill_id,
        _BILL_PAY_SOURCES,
        known.bill_no,
        new_id(),
        new_id(),
        new_id(),
        refund_no,
        "LATE_SUCCESS" if known.status == PaymentStatus.CLOSED else "SECOND_SUCCESS",
        msgspec.json.encode(_paid_event(event, known)),
        PUSH_REFUND,
        msgspec.json.encode({"out_refund_no": refund_no}),
        SETTLE_ORDER,
        CONFIRM_BILL,
        msgspec.json.encode({"bill_no": known.bill_no}),
    )
    return row is not None and bool(row["booked"])


def _paid_event(event: PaymentNotified, known: Expected) -> DomainEvent:
    edge = BILL[BillStatus.PAYING, BillMove.PAY]
    return DomainEvent(
        name=edge.event,
        subject_no=known.subject_no,
        citizen_id=known.citizen_id.hex,
        occurred_at=event.occurred_at,
        part=known.bill_no,
        facts={
            "bill_no": known.bill_no,
            "title": known.title,
            "amount_fen": known.amount_fen,
            "channel": known.channel,
            "out_trade_no": event.out_trade_no,
        },
    )


async def record_inbox(
    provider: str,
    event_key: str,
    occurred_at: datetime,
    reference_no: str,
    outcome: str,
    job: tuple[str, Sequence[dict[str, Any]]] | None = None,
    event: DomainEvent | None = None,
) -> bool:
    """Keep a provider event once, with the jobs and the domain event it causes; False when it was there."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "INSERT INTO inbox_event (id, occurred_at, received_at, provider, event_key, reference_no, outcome)"
            " VALUES ($1, $2, now(), $3, $4, $5, $6) ON CONFLICT (provider, event_key, occurred_at) DO NOTHING"
            " RETURNING id",
            new_id(),
            occurred_at,
            provider,
            event_key,
            reference_no[:64],
            outcome,
        )
        if row is not None and job is not None:
            for payload in job[1]:
                tx.enqueue(job[0], payload)
        if row is not None and event is not None:
            tx.emit(event)
    return row is not None


async def record_quarantined(
    provider: str,
    event_key: str,
    reason: str,
    reference_no: str,
    expected: dict[str, Any],
    received: dict[str, Any],
) -> bool:
    """Keep a genuine callback that contradicts our records, with its event; False when it was there."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "INSERT INTO quarantined_callback (id, created_at, provider, reason, reference_no, expected, received,"
            " event_key, resolved_by) VALUES ($1, now(), $2, $3, $4, $5::jsonb, $6::jsonb, $7, '')"
            " ON CONFLICT (event_key) DO NOTHING RETURNING id",
            new_id(),
            provider,
            reason,
            reference_no[:64],
            msgspec.json.encode(expected).decode(),
            msgspec.json.encode(received).decode(),
            f"{reason}:{event_key}"[:128],
        )
        if row is not None:
            facts = {"provider": provider, "reason": reason}
            tx.emit(DomainEvent(name="callback.quarantined", subject_no=reference_no[:64], facts=facts))
    return row is not None


async def list_paid_after(subject_no: str, moment: datetime) -> Sequence[db.Row]:
    """Return the orders that paid bills of a subject at a moment or later; providers tell whole seconds."""
    return await db.fetch_all(
        "SELECT b.bill_no, p.out_trade_no, p.amount_fen, p.paid_at FROM bill b JOIN payment p"
        " ON p.id = b.paid_payment_id WHERE b.subject_no = $1 AND p.paid_at >= date_trunc('second', $2::timestamptz)"
        " ORDER BY p.id",
        subject_no,
        moment,
    )
