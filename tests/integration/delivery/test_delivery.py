"""The delivery room on a real database: choice, booking in three beats, pushes, confirmation, sweeps."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app import db
from app.errors import Conflict, NotFound, ProviderRejected, ProviderUnavailable
from services.delivery.service import DeliveryService
from services.delivery.tracking.sweeps import ask_silent
from services.delivery.types import Choice, Contact, CourierEvent, DeliveryMethod, Push, ShipmentOrder

pytestmark = pytest.mark.anyio

CITIZEN = uuid.UUID(int=7)
CASE = "1420260302ABCDEFGHJK"
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
SENDER = Contact(name="出件窗口", phone="0351-7190110", address="太原市小店区人民南路2号")
ORDER = ShipmentOrder(CASE, "居民身份证", SENDER, "140105", "11140105MB0001177F")
Emitted = Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""


async def chosen(delivery: DeliveryService, method: DeliveryMethod = DeliveryMethod.COURIER) -> None:
    receiver = RECEIVER if method is DeliveryMethod.COURIER else None
    await delivery.choose(Choice(CASE, CITIZEN, method, "140105", receiver, "张* 138****0001 太原市小店区"))


async def requested(delivery: DeliveryService) -> str:
    await chosen(delivery)
    number = await delivery.request_shipment(ORDER)
    assert number is not None
    return number


async def booked(delivery: DeliveryService) -> str:
    number = await requested(delivery)
    await delivery.booking.book({"shipment_no": number})
    return number


async def test_choose_twice_keeps_the_last_choice(delivery: DeliveryService) -> None:
    await chosen(delivery)
    await chosen(delivery, DeliveryMethod.COUNTER)
    choice = await delivery.choice_of(CASE)
    assert choice is not None
    assert (choice.method, choice.receiver_shown, choice.locked) == ("COUNTER", "张* 138****0001 太原市小店区", False)


async def test_choose_another_address_after_parcel_was_made_is_refused(delivery: DeliveryService) -> None:
    await requested(delivery)
    with pytest.raises(Conflict) as refused:
        await chosen(delivery, DeliveryMethod.COURIER)
    assert refused.value.stable_code == "delivery_locked"


async def test_receiver_is_stored_encrypted(delivery: DeliveryService) -> None:
    await requested(delivery)
    row = await db.fetch_row("SELECT receiver_cipher FROM shipment")
    assert row is not None
    assert "平阳路".encode() not in row["receiver_cipher"]


async def test_request_shipment_twice_makes_one_parcel_and_one_job(delivery: DeliveryService) -> None:
    first = await requested(delivery)
    assert await delivery.request_shipment(ORDER) == first
    jobs = await db.fetch_all("SELECT 1 FROM pgqueuer WHERE entrypoint = 'delivery.book'")
    assert len(jobs) == 1


async def test_request_shipment_for_counter_choice_makes_none(delivery: DeliveryService) -> None:
    await chosen(delivery, DeliveryMethod.COUNTER)
    assert await delivery.request_shipment(ORDER) is None


async def test_book_once_stores_waybill_and_tells(delivery: DeliveryService, courier: Any, emitted: Emitted) -> None:
    number = await booked(delivery)
    view = await delivery.shipment(CITIZEN, number)
    assert (view.status, view.waybill_no, view.courier_name) == ("CREATED", f"SF{number[-8:]}", "顺丰速运")
    assert courier.orders[number].receiver == RECEIVER
    assert [name for name, _ in await emitted()] == ["shipment.booked"]


async def test_book_twice_books_once(delivery: DeliveryService, courier: Any) -> None:
    number = await booked(delivery)
    await delivery.booking.book({"shipment_no": number})
    assert courier.book_calls == 1


async def test_book_after_lost_answer_asks_before_repeating(delivery: DeliveryService, courier: Any) -> None:
    courier.fail_after_booking = 1
    number = await requested(delivery)
    with pytest.raises(ProviderUnavailable):
        await delivery.booking.book({"shipment_no": number})
    await delivery.booking.book({"shipment_no": number})
    assert (courier.book_calls, courier.find_calls) == (1, 1)
    assert (await delivery.shipment(CITIZEN, number)).status == "CREATED"


async def test_book_refused_for_good_becomes_exception_and_can_be_rebooked(
    delivery: DeliveryService, courier: Any, emitted: Emitted
) -> None:
    courier.refusal = ProviderRejected(provider="sf", provider_code="1016")
    number = await requested(delivery)
    await delivery.booking.book({"shipment_no": number})
    assert (await delivery.shipment(CITIZEN, number)).status == "EXCEPTION"
    courier.refusal = None
    await delivery.booking.rebook(number, nobody)
    await delivery.booking.book({"shipment_no": number})
    assert (await delivery.shipment(CITIZEN, number)).status == "CREATED"
    assert [name for name, _ in await emitted()] == ["shipment.exception", "shipment.rebooked", "shipment.booked"]
    with pytest.raises(Conflict):
        await delivery.booking.rebook(number, nobody)


async def test_book_refused_for_now_runs_again(delivery: DeliveryService, courier: Any) -> None:
    courier.refusal = ProviderRejected(provider="sf", provider_code="A1005", retryable=True)
    number = await requested(delivery)
    with pytest.raises(ProviderRejected):
        await delivery.booking.book({"shipment_no": number})
    assert (await delivery.shipment(CITIZEN, number)).status == "REQUESTED"


async def test_push_repeated_is_recorded_once(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent], emitted: Emitted
) -> None:
    number = await booked(delivery)
    body = courier.push(event(number, "PICKED_UP", "2026-11-02T09:00:00+08:00"))
    assert await delivery.tracking.receive("SF", Push(body=body)) == b"ok"
    assert await delivery.tracking.receive("SF", Push(body=body)) == b"ok"
    view = await delivery.shipment(CITIZEN, number)
    assert (view.status, view.custody, len(view.events)) == ("PICKED_UP", "COURIER", 2)
    assert [name for name, _ in await emitted()] == ["shipment.booked", "shipment.picked_up"]


async def test_push_late_event_does_not_turn_back(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent]
) -> None:
    number = await booked(delivery)
    await delivery.tracking.receive(
        "SF", Push(body=courier.push(event(number, "OUT_FOR_DELIVERY", "2026-11-03T09:00:00+08:00")))
    )
    await delivery.tracking.receive(
        "SF", Push(body=courier.push(event(number, "PICKED_UP", "2026-11-02T09:00:00+08:00")))
    )
    assert (await delivery.shipment(CITIZEN, number)).status == "OUT_FOR_DELIVERY"


async def test_push_delivered_ends_only_after_the_courier_confirms(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent], emitted: Emitted
) -> None:
    number = await booked(delivery)
    signed = event(number, "DELIVERED", "2026-11-03T10:00:00+08:00")
    await delivery.tracking.receive("SF", Push(body=courier.push(signed)))
    assert (await delivery.shipment(CITIZEN, number)).status == "CREATED"
    assert await db.fetch_row("SELECT 1 FROM pgqueuer WHERE entrypoint = 'delivery.confirm'") is not None
    await delivery.tracking.confirm({"shipment_no": number})
    assert (await delivery.shipment(CITIZEN, number)).status == "CREATED"
    courier.road.append(signed)
    await delivery.tracking.confirm({"shipment_no": number})
    view = await delivery.shipment(CITIZEN, number)
    assert (view.status, view.custody, view.delivered_at) == ("DELIVERED", "CITIZEN", "2026-11-03T10:00:00+08:00")
    assert [name for name, _ in await emitted()] == ["shipment.booked", "shipment.delivered"]
    row = await db.fetch_row("SELECT ask_after FROM shipment")
    assert row is not None
    assert row["ask_after"] is None


async def test_push_of_unknown_parcel_is_acknowledged(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent]
) -> None:
    body = courier.push(event("SJ00000000NOBODY", "DELIVERED", "2026-11-03T10:00:00+08:00"))
    assert await delivery.tracking.receive("SF", Push(body=body)) == b"ok"
    assert await db.fetch_row("SELECT 1 FROM tracking_event") is None


async def test_push_of_foreign_shape_is_asked_for_again(delivery: DeliveryService) -> None:
    assert await delivery.tracking.receive("SF", Push(body=b"<xml/>")) == b"again"


async def test_pushes_at_once_keep_every_event(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent]
) -> None:
    number = await booked(delivery)
    bodies = [
        courier.push(event(number, status, f"2026-11-02T{hour:02d}:00:00+08:00"))
        for hour, status in enumerate(["PICKED_UP", "IN_TRANSIT", "ARRIVED", "OUT_FOR_DELIVERY"], 8)
    ]
    await asyncio.gather(*(delivery.tracking.receive("SF", Push(body=body)) for body in bodies * 2))
    view = await delivery.shipment(CITIZEN, number)
    assert (view.status, len(view.events)) == ("OUT_FOR_DELIVERY", 5)


async def test_sweep_asks_silent_parcels_and_books_forgotten_ones(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent]
) -> None:
    number = await booked(delivery)
    courier.road.append(event(number, "DELIVERED", "2026-11-03T10:00:00+08:00"))
    await db.execute("UPDATE shipment SET ask_after = now() - interval '1 minute'")
    await ask_silent(delivery)
    assert (await delivery.shipment(CITIZEN, number)).status == "DELIVERED"


async def test_sweep_enqueues_booking_of_parcel_never_booked(delivery: DeliveryService) -> None:
    await requested(delivery)
    await db.execute("DELETE FROM pgqueuer")
    await db.execute("UPDATE shipment SET ask_after = now() - interval '1 minute'")
    await ask_silent(delivery)
    await ask_silent(delivery)
    assert len(await db.fetch_all("SELECT 1 FROM pgqueuer WHERE entrypoint = 'delivery.book'")) == 1


async def test_shipment_of_somebody_else_is_not_found(delivery: DeliveryService) -> None:
    number = await requested(delivery)
    with pytest.raises(NotFound):
        await delivery.shipment(uuid.UUID(int=8), number)


async def test_take_over_moves_parcels_to_the_survivor(delivery: DeliveryService) -> None:
    number = await requested(delivery)
    survivor = uuid.UUID(int=9)
    await delivery.take_over(CITIZEN, survivor)
    await delivery.take_over(CITIZEN, survivor)
    assert (await delivery.shipment(survivor, number)).shipment_no == number


async def test_sweep_books_what_pushes_moved_before_the_booking_was_noted(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent]
) -> None:
    courier.fail_after_booking = 1
    number = await requested(delivery)
    with pytest.raises(ProviderUnavailable):
        await delivery.booking.book({"shipment_no": number})
    await delivery.tracking.receive(
        "SF", Push(body=courier.push(event(number, "PICKED_UP", "2026-11-02T09:00:00+08:00")))
    )
    await db.execute("DELETE FROM pgqueuer")
    await db.execute("UPDATE shipment SET ask_after = now() - interval '1 minute'")
    await ask_silent(delivery)
    assert await db.fetch_row("SELECT 1 FROM pgqueuer WHERE entrypoint = 'delivery.book'") is not None
    await delivery.booking.book({"shipment_no": number})
    view = await delivery.shipment(CITIZEN, number)
    assert (view.status, view.waybill_no, courier.book_calls) == ("PICKED_UP", f"SF{number[-8:]}", 1)


async def test_sweep_leaves_a_refused_parcel_to_staff(delivery: DeliveryService, courier: Any) -> None:
    courier.refusal = ProviderRejected(provider="sf", provider_code="1016")
    number = await requested(delivery)
    await delivery.booking.book({"shipment_no": number})
    await db.execute("DELETE FROM pgqueuer")
    await db.execute("UPDATE shipment SET ask_after = now() - interval '1 minute'")
    await ask_silent(delivery)
    assert await db.fetch_row("SELECT 1 FROM pgqueuer") is None


async def test_push_from_the_future_does_not_hold_the_parcel_for_ever(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent]
) -> None:
    number = await booked(delivery)
    await delivery.tracking.receive(
        "SF", Push(body=courier.push(event(number, "PICKED_UP", "2099-01-01T00:00:00+08:00")))
    )
    courier.road.append(event(number, "DELIVERED", "2026-11-03T10:00:00+08:00"))
    await delivery.tracking.confirm({"shipment_no": number})
    assert (await delivery.shipment(CITIZEN, number)).status == "DELIVERED"


async def test_sweep_goes_on_after_a_parcel_that_can_not_be_asked_about(
    delivery: DeliveryService, courier: Any, event: Callable[..., CourierEvent]
) -> None:
    number = await booked(delivery)
    courier.road.append(event(number, "DELIVERED", "2026-11-03T10:00:00+08:00"))
    await db.execute(
        "INSERT INTO shipment (id, created_at, shipment_no, subject_no, citizen_id, leg, courier, waybill_no, status,"
        " cargo, sender, receiver_cipher, receiver_shown, custody, version, ask_after, asked_count, updated_at)"
        " SELECT gen_random_uuid(), now(), 'SJOTHER', 'another', citizen_id, leg, 'GONE', 'X1', status, cargo, sender,"
        " receiver_cipher, '', custody, 1, now() - interval '1 hour', 0, now() FROM shipment"
    )
    await db.execute("UPDATE shipment SET ask_after = now() - interval '1 minute' WHERE shipment_no = $1", number)
    await ask_silent(delivery)
    assert (await delivery.shipment(CITIZEN, number)).status == "DELIVERED"
