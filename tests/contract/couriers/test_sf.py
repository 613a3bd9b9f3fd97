"""What only SF has: who pays, hand-over to the person, the way back, XML pushes, order states, tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import quoteattr

import aiohttp
import pytest

from app import clock
from app.errors import CallbackRejected, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.couriers.sf.client import SfClient
from clients.couriers.sf.types import SfAccount
from clients.couriers.sf.wire import SfWire
from services.delivery.couriers.sf import SfCourier
from services.delivery.states import ShipmentStatus, Sighting, derive
from services.delivery.types import Freight, ParcelRef, Push, SignedAs
from tests.contract.couriers.sf_stand import SfStand
from tests.contract.couriers.stand import CITIZEN, NUMBER, WINDOW, HastyTransport, form
from tests.contract.simulators.simulator_process import Simulators

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sf(platforms: Simulators) -> AsyncIterator[SfStand]:
    platforms.control("POST", "/reset")
    platforms.sink.clear()
    async with aiohttp.ClientSession() as session:
        yield SfStand(platforms, session)


async def kept(sf: SfStand) -> dict[str, Any]:
    """The order as SF keeps it."""
    found: dict[str, Any] = await sf.control("GET", f"/sf/orders/{NUMBER}")
    return found


@pytest.mark.parametrize(
    ("freight", "is_inbound", "paid"),
    [
        (Freight.ACCOUNT, False, (1, True)),
        (Freight.ACCOUNT, True, (3, True)),
        (Freight.RECEIVER, False, (2, False)),
        (Freight.SENDER, True, (1, False)),
    ],
)
async def test_our_card_pays_only_what_is_on_our_account(
    sf: SfStand, freight: Freight, is_inbound: bool, paid: tuple[int, bool]
) -> None:
    await sf.courier.book(sf.order(freight=freight, is_inbound=is_inbound))
    order = await kept(sf)
    assert (order["pay_method"], order["on_account"]) == paid


async def test_parcel_for_the_person_only(sf: SfStand) -> None:
    booking = await sf.courier.book(sf.order(holder_tail="03070012"))
    assert (await kept(sf))["in_person"] is True
    assert booking.further == ()
    assert booking.route_code == "352WB-A1"


async def test_wished_time_when_nobody_comes_is_named(sf: SfStand) -> None:
    tomorrow = clock.to_beijing(clock.now() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    night = sf.order(pickup_from=tomorrow.replace(hour=3))
    for act in (sf.courier.estimate, sf.courier.book):
        with pytest.raises(ProviderRejected) as refused:
            await act(night)
        assert refused.value.provider_code == "pickup_time"
    morning = sf.order(pickup_from=tomorrow.replace(hour=10), product="1")
    assert (await sf.courier.estimate(morning)).price_fen == 2300
    assert (await sf.courier.book(morning)).waybill_no


async def test_way_back_ends_as_returned_and_never_as_delivered(sf: SfStand) -> None:
    """Also when what was pushed about the new number, which no push calls one of a way back, was written before."""
    parcel = await sf.booked()
    pushed = sf.events(await sf.move(parcel, "returned"))
    asked = (await sf.courier.track(parcel)).events
    back = [event for event in asked if event.waybill_no != parcel.waybill_no]
    assert [event.status for event in back] == ["RETURNING", "RETURNING", "RETURNED"]
    assert ShipmentStatus.DELIVERED not in {event.status for event in asked}
    doubted = [Sighting(event.status, event.occurred_at, confirmed=False) for event in pushed]
    proven = [Sighting(event.status, event.occurred_at, confirmed=True) for event in asked]
    assert derive(doubted).status is not ShipmentStatus.DELIVERED
    assert derive(doubted).needs_confirmation
    assert derive([*doubted, *proven]).status is ShipmentStatus.RETURNED
    assert not derive([*doubted, *proven]).needs_confirmation


async def test_phone_in_the_words_of_a_delivery_is_told_too(sf: SfStand) -> None:
    news = sf.news(await sf.move(await sf.booked(), "out_for_delivery"))
    assert {each.courier_phone for each in news if each.courier_phone} == {"13900000009"}


async def test_locker_collection_says_so(sf: SfStand) -> None:
    parcel = await sf.booked()
    [event] = sf.events(await sf.play(parcel, "126"))
    assert (event.status, event.signed_as) == ("DELIVERED", SignedAs.LOCKER)


def state_push(**change: Any) -> Push:
    state = {"orderNo": NUMBER, "waybillNo": "SF1", "orderStateCode": "04-40001", "lastTime": "2026-03-02 10:00:00"}
    return Push(body=json.dumps({"orderState": [state | change]}).encode())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("04-40001", "PICKUP_PENDING"),
        ("40001", "PICKUP_PENDING"),
        ("04-40037", "PICKED_UP"),
        ("04-40014", "CANCELLED"),
        ("04-40002", "EXCEPTION"),
        ("04-40036", "EXCEPTION"),
        ("04-40038", ""),
        ("04-4000１", ""),
        ("05-1", ""),
    ],
)
async def test_order_states_follow_the_table(sf: SfStand, code: str, status: str) -> None:
    [event] = sf.courier.parse_push(state_push(orderStateCode=code)).events
    assert (event.status, event.code, event.shipment_no) == (status, code, NUMBER)
    assert json.loads(sf.courier.acknowledge(state_push(), accepted=True))["code"] == "0"


async def test_xml_push_tells_the_same_events(sf: SfStand) -> None:
    parcel = await sf.booked()
    pushes = await sf.move(parcel, "picked_up")
    nodes = [json.loads(push.body)["Body"]["WaybillRoute"][0] for push in pushes]
    drawn = "".join(f"<WaybillRoute {' '.join(f'{k}={quoteattr(v)}' for k, v in node.items())}/>" for node in nodes)
    text = f'<Request service="RoutePushService" lang="zh-CN"><Body>{drawn}</Body></Request>'
    push = Push(body=form({"content": text}), content_type="application/x-www-form-urlencoded")
    assert sf.events([push]) == sf.events(pushes)
    assert b"<Head>OK</Head>" in sf.courier.acknowledge(push, accepted=True)
    with pytest.raises(CallbackRejected):
        sf.courier.parse_push(Push(body=form({"content": f"<!DOCTYPE a [<!ENTITY b 'c'>]>{text}"})))


def node_push(**change: Any) -> Push:
    node = {"mailno": "SF1", "orderid": NUMBER, "acceptTime": "2026-03-02 10:00:00", "opCode": "50", "remark": "已收件"}
    return Push(body=json.dumps({"Body": {"WaybillRoute": [node | change]}}).encode())


@pytest.mark.parametrize("change", [{"remark": "\ud800"}, {"mailno": "\ud800"}, {"mailno": "9" * 41}, {"mailno": ""}])
async def test_push_of_what_no_database_keeps_is_refused(sf: SfStand, change: dict[str, str]) -> None:
    assert sf.courier.parse_push(node_push()).events
    with pytest.raises(CallbackRejected):
        sf.courier.parse_push(node_push(**change))


async def test_cancellation_that_is_only_pushed_is_never_confirmed_by_a_failed_delivery(sf: SfStand) -> None:
    [pushed] = sf.courier.parse_push(node_push(opCode="70", reasonCode="46")).events
    [failed] = sf.courier.parse_push(node_push(opCode="70")).events
    assert (pushed.status, failed.status) == ("CANCELLED", "EXCEPTION")
    assert pushed.event_key != failed.event_key, "an answer without the reason must not lend it its trust"
    parcel = await sf.booked()
    [told] = sf.events(await sf.move(parcel, "", op_code="70", reason_code="46"))
    asked = (await sf.courier.track(parcel)).events
    assert (asked[-1].occurred_at, asked[-1].status) == (told.occurred_at, "EXCEPTION")
    assert told.event_key not in {event.event_key for event in asked}


async def test_stranger_cannot_follow_a_number_without_its_phone(sf: SfStand) -> None:
    elsewhere = await sf.control("POST", "/sf/parcels", {"phone": "13800000001"})
    typed = ParcelRef(shipment_no=NUMBER, waybill_no=elsewhere["waybill_no"], phone="13900000007", is_ordered=False)
    with pytest.raises(ProviderRejected):
        await sf.courier.follow(typed)
    assert (await sf.courier.track(typed)).events == ()


@pytest.mark.parametrize("url", ["http://10.0.0.1/label.pdf", "file:///etc/passwd", "ftp://sf.example/x"])
async def test_label_is_fetched_from_sf_only(sf: SfStand, url: str) -> None:
    wire = SfWire(SfAccount("SJTTEST", "c" * 32, "7551234567"), sf.transport, clock.now)
    with pytest.raises(ProviderProtocolError):
        await wire.fetch("COM_RECE_CLOUD_PRINT_WAYBILLS", url, {})


async def test_token_replaces_the_digest_and_is_renewed(sf: SfStand, platforms: Simulators) -> None:
    base = platforms.url("sf")
    account = SfAccount("SJTTEST", "c" * 32, "7551234567", f"{base}/std/service", f"{base}/oauth2/accessToken")
    courier = SfCourier(SfClient(account, sf.transport))
    booking = await courier.book(sf.order())
    assert await courier.find(sf.ref(booking)) == booking
    await sf.control("PUT", "/clock", {"offset_seconds": 7201})
    assert await courier.find(sf.ref(booking)) == booking
    refused = SfCourier(SfClient(replace(account, check_word="wrong"), sf.transport))
    with pytest.raises(ProviderRejected) as wrong:
        await refused.find(sf.ref(booking))
    assert wrong.value.provider_code == "A1006"


async def test_reach_is_asked_with_the_parts_of_the_address(sf: SfStand) -> None:
    sent: list[bytes] = []

    class Listening(HastyTransport):
        async def send(self, call: str, method: str, url: str, **options: Any) -> Any:
            sent.append(options["body"])
            return await super().send(call, method, url, **options)

    async with aiohttp.ClientSession() as session:
        courier = sf.make(Listening(session, "sf"), sf.sim.url("sf"))
        await courier.reaches(WINDOW, CITIZEN, "shunfeng")
    asked = json.loads(dict(parse_qsl(sent[0].decode()))["msgData"])
    assert [(each["city"], each["county"]) for each in asked["contactInfos"]] == [
        ("太原市", "小店区"),
        ("大同市", "平城区"),
    ]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "drop"}, ProviderUnavailable),
        ({"kind": "hang"}, ProviderUnavailable),
        ({"kind": "http", "status": 500}, ProviderUnavailable),
        ({"kind": "http", "status": 404}, ProviderProtocolError),
        ({"kind": "http", "status": 200}, ProviderProtocolError),
    ],
)
@pytest.mark.parametrize("call", ["label_download", "oauth2_access_token"])
async def test_second_call_of_an_act_meets_faults_as_the_first_does(
    sf: SfStand, call: str, fault: dict[str, Any], outcome: type[Exception]
) -> None:
    """The label's file, and the token under a call: neither garbage nor silence is taken for one."""
    base = sf.sim.url("sf")
    token_url = f"{base}/oauth2/accessToken" if call.startswith("oauth2") else ""
    account = SfAccount("SJTTEST", "c" * 32, "7551234567", f"{base}/std/service", token_url)
    parcel = await sf.booked()
    courier = SfCourier(SfClient(account, sf.transport))
    sf.fault_at(call, **fault)
    with pytest.raises(outcome):
        await courier.label(parcel)
    sf.heal()
    assert (await courier.label(parcel) or b"").startswith(b"%PDF-")
