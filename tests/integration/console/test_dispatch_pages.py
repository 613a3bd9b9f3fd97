"""Pages of batches: made in a form, progress and files, scanning without a script, closing, JSON doors, odd input."""

from __future__ import annotations

import re
import uuid

import pytest

from app import db
from handlers.staff import dispatches
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.delivery.types import Choice, Contact, DeliveryMethod, ShipmentOrder
from tests.doorway import served
from tests.fakes.couriers import MemoryCourier
from tests.integration.console.conftest import Browser, House

pytestmark = pytest.mark.anyio
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
SENDER = Contact(name="小店区政务大厅", phone="0351-7190110", address="太原市小店区人民南路2号")
BODY = ("140105", "11140105MB0001177F")
WHAT = f"{BODY[0]}|{BODY[1]}|SF"


@pytest.fixture
def delivery(house: House) -> DeliveryService:
    """A delivery room with a courier in the house."""
    house.delivery = DeliveryService(CourierTable({"SF": MemoryCourier()}), house.cipher, house.audit, house.storage)
    return house.delivery


async def _parcel(delivery: DeliveryService, case: str) -> str:
    choice = Choice(case, uuid.UUID(int=7), DeliveryMethod.COURIER, BODY[0], RECEIVER, "*伟 138****0001 <太原市>")
    await delivery.choose(choice)
    number = await delivery.request_shipment(ShipmentOrder(case, "居民身份证", SENDER, *BODY))
    assert number is not None
    await delivery.booking.book({"shipment_no": number})
    return number


async def _batch(browser: Browser, delivery: DeliveryService, parcels: int) -> tuple[str, list[str]]:
    numbers = [await _parcel(delivery, f"C{place}") for place in range(parcels)]
    await browser.sign_in("dispatcher")
    assert f"{parcels} 件</option>" in await browser.get("/staff/dispatches")
    status, location, _ = await browser.send("/staff/dispatches", what=WHAT, day="")
    assert status == 303
    number = location.partition("?")[0].rpartition("/")[2]
    await delivery.jobs()["delivery.label_dispatch"]({"dispatch_no": number})
    return number, numbers


async def test_a_batch_is_made_scanned_and_closed_in_the_browser(browser: Browser, delivery: DeliveryService) -> None:
    batch, (first, second) = await _batch(browser, delivery, 2)
    page = await browser.get(f"/staff/dispatches/{batch}?done=created")
    assert "&lt;太原市&gt;" in page
    assert "13800000001" not in page
    assert all(link in page for link in ("labels.pdf", "manifest.pdf", f"{first}/label.pdf"))
    scan = f"/staff/dispatches/{batch}/scan"
    assert "未交接 <strong>2</strong>" in await browser.get(scan)
    status, _, page = await browser.send(scan, numbers=first)
    assert (status, "✓ 已交接" in page, "未交接 <strong>1</strong>" in page) == (200, True, True)
    status, _, page = await browser.send(scan, numbers=f"{first}\r\nSF0\r\n<b>")
    assert re.findall(r"✗ ([^<]+)<", page) == ["重复扫描，此件已交接", "查无此号", "查无此号"]
    assert "<b>" not in page.replace("<b>✓", "")
    status, _, page = await browser.send(scan, numbers=" ")
    assert (status, "请扫描或填写运单号" in page) == (400, True)
    acts = f"/staff/dispatches/{batch}"
    token = re.search(r'name="csrf_token" value="([^"]+)"', await browser.get(acts))
    assert token is not None
    status, _, page = await browser.post(f"{acts}/acts", csrf_token=token[1], act="close", collector="K9")
    assert (status, "还有1件未扫描" in page, 'value="K9"' in page) == (409, True, True)
    status, location, _ = await browser.post(f"{acts}/acts", csrf_token=token[1], act="close", reason="漏装")
    assert (status, location) == (303, f"{acts}?done=close")
    page = await browser.get(f"{acts}/part")
    assert "漏装" in page
    assert second not in page
    row = await db.fetch_row("SELECT dispatch_no FROM shipment WHERE shipment_no = $1", second)
    assert row is not None
    assert row["dispatch_no"] == ""


async def test_a_part_of_the_page_takes_scans_and_tells_what_is_left(
    browser: Browser, delivery: DeliveryService
) -> None:
    batch, (first,) = await _batch(browser, delivery, 1)
    address = f"/staff/dispatches/{batch}/scan"
    token = re.search(r'name="csrf_token" value="([^"]+)"', await browser.get(address))
    assert token is not None
    status, _, part = await browser.post(f"{address}/part", csrf_token=token[1], numbers=first)
    assert (status, "✓ 已交接" in part, "<html" in part) == (200, True, False)
    assert "全部扫描完毕" in await browser.get(f"{address}/part")


@pytest.mark.parametrize("fields", [{"what": "x"}, {"what": "|||"}, {"what": "140105||SF", "day": "gestern"}])
async def test_a_strange_form_is_refused_in_the_page(
    browser: Browser, delivery: DeliveryService, fields: dict[str, str]
) -> None:
    await _parcel(delivery, "C1")
    await browser.sign_in("dispatcher")
    status, _, page = await browser.send("/staff/dispatches", **fields)
    assert (status, 'role="alert"' in page) == (400, True)


async def test_who_may_not_send_sees_no_batches(browser: Browser, delivery: DeliveryService) -> None:
    batch, _ = await _batch(browser, delivery, 1)
    await browser.sign_in("stranger")
    await browser.get(f"/staff/dispatches/{batch}", 404)
    assert batch not in await browser.get("/staff/dispatches")
    await browser.sign_in("cashier")
    for path in ("", f"/{batch}", f"/{batch}/scan", f"/{batch}/part"):
        await browser.get(f"/staff/dispatches{path}", 403)


async def test_json_doors_answer_with_files_and_scans(browser: Browser, delivery: DeliveryService) -> None:
    batch, (first,) = await _batch(browser, delivery, 1)
    token = re.search(r'name="csrf_token" value="([^"]+)"', await browser.get(f"/staff/dispatches/{batch}/scan"))
    assert token is not None
    async with served(browser.house, dispatches.ROUTES) as base:
        for path in (
            f"dispatches/{batch}/labels.pdf",
            f"dispatches/{batch}/manifest.pdf",
            f"shipments/{first}/label.pdf",
        ):
            async with browser.session.get(f"{base}/api/staff/v1/{path}") as answer:
                assert (answer.status, answer.content_type) == (200, "application/pdf")
                assert (await answer.read()).startswith(b"%PDF-")
        headers = {"X-CSRF-Token": token[1]}
        scans = {"numbers": [first, "SF0"]}
        address = f"{base}/api/staff/v1/dispatches/{batch}"
        async with browser.session.post(f"{address}/scans", json=scans, headers=headers) as answer:
            told = await answer.json()
        assert [each["outcome"] for each in told["results"]] == ["HANDED_OVER", "UNKNOWN"]
        assert told["remaining"] == 0
        for faulty in ({"numbers": []}, {"numbers": [None]}, {"numbers": ["\x00"]}, {"numbers": ["1"] * 201}):
            async with browser.session.post(f"{address}/scans", json=faulty, headers=headers) as answer:
                assert answer.status == 400
        async with browser.session.get(f"{base}/api/staff/v1/dispatches/waiting") as answer:
            assert (await answer.json())["data"] == []
