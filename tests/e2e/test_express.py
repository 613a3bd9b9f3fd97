"""Express delivery over HTTP between separate processes: both legs of one case, every courier, a loss, own parcels."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from demo.express import Express
from demo.narrator import Narrator
from demo.parcels import holders, newest, shipment_in
from demo.person import Person
from demo.wire import until
from tests.e2e.conftest import Surroundings

pytestmark = pytest.mark.anyio
COURIERS = {"SF": "shunfeng", "EMS": "ems", "KUAIDI100": "yuantong", "KDNIAO": "zhongtong"}


async def _express(scene: Surroundings, key: str = "sun-jianguo") -> tuple[Express, Person]:
    citizen = Person(scene.phone("wechat", key))
    await citizen.be_known()
    desks = [await scene.counter(name) for name in ("window-xiaodian", "reviewer-xiaodian", "dispatcher")]
    return Express(citizen, *desks, scene.control, Narrator(Console(quiet=True))), citizen


async def test_originals_come_the_licence_goes_and_a_lost_one_is_made_again(scene: Surroundings) -> None:
    """Both legs in one case, postage paid by WeChat, handed over by scan; then a loss. Every step is checked inside."""
    express, _ = await _express(scene)
    await express.play()


@pytest.mark.parametrize("courier", COURIERS)
async def test_every_courier_brings_the_result(scene: Surroundings, courier: str) -> None:
    express, citizen = await _express(scene)
    number = await express.file("ON_DELIVERY")
    await express.bring_originals(number)
    await express.decide(number)
    parcel = await newest(citizen, number, "OUTBOUND")
    dispatcher = await scene.counter("dispatcher")
    if parcel["courier"] != courier:
        other = {"courier": courier, "carrier": COURIERS[courier], "reason": "申请人所在地由该公司派送"}
        (await dispatcher.call("POST", f"/shipments/{parcel['shipment_no']}/courier", other)).expect(200)
        parcel = await until(
            f"由 {courier} 承运",
            lambda: newest(citizen, number, "OUTBOUND"),
            lambda seen: seen["courier"] == courier and bool(seen["waybill_no"]),
        )
    label: bytes = (await dispatcher.call("GET", f"/shipments/{parcel['shipment_no']}/label.pdf")).expect(200)
    assert label[:5] == b"%PDF-"
    if courier == "KDNIAO":
        await until("订阅", lambda: _told_about(scene, parcel["shipment_no"]), bool)
    await express.deliver(number, parcel)
    signed = await shipment_in(citizen, parcel["shipment_no"], "DELIVERED")
    closed = (await citizen.phone.call("GET", f"/applications/{number}")).expect(200)
    # Simulated nodes lie a second apart, so the signature may be ahead of our clock; nothing is closed in the future.
    assert closed["closed_at"] <= signed["delivered_at"]


async def test_parcel_that_the_citizen_sent_is_followed_by_its_number(scene: Surroundings) -> None:
    express, citizen = await _express(scene, "zhao-min")
    number = await express.file("ON_DELIVERY")
    window = await scene.counter("window-xiaodian")
    seen = (await window.call("GET", f"/cases/{number}")).expect(200)["case"]
    (await window.call("POST", f"/cases/{number}/receive", {"version": seen["version"]})).expect(200)
    given = {"carrier": "zhongtong", "phone": citizen.phone.person["phone"]}
    theirs = (await scene.control.send("POST", "/control/kuaidi100/parcels", value=given)).expect(200)
    path = f"/applications/{number}/mailing"

    async def asked() -> int:
        return (await citizen.phone.call("GET", path)).status

    await until("索取原件", asked, lambda status: status == 200)
    typed = {"waybill_no": theirs["waybill_no"], "carrier": "zhongtong"}
    (await citizen.phone.call("POST", f"{path}/own", typed)).expect(200, 201)
    parcel = await newest(citizen, number, "INBOUND")
    assert parcel["is_own"]
    await until("订阅", lambda: _subscribed(scene, theirs["waybill_no"]), bool)
    road = f"/control/kuaidi100/subscriptions/{theirs['waybill_no']}/move"
    (await scene.control.send("POST", road, value={"to": "delivered"})).expect(200)
    await shipment_in(citizen, parcel["shipment_no"], "DELIVERED")
    assert {piece["holder"] for piece in await holders(window, number)} == {"COURIER"}
    (await window.call("POST", f"/mailings/{number}/receipt", {"condition": "INTACT"})).expect(200)
    assert {piece["holder"] for piece in await holders(window, number)} == {"WINDOW"}


async def _subscribed(scene: Surroundings, waybill_no: str) -> bool:
    rows: list[dict[str, Any]] = (await scene.control.send("GET", "/control/kuaidi100/subscriptions")).expect(200)
    return any(waybill_no in row.values() for row in rows)


async def _told_about(scene: Surroundings, shipment_no: str) -> bool:
    """Whether 快递鸟 was asked for pushes about one of its orders."""
    order: dict[str, Any] = (await scene.control.send("GET", f"/control/kdniao/orders/{shipment_no}")).expect(200)
    return bool(order["followers"])
