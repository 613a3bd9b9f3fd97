"""The door of the payments room: bills, channel orders, callbacks, refunds, the ledger's check.

Handlers, applications and wiring call it. It builds no query, knows no vendor and no HTTP.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from app import db
from app.clock import now
from app.errors import CallbackRejected, Conflict, NotFound
from app.ids import dated_no
from app.jobs import JobFunction
from app.tokens import Caller
from payments import bill_repository, repository, shown_repository, views
from payments.asking import Asking
from payments.auditing import LedgerAudit
from payments.cashier.desk import CashierDesk
from payments.facts import FactDesk
from payments.fiscal.office import FiscalOffice
from payments.fiscal.ports import FiscalPlatform
from payments.merchants.ports import ChannelFactory
from payments.merchants.service import MerchantService
from payments.neutral import Acknowledgement
from payments.opening import Opening
from payments.ports import Audit, ChannelTable, Payers
from payments.receiving import Receiving
from payments.reconciliation.office import ReconciliationOffice
from payments.records import ASK_BOUNCED, ASK_ORDER, PUSH_REFUND, SETTLE_ORDER
from payments.refunds import repository as refund_repository
from payments.refunds.desk import RefundDesk
from payments.refunds.ending import BillEnding
from payments.refunds.pushing import Refunding
from payments.statements.statements import Statements
from payments.states import OPEN_PAYMENT
from payments.sweeps import Sweeps
from payments.types import (
    Account,
    BillView,
    LedgerCheck,
    NewBill,
    OpenedPayment,
    PaymentView,
    QuarantinedView,
    StaffScope,
)


class PaymentService:
    """Use cases of the payments room.

    Args:
        channels: the merchant accounts' adapters.
        payers: names of people at the channels.
        audit: the audit trail of staff.
        fiscal: the platform that issues payment codes, confirms and receipts.
        factory: makes the channels of merchant accounts that are rows; None serves the settings' accounts only.
        expiry_seconds: life of a channel order.
        first_question_seconds: silence after which an order is first asked about.
        bill_folder: where bill files lie while a day is compared; None = the system's folder for such files.
        refund_approval_fen: sum of refunds of one payment from which on a second person must approve.
    """

    def __init__(
        self,
        channels: ChannelTable,
        payers: Payers,
        *,
        audit: Audit,
        fiscal: FiscalPlatform,
        factory: ChannelFactory | None = None,
        expiry_seconds: int = 1800,
        first_question_seconds: int = 5,
        bill_folder: Path | None = None,
        refund_approval_fen: int = 50_000,
    ) -> None:
        receiving = Receiving(channels)
        self.fiscal = FiscalOffice(fiscal)
        self.ledger = LedgerAudit()
        self.merchants = MerchantService(channels, factory)
        self.refunds = RefundDesk(audit, refund_approval_fen)
        self.statements = Statements()
        self.cashier = CashierDesk()
        self._asking = Asking(channels, receiving)
        self._ending = BillEnding(self._asking, self.refunds)
        self._receiving = receiving
        self.facts = FactDesk(channels, self._asking, receiving)
        self.reconciliation = ReconciliationOffice(
            channels,
            self._asking,
            receiving,
            fiscal=fiscal,
            audit=audit,
            folder=bill_folder or Path(tempfile.gettempdir()) / "sanjintong-bills",
        )
        self._refunding = Refunding(channels, receiving)
        self._opening = Opening(
            channels,
            payers,
            self._asking,
            self.fiscal,
            expiry_seconds=expiry_seconds,
            first_question_seconds=first_question_seconds,
        )
        self.sweeps = Sweeps(self._asking, self._refunding, self.fiscal, self.ledger)

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload, for wiring's job table."""

        async def push_refund(payload: dict[str, str]) -> None:
            await self._refunding.push(payload["out_refund_no"])

        async def settle_order(payload: dict[str, str]) -> None:
            await self.settle_order(payload["out_trade_no"])

        async def ask_order(payload: dict[str, str]) -> None:
            await self.ask_order(payload["out_trade_no"])

        own: dict[str, JobFunction] = {
            PUSH_REFUND: push_refund,
            SETTLE_ORDER: settle_order,
            ASK_ORDER: ask_order,
            ASK_BOUNCED: self._refunding.ask_bounced,
        }
        return own | dict(self.merchants.jobs()) | dict(self.fiscal.jobs()) | dict(self.reconciliation.jobs())

    async def save_accounts(self, accounts: Sequence[Account]) -> None:
        """Write the merchant accounts that the settings name (accounts.accounts_of). Idempotent: yes, by code."""
        await repository.save_accounts(accounts)

    async def issue_bill(self, bill: NewBill) -> BillView:
        """Issue a bill; its payment code (缴款码) follows by a job that asks the fiscal platform for it.

        Raises: Conflict `bill_differs` when this subject and purpose has a bill of another amount.
        Idempotent: yes, by `subject_no` and `purpose`.
        """
        await bill_repository.record_bill(bill, dated_no("B", now()))
        row = await bill_repository.get_bill_of_purpose(bill.subject_no, bill.purpose)
        if row["amount_fen"] - row["late_fee_fen"] != bill.amount_fen:
            raise Conflict("该事项已有金额不同的缴款单", code="bill_differs")
        return views.bill(row)

    async def bills_of(self, subject_no: str, purpose: str = "") -> list[BillView]:
        """List the bills of a case, or those of one kind; for rooms that have checked whose case it is.

        Args:
            purpose: the word of `NewBill.purpose` before its colon; "" lists every kind.
        """
        return await self._shown(await bill_repository.list_bills(subject_no, purpose=purpose))

    async def own_bills(self, caller: Caller, subject_no: str) -> list[BillView]:
        """List the caller's bills of a case; empty also where the case is somebody else's."""
        return await self._shown(await bill_repository.list_bills(subject_no, caller.citizen_id))

    async def _shown(self, rows: Sequence[db.Row]) -> list[BillView]:
        """Show bills, the paid ones with their receipts and refunds."""
        paid = [row["id"] for row in rows if row["paid_at"] is not None]
        if not paid:
            return [views.bill(row) for row in rows]
        receipts = await shown_repository.list_receipts(paid)
        refunds = await shown_repository.list_refunds_of_bills(paid)
        return [views.bill(row, receipts.get(row["id"]), refunds.get(row["id"], ())) for row in rows]

    async def create(
        self, caller: Caller, bill_no: str, channel: str, *, owner_id: uuid.UUID | None = None
    ) -> OpenedPayment:
        """Open a channel order for the caller's bill, or continue the open one; return what the phone needs.

        `owner_id`: whose bill it is, where a room has checked that the caller may act for them; the caller pays.

        The same channel again answers with the same order, signed anew. Another channel first asks the provider of
        the open order and closes it there; while that outcome is unknown nothing is opened.
        Raises: NotFound (no such bill, or another's), Conflict (`bill_paid`, `bill_void`, `bill_expired`,
        `channel_unavailable`, `payment_in_progress`, and what FiscalOffice.payable refuses), ProviderUnavailable
        (unknown, or the fiscal platform is away: come again with the same channel), ProviderRejected,
        ProviderProtocolError.
        Idempotent: yes, one open order per bill by constraint.
        """
        try:
            return await self._opening.create(caller, bill_no, channel, owner_id)
        except NotFound as missing:
            if not await self._has_come(missing, patient=True):
                raise
        return await self._opening.create(caller, bill_no, channel, owner_id)

    async def subject_of(self, *, bill_no: str = "", out_trade_no: str = "") -> str:
        """Return the case that a bill or a channel order is about, for the room that knows whose it is.

        Raises: NotFound.
        """
        if bill_no:
            bill = await bill_repository.find_bill(bill_no)
            found = bill.subject_no if bill is not None else None
        else:
            row = await repository.find_shown_payment(out_trade_no)
            found = row["subject_no"] if row is not None else None
        if found is None:
            raise NotFound("未找到该缴款单")
        return str(found)

    async def own_payment(self, caller: Caller, out_trade_no: str, *, owner_id: uuid.UUID | None = None) -> PaymentView:
        """Return the caller's channel order, or that of `owner_id`, for whom they may act. Raises: NotFound."""
        row = await repository.find_shown_payment(out_trade_no)
        if row is None or row["citizen_id"] != (owner_id or caller.citizen_id):
            raise NotFound("未找到该支付单")
        if row["paid_at"] is None:
            return views.payment(row)
        receipts = await shown_repository.list_receipts([row["bill_id"]])
        receipt = receipts.get(row["bill_id"]) if row["paid_payment_id"] == row["id"] else None
        return views.payment(row, receipt, await shown_repository.list_refunds_of(row["id"]))

    async def receive(self, channel: str, address: str, headers: Mapping[str, str], body: bytes) -> Acknowledgement:
        """Take one callback of a provider by its raw bytes; return the provider's own acknowledgement.

        Raises: CallbackRejected (answer that it was refused), NotFound, ProviderProtocolError and database errors
        (answer 5xx: only then is a repeat useful).
        Idempotent: yes, by the inbox row, which commits with the effects.
        """
        try:
            return await self._receiving.receive(channel, address, headers, body)
        except CallbackRejected as refusal:
            await self.merchants.heed(refusal, channel, address)
            raise
        except NotFound as missing:
            if not await self._has_come(missing, patient=False):
                raise
        return await self._receiving.receive(channel, address, headers, body)

    async def receive_message(self, app_id: str, body: bytes) -> Acknowledgement | None:
        """Take one message of a payment platform that is about no order; None means that `success` is the answer.

        Raises: as `receive`. Idempotent: yes, by the inbox row.
        """
        return await self._receiving.receive_message(app_id, body)

    async def _has_come(self, missing: NotFound, *, patient: bool) -> bool:
        """Tell whether the merchant account that was missing may be there now: it was added a moment ago."""
        return missing.stable_code == "channel_unknown" and await self.merchants.look_again(patient=patient)

    async def settle_order(self, out_trade_no: str) -> None:
        """Ask about an order and close it if unpaid. Raises what makes the job come again. Idempotent: yes."""
        record = await repository.find_payment(out_trade_no)
        if record is not None:
            await self._asking.settle(record)

    async def ask_order(self, out_trade_no: str) -> None:
        """Ask about an order that is open and about its refunds under way. Idempotent: yes."""
        record = await repository.find_payment(out_trade_no)
        if record is not None and record.status in OPEN_PAYMENT:
            await self._asking.ask(record)
        for out_refund_no in await refund_repository.list_open_refunds(out_trade_no):
            await self._refunding.push(out_refund_no)

    async def end_bill(self, bill_no: str, reason: str) -> None:
        """See to it that nobody pays a bill any more, and that what was paid goes back. See `BillEnding.end`."""
        await self._ending.end(bill_no, reason)

    async def void_bills(self, subject_no: str, ended_at: datetime | None = None, purpose: str = "") -> None:
        """Void the unpaid bills of a case; an open order is settled first, and one that was paid keeps its bill.

        Args:
            ended_at: the end of the case; what was paid for it later is kept for staff, who give it back.
            purpose: of one kind only, as in `bills_of`.

        Raises: ProviderUnavailable while the outcome of an open order is unknown, Conflict `payment_in_progress` when
        a new order was opened meanwhile; call again then. Idempotent: yes, by status.
        """
        for bill in await bill_repository.list_unsettled_bills(subject_no, purpose):
            record = await repository.find_open_payment(bill.id)
            if record is not None:
                await self._asking.settle(record)
            await bill_repository.record_void(bill.bill_no)
        if await bill_repository.list_unsettled_bills(subject_no, purpose):
            raise Conflict("该缴款单正在支付处理中，请稍后再试", code="payment_in_progress", retry_after_seconds=2)
        if ended_at is not None:
            await self._receiving.report_paid_after(subject_no, ended_at)

    async def unsettled_subjects(
        self, after: uuid.UUID | None = None, limit: int = 200
    ) -> tuple[list[str], uuid.UUID | None]:
        """Return a page of the subjects of bills that nobody has paid yet, and where the next page begins."""
        rows = await bill_repository.list_unsettled_subjects(after, limit + 1)
        page = rows[:limit]
        return [row["subject_no"] for row in page], page[-1]["id"] if len(rows) > limit else None

    async def move_bills(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Give a merged person's bills to the person that stays. Idempotent: yes."""
        await bill_repository.move_bills(from_citizen_id, into_citizen_id)

    async def check_ledger(self) -> LedgerCheck:
        """Audit the whole ledger: sum, balance of every transfer, and that every fact is in it."""
        return await self.ledger.check_all()

    async def quarantined(
        self, scope: StaffScope, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[QuarantinedView], uuid.UUID | None]:
        """Return a page of callbacks that contradict our records, newest first, and where the next page begins.

        Those about a bill outside the scope are left out; those that match no bill of ours concern everybody.
        """
        rows = await repository.list_quarantined(scope.divisions, scope.departments, after, limit + 1)
        page = rows[:limit]
        return [views.quarantined(row) for row in page], page[-1]["id"] if len(rows) > limit else None
