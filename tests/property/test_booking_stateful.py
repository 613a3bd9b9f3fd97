"""Whatever is lost, killed or changed while a parcel is ordered: no two real orders of one result stand at couriers.

The couriers keep the port's promises as each of the four does: what `find` sees, and how long a repeated number is one.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app import clock, db
from app.crypto import FieldCipher
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable, SanjinError
from app.storage import FileStore
from services.delivery.booking import repository
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import COLLECTED, NOT_SERVED
from services.delivery.rules import repository as rules
from services.delivery.rules.types import Carriage, CourierLine
from services.delivery.service import DeliveryService
from services.delivery.types import Booking, Choice, CourierOrder, DeliveryMethod, ParcelRef
from services.staff.audit import AuditTrail
from tests.fakes.couriers import MemoryCourier
from tests.fakes.jobs import taken_jobs
from tests.integration.delivery.post import CASE, CITIZEN, ELSEWHERE, ORDER, RECEIVER, nobody
from tests.property.scratch import Runner, walk

SEQUENCES = int(os.environ.get("SJT_PROPERTY_SEQUENCES", "12"))
_LOST = ("before", "after", "garbage", "killed before", "killed after")
_MINUTES = timedelta(minutes=20)
_GAPS = (timedelta(), _MINUTES, timedelta(hours=49))


@dataclass
class Lossy(MemoryCourier):
    """A courier that may lose what is asked or answered next, and a process with it; `placed` are its real orders."""

    sees_all: bool = True
    placed: list[tuple[str, datetime]] = field(default_factory=list)
    lost: str = ""

    async def book(self, order: CourierOrder) -> Booking:
        self._lose("before")
        if self.refusal is not None:
            raise self.refusal
        memory = self.repeats_for
        since = clock.now() - memory if memory is not None and memory < timedelta(days=9) else None
        if not any(number == order.shipment_no and (since is None or at >= since) for number, at in self.placed):
            self.placed.append((order.shipment_no, clock.now()))
        self._lose("after")
        return self._booking(order.shipment_no)

    async def find(self, parcel: ParcelRef) -> Booking | None:
        self._lose("before")
        self._lose("after")
        there = self.sees_all and any(number == parcel.shipment_no for number, _ in self.placed)
        return self._booking(parcel.shipment_no) if there else None

    async def cancel(self, parcel: ParcelRef, reason: str) -> None:
        self._lose("before")
        if parcel.shipment_no in self.collected:
            raise ProviderRejected(provider="x", provider_code=COLLECTED)
        self.placed = [each for each in self.placed if each[0] != parcel.shipment_no]
        self._lose("after")

    def _lose(self, moment: str) -> None:
        """Fail as laid down, once: the question or the answer is lost, or the process that asks is killed."""
        lost = self.lost
        if lost.endswith(moment) or (lost == "garbage" and moment == "after"):
            self.lost = ""
            if lost.startswith("killed"):
                raise asyncio.CancelledError
            if lost == "garbage":
                raise ProviderProtocolError(provider="x", call="book", reason="unreadable")
            raise ProviderUnavailable(provider="x", reason="timeout")

    def _booking(self, number: str) -> Booking:
        return Booking(shipment_no=number, waybill_no=f"{self.code}{number[-8:]}", carrier=self.code.lower())


def couriers() -> dict[str, Lossy]:
    """The four as they promise: see `repeats_for` of each."""
    promises: dict[str, tuple[bool, timedelta | None]] = {
        "SF": (True, None),
        "EMS": (True, None),
        "KUAIDI100": (False, timedelta(hours=48)),
        "KDNIAO": (False, timedelta.max),
    }
    return {code: Lossy(code=code, sees_all=sees, repeats_for=memory) for code, (sees, memory) in promises.items()}


class Orders(RuleBasedStateMachine):
    """One result on its way to one citizen; every rule is something that people, couriers or processes may do."""

    runner: Runner
    folder: Path
    first: str

    @initialize()
    def begin(self) -> None:
        self.couriers = couriers()
        cipher = FieldCipher({"k1": secrets.token_bytes(32)}, secrets.token_bytes(32))
        trail, storage = AuditTrail(secrets.token_bytes(32)), FileStore(f"file://{self.folder}")
        self.room = DeliveryService(CourierTable(self.couriers), cipher, trail, storage)
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        tables = "shipment, shipment_waybill, tracking_event, shipment_task, delivery_choice, courier_rule, pgqueuer"
        await db.fetch_all(f"TRUNCATE {tables}")
        codes = sorted(self.couriers, key=lambda code: code != self.first)
        lines = [CourierLine(rule_code=code, position=at, courier=code, carrier="ems") for at, code in enumerate(codes)]
        await rules.load(lines, [], clock.now())
        await self.room.choose(Choice(CASE, CITIZEN, DeliveryMethod.COURIER, "140105", RECEIVER, "张*"))
        number = await self.room.request_shipment(ORDER)
        assert number is not None
        self.current = number

    @rule(at_once=st.integers(1, 3), lost=st.sampled_from(("", *_LOST)), gap=st.sampled_from(_GAPS))
    def order(self, at_once: int, lost: str, gap: timedelta) -> None:
        self._go(self._time_passes(gap))
        self._lay(lost)
        self._go(*(self.room.booking.book({"shipment_no": self.current}) for _ in range(at_once)))

    @rule(lost=st.sampled_from(("", *_LOST)))
    def work(self, lost: str) -> None:
        self._lay(lost)
        self._go(self._work())

    @rule(lost=st.sampled_from(("", "", *_LOST)))
    def change_address(self, lost: str) -> None:
        self._lay(lost)
        self._go(self._change_address())

    @rule(code=st.sampled_from(sorted(couriers())), lost=st.sampled_from(("", "", *_LOST)))
    def change_courier(self, code: str, lost: str) -> None:
        self._lay(lost)
        self._go(self._change_courier(code))

    @rule(lost=st.sampled_from(("", *_LOST)))
    def order_again(self, lost: str) -> None:
        self._lay(lost)
        self._go(self._order_again())

    @rule(word=st.sampled_from((NOT_SERVED, "no", "")))
    def refuse_from_now_on(self, word: str) -> None:
        refusal = ProviderRejected(provider="x", provider_code=word) if word else None
        for courier in self.couriers.values():
            courier.refusal = refusal if courier.code == self.first or not word else None

    @rule(lost=st.sampled_from(("", *_LOST)), gap=st.sampled_from(_GAPS))
    def withdraw(self, lost: str, gap: timedelta) -> None:
        self._go(self._time_passes(gap))
        self._lay(lost)
        self._go(self.room.booking.withdrawing.withdraw({"shipment_no": self.current}))

    @rule()
    def collect(self) -> None:
        for courier in self.couriers.values():
            courier.collected |= {number for number, _ in courier.placed}

    @invariant()
    def one_order_at_most(self) -> None:
        if hasattr(self, "current"):
            assert len(self._real()) <= 1, self._real()

    def teardown(self) -> None:
        if not hasattr(self, "current"):
            return
        for courier in self.couriers.values():
            courier.lost, courier.refusal = "", None
        for _ in range(4):
            self._go(self._time_passes(_MINUTES))
            self._go(self.room.booking.withdrawing.sweep())
            self._go(self._enqueue())
            self._go(self._work())
            self.one_order_at_most()
        self.runner.run(self._check())

    async def _check(self) -> None:
        """In the end an order is one that its parcel knows of, or staff have been asked to look."""
        rows = await db.fetch_all("SELECT * FROM shipment WHERE status <> 'CANCELLED'")
        assert len(rows) <= 1
        asked = await db.fetch_all("SELECT 1 FROM shipment_task WHERE closed_at IS NULL")
        known = [(row["courier"], row["shipment_no"]) for row in rows if row["booked_at"]]
        assert known == self._real() or asked

    def _real(self) -> list[tuple[str, str]]:
        return [(courier.code, number) for courier in self.couriers.values() for number, _ in courier.placed]

    def _lay(self, lost: str) -> None:
        for courier in self.couriers.values():
            courier.lost = lost

    def _go(self, *acts: Awaitable[Any]) -> None:
        """Do these at once; that a courier, a rule of the house or a kill ends one of them is no failure."""
        for end in self.runner.run(_ended(*acts)):
            if isinstance(end, BaseException) and not isinstance(end, SanjinError | asyncio.CancelledError):
                raise end

    async def _work(self) -> None:
        jobs = self.room.jobs()
        for _ in range(3):
            for row in await taken_jobs("delivery.%"):
                await _ended(jobs[row["entrypoint"]](json.loads(row["payload"])))

    async def _change_address(self) -> None:
        self.current = (await self.room.booking.change_address(self.current, ELSEWHERE, nobody)).shipment_no

    async def _change_courier(self, code: str) -> None:
        to = Carriage(courier=code, carrier="ems")
        self.current = (await self.room.booking.change_courier(self.current, to, nobody)).shipment_no

    async def _order_again(self) -> None:
        """Click; where the task asks for it, after a call upon which the courier's people withdrew what they had."""
        task = await db.fetch_row(
            "SELECT 1 FROM shipment_task WHERE shipment_no = $1 AND closed_at IS NULL AND reason LIKE $2",
            self.current,
            "%核实没有此订单%",
        )
        if task is not None:
            for courier in self.couriers.values():
                courier.placed = [each for each in courier.placed if each[0] != self.current]
        self.current = await self.room.booking.rebook(self.current, nobody)

    async def _time_passes(self, gap: timedelta) -> None:
        for courier in self.couriers.values():
            courier.placed = [(number, at - gap) for number, at in courier.placed]
        await db.execute(
            "UPDATE shipment SET ordering_until = ordering_until - $1::interval,"
            " booking_tried_at = booking_tried_at - $1::interval, cancel_wanted_at = cancel_wanted_at - $1::interval",
            gap,
        )

    async def _enqueue(self) -> None:
        for row in await db.fetch_all("SELECT shipment_no FROM shipment WHERE status = 'REQUESTED'"):
            await repository.enqueue_booking(row["shipment_no"])


async def _ended(*acts: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*acts, return_exceptions=True)


@pytest.mark.timeout(120 + 3 * SEQUENCES)
@pytest.mark.parametrize("first", sorted(couriers()))
def test_lost_answers_at_any_beat_never_make_two_real_orders(first: str, tmp_path: Path) -> None:
    Orders.folder, Orders.first = tmp_path, first
    walk(Orders, SEQUENCES, 14)
