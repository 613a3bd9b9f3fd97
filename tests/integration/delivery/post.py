"""The delivery room with two couriers and a memory of bills, as tests of booking use it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field

from app import clock, db
from app.errors import ProviderUnavailable
from services.delivery.booking.types import NewAddress
from services.delivery.ports import PostageBill
from services.delivery.service import DeliveryService
from services.delivery.types import Choice, Contact, DeliveryMethod, ShipmentOrder
from tests.fakes.couriers import MemoryCourier
from tests.fakes.jobs import taken_jobs

CITIZEN = uuid.UUID(int=7)
CASE, ITEM = "1420260302ABCDEFGHJK", "11140105MB0001177F"
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
ELSEWHERE = NewAddress(
    Contact(name="张伟", phone="13800000001", address="山西省大同市平城区迎宾街1号"), "张* 大同市", "140213"
)
SENDER = Contact(name="出件窗口", phone="0351-7190110", address="太原市小店区人民南路2号")
ORDER = ShipmentOrder(CASE, "居民身份证", SENDER, "140105", ITEM, paid_by_receiver=True, item_codes=("X1",))


@dataclass
class MemoryPostage:
    """Bills in memory: number → parcel; `ended` are those that nobody pays any more."""

    bills: dict[str, PostageBill] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    async def bill(self, asked: PostageBill) -> str:
        number = f"B{asked.shipment_no}"
        self.bills.setdefault(number, asked)
        return number

    async def end(self, bill_no: str, reason: str) -> None:
        self.ended.append(bill_no)


@dataclass
class Post:
    """The room with two couriers and a memory of bills."""

    room: DeliveryService
    sf: MemoryCourier
    ems: MemoryCourier
    postage: MemoryPostage

    async def chosen(self, *, payer: str = "") -> None:
        await self.room.choose(
            Choice(CASE, CITIZEN, DeliveryMethod.COURIER, "140105", RECEIVER, "张* 138****0001", payer=payer)
        )

    async def requested(self, *, payer: str = "") -> str:
        await self.chosen(payer=payer)
        number = await self.room.request_shipment(ORDER)
        assert number is not None
        return number

    async def booked(self) -> str:
        number = await self.requested()
        await self.book(number)
        return number

    async def book(self, number: str) -> None:
        await self.room.booking.book({"shipment_no": number})

    async def paid(self, number: str) -> None:
        row = await parcel(number)
        await self.room.postage.note_paid(row["bill_no"], f"postage:{number}", clock.now())

    async def work(self) -> None:
        """Run the room's waiting jobs until none is left; what must come again stays away here."""
        for _ in range(8):
            for row in await taken_jobs("delivery.%"):
                payload = json.loads(row["payload"])
                try:
                    await self.room.jobs()[row["entrypoint"]](payload)
                except ProviderUnavailable:
                    continue


async def parcel(number: str) -> db.Row:
    row = await db.fetch_row("SELECT * FROM shipment WHERE shipment_no = $1", number)
    assert row is not None
    return row


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""
