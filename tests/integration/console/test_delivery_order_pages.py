"""A parcel's order before pick-up and the rules of delivery in the console: forms, refusals, the audit trail."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app import db
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.delivery.types import Choice, Contact, DeliveryMethod, ShipmentOrder
from tests.fakes.couriers import MemoryCourier
from tests.integration.console.conftest import Browser, House

pytestmark = pytest.mark.anyio
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
SENDER = Contact(name="出件窗口", phone="0351-7190110", address="太原市小店区人民南路2号")
RULES = "/staff/delivery-rules"


@pytest.fixture
def couriers(house: House) -> dict[str, MemoryCourier]:
    """Two couriers in the house's delivery room."""
    made = {"SF": MemoryCourier(), "EMS": MemoryCourier(code="EMS", name="中国邮政")}
    room = DeliveryService(CourierTable(made), house.cipher, house.audit, house.storage)
    house.delivery = house.applications.aftercare._delivery = room
    return made


async def _booked(house: House) -> str:
    case = await house.submitted_case()
    choice = Choice(case, uuid.UUID(int=7), DeliveryMethod.COURIER, "140105", RECEIVER, "张* 138****0001")
    await house.delivery.choose(choice)
    number = await house.delivery.request_shipment(
        ShipmentOrder(case, "居民身份证", SENDER, "140105", "11140105MB0001177F")
    )
    assert number is not None
    await house.delivery.booking.book({"shipment_no": number})
    return number


async def _acts(prefix: str) -> list[tuple[Any, ...]]:
    rows = await db.fetch_all(
        "SELECT action, actor, object_no FROM audit_entry WHERE action LIKE $1 ORDER BY seq", f"{prefix}%"
    )
    return [tuple(row.values()) for row in rows]


async def test_order_is_withdrawn_by_the_form_once_it_says_why(browser: Browser, couriers: Any) -> None:
    number = await _booked(browser.house)
    await browser.sign_in("dispatcher")
    path = f"/staff/deliveries/{number}"
    form = await browser.get(f"{path}/order")
    token = form.split('name="csrf_token" value="')[1].split('"')[0]
    status, _, page = await browser.post(f"{path}/cancel", csrf_token=token, reason=" ")
    assert (status, "请填写原因" in page, couriers["SF"].cancelled) == (400, True, [])
    assert (await browser.post(f"{path}/cancel", csrf_token=token, reason="改为自取"))[:2] == (303, path)
    assert couriers["SF"].cancelled == [number]
    assert await _acts("shipment.") == [("shipment.cancelled", "dispatcher", number)]
    status, _, page = await browser.post(f"{path}/cancel", csrf_token=token, reason="再取消")
    assert (status, "该快递已结束" in page) == (409, True)


async def test_order_goes_to_another_courier(browser: Browser, couriers: Any) -> None:
    number = await _booked(browser.house)
    await browser.sign_in("dispatcher")
    path = f"/staff/deliveries/{number}"
    token = (await browser.get(f"{path}/order")).split('name="csrf_token" value="')[1].split('"')[0]
    status, _, page = await browser.post(f"{path}/courier", csrf_token=token, courier="PIGEON", reason="试试")
    assert (status, "请选择快递公司" in page) == (400, True)
    status, location, _ = await browser.post(f"{path}/courier", csrf_token=token, courier="EMS", reason="不上门")
    new = location.rsplit("/", 1)[1]
    await browser.house.delivery.booking.book({"shipment_no": new})
    assert (status, couriers["SF"].orders, list(couriers["EMS"].orders)) == (303, {}, [new])
    assert await _acts("shipment.") == [("shipment.courier_changed", "dispatcher", number)]


async def test_collected_parcel_is_told_honestly_in_the_page(browser: Browser, couriers: Any) -> None:
    number = await _booked(browser.house)
    couriers["SF"].collected.add(number)
    await browser.sign_in("dispatcher")
    path = f"/staff/deliveries/{number}"
    token = (await browser.get(f"{path}/order")).split('name="csrf_token" value="')[1].split('"')[0]
    status, _, page = await browser.post(f"{path}/cancel", csrf_token=token, reason="不寄了")
    assert (status, "快递员已揽收" in page) == (409, True)


async def test_rules_are_saved_by_their_forms(browser: Browser, couriers: Any) -> None:
    await browser.sign_in("chief")
    token = (await browser.get(f"{RULES}/couriers/new")).split('name="csrf_token" value="')[1].split('"')[0]
    line = {"rule_code": "COUNTY", "position": "5", "division_code": "140105", "courier": "EMS", "cost_fen": "900"}
    status, location, _ = await browser.post(f"{RULES}/couriers", csrf_token=token, enabled="on", **line)
    assert (status, location) == (303, f"{RULES}?done=1")
    postage = {"rule_code": "ALL", "position": "9", "payers": "ON_DELIVERY ONLINE", "postage_fen": "1200"}
    assert (await browser.post(f"{RULES}/postage", csrf_token=token, enabled="on", **postage))[0] == 303
    page = await browser.get(f"{RULES}?done=1")
    assert ("COUNTY" in page, "到付为主，可在线支付" in page, "12.00" in page) == (True, True, True)
    assert 'value="140105"' in await browser.get(f"{RULES}/couriers/COUNTY")
    number = await _booked(browser.house)
    assert list(couriers["EMS"].orders) == [number]
    assert await _acts("delivery.") == [
        ("delivery.courier_rule_saved", "chief", "COUNTY"),
        ("delivery.postage_rule_saved", "chief", "ALL"),
    ]


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        ("couriers", {"rule_code": "A", "courier": "PIGEON"}, "未配置该快递公司"),
        ("couriers", {"rule_code": "", "courier": "SF"}, ""),
        ("couriers", {"rule_code": "A", "courier": "SF", "division_code": "x"}, ""),
        ("postage", {"rule_code": "A", "payers": "ONLINE"}, "请填写邮费"),
        ("postage", {"rule_code": "A", "payers": "ONLINE", "postage_fen": "999999"}, ""),
    ],
)
async def test_faulty_rule_shows_in_its_form_and_is_not_kept(
    browser: Browser, couriers: Any, kind: str, fields: dict[str, str], sentence: str
) -> None:
    await browser.sign_in("chief")
    token = (await browser.get(f"{RULES}/{kind}/new")).split('name="csrf_token" value="')[1].split('"')[0]
    status, _, page = await browser.post(f"{RULES}/{kind}", csrf_token=token, **fields)
    assert (status, sentence in page, page.count("<h1")) == (400, True, 1)
    assert await db.fetch_all("SELECT 1 FROM courier_rule UNION ALL SELECT 1 FROM postage_rule") == []


async def test_rules_are_read_by_dispatchers_and_written_by_administrators_only(
    browser: Browser, couriers: Any
) -> None:
    await browser.sign_in("dispatcher")
    page = await browser.get(RULES)
    assert "新增" not in page
    await browser.get(f"{RULES}/couriers/new", 403)
    await browser.get(f"{RULES}/postage/nothing", 404)
