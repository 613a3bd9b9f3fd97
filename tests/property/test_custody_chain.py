"""Whatever a courier tells in whatever order: a document has one holder, its chain has no gap, and the end is the same
as if everything had been told once in its order; hands that take it out of the parcel are not overruled."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import clock, db
from app.crypto import FieldCipher
from app.storage import FileStore
from services.delivery.couriers.table import CourierTable
from services.delivery.custody import moves
from services.delivery.custody.states import Holder, PieceKind
from services.delivery.custody.types import NewPiece
from services.delivery.service import DeliveryService
from services.delivery.states import ShipmentStatus
from services.delivery.types import Choice, Contact, DeliveryMethod, ShipmentOrder
from services.staff.audit import AuditTrail
from tests.fakes.couriers import MemoryCourier, event_of
from tests.property.scratch import Runner, scratch_database

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
TOLD = [status for status in ShipmentStatus if status is not ShipmentStatus.REQUESTED]
BODY = ("140105", "11140105MB0001177F")
SOMEBODY = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
events = st.lists(
    st.tuples(st.sampled_from(TOLD), st.integers(0, 40)), min_size=1, max_size=6, unique_by=lambda told: told[1]
)


class Road:
    """One document in one parcel, and a courier that tells of it."""

    def __init__(self, folder: Path) -> None:
        self.courier = MemoryCourier()
        cipher = FieldCipher({"k": secrets.token_bytes(32)}, secrets.token_bytes(32), "aes")
        audit = AuditTrail(secrets.token_bytes(32))
        self.delivery = DeliveryService(
            CourierTable({"SF": self.courier}), cipher, audit, FileStore(f"file://{folder}")
        )
        self.case, self.parcel = f"C{secrets.token_hex(8)}", ""

    async def begin(self, *, handed_over: bool) -> None:
        citizen = uuid.uuid4()
        await self.delivery.choose(Choice(self.case, citizen, DeliveryMethod.COURIER, BODY[0], SOMEBODY, "张*"))
        piece = NewPiece(
            subject_no=self.case, citizen_id=citizen, division_code=BODY[0], department_code=BODY[1], code="R01",
            title="居民身份证",
        )  # fmt: skip
        await asyncio.gather(*(self.delivery.custody.print_results([piece]) for _ in range(2)))
        self.parcel = (
            await self.delivery.request_shipment(ShipmentOrder(self.case, "居民身份证", SOMEBODY, *BODY)) or ""
        )
        await self.delivery.booking.book({"shipment_no": self.parcel})
        if handed_over:
            await db.execute("UPDATE shipment SET handed_over_at = now() WHERE shipment_no = $1", self.parcel)
            await self.by_hand(Holder.HANDED_OVER)

    async def by_hand(self, to: Holder) -> None:
        async with db.transaction() as tx:
            if to is Holder.HANDED_OVER:
                await moves.move_parcel(tx, self.parcel, to, clock.now(), actor="dispatcher")
            else:
                await moves.move_case(tx, self.case, PieceKind.RESULT, to, clock.now(), actor="window")

    async def told(self, status: ShipmentStatus, minute: int) -> None:
        moment = (START + timedelta(minutes=minute)).isoformat()
        self.courier.road = [event_of(self.parcel, status, moment)]
        await self.delivery.tracking.confirm({"shipment_no": self.parcel})

    async def check(self) -> str:
        """Return the holder, after looking at the whole chain."""
        (piece,) = await db.fetch_all(
            "SELECT id, holder, version, held_since FROM piece WHERE subject_no = $1", self.case
        )
        chain = await db.fetch_all("SELECT * FROM piece_change WHERE piece_id = $1 ORDER BY version", piece["id"])
        assert [change["version"] for change in chain] == list(range(1, piece["version"] + 1)), "no gap"
        assert [change["from_holder"] for change in chain] == ["", *(change["to_holder"] for change in chain[:-1])]
        assert chain[-1]["to_holder"] == piece["holder"], "the chain ends with who holds it"
        moments = [change["occurred_at"] for change in chain]
        assert moments == sorted(moments), "nobody holds it before whoever had it until then"
        assert piece["held_since"] in moments
        return str(piece["holder"])


async def _run(folder: Path, told: list[tuple[ShipmentStatus, int]], order: list[Any], handed_over: bool) -> None:
    ordered, mixed = Road(folder), Road(folder)
    for road in (ordered, mixed):
        await road.begin(handed_over=handed_over)
    for status, minute in sorted(told, key=lambda each: each[1]):
        await ordered.told(status, minute)
        await ordered.check()
    for status, minute in order:
        await mixed.told(status, minute)
        await mixed.check()
    assert await mixed.check() == await ordered.check()
    await mixed.by_hand(Holder.WINDOW)
    await mixed.told(ShipmentStatus.DELIVERED, 50)
    # What was lost stays so until its case makes it again; what was taken out by hand heeds the parcel no more.
    assert await mixed.check() in (Holder.WINDOW, Holder.CITIZEN)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """A loop with a database of its own."""
    with scratch_database() as runner:
        yield runner


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(told=events, handed_over=st.booleans(), data=st.data())
def test_any_order_and_repetition_leaves_one_holder_and_the_same_one(
    runner: Runner, tmp_path: Path, told: list[tuple[ShipmentStatus, int]], handed_over: bool, data: st.DataObject
) -> None:
    repeats = data.draw(st.lists(st.sampled_from(told), max_size=2))
    order = data.draw(st.permutations(told + repeats))
    runner.run(_run(tmp_path, told, list(order), handed_over))
