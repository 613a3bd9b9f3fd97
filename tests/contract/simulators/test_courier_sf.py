"""SF as a Courier: the adapter's words against the simulator, from booking to a signed parcel and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from app.errors import CallbackRejected, ProviderRejected, ProviderUnavailable
from clients.couriers.sf import push
from clients.couriers.sf.client import SfClient
from clients.couriers.sf.types import SfAccount
from clients.transport import Transport
from services.delivery.couriers.sf import SfCourier
from services.delivery.types import Contact, CourierEvent, CourierOrder

pytestmark = pytest.mark.anyio
PUSH_PATH = "/callbacks/sf/sf-token"
WINDOW = Contact(name="出件窗口", phone="0351-7190110", address="太原市小店区人民南路2号")
CITIZEN = Contact(name="测试甲", phone="13800000001", address="山西省大同市平城区测试路1号")
ORDER = CourierOrder("SJ20260302TEST", "居民身份证", WINDOW, CITIZEN, paid_by_receiver=True)


@pytest.fixture
async def courier(sim: Any) -> AsyncIterator[SfCourier]:
    async with aiohttp.ClientSession() as session:
        account = SfAccount("SJTTEST", "c" * 32, "7551234567", f"{sim.url('sf')}/std/service")
        yield SfCourier(SfClient(account, Transport(session, "sf")))


async def moved(sim: Any, courier: SfCourier, target: str, count: int) -> list[CourierEvent]:
    sim.sink.answers[PUSH_PATH] = [(200, courier.acknowledge(accepted=True).decode())] * 30
    sim.control("POST", f"/sf/orders/{ORDER.shipment_no}/move", {"to": target})
    return [event for sent in sim.sink.wait_for(PUSH_PATH, count) for event in courier.parse_push(sent.body)]


async def test_find_unknown_order_is_none(courier: SfCourier) -> None:
    assert await courier.find("SJNOBODY") is None


async def test_book_twice_gives_the_same_booking(courier: SfCourier) -> None:
    first = await courier.book(ORDER)
    assert first.waybill_no.startswith("SF")
    assert await courier.book(ORDER) == first == await courier.find(ORDER.shipment_no)


async def test_pushed_and_asked_events_are_the_same_events(courier: SfCourier, sim: Any) -> None:
    await courier.book(ORDER)
    pushed = await moved(sim, courier, "delivered", 8)
    asked = await courier.track(ORDER.shipment_no)
    assert {event.event_key for event in pushed} == {event.event_key for event in asked}
    assert {event.shipment_no for event in (*pushed, *asked)} == {ORDER.shipment_no}
    assert asked[0].status == "PICKED_UP"
    assert asked[-1].status == "DELIVERED"


async def test_returned_parcel_is_told(courier: SfCourier, sim: Any) -> None:
    await courier.book(ORDER)
    await moved(sim, courier, "returning", 8)
    assert (await courier.track(ORDER.shipment_no))[-1].status == "RETURNING"


async def test_book_address_out_of_reach_is_refused_for_good(courier: SfCourier, sim: Any) -> None:
    fault = {"provider": "sf", "call": "EXP_RECE_CREATE_ORDER", "kind": "error", "code": "1016"}
    sim.control("POST", "/faults", fault)
    with pytest.raises(ProviderRejected) as refused:
        await courier.book(ORDER)
    assert not refused.value.retryable


async def test_book_provider_in_trouble_is_unknown(courier: SfCourier, sim: Any) -> None:
    sim.control("POST", "/faults", {"provider": "sf", "call": "EXP_RECE_CREATE_ORDER", "kind": "http", "status": 500})
    with pytest.raises(ProviderUnavailable):
        await courier.book(replace(ORDER, shipment_no="SJUNKNOWN"))


async def test_push_of_another_shape_is_rejected(courier: SfCourier) -> None:
    for body in (b"", b"[]", b'{"Body":{"WaybillRoute":[{}]}}', b"<Request/>"):
        with pytest.raises(CallbackRejected):
            courier.parse_push(body)
    assert courier.acknowledge(accepted=False) == push.REFUSED
