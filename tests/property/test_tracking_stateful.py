"""Any order, repetition and concurrency of pushes, questions and crashes: the parcel is what its events, sorted, say,
a delivery can be undone, each turn is told once, and the document in it never has two holders."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app import clock, db
from app.crypto import FieldCipher
from app.storage import FileStore
from services.delivery.couriers.table import CourierTable
from services.delivery.custody import moves
from services.delivery.custody.states import holder_after
from services.delivery.custody.types import NewPiece
from services.delivery.service import DeliveryService
from services.delivery.states import OUR_CODES, ShipmentStatus, Sighting, derive
from services.delivery.types import CourierEvent, Report
from services.staff.audit import AuditTrail
from tests.fakes.told import CITIZEN, ToldCourier, booked_parcel, seen
from tests.property.scratch import Runner, walk

SEQUENCES = int(os.environ.get("SJT_PROPERTY_SEQUENCES", "12"))
_ROAD = (
    ("PICKED_UP", "203", ()),
    ("", "207", ("203",)),
    ("PICKED_UP", "208", ()),
    ("IN_TRANSIT", "389", ()),
    ("OUT_FOR_DELIVERY", "702", ()),
    ("", "742", ("702",)),
    ("EXCEPTION", "705", ()),
    ("DELIVERED", "704", ()),
    ("", "743", ("704",)),
    ("REJECTED", "705", ()),
    ("RETURNING", "708", ()),
    ("DELIVERED", "748", ()),
    ("", "999", ()),
    ("RETURNED", "711", ()),
    ("LOST", "987", ()),
)
WHICH = st.lists(st.integers(0, len(_ROAD) - 1), min_size=1, max_size=6)


class Parcels(RuleBasedStateMachine):
    """One parcel with one document; every rule is something that a courier or a process may do."""

    runner: Runner
    folder: Path

    @initialize(signs=st.booleans())
    def begin(self, signs: bool) -> None:
        self.told: set[tuple[str, bool]] = set()
        self.courier = ToldCourier(code="EMS", name="EMS", signs_pushes=signs)
        cipher = FieldCipher({"k1": secrets.token_bytes(32)}, secrets.token_bytes(32))
        trail, storage = AuditTrail(secrets.token_bytes(32)), FileStore(f"file://{self.folder}")
        self.delivery = DeliveryService(CourierTable({"EMS": self.courier}), cipher, trail, storage)
        self.runner.run(self._begin(cipher))

    async def _begin(self, cipher: FieldCipher) -> None:
        await db.fetch_all(
            "TRUNCATE shipment, shipment_waybill, tracking_event, shipment_task, piece, piece_change, pgqueuer"
        )
        self.number = await booked_parcel(cipher, courier="EMS", waybill_no="1100", subject_no="CASE")
        start = clock.now().replace(microsecond=0) - timedelta(days=3)
        self.road = [
            seen("", status, start + timedelta(hours=hour), code, waybill_no="1100", undoes=undoes)
            for hour, (status, code, undoes) in enumerate(_ROAD)
        ]
        document = NewPiece(
            subject_no="CASE",
            citizen_id=CITIZEN,
            division_code="140105",
            department_code="11140105MB0001177F",
            code="R1",
            title="居民身份证",
        )
        async with db.transaction() as tx:
            await moves.make(tx, [document], start)
            await moves.put_in(tx, ["CASE"], self.number, start)

    @rule(which=WHICH)
    def push(self, which: list[int]) -> None:
        self.runner.run(self._push(which))
        self._heard(which, self.courier.signs_pushes)

    @rule(which=WHICH)
    def ask(self, which: list[int]) -> None:
        self.runner.run(self._ask(which))
        self._heard(which, True)

    @rule(pushes=st.lists(WHICH, min_size=2, max_size=5), ticks=st.one_of(st.none(), st.integers(1, 60)))
    def push_at_once(self, pushes: list[list[int]], ticks: int | None) -> None:
        """Several pushes arrive together; the process of the first may be killed anywhere."""
        self.runner.run(self._at_once(pushes, ticks))
        for which in pushes if ticks is None else pushes[1:]:
            self._heard(which, self.courier.signs_pushes)

    @invariant()
    def all_is_consistent(self) -> None:
        if hasattr(self, "number"):
            self.runner.run(self._check())

    def _heard(self, which: list[int], trusted: bool) -> None:
        self.told |= {(self.road[each].event_key, trusted) for each in which}

    def _chosen(self, which: list[int]) -> list[CourierEvent]:
        return [self.road[each] for each in which]

    async def _push(self, which: list[int]) -> None:
        assert await self.delivery.tracking.receive("EMS", self.courier.lay_down(*self._chosen(which))) == b"ok"

    async def _ask(self, which: list[int]) -> None:
        self.courier.answer = Report(events=tuple(self._chosen(which)))
        await self.delivery.tracking.confirm({"shipment_no": self.number})

    async def _at_once(self, pushes: list[list[int]], ticks: int | None) -> None:
        tasks = [asyncio.ensure_future(self._push(which)) for which in pushes]
        if ticks is not None:
            for _ in range(ticks):
                await asyncio.sleep(0)
            tasks[0].cancel()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end

    async def _check(self) -> None:
        parcel = await db.fetch_row("SELECT * FROM shipment")
        events = await db.fetch_all("SELECT * FROM tracking_event")
        assert parcel is not None
        kept = {each["event_key"]: each["confirmed"] for each in events}
        assert len(kept) == len(events)
        assert all(key in kept and (kept[key] or not trusted) for key, trusted in self.told), "what was taken is kept"
        derived = derive(
            Sighting(
                row["state"], row["occurred_at"], row["confirmed"], row["code"] in OUR_CODES, row["code"], row["undoes"]
            )
            for row in sorted(events, key=lambda row: row["occurred_at"])
        )
        expected = ShipmentStatus.CREATED if derived.status is ShipmentStatus.REQUESTED else derived.status
        assert (parcel["status"], parcel["picked_up_at"]) == (expected, derived.picked_up_at)
        assert parcel["delivered_at"] == (derived.at if expected is ShipmentStatus.DELIVERED else None)
        holder = holder_after(
            expected, is_inbound=False, was_carried=derived.picked_up_at is not None, was_handed_over=False
        )
        await self._check_document(holder.value)
        jobs = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event'")
        names = Counter(msgspec.json.decode(job["payload"])["name"] for job in jobs)
        balance = names["shipment.delivered"] - names["shipment.delivery_undone"]
        assert balance == (expected is ShipmentStatus.DELIVERED), "each turn is told once"

    async def _check_document(self, holder: str) -> None:
        rows = await db.fetch_all(
            "SELECT p.holder, c.version, c.from_holder, c.to_holder FROM piece AS p"
            " JOIN piece_change AS c ON c.piece_id = p.id ORDER BY c.version"
        )
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
        chain = [row["to_holder"] for row in rows]
        assert [row["from_holder"] for row in rows][1:] == chain[:-1], "each holder has it from the one before"
        assert {row["holder"] for row in rows} == {chain[-1]} == {holder}


@pytest.mark.timeout(120 + 3 * SEQUENCES)
def test_any_interleaving_ends_as_the_events_sorted_once(tmp_path: Path) -> None:
    Parcels.folder = tmp_path
    walk(Parcels, SEQUENCES, steps=12)
