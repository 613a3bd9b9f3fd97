"""The board of parcels: columns, scope, search, one parcel with its road, booking again, the file, hostile queries."""

from __future__ import annotations

import csv
import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import ProviderRejected
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Ability
from services.delivery.service import DeliveryService
from services.delivery.types import Booking, Choice, Contact, DeliveryMethod, ShipmentOrder
from tests.fakes.told import seen
from tests.integration.console.conftest import Browser, House

pytestmark = pytest.mark.anyio
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
SENDER = Contact(name="出件窗口", phone="0351-7190110", address="太原市小店区人民南路2号")
BODY = ("140105", "11140105MB0001177F")


class Courier:
    """Books everything, or nothing."""

    code, name = "SF", "顺丰速运"
    abilities = frozenset({Ability.ORDER, Ability.CANCEL})
    refuses, repeats_for = False, None

    async def book(self, order: Any) -> Booking:
        if self.refuses:
            raise ProviderRejected(provider="sf", provider_code="1016")
        return Booking(shipment_no=order.shipment_no, waybill_no=f"SF{order.shipment_no[-8:]}")

    async def find(self, parcel: Any) -> None:
        return None

    async def cancel(self, parcel: Any, reason: str) -> None:
        return None


@pytest.fixture
def courier(house: House) -> Courier:
    """A courier in the house's delivery room."""
    made = Courier()
    delivery = DeliveryService(CourierTable({"SF": made}), house.cipher, house.audit, house.storage)
    house.delivery = delivery  # type: ignore[attr-defined]  # a room that only these pages need
    house.applications.aftercare._delivery = delivery
    return made


async def _parcel(house: House, case: str, *, body: tuple[str, str] = BODY, cargo: str = "居民身份证") -> str:
    delivery: DeliveryService = house.delivery  # type: ignore[attr-defined]  # as above
    await delivery.choose(
        Choice(case, uuid.UUID(int=7), DeliveryMethod.COURIER, body[0], RECEIVER, "张* 138****0001 <太原市>")
    )
    number = await delivery.request_shipment(ShipmentOrder(case, cargo, SENDER, *body))
    assert number is not None
    await delivery.booking.book({"shipment_no": number})
    return number


async def _stands(number: str, status: str, days_ago: int = 0) -> None:
    await db.execute(
        "UPDATE shipment SET status = $2, updated_at = $3 WHERE shipment_no = $1",
        number,
        status,
        clock.now() - timedelta(days=days_ago),
    )


async def test_parcels_stand_in_the_column_of_what_is_to_be_done(browser: Browser, courier: Courier) -> None:
    states = ("CREATED", "IN_TRANSIT", "LOST", "DELIVERED")
    numbers = {status: await _parcel(browser.house, f"C{status}") for status in states}
    old = await _parcel(browser.house, "C-OLD")
    for status, number in numbers.items():
        await _stands(number, status)
    await _stands(old, "DELIVERED", days_ago=31)
    await browser.sign_in("dispatcher")
    for section, status in zip(("TO_SEND", "UNDER_WAY", "EXCEPTION", "DONE"), states, strict=True):
        page = await browser.get(f"/staff/deliveries?section={section}")
        assert re.findall(r'href="/staff/deliveries/(SJ\w+)"', page) == [numbers[status]]
        assert "张* 138****0001 &lt;太原市&gt;" in page
        assert "13800000001" not in page
        chips = re.findall(r">(待寄出|运输中|异常|近30日送达) (\d+)</a>", page)
        assert [count for _, count in chips] == ["1", "1", "1", "1"], "one that arrived long ago is off the board"
    part = await browser.get("/staff/deliveries/part?section=DONE")
    assert numbers["DELIVERED"] in part
    assert "<html" not in part


async def test_board_continues_by_cursor_and_finds_by_every_number(browser: Browser, courier: Courier) -> None:
    numbers = [await _parcel(browser.house, f"C{place}") for place in range(21)]
    await browser.sign_in("dispatcher")
    page = await browser.get("/staff/deliveries")
    assert re.findall(r'href="/staff/deliveries/(SJ\w+)"', page) == numbers[:20], "what waits longest comes first"
    following = re.search(r'href="(/staff/deliveries\?section=TO_SEND&amp;cursor=[^"]+)"', page)
    assert following is not None
    page = await browser.get(following[1].replace("&amp;", "&"))
    assert re.findall(r'href="/staff/deliveries/(SJ\w+)"', page) == numbers[20:]
    assert "回到第一页" in page
    for wanted in (numbers[3], f"SF{numbers[3][-8:]}", "C3"):
        page = await browser.get(f"/staff/deliveries?q={wanted}")
        assert re.findall(r'href="/staff/deliveries/(SJ\w+)"', page) == [numbers[3]]
    assert "没有符合条件的快递" in await browser.get("/staff/deliveries?q=%3Cnobody%3E")


async def test_parcels_of_other_bodies_are_not_there(browser: Browser, courier: Courier) -> None:
    number = await _parcel(browser.house, await browser.house.submitted_case(), body=("140213", BODY[1]))
    await browser.sign_in("dispatcher")
    assert number not in await browser.get("/staff/deliveries")
    assert "没有符合条件的快递" in await browser.get(f"/staff/deliveries?q={number}")
    await browser.sign_in("stranger")
    assert number in await browser.get("/staff/deliveries")
    await browser.get(f"/staff/deliveries/{number}", 404)  # its case is somebody else's


@pytest.mark.parametrize("name", ["cashier", "approver"])
async def test_others_are_refused(browser: Browser, courier: Courier, name: str) -> None:
    number = await _parcel(browser.house, await browser.house.submitted_case())
    await browser.sign_in(name)
    for path in ("", "/part", "/export", f"/{number}", f"/{number}/part"):
        assert "role_required" in await browser.get(f"/staff/deliveries{path}", 403)
    assert "/staff/deliveries" not in await browser.get("/staff")
    assert await db.fetch_all("SELECT 1 FROM audit_entry WHERE action LIKE 'export.%'") == []


async def test_refused_parcel_is_shown_with_its_road_and_booked_again(browser: Browser, courier: Courier) -> None:
    courier.refuses = True
    number = await _parcel(browser.house, await browser.house.submitted_case())
    await browser.sign_in("dispatcher")
    path = f"/staff/deliveries/{number}"
    page = await browser.get(path)
    assert "快递未能下单" in page
    assert "重新下单" in page
    assert page.count("<h1") == 1
    status, _, _ = await browser.post(f"{path}/rebook", csrf_token="forged")
    assert status == 403
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    status, location, _ = await browser.post(f"{path}/rebook", csrf_token=token[1])
    assert (status, location) == (303, f"{path}?done=1")
    assert "已重新提交下单" in await browser.get(location)
    courier.refuses = False
    await browser.house.delivery.booking.book({"shipment_no": number})  # type: ignore[attr-defined]  # as above
    status, _, page = await browser.post(f"{path}/rebook", csrf_token=token[1])
    assert (status, "该快递已下单" in page) == (409, True)
    assert "重新下单</button>" not in page
    (act,) = await db.fetch_all("SELECT actor, object_no FROM audit_entry WHERE action = 'shipment.rebooked'")
    assert tuple(act.values()) == ("dispatcher", number)


async def test_parcel_that_was_not_picked_up_is_ordered_again_under_another_number(
    browser: Browser, courier: Courier
) -> None:
    number = await _parcel(browser.house, await browser.house.submitted_case())
    await browser.sign_in("dispatcher")
    path = f"/staff/deliveries/{number}"
    assert "重新下单</button>" not in await browser.get(path)
    delivery: DeliveryService = browser.house.delivery  # type: ignore[attr-defined]  # as above
    await delivery.booking._recorder.record(
        number, [seen(number, "EXCEPTION", clock.now(), waybill_no=f"SF{number[-8:]}")], confirmed=True
    )
    page = await browser.get(path)
    assert ("快递公司未能揽收" in page, "重新下单</button>" in page) == (True, True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    status, location, _ = await browser.post(f"{path}/rebook", csrf_token=token[1])
    (new,) = await db.fetch_all("SELECT shipment_no FROM shipment WHERE replaces_no = $1", number)
    assert (status, location) == (303, f"/staff/deliveries/{new['shipment_no']}?done=1")
    assert "重新下单</button>" not in await browser.get(path)


async def test_column_is_taken_away_as_a_marked_file(browser: Browser, courier: Courier) -> None:
    number = await _parcel(browser.house, "C1", cargo="=1+1")
    await browser.sign_in("dispatcher")
    page = await browser.get("/staff/deliveries")
    links = re.findall(r'href="(/staff/deliveries/export[^"]+)" download', page)
    assert len(links) == 2
    text = await browser.get(links[1].replace("&amp;", "&"))
    mark, heading, row = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    assert mark[0].startswith("三晋通 省寄送 韩冰 dispatcher ")
    shown = dict(zip(heading, row, strict=True))
    assert (shown["快递单号"], shown["内容"], shown["收件人"]) == (number, "'=1+1", "张* 138****0001 <太原市>")
    acts = await db.fetch_all("SELECT action FROM audit_entry WHERE action LIKE 'export.%' ORDER BY seq")
    assert [act["action"] for act in acts] == ["export.deliveries", "export.finished"]


@pytest.mark.parametrize(
    "query", ["section=NOWHERE", "section=", "cursor=%21", "cursor=" + "x" * 65, "q=" + "x" * 65, "q=%00", "a=b"]
)
async def test_hostile_queries_are_refused(browser: Browser, courier: Courier, query: str) -> None:
    await browser.sign_in("dispatcher")
    for path in ("/staff/deliveries", "/staff/deliveries/part"):
        await browser.get(f"{path}?{query}", 400)


async def test_parcel_that_is_none_is_not_found(browser: Browser, courier: Courier) -> None:
    await browser.sign_in("dispatcher")
    for number in ("SJ1", "x" * 100, "%00", "%27%3B--"):
        await browser.get(f"/staff/deliveries/{number}", 404)
