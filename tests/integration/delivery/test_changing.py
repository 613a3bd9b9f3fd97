"""Changing the way of a result: courier, window, locker and back, at once, and too late."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict
from services.delivery.booking.types import NewAddress
from services.delivery.collecting.loading import load_places
from services.delivery.collecting.types import Deposit, NewCollection
from services.delivery.custody.types import NewPiece
from services.delivery.service import DeliveryService
from services.delivery.types import Choice, Contact, DeliveryMethod, ParcelRef, ShipmentOrder
from tests.fakes.told import seen
from tests.waiting import until

pytestmark = pytest.mark.anyio

DATA = Path(__file__).parents[3] / "data"
CITIZEN, CASE = uuid.UUID(int=7), "1420260302ABCDEFGHJK"
BODY = ("140105", "11140105MB0001177F")
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
ORDER = ShipmentOrder(CASE, "居民身份证", Contact(name="出件窗口", phone="0351-7190110", address="小店区2号"), *BODY)
Emitted = Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""


async def choose(delivery: DeliveryService, method: DeliveryMethod, place_code: str = "") -> None:
    receiver = RECEIVER if method is DeliveryMethod.COURIER else None
    await delivery.choose(Choice(CASE, CITIZEN, method, "140105", receiver, "张* 138****0001", place_code=place_code))


async def go(delivery: DeliveryService) -> None:
    """What the case does when its delivery starts, or its way has changed."""
    method = await delivery.lock_choice(CASE, CITIZEN, DeliveryMethod.COUNTER)
    await delivery.custody.print_results([_result()])
    if method is DeliveryMethod.COURIER:
        await delivery.request_shipment(ORDER)
    else:
        new = NewCollection(subject_no=CASE, citizen_id=CITIZEN, division_code=BODY[0], department_code=BODY[1])
        await delivery.collecting.prepare(new)


def _result() -> NewPiece:
    return NewPiece(
        subject_no=CASE,
        citizen_id=CITIZEN,
        division_code=BODY[0],
        department_code=BODY[1],
        code="R01",
        title="居民身份证",
    )


@pytest.fixture
async def by_courier(delivery: DeliveryService) -> str:
    """A result that a courier was ordered for; its number."""
    await load_places(DATA / "collection_points.json")
    await choose(delivery, DeliveryMethod.COURIER)
    await go(delivery)
    (parcel,) = await delivery.shipments_of(CASE)
    await delivery.booking.book({"shipment_no": parcel.shipment_no})
    return parcel.shipment_no


async def test_courier_to_locker_and_back_cancels_and_books_anew(
    delivery: DeliveryService, by_courier: str, courier: Any, emitted: Emitted
) -> None:
    await choose(delivery, DeliveryMethod.LOCKER, "140105-police-box")
    await go(delivery)
    assert (await delivery.find_shipment(by_courier)).status == "CANCELLED"
    found = await delivery.collecting.find(CASE)
    assert found is not None
    assert found.place is not None
    assert (found.status, found.place.place_code) == ("PREPARING", "140105-police-box")
    await choose(delivery, DeliveryMethod.COURIER)
    await go(delivery)
    await go(delivery)
    parcels = await delivery.shipments_of(CASE)
    assert sorted(parcel.status for parcel in parcels) == ["CANCELLED", "REQUESTED"]
    ended = await delivery.collecting.find(CASE)
    assert ended is not None
    assert ended.status == "ENDED"
    assert [facts["method_text"] for name, facts in await emitted() if name == "delivery.changed"] == [
        "自助柜领取",
        "快递送达",
    ]


async def test_courier_that_tells_the_withdrawal_first_frightens_nobody(
    delivery: DeliveryService, by_courier: str, courier: Any, emitted: Emitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdraw = courier.cancel

    async def tells_first(parcel: ParcelRef, reason: str) -> None:
        await withdraw(parcel, reason)
        told = [seen(parcel.shipment_no, "CANCELLED", clock.now())]
        await delivery.booking._recorder.record(parcel.shipment_no, told, confirmed=True, courier=courier.code)

    monkeypatch.setattr(courier, "cancel", tells_first)
    change = await delivery.booking.change_address(by_courier, NewAddress(RECEIVER, "张* 新址", "140105"), nobody)
    assert ((await delivery.find_shipment(by_courier)).status, change.former_status) == ("CANCELLED", "CANCELLED")
    await delivery.booking.book({"shipment_no": change.shipment_no})
    await choose(delivery, DeliveryMethod.COUNTER)
    assert (await delivery.find_shipment(change.shipment_no)).status == "CANCELLED"
    assert "shipment.exception" not in [name for name, _ in await emitted()]
    assert await db.fetch_all("SELECT kind FROM shipment_task") == []


async def test_result_whose_next_parcel_was_withdrawn_while_it_waited_is_a_task(
    delivery: DeliveryService, by_courier: str, courier: Any
) -> None:
    courier.away = True
    change = await delivery.booking.change_address(by_courier, NewAddress(RECEIVER, "张* 新址", "140105"), nobody)
    await delivery.booking.cancel(change.shipment_no, "不寄了")
    courier.away = False
    await delivery.booking.withdrawing.withdraw({"shipment_no": by_courier})
    assert (await delivery.find_shipment(by_courier)).status == "CANCELLED"
    tasks = await db.fetch_all("SELECT kind, shipment_no FROM shipment_task WHERE closed_at IS NULL")
    assert [tuple(task.values()) for task in tasks] == [("BOOKING_REFUSED", by_courier)]


async def test_result_that_staff_withdrew_is_a_task_until_it_goes_a_way(
    delivery: DeliveryService, by_courier: str, emitted: Emitted
) -> None:
    await delivery.booking.cancel(by_courier, "地址有误")
    assert "shipment.exception" in [name for name, _ in await emitted()]
    task = await db.fetch_row("SELECT kind, closed_at FROM shipment_task")
    assert task is not None
    assert (task["kind"], task["closed_at"]) == ("BOOKING_REFUSED", None)
    again = await delivery.booking.rebook(by_courier, nobody, by="window1")
    await delivery.booking.book({"shipment_no": again})
    await delivery.booking.cancel(again, "地址还是有误")
    await choose(delivery, DeliveryMethod.COUNTER)
    rows = await db.fetch_all("SELECT outcome FROM shipment_task ORDER BY id")
    assert [row["outcome"] for row in rows] == ["REBOOKED", "WENT_ON"]


async def test_window_to_a_locker_waits_at_the_new_place_only(delivery: DeliveryService) -> None:
    await load_places(DATA / "collection_points.json")
    await choose(delivery, DeliveryMethod.COUNTER)
    await go(delivery)
    await choose(delivery, DeliveryMethod.LOCKER, "140105-hall-box")
    await go(delivery)
    rows = await db.fetch_all("SELECT status, place_code FROM collection ORDER BY id")
    assert [(row["status"], row["place_code"]) for row in rows] == [
        ("ENDED", "140105-police-pick"),
        ("PREPARING", "140105-hall-box"),
    ]


async def test_picked_up_parcel_keeps_its_way(
    delivery: DeliveryService, by_courier: str, courier: Any, event: Callable[..., Any]
) -> None:
    courier.road.append(event(by_courier, "PICKED_UP", clock.rfc3339(clock.now())))
    await delivery.tracking.confirm({"shipment_no": by_courier})
    with pytest.raises(Conflict) as refused:
        await choose(delivery, DeliveryMethod.COUNTER)
    assert refused.value.stable_code in ("delivery_locked", "parcel_collected")
    choice = await delivery.choice_of(CASE)
    assert choice is not None
    assert choice.method == "COURIER"


async def test_result_in_a_locker_keeps_its_way(delivery: DeliveryService) -> None:
    await load_places(DATA / "collection_points.json")
    await choose(delivery, DeliveryMethod.LOCKER, "140105-hall-box")
    await go(delivery)
    await delivery.collecting.deposit(CASE, Deposit("", "3"), nobody)
    with pytest.raises(Conflict) as refused:
        await choose(delivery, DeliveryMethod.COURIER)
    assert refused.value.stable_code == "result_deposited"


async def test_two_changes_at_once_leave_one_way(delivery: DeliveryService, by_courier: str) -> None:
    await asyncio.gather(
        choose(delivery, DeliveryMethod.COUNTER),
        choose(delivery, DeliveryMethod.LOCKER, "140105-hall-box"),
        return_exceptions=True,
    )
    await go(delivery)
    open_ones = await db.fetch_all("SELECT place_code FROM collection WHERE status = 'PREPARING'")
    live = [parcel for parcel in await delivery.shipments_of(CASE) if parcel.status != "CANCELLED"]
    assert (len(open_ones), live) == (1, [])


async def test_deposit_and_change_at_once_leave_one_holder(delivery: DeliveryService) -> None:
    await load_places(DATA / "collection_points.json")
    await choose(delivery, DeliveryMethod.LOCKER, "140105-hall-box")
    await go(delivery)
    given = await asyncio.gather(
        delivery.collecting.deposit(CASE, Deposit("", "3"), nobody),
        choose(delivery, DeliveryMethod.COURIER),
        return_exceptions=True,
    )
    await go(delivery)
    rows = await db.fetch_all("SELECT 1 FROM collection WHERE status = 'READY'")
    live = [parcel for parcel in await delivery.shipments_of(CASE) if parcel.status != "CANCELLED"]
    assert len(rows) + len(live) == 1
    assert sum(isinstance(each, Conflict) for each in given) == 1


async def test_a_shared_parcel_and_a_way_chosen_at_one_moment_wait_for_each_other(delivery: DeliveryService) -> None:
    choice = Choice("PACK", CITIZEN, DeliveryMethod.COURIER, "140105", RECEIVER, "张*")
    await delivery.choose_together(choice, {CASE: DeliveryMethod.COURIER})
    await delivery.custody.print_results([_result()])
    begun = asyncio.Event()

    async def send() -> str | None:
        await begun.wait()
        return await delivery.send_together(replace(ORDER, subject_no="PACK"), [CASE])

    assert not await _somebody_waits()
    sending = asyncio.create_task(send())
    async with db.transaction() as tx:
        await tx.fetch_all("SELECT 1 FROM piece WHERE subject_no = $1 FOR UPDATE", CASE)
        begun.set()
        await until("somebody waits", _somebody_waits)
        # So does whoever sends again, or has it fetched: documents first, then the choice of their way.
        await tx.execute("UPDATE delivery_choice SET updated_at = now() WHERE subject_no = $1", CASE)
    assert await sending is not None


async def _somebody_waits() -> bool:
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return await db.fetch_row(waits) is not None
