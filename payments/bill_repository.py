"""Bills: every read of them, and the writes that move no money. Decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec

from app import db
from app.events import DomainEvent
from app.ids import new_id
from payments.fiscal.records import REGISTER_BILL, VOID_CODE
from payments.records import BillRecord
from payments.states import BILL, BillMove, BillStatus, sources
from payments.types import NewBill

_BILL = """
SELECT id, bill_no, citizen_id, subject_no, title, amount_fen, status, department_code, division_code, due_at FROM bill
"""
_SHOWN_BILL = """
SELECT id, bill_no, payment_code, subject_no, title, lines, amount_fen, late_fee_fen, status, due_at, paid_at,
       confirmed_at, created_at FROM bill
"""


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


async def move_bills(from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
    """Give a merged person's bills to the person that stays. Idempotent."""
    await db.execute(
        "UPDATE bill SET citizen_id = $2, updated_at = now() WHERE citizen_id = $1", from_citizen_id, into_citizen_id
    )
