"""What staff read of refunds and do with them; each act is one transaction with its trace in the audit trail, its bill,
its ledger pair and its jobs. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from app import db
from app.clock import now
from payments.ports import Audit
from payments.records import PUSH_REFUND, RefundRecord
from payments.refunds import repository
from payments.refunds.booking_repository import ELSEWHERE, book_success, lock_bill, refund_event, settle_bill
from payments.states import (
    BILL,
    MOST_REFUNDS,
    REFUND,
    SETTLED_ELSEWHERE,
    BillMove,
    BillStatus,
    RefundMove,
    RefundStatus,
    needs_second_person,
    sources,
)
from payments.types import AuditedAct, StaffScope

_SHOWN = """
SELECT r.id, r.out_refund_no, p.out_trade_no, b.bill_no, b.subject_no, b.title, p.channel, r.amount_fen,
       p.amount_fen AS paid_fen, r.reason, r.cause, r.status, r.needs_approval AND r.approved_at IS NULL AS is_waiting,
       r.requested_by, r.approved_by, r.approved_at, r.decision_note, r.provider_status, r.provider_refund_no,
       b.department_code, b.division_code, r.created_at, r.finished_at
FROM refund r JOIN payment p ON p.id = r.payment_id JOIN bill b ON b.id = r.bill_id
WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) AS prefix WHERE starts_with(b.division_code, prefix))
  AND (cardinality($2::text[]) = 0 OR b.department_code = ANY ($2::text[]))
"""
_WAITING = "status = 'REQUESTED' AND needs_approval AND approved_at IS NULL"


class TooMuch(Exception):
    """A refund would exceed what is left of the payment; rolls the request back."""

    def __init__(self, left_fen: int) -> None:
        super().__init__("refund exceeds the payment")
        self.left_fen = left_fen


class TooMany(Exception):
    """A payment has had as many refunds as a provider takes; rolls the request back."""


class Stale(Exception):
    """Somebody has asked for another refund of the payment meanwhile; rolls the request back."""


async def record_request(
    out_trade_no: str,
    amount_fen: int,
    reason: str,
    approval_fen: int,
    act: AuditedAct,
    audit: Audit,
    seen_count: int | None = None,
) -> str | None:
    """Write a refund of a bill's payment, bill → REFUNDING, if it leaves the sum of refunds within what was paid.

    The bill's row lock makes concurrent requests one after the other; what refunds there are is counted under it.
    Returns the refund's number; None when the bill is not paid by this payment. Raises: TooMuch, TooMany, Stale (there
    are not as many refunds as were seen, or this one is there already).
    """
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE bill SET status = $2, version = version + 1, updated_at = now() FROM payment"
            " WHERE payment.out_trade_no = $1 AND bill.paid_payment_id = payment.id AND bill.status = ANY ($3)"
            " RETURNING bill.id AS bill_id, payment.id AS payment_id, payment.amount_fen",
            out_trade_no,
            BILL[BillStatus.PAID, BillMove.REQUEST_REFUND].to,
            sources(BILL, BillMove.REQUEST_REFUND),
        )
        if row is None:
            return None
        # Counted by a statement of its own, for one that waited for the lock does not see what was written meanwhile.
        refunds = await tx.fetch_row(
            "SELECT coalesce(sum(amount_fen) FILTER (WHERE status <> 'CLOSED'), 0)::bigint AS fen,"
            " count(*) FILTER (WHERE status <> 'CLOSED' OR asked_count > 0) AS n, count(*) AS written,"
            " coalesce(bool_or(out_refund_no = $2), false) AS is_asked FROM refund WHERE payment_id = $1",
            row["payment_id"],
            act.object_no,
        )
        assert refunds is not None, "a row of sums"
        refunded_fen, count = refunds["fen"], refunds["n"]
        if refunds["is_asked"] or seen_count not in (None, refunds["written"]):
            raise Stale
        if amount_fen > row["amount_fen"] - refunded_fen:
            raise TooMuch(row["amount_fen"] - refunded_fen)
        if count >= MOST_REFUNDS:
            raise TooMany
        number = await repository.insert_refund(
            tx,
            row["payment_id"],
            row["bill_id"],
            amount_fen,
            reason,
            "STAFF",
            out_refund_no=act.object_no,
            requested_by=act.actor,
            needs_approval=needs_second_person(amount_fen, refunded_fen, approval_fen),
        )
        await audit.record(act, tx)
    return number


async def record_approval(out_refund_no: str, note: str, act: AuditedAct, audit: Audit) -> bool:
    """Let a waiting refund be pushed, by the word of somebody who has not asked for it; False when it does not wait."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE refund SET approved_by = $2, approved_at = now(), decision_note = $3, ask_after = $4,"
            f" updated_at = now() WHERE out_refund_no = $1 AND {_WAITING} AND requested_by <> $2 RETURNING id",
            out_refund_no,
            act.actor,
            note,
            repository.sweep_after(),
        )
        if row is None:
            return False
        tx.enqueue(PUSH_REFUND, {"out_refund_no": out_refund_no})
        await audit.record(act, tx)
    return True


async def record_refusal(refund: RefundRecord, note: str, act: AuditedAct, audit: Audit) -> bool:
    """End a waiting refund, which frees its sum and moves its bill back; False when it does not wait."""
    async with db.transaction() as tx:
        await lock_bill(tx, refund)
        row = await tx.fetch_row(
            "UPDATE refund SET status = $2, approved_by = $3, decision_note = $4, finished_at = now(),"
            f" ask_after = NULL, updated_at = now() WHERE id = $1 AND {_WAITING} AND requested_by <> $3 RETURNING id",
            refund.id,
            REFUND[RefundStatus.REQUESTED, RefundMove.REFUSE].to,
            act.actor,
            note,
        )
        if row is None:
            return False
        await settle_bill(tx, refund, RefundMove.REFUSE)
        await audit.record(act, tx)
    return True


async def record_retry(refund: RefundRecord, act: AuditedAct, audit: Audit) -> bool:
    """Have an abnormal refund tried again under its own number; False when it is not abnormal."""
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE refund SET status = $2, finished_at = NULL, asked_count = 1, ask_after = $3, updated_at = now()"
            " WHERE id = $1 AND status = $4 RETURNING id",
            refund.id,
            REFUND[RefundStatus.ABNORMAL, RefundMove.RETRY].to,
            repository.sweep_after(),
            str(RefundStatus.ABNORMAL),
        )
        if row is None:
            return False
        tx.enqueue(PUSH_REFUND, {"out_refund_no": refund.out_refund_no})
        await audit.record(act, tx)
    return True


async def record_renewal(refund: RefundRecord, act: AuditedAct, audit: Audit) -> str | None:
    """Ask again, under a new number, for what the provider has closed; None when it is no longer abnormal."""
    edge = REFUND[RefundStatus.ABNORMAL, RefundMove.CLOSE]
    async with db.transaction() as tx:
        row = await tx.fetch_row(
            "UPDATE refund SET status = $2, finished_at = now(), updated_at = now() WHERE id = $1 AND status = $3"
            " RETURNING id",
            refund.id,
            edge.to,
            str(RefundStatus.ABNORMAL),
        )
        if row is None:
            return None
        number = await repository.insert_refund(
            tx, refund.payment.id, refund.payment.bill_id, refund.amount_fen, refund.reason, refund.cause
        )
        tx.emit(refund_event(edge.event, refund, now()))
        await audit.record(act, tx)
    return number


async def record_settlement(refund: RefundRecord, note: str, act: AuditedAct, audit: Audit) -> bool:
    """Count an abnormal refund as paid back in another way; False when it is not abnormal."""
    edge, moment = REFUND[RefundStatus.ABNORMAL, RefundMove.SETTLE], now()
    async with db.transaction() as tx:
        await lock_bill(tx, refund)
        row = await tx.fetch_row(
            "UPDATE refund SET status = $2, provider_status = $3, decision_note = $4, finished_at = $5, updated_at = $5"
            " WHERE id = $1 AND status = $6 RETURNING id",
            refund.id,
            edge.to,
            SETTLED_ELSEWHERE,
            note,
            moment,
            str(RefundStatus.ABNORMAL),
        )
        if row is None:
            return False
        await book_success(tx, refund, moment, ELSEWHERE)
        tx.emit(refund_event(edge.event, refund, moment))
        await settle_bill(tx, refund, RefundMove.SETTLE)
        await audit.record(act, tx)
    return True


async def is_in_scope(scope: StaffScope, out_trade_no: str) -> bool:
    """Tell whether there is such a channel order within a scope."""
    row = await db.fetch_row(
        "SELECT 1 FROM payment p JOIN bill b ON b.id = p.bill_id WHERE p.out_trade_no = $3"
        " AND EXISTS (SELECT 1 FROM unnest($1::text[]) AS prefix WHERE starts_with(b.division_code, prefix))"
        " AND (cardinality($2::text[]) = 0 OR b.department_code = ANY ($2::text[]))",
        list(scope.divisions),
        list(scope.departments),
        out_trade_no,
    )
    return row is not None


async def find_shown(scope: StaffScope, out_refund_no: str) -> db.Row | None:
    """Return the shown columns of a refund within a scope."""
    return await db.fetch_row(
        f"{_SHOWN} AND r.out_refund_no = $3", list(scope.divisions), list(scope.departments), out_refund_no
    )


async def list_shown(
    scope: StaffScope, status: str, needs_approval: bool | None, after: uuid.UUID | None, limit: int
) -> Sequence[db.Row]:
    """Return a page of refunds within a scope, newest first; empty filters leave nothing out."""
    return await db.fetch_all(
        f"{_SHOWN} AND ($3 = '' OR r.status = $3)"
        " AND ($4::bool IS NULL OR (r.status = 'REQUESTED' AND r.needs_approval AND r.approved_at IS NULL) = $4)"
        " AND ($5::uuid IS NULL OR r.id < $5) ORDER BY r.id DESC LIMIT $6",
        list(scope.divisions),
        list(scope.departments),
        status,
        needs_approval,
        after,
        limit,
    )


async def list_for_staff(scope: StaffScope, closed_since: datetime, limit: int) -> Sequence[db.Row]:
    """Return the refunds that a person must look at, oldest first: those that wait for a second person, abnormal ones,
    and those of staff that the provider has lately closed."""
    return await db.fetch_all(
        f"{_SHOWN} AND ((r.status = 'REQUESTED' AND r.needs_approval AND r.approved_at IS NULL)"
        " OR r.status = 'ABNORMAL'"
        " OR (r.status = 'CLOSED' AND r.cause = 'STAFF' AND r.asked_count > 0 AND r.finished_at >= $3))"
        " ORDER BY r.id LIMIT $4",
        list(scope.divisions),
        list(scope.departments),
        closed_since,
        limit,
    )
