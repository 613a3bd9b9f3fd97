"""What a refund's move means for the ledger, its bill and the house, within the transaction of the move.

Called by the repositories of this part only; the keys of the transfers make every pair unique.
"""

from __future__ import annotations

from datetime import datetime

from app import db
from app.events import DomainEvent
from app.ids import new_id
from payments.records import RefundRecord
from payments.states import BILL, OPEN_REFUND, BillMove, BillStatus, RefundMove, RefundStatus, sources

ELSEWHERE = "paid_back_elsewhere"
"""The account from which staff pay back by other means: the channel's money does not move then."""


async def book_success(tx: db.Transaction, refund: RefundRecord, occurred_at: datetime, account: str = "") -> None:
    """Book that the money went back; after a bounce the pair gets a key of its own.

    Args:
        account: where it came from; the channel where empty.
    """
    bounces = await _bounces(tx, refund)
    key = (
        f"refund.resettled:{refund.out_refund_no}:{bounces}" if bounces else f"refund.succeeded:{refund.out_refund_no}"
    )
    await _book(tx, refund, key, refund.amount_fen, occurred_at, account or f"channel:{refund.payment.channel}")
    # The reaction asks for the red letter at once; this lets the sweep ask should the reaction be lost.
    await tx.execute(
        "UPDATE refund SET fiscal_ask_after = now() + interval '1 minute', fiscal_asked_count = 0 FROM bill"
        " WHERE refund.id = $1 AND bill.id = refund.bill_id AND bill.confirmed_at IS NOT NULL"
        " AND refund.payment_id = bill.paid_payment_id AND refund.reversed_at IS NULL",
        refund.id,
    )


async def book_bounce(tx: db.Transaction, refund: RefundRecord, occurred_at: datetime) -> None:
    """Book that the bank gave the money back to the channel: the reverse of the success before."""
    bounces = await _bounces(tx, refund)
    key = f"refund.bounced:{refund.out_refund_no}" + (f":{bounces + 1}" if bounces else "")
    await _book(tx, refund, key, -refund.amount_fen, occurred_at, f"channel:{refund.payment.channel}")


async def _bounces(tx: db.Transaction, refund: RefundRecord) -> int:
    row = await tx.fetch_row(
        "SELECT count(DISTINCT transfer_key) AS n FROM ledger_entry"
        " WHERE bill_no = $1 AND reference_no = $2 AND transfer_key LIKE 'refund.bounced:%'",
        refund.payment.bill_no,
        refund.out_refund_no,
    )
    return int(row["n"]) if row else 0


async def _book(
    tx: db.Transaction, refund: RefundRecord, key: str, amount_fen: int, occurred_at: datetime, account: str
) -> None:
    await tx.execute(
        "INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
        " occurred_at) VALUES ($1, now(), $3, $4, $6::bigint, $7, $8, $9),"
        " ($2, now(), $3, $5, -$6::bigint, $7, $8, $9)"
        " ON CONFLICT (transfer_key, account) DO NOTHING",
        new_id(),
        new_id(),
        key,
        "revenue" if refund.cause == "STAFF" else "overpaid",
        account,
        amount_fen,
        refund.payment.bill_no,
        refund.out_refund_no,
        occurred_at,
    )


async def lock_bill(tx: db.Transaction, refund: RefundRecord) -> db.Row | None:
    """Lock the bill of a refund and return it. Before the refund's own row, as everybody does who needs both; whoever
    counts under it sees the refunds that ended at the same moment."""
    return await tx.fetch_row("SELECT confirmed_at FROM bill WHERE id = $1 FOR UPDATE", refund.payment.bill_id)


async def settle_bill(tx: db.Transaction, refund: RefundRecord, move: RefundMove) -> None:
    """Move the bill after a refund of its own payment: REFUNDED once all of it went back, back to what it was when
    some stays, REFUNDING again when a bank gave money back. Money that came twice concerns no bill."""
    if refund.cause != "STAFF" or move in (RefundMove.ACCEPT, RefundMove.FAIL, RefundMove.RETRY):
        return
    bill = await lock_bill(tx, refund)
    row = await tx.fetch_row(
        "SELECT coalesce(sum(amount_fen) FILTER (WHERE status = 'SUCCEEDED'), 0)::bigint AS refunded,"
        " count(*) FILTER (WHERE status = ANY ($2)) AS under_way FROM refund WHERE payment_id = $1",
        refund.payment.id,
        [str(status) for status in (*OPEN_REFUND, RefundStatus.ABNORMAL)],
    )
    if bill is None or row is None:
        return
    if row["under_way"]:
        if move == RefundMove.BOUNCE:
            await _move_bill(tx, refund, BillMove.REFUND_BOUNCED, BillStatus.REFUNDED)
        return
    keep = BillMove.KEEP_CONFIRMED if bill["confirmed_at"] else BillMove.KEEP_PAID
    all_of_it = row["refunded"] >= refund.payment.order.amount_fen
    await _move_bill(tx, refund, BillMove.REFUND_ALL if all_of_it else keep, BillStatus.REFUNDING)


async def _move_bill(tx: db.Transaction, refund: RefundRecord, move: BillMove, usual: BillStatus) -> None:
    await tx.execute(
        "UPDATE bill SET status = $2, version = version + 1, updated_at = now() WHERE id = $1 AND status = ANY ($3)",
        refund.payment.bill_id,
        BILL[usual, move].to,
        sources(BILL, move),
    )


def refund_event(name: str, refund: RefundRecord, occurred_at: datetime) -> DomainEvent:
    """Return a domain event about a refund."""
    return DomainEvent(
        name=name,
        subject_no=refund.payment.subject_no,
        citizen_id=refund.payment.citizen_id.hex,
        occurred_at=occurred_at,
        part=refund.out_refund_no,
        facts={
            "bill_no": refund.payment.bill_no,
            "out_refund_no": refund.out_refund_no,
            "amount_fen": refund.amount_fen,
            "reason": refund.reason,
        },
    )
