"""A payments room with two fake channels, one citizen and their callers, for integration and property tests."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field

import msgspec

from app import db
from app.adapters import PaymentAudit
from app.errors import SanjinError
from app.events import DomainEvent
from app.ids import new_id
from app.jobs import EVENT
from app.tokens import Caller
from payments.merchants.ports import ChannelFactory
from payments.neutral import Acknowledgement, PlatformMessage
from payments.ports import ChannelTable
from payments.reactions import Reactions
from payments.service import PaymentService
from payments.types import Account, BillView, NewBill, Payer, StaffPerson, StaffScope
from services.staff.audit import AuditTrail
from tests.fakes.fiscal_platform import FakeFiscalPlatform, FakeNotice
from tests.fakes.jobs import taken_jobs
from tests.fakes.payment_provider import FakePaymentChannel

WECHAT_APP, ALIPAY_APP = "wx0123456789abcdef", "2021000000000001"
WECHAT_MCH, ALIPAY_SELLER = "1900000001", "2088101117955611"
EVERYWHERE = StaffScope(("14",), ())
ADDRESSES = {"WECHAT": WECHAT_MCH, "ALIPAY": ALIPAY_APP}


class FakePlatformGateway:
    """Implements ports.PlatformGateway: a message is JSON, believed as it comes."""

    def answer_check(self, body: bytes) -> Acknowledgement | None:
        return None

    def parse_message(self, body: bytes) -> PlatformMessage:
        return msgspec.json.decode(body, type=PlatformMessage)


class FakePayers:
    """Implements ports.Payers: everybody has one name at each channel, unless they are listed as strangers to it."""

    def __init__(self) -> None:
        self.strangers: set[tuple[uuid.UUID, str]] = set()

    async def payer(self, citizen_id: uuid.UUID, identity_id: uuid.UUID, channel: str) -> Payer | None:
        if (citizen_id, channel) in self.strangers:
            return None
        return Payer(WECHAT_APP if channel == "WECHAT" else ALIPAY_APP, f"o{citizen_id.hex[:27]}")


@dataclass
class PaymentsHouse:
    """The room and its surroundings."""

    wechat: FakePaymentChannel = field(default_factory=lambda: FakePaymentChannel("wechat_pay", WECHAT_MCH))
    alipay: FakePaymentChannel = field(default_factory=lambda: FakePaymentChannel("alipay", ALIPAY_SELLER))
    fiscal: FakeFiscalPlatform = field(default_factory=FakeFiscalPlatform)
    payers: FakePayers = field(default_factory=FakePayers)
    expiry_seconds: int = 1800
    first_question_seconds: int = 5
    refund_approval_fen: int = 50_000
    messages: FakePlatformGateway = field(default_factory=FakePlatformGateway)
    factory: ChannelFactory | None = None

    def __post_init__(self) -> None:
        self.trail = AuditTrail(b"k" * 32)
        table = ChannelTable(
            {"wechat-default": self.wechat, "alipay-default": self.alipay},
            {("WECHAT", WECHAT_MCH): self.wechat, ("ALIPAY", ALIPAY_APP): self.alipay},
            {ALIPAY_APP: self.messages},
        )
        self.service = PaymentService(
            table,
            self.payers,
            audit=PaymentAudit(self.trail),
            fiscal=self.fiscal,
            factory=self.factory,
            expiry_seconds=self.expiry_seconds,
            first_question_seconds=self.first_question_seconds,
            refund_approval_fen=self.refund_approval_fen,
        )
        self.caller = caller()

    async def prepare(self) -> None:
        """Write the merchant accounts."""
        await self.service.save_accounts(
            [
                Account(code="wechat-default", channel="WECHAT", app_id=WECHAT_APP, mch_id=WECHAT_MCH),
                Account(code="alipay-default", channel="ALIPAY", app_id=ALIPAY_APP, mch_id=ALIPAY_SELLER),
            ]
        )

    def channel(self, name: str) -> FakePaymentChannel:
        """Return the provider of a channel."""
        return self.wechat if name == "WECHAT" else self.alipay

    def new_bill(self, **changed: object) -> NewBill:
        """Return a bill to be issued to the caller."""
        values: dict[str, object] = {
            "citizen_id": self.caller.citizen_id,
            "subject_no": f"A{new_id().hex[-12:]}",
            "purpose": "fee",
            "title": "居民身份证换领工本费",
            "amount_fen": 2000,
            "department_code": "11140000012345678X",
            "division_code": "140105",
        }
        return NewBill(**(values | changed))  # type: ignore[arg-type]  # keyword values of a test

    async def issue(self, **changed: object) -> BillView:
        """Issue a bill to the caller."""
        return await self.service.issue_bill(self.new_bill(**changed))

    async def notify(self, channel: str, content: dict[str, str], signature: str = "genuine") -> None:
        """Deliver a callback."""
        await self.service.receive(channel, ADDRESSES[channel], {"signature": signature}, json.dumps(content).encode())

    async def refund(self, out_trade_no: str, amount_fen: int, reason: str = "多缴", by: str = "cashier-1") -> str:
        """Ask for a refund as a member of staff; return its number."""
        shown = await self.service.refunds.request(person(by), out_trade_no, amount_fen, reason)
        return shown.out_refund_no

    async def drain(self) -> list[str]:
        """Run the room's own waiting jobs and reactions until none is left; return the names of the events met.

        Raises what the first failed job raised, when all others are done; failed ones wait to be run again.
        """
        functions, reactions, events = self.service.jobs(), Reactions(self.service).table(), []
        failed: list[tuple[db.Row, SanjinError]] = []
        while rows := await taken_jobs():
            for row in rows:
                payload = msgspec.json.decode(row["payload"])
                try:
                    if row["entrypoint"] == EVENT:
                        events.append(payload["name"])
                        for _, reaction in reactions.get(payload["name"], ()):
                            await reaction(msgspec.convert(payload, DomainEvent))
                    else:
                        await functions[row["entrypoint"]](payload)
                except SanjinError as error:
                    failed.append((row, error))
        if failed:
            async with db.transaction() as tx:
                for row, _ in failed:
                    tx.enqueue(row["entrypoint"], msgspec.Raw(row["payload"]))
            raise failed[0][1]
        return events

    async def wake(self) -> None:
        """Make every question due now."""
        await db.execute("UPDATE payment SET ask_after = now() WHERE ask_after IS NOT NULL")
        await db.execute("UPDATE refund SET ask_after = now() WHERE ask_after IS NOT NULL")
        await db.execute("UPDATE payment SET refund_free_at = NULL WHERE refund_free_at IS NOT NULL")
        for table in ("bill", "refund"):
            await db.execute(f"UPDATE {table} SET fiscal_ask_after = now() WHERE fiscal_ask_after IS NOT NULL")

    async def expire(self) -> None:
        """Put the end of every open order into the past."""
        await db.execute(
            "UPDATE payment SET expires_at = now() - interval '1 second', ask_after = now()"
            " WHERE status IN ('CREATED', 'AWAITING')"
        )

    async def bill_status(self, bill_no: str) -> str:
        row = await db.fetch_row("SELECT status FROM bill WHERE bill_no = $1", bill_no)
        assert row is not None
        return str(row["status"])

    async def notice(self, bill_no: str) -> FakeNotice:
        """Return what the fiscal platform has of a bill."""
        row = await db.fetch_row("SELECT payment_code FROM bill WHERE bill_no = $1", bill_no)
        assert row is not None
        return self.fiscal.notices[row["payment_code"]]

    async def statuses(self, bill_no: str) -> list[str]:
        """Return the statuses of a bill's orders, oldest first."""
        rows = await db.fetch_all(
            "SELECT p.status FROM payment p JOIN bill b ON b.id = p.bill_id WHERE b.bill_no = $1 ORDER BY p.id", bill_no
        )
        return [row["status"] for row in rows]


def person(username: str, scope: StaffScope = EVERYWHERE) -> StaffPerson:
    """Return a member of staff who acts."""
    return StaffPerson(username, scope, "10.0.0.7")


def caller() -> Caller:
    """Return somebody signed in with WeChat."""
    return Caller(new_id(), new_id(), new_id(), "WECHAT", 4_000_000_000)
