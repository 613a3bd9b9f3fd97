"""What only 快递100 does: orders that call back, numbers that come later, parcels of any carrier, settled fees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest

from app import clock
from app.errors import CallbackRejected, ProviderRejected
from services.delivery.ports import COLLECTED, NOT_SERVED, CarrierGuess
from services.delivery.types import Following, Freight, ParcelRef, Push, WaybillKind
from tests.contract.couriers.kuaidi100_stand import Kuaidi100Stand
from tests.contract.couriers.stand import CITIZEN, NUMBER
from tests.contract.simulators.simulator_process import Simulators

pytestmark = pytest.mark.anyio
PLACE = f"/kuaidi100/orders/{NUMBER}"


@pytest.fixture
async def kd(platforms: Simulators) -> AsyncIterator[Kuaidi100Stand]:
    platforms.control("POST", "/reset")
    platforms.sink.clear()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Kuaidi100Stand(platforms, session)


def callbacks(pushes: list[Push]) -> list[Push]:
    return [push for push in pushes if push.query.get("kind") == "order"]


async def acted(kd: Kuaidi100Stand, path: str, body: Any) -> list[Push]:
    before = len(kd.received())
    await kd.control("POST", f"{PLACE}/{path}", body)
    pushed: list[Push] = kd.received()[before:]
    return pushed


async def test_track_is_followed_by_the_order_itself(kd: Kuaidi100Stand) -> None:
    parcel = kd.ref(await kd.courier.book(kd.order()))
    pushed = await kd.move(parcel, "picked_up")
    assert [event.code for event in kd.events(pushed)][-1] == "102"
    assert len(callbacks(pushed)) == 2


async def test_number_that_comes_later_is_news_and_can_be_followed_then(kd: Kuaidi100Stand) -> None:
    later = msgspec.structs.replace(CITIZEN, address="山西省大同市后补单号路1号")
    booking = await kd.courier.book(kd.order(receiver=later))
    assert (booking.waybill_no, bool(booking.order_ref)) == ("", True)
    nameless = kd.ref(booking)
    await kd.courier.follow(nameless)
    pushed = await kd.move(nameless, "picked_up")
    [number] = {each for news in kd.news(pushed) for each in news.waybills}
    assert (number.kind, number.carrier, len(number.waybill_no)) == (WaybillKind.MAIN, kd.carrier, 15)
    asked = await kd.courier.track(nameless)
    assert {each for news in asked.news for each in news.waybills} == {number}
    parcel = kd.ref(booking, waybill_no=number.waybill_no)
    await kd.courier.follow(parcel)
    assert {event.waybill_no for event in kd.events(await kd.move(parcel, "in_transit"))} == {number.waybill_no}


async def test_order_whose_answer_was_lost_is_cancelled_by_our_number(kd: Kuaidi100Stand) -> None:
    await kd.courier.book(kd.order())
    lost = ParcelRef(shipment_no=NUMBER, carrier=kd.carrier)
    await kd.courier.cancel(lost, "申请人改为窗口自取")
    [event] = (await kd.courier.track(lost)).events
    assert event.status == "CANCELLED"
    with pytest.raises(ProviderRejected):
        await kd.courier.cancel(ParcelRef(shipment_no="SJNOBODY"), "撤回")


async def test_cancelled_and_failed_orders_call_back(kd: Kuaidi100Stand) -> None:
    parcel = await kd.booked()
    failed = callbacks(await kd.move(parcel, "pickup_failed"))
    assert [kd.courier.parse_push(push).events[0].status for push in failed] == ["PICKUP_PENDING", "EXCEPTION"]
    [told] = (kd.courier.parse_push(push) for push in await acted(kd, "callback", {"status": "99"}))
    assert told.events[0].status == "CANCELLED"


async def test_failure_that_is_asked_about_again_is_the_same_event_without_a_moment_of_its_own(
    kd: Kuaidi100Stand,
) -> None:
    parcel = await kd.booked()
    [push] = await acted(kd, "callback", {"status": "610"})
    told = [kd.courier.parse_push(push).events[0], *[(await kd.courier.track(parcel)).events[0] for _ in range(2)]]
    assert {(each.event_key, each.status, each.is_dated) for each in told} == {(told[0].event_key, "EXCEPTION", False)}


async def test_order_that_failed_leaves_nothing_to_withdraw(kd: Kuaidi100Stand) -> None:
    parcel = await kd.booked()
    await kd.move(parcel, "pickup_failed")
    kd.fault("cancel", "error", code="400")
    await kd.courier.cancel(parcel, "改寄新单")


async def test_settled_parts_are_told_once_each(kd: Kuaidi100Stand) -> None:
    await kd.booked()
    pushed = await acted(kd, "callback", {"status": "15", "freight": "12.00", "copies": 2})
    pushed += await acted(kd, "callback", {"status": "15", "freight": "3.50"})
    events = {event for push in pushed for event in kd.courier.parse_push(push).events}
    assert sorted(event.charge_fen or 0 for event in events) == [350, 1200]


async def test_given_up_number_is_followed_again(kd: Kuaidi100Stand) -> None:
    parcel = await kd.booked()
    assert [news.following for news in kd.news(await acted(kd, "abort", {}))] == [Following.ABORTED]
    assert kd.events(await kd.move(parcel, "picked_up")) == []
    await kd.courier.follow(parcel)
    assert kd.events(await kd.move(parcel, "in_transit"))


async def test_corrected_carrier_is_asked_from_then_on(kd: Kuaidi100Stand) -> None:
    parcel = await kd.booked()
    [news] = kd.news(await acted(kd, "company", {"carrier": "yuantong"}))
    assert [(each.carrier, each.kind) for each in news.waybills] == [
        (kd.carrier, WaybillKind.FORMER),
        ("yuantong", WaybillKind.MAIN),
    ]
    await kd.move(parcel, "picked_up")
    assert (await kd.courier.track(kd.ref(await kd.courier.book(kd.order()), carrier="yuantong"))).events


async def test_delivered_parcel_may_come_back(kd: Kuaidi100Stand) -> None:
    parcel = await kd.booked()
    assert Following.ENDED in [news.following for news in kd.news(await kd.move(parcel, "delivered"))]
    [push] = await kd.play(parcel, "6")
    newest = max(kd.events([push]), key=lambda event: event.occurred_at)
    assert (newest.status, {news.following for news in kd.news([push])} - {None}) == ("RETURNING", set())


async def test_promise_and_place_are_told(kd: Kuaidi100Stand) -> None:
    news = kd.news(await kd.move(await kd.booked(), "awaiting_collection"))
    assert any("丰巢柜" in each.collect_hint for each in news)
    promised = {each.promised_at for each in news if each.promised_at}
    assert all(timedelta(days=1) < moment - clock.now() < timedelta(days=3) for moment in promised)
    assert promised


async def test_push_of_one_parcel_is_none_of_another(kd: Kuaidi100Stand) -> None:
    [push, *_] = await kd.move(await kd.booked(), "pickup_pending")
    for query in ({}, {"shipment": ""}, {**push.query, "shipment": "SJ20260302OTHER"}):
        with pytest.raises(CallbackRejected):
            kd.courier.parse_push(Push(body=push.body, query=query))


async def test_typed_number_needs_a_phone_where_the_carrier_wants_one(kd: Kuaidi100Stand) -> None:
    typed = ParcelRef(shipment_no=NUMBER, waybill_no="7600000000001", carrier="zhongtong", is_ordered=False)
    with pytest.raises(ProviderRejected) as refused:
        await kd.courier.follow(typed)
    assert refused.value.provider_code == "phone_needed"
    assert isinstance(kd.courier, CarrierGuess)
    assert await kd.courier.guess_carriers("YT12345678901") == ("yuantong",)


async def test_typed_number_without_a_carrier_has_it_found(kd: Kuaidi100Stand) -> None:
    elsewhere = await kd.control("POST", "/kuaidi100/parcels", {"phone": CITIZEN.phone, "carrier": "shunfeng"})
    number = elsewhere["waybill_no"]
    typed = ParcelRef(shipment_no=NUMBER, waybill_no=number, phone=CITIZEN.phone, is_ordered=False)
    await kd.courier.follow(typed)
    pushed = await kd.move(ParcelRef(shipment_no=elsewhere["order_id"]), "picked_up")
    found = {each for news in kd.news(pushed) for each in news.waybills}
    assert {(each.waybill_no, each.carrier) for each in found} == {(number, "shunfeng")}
    asked = await kd.courier.track(typed)
    assert {each for news in asked.news for each in news.waybills} == found
    assert {event.event_key for event in asked.events} == {
        event.event_key for push in pushed for event in kd.courier.parse_push(push).events
    }


@pytest.mark.parametrize("change", [{"freight": Freight.SENDER}, {"carrier": ""}, {"holder_tail": "03070012"}])
async def test_what_it_does_not_offer_goes_to_the_next_courier(kd: Kuaidi100Stand, change: Any) -> None:
    with pytest.raises(ProviderRejected) as refused:
        await kd.courier.book(kd.order(**change))
    assert (refused.value.provider_code, refused.value.retryable) == (NOT_SERVED, False)


@pytest.mark.parametrize(("days", "is_taken"), [(0, True), (2, True), (3, False), (-1, False)])
async def test_pick_up_is_offered_for_three_days(kd: Kuaidi100Stand, days: int, is_taken: bool) -> None:
    start = clock.to_beijing(clock.now()).replace(hour=9, minute=0) + timedelta(days=days)
    order = kd.order(pickup_from=start, pickup_until=start + timedelta(hours=1))
    if is_taken:
        assert (await kd.courier.book(order)).waybill_no
    else:
        with pytest.raises(ProviderRejected):
            await kd.courier.book(order)


async def test_collected_order_says_so_by_our_number_too(kd: Kuaidi100Stand) -> None:
    await kd.move(await kd.booked(), "picked_up")
    with pytest.raises(ProviderRejected) as refused:
        await kd.courier.cancel(ParcelRef(shipment_no=NUMBER), "撤回")
    assert refused.value.provider_code == COLLECTED
