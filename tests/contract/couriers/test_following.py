"""The Courier port, roads: what is pushed and what is asked for are the same events, in the house's words and time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, timedelta

import pytest

from app import clock
from app.errors import ProviderRejected
from services.delivery.states import Sighting, derive
from services.delivery.types import CourierEvent, ParcelRef, WaybillKind
from tests.contract.couriers.stand import NUMBER, Stand
from tests.contract.couriers.stands import STANDS

pytestmark = pytest.mark.anyio


def keys(events: list[CourierEvent] | tuple[CourierEvent, ...]) -> set[str]:
    return {event.event_key for event in events}


async def test_pushed_and_asked_events_are_the_same_events(stand: Stand) -> None:
    parcel = await stand.booked()
    pushed = stand.events(await stand.move(parcel, "delivered"))
    asked = (await stand.courier.track(parcel)).events
    assert keys(pushed) == keys(asked) != set()
    assert {event.shipment_no for event in (*pushed, *asked)} <= {NUMBER, ""}
    assert len({event.waybill_no for event in (*pushed, *asked)}) == 1
    assert all(len(event.event_key) == 64 and event.code for event in asked)


async def test_full_history_again_in_any_order_adds_nothing(stand: Stand) -> None:
    parcel = await stand.booked()
    once = keys(stand.events(await stand.move(parcel, "delivered")))
    for order in ("normal", "reversed"):
        assert keys(stand.events(await stand.push_again(parcel, order))) == once


async def test_times_are_of_beijing_and_become_utc(stand: Stand) -> None:
    parcel = await stand.booked()
    for event in stand.events(await stand.move(parcel, "in_transit")):
        assert event.occurred_at.tzinfo is UTC
        assert abs(event.occurred_at - clock.now()) < timedelta(minutes=5)


async def test_each_road_ends_in_its_state(stand: Stand) -> None:
    for number, (target, status) in enumerate(stand.targets.items()):
        parcel = await stand.booked(shipment_no=f"{NUMBER}{number}")
        await stand.move(parcel, target, push=False)
        events = (await stand.courier.track(parcel)).events
        seen = [Sighting(event.status, event.occurred_at, confirmed=True) for event in events]
        assert derive(seen).status is status, target


async def test_every_code_of_the_reference_has_its_state(stand: Stand) -> None:
    parcel = await stand.booked()
    wanted = {code: status for status, codes in stand.code_table.items() for code in codes.split()}
    for code in wanted:
        await stand.play(parcel, code, push=False)
    assert {event.code: event.status for event in (await stand.courier.track(parcel)).events} == wanted


async def test_unknown_code_has_no_state_and_is_counted(stand: Stand, counted: Callable[[], float]) -> None:
    parcel = await stand.booked()
    pushed = stand.events(await stand.play(parcel, stand.unknown_code))
    assert [(event.status, event.undoes) for event in pushed if event.code == stand.unknown_code] == [("", ())]
    assert counted() == 1


async def test_taken_back_events_are_named(stand: Stand) -> None:
    if not stand.reversals:
        return
    parcel = await stand.booked()
    for code, undone in stand.reversals.items():
        await stand.play(parcel, code, push=False)
        last = max((await stand.courier.track(parcel)).events, key=lambda event: event.occurred_at)
        assert (last.code, last.status, last.undoes) == (code, "", tuple(undone.split()))


async def test_number_for_the_way_back_is_told(stand: Stand) -> None:
    if not stand.return_waybill_at:
        return
    parcel = await stand.booked()
    pushed = stand.news(await stand.move(parcel, stand.return_waybill_at))
    asked = (await stand.courier.track(parcel)).news
    for news in (pushed, asked):
        back = {number for each in news for number in each.waybills if number.kind is WaybillKind.RETURN}
        assert len(back) == 1
        assert parcel.waybill_no not in {number.waybill_no for number in back}


async def test_phone_of_the_carrier_is_told(stand: Stand) -> None:
    if not stand.courier_phone_at:
        return
    news = stand.news(await stand.move(await stand.booked(), stand.courier_phone_at))
    assert {each.courier_phone for each in news if each.courier_phone} == {"13900000009"}


async def test_place_where_it_waits_is_told(stand: Stand) -> None:
    """Without the phone of whoever put it there; the person needs the words of the locker or station."""
    parcel = await stand.booked()
    told = stand.news(await stand.move(parcel, "awaiting_collection"))
    asked = (await stand.courier.track(parcel)).news
    for news in (told, asked):
        [hint] = {each.collect_hint for each in news if each.collect_hint}
        assert "柜" in hint


async def test_typed_number_is_followed_where_the_courier_can(stand: Stand) -> None:
    """A number that somebody ordered elsewhere: it is known by its carrier and the last digits of a phone."""
    if not stand.follows_typed:
        return
    elsewhere = await stand.control("POST", f"/{stand.provider}/parcels", {"phone": "13800000001"})
    typed = ParcelRef(
        shipment_no=NUMBER,
        waybill_no=elsewhere["waybill_no"],
        carrier=elsewhere.get("carrier", stand.carrier),
        phone="13800000001",
        is_ordered=False,
    )
    await stand.courier.follow(typed)
    await stand.courier.follow(typed)
    moved = ParcelRef(shipment_no=elsewhere["order_id"])
    pushed = stand.events(await stand.move(moved, "in_transit"))
    asked = (await stand.courier.track(typed)).events
    assert keys(pushed) == keys(asked) != set()
    assert {event.waybill_no for event in (*pushed, *asked)} == {typed.waybill_no}


async def test_road_of_an_unknown_parcel_is_empty_or_refused(stand: Stand) -> None:
    nobody = ParcelRef(shipment_no="SJNOBODY", waybill_no="9900000000001", carrier=stand.carrier, phone="13800000001")
    with suppress(ProviderRejected):
        assert (await stand.courier.track(nobody)).events == ()


def test_stands_are_named_after_their_simulators() -> None:
    assert {name: made.provider for name, made in STANDS.items()} == {name: name for name in STANDS}
