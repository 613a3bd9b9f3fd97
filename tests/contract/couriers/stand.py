"""Where a courier stands in the contract of the port: an adapter over its simulated platform, with all that a test
needs of the other side. A courier adds a subclass in a file of its own and a row in stands.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from clients.transport import Answer, Transport
from services.delivery.ports import Ability, Courier
from services.delivery.states import ShipmentStatus
from services.delivery.types import Booking, Contact, CourierEvent, CourierOrder, ParcelNews, ParcelRef, Push
from tests.contract.simulators.callback_sink import Received
from tests.contract.simulators.simulator_process import Simulators

NUMBER = "SJ20260302TEST01"
WINDOW = Contact(name="出件窗口", phone="03517190110", address="山西省太原市小店区人民南路2号")
CITIZEN = Contact(name="张伟", phone="13800000001", address="山西省大同市平城区测试路1号")
NOWHERE = msgspec.structs.replace(CITIZEN, address="山西省大同市平城区超范围山村1号")
PATIENCE_SECONDS = 0.3


class HastyTransport(Transport):
    """Tries once, and waits shortly while silence is what is tested, so that a fault costs no test much time."""

    hasty = False

    async def send(self, call: str, method: str, url: str, **options: Any) -> Answer:
        if self.hasty:
            options["timeout_seconds"] = PATIENCE_SECONDS
        return await super().send(call, method, url, **options | {"repeatable": False})


class Stand:
    """A courier and the ways to have its simulator act.

    What differs between couriers is said by these fields; a test for which a field is empty has nothing to prove there.
    """

    provider = ""
    """Name of the simulator, in its control paths, faults and journal; pushes go to /callbacks/<provider>/…"""
    carrier = ""
    calls: Mapping[str, str] = {}
    """Method of the port → the simulator's name of the (first) call that it makes; every method that calls out."""
    refused_for_good = ""
    """A code that refuses an order: a person must look."""
    refused_for_now = ""
    """A code that refuses an order which may come again, unchanged."""
    outcome_unknown = ""
    """A code that leaves open whether an order was taken."""
    targets: Mapping[str, ShipmentStatus] = {}
    """What a parcel can be moved to → the state it is in then."""
    code_table: Mapping[ShipmentStatus, str] = {}
    """The reference's table, copied by hand: every code of each state, separated by spaces."""
    unknown_code = "9999"
    reversals: Mapping[str, str] = {}
    """A code that takes back → the codes it takes back, separated by spaces."""
    return_waybill_at = ""
    """The target at which a number for the way back is told."""
    courier_phone_at = ""
    """The target at which the phone of the person who carries it is told."""

    follows_typed = False
    """Whether it follows numbers that were ordered elsewhere; POST /control/<provider>/parcels makes one."""

    courier: Courier

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.transport = HastyTransport(session, self.provider)
        self.courier = self.make(self.transport, sim.url(self.provider))
        sim.sink.responders[f"/callbacks/{self.provider}/"] = self.answer
        self.accepting = True

    def make(self, transport: Transport, base: str) -> Courier:
        """Make the adapter as wiring does, over this transport and base address."""
        raise AssertionError("a stand makes its courier")

    @property
    def code(self) -> str:
        return self.courier.code

    def can(self, ability: Ability) -> bool:
        return ability in self.courier.abilities

    def order(self, **changes: Any) -> CourierOrder:
        given: dict[str, Any] = {"shipment_no": NUMBER, "cargo": "居民身份证", "sender": WINDOW, "receiver": CITIZEN}
        return CourierOrder(**given | {"carrier": self.carrier} | changes)

    def ref(self, booking: Booking, **changes: Any) -> ParcelRef:
        """The parcel as the room keeps it after booking."""
        given: dict[str, Any] = {
            "shipment_no": booking.shipment_no,
            "waybill_no": booking.waybill_no,
            "order_ref": booking.order_ref,
            "carrier": booking.carrier or self.carrier,
            "phone": CITIZEN.phone,
        }
        return ParcelRef(**given | changes)

    async def booked(self, **changes: Any) -> ParcelRef:
        """Book a parcel and have it followed."""
        parcel = self.ref(await self.courier.book(self.order(**changes)))
        await self.courier.follow(parcel)
        return parcel

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self.sim.control, method, path, body)

    async def move(self, parcel: ParcelRef, to: str, **more: Any) -> list[Push]:
        """Move a parcel; return the pushes that came of it. An `op_code` in place of a target plays that one code."""
        before = len(self.received())
        body = {"to": to, **more} if to else more
        await self.control("POST", f"/{self.provider}/orders/{parcel.shipment_no}/move", body)
        return self.received()[before:]

    async def play(self, parcel: ParcelRef, code: str, *, push: bool = True) -> list[Push]:
        """Have one event of this code happen."""
        return await self.move(parcel, "", op_code=code, push=push)

    async def push_again(self, parcel: ParcelRef, order: str) -> list[Push]:
        """Have the whole history pushed again; `order` is normal or reversed."""
        before = len(self.received())
        await self.control("POST", f"/{self.provider}/orders/{parcel.shipment_no}/push", {"order": order})
        return self.received()[before:]

    def received(self) -> list[Push]:
        return [push_of(item) for item in self.sim.sink.matching(f"/callbacks/{self.provider}/")]

    def answer(self, item: Received) -> tuple[int, str]:
        """Answer a push as the door does: with the adapter's own acknowledgement."""
        return 200, self.courier.acknowledge(push_of(item), accepted=self.accepting).decode()

    def events(self, pushes: list[Push]) -> list[CourierEvent]:
        return [event for push in pushes for event in self.courier.parse_push(push).events]

    def news(self, pushes: list[Push]) -> list[ParcelNews]:
        return [news for push in pushes for news in self.courier.parse_push(push).news]

    def forged(self, push: Push) -> list[Push]:
        """Return pushes that are genuine but for their proof; none where the courier proves nothing."""
        return []

    def fault(self, call: str, kind: str, **more: object) -> None:
        """Arm a fault for all calls that a method of the port makes first."""
        self.fault_at(self.calls[call], kind, **more)

    def fault_at(self, call: str, kind: str, **more: object) -> None:
        """Arm a fault for a call by the simulator's own name of it."""
        self.transport.hasty = kind in ("hang", "hang_after")
        self.sim.control(
            "POST", "/faults", {"provider": self.provider, "call": call, "kind": kind, "times": -1, **more}
        )

    def heal(self) -> None:
        self.transport.hasty = False
        self.sim.control("DELETE", "/faults")


def push_of(item: Received) -> Push:
    """Return a push as the door hands it on."""
    headers = {name.lower(): value for name, value in item.headers.items()}
    return Push(body=item.body, content_type=headers.get("content-type", ""), query=item.query)


def form(fields: Mapping[str, str]) -> bytes:
    """Write a form body."""
    return urlencode(fields).encode()
