"""Pages of couriers' statements: sent in a form, sums and differences, settling, the file, JSON doors, who may."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest
from redis.asyncio import Redis

from app.limits import RateLimits
from handlers.staff import courier_statements
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from tests.doorway import served
from tests.fakes.couriers import MemoryCourier
from tests.fakes.jobs import taken_jobs
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio
FILE = "日期,运单号,应付金额\n2026-10-15,SF1,12\n2026-10-16,SF2,13\n".encode("gb18030")
LIST = "/staff/courier-statements"


@pytest.fixture
async def cashier(browser: Browser, redis: Redis) -> Browser:
    """The province's cashier, in a house with a courier."""
    house = browser.house
    house.delivery = DeliveryService(CourierTable({"SF": MemoryCourier()}), house.cipher, house.audit, house.storage)
    house.limits = RateLimits(redis)  # type: ignore[attr-defined]  # a part that only uploads need
    await browser.sign_in("cashier")
    return browser


async def _token(browser: Browser) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', await browser.get(LIST))
    assert found is not None
    return found[1]


async def _work(browser: Browser) -> None:
    for row in await taken_jobs("delivery.%"):
        await browser.house.delivery.jobs()[row["entrypoint"]](json.loads(row["payload"]))


async def _send(browser: Browser, content: bytes, month: str = "2026-10") -> tuple[int, str, str]:
    form = aiohttp.FormData({"csrf_token": await _token(browser), "courier": "SF", "month": month})
    form.add_field("file", content, filename="账单.csv")
    address, headers = browser.base + LIST, {"Origin": browser.base}
    async with browser.session.post(address, data=form, headers=headers, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", ""), await answer.text()


async def test_a_statement_is_sent_compared_settled_and_taken_away(cashier: Browser) -> None:
    status, location, page = await _send(cashier, FILE)
    assert (status, location.endswith("?done=uploaded")) == (303, True), page
    one = location.partition("?")[0]
    page = await cashier.get(location)
    assert all(each in page for each in ("读取中", "<progress", f'data-refresh="{one}/part"'))
    assert "<progress" in await cashier.get(f"{one}/part")
    await _work(cashier)
    part = await cashier.get(f"{one}/part")
    assert ("<progress" in part, "查看差异" in part) == (False, True)
    page = await cashier.get(one)
    assert "顺丰速运 2026-10 对账单" in page
    assert page.count("登记结果") == 2
    assert "25.00元" in page
    line = re.search(r'name="line_id" value="(\w+)"', page)
    assert line is not None
    fields = {"csrf_token": await _token(cashier), "line_id": line[1]}
    status, _, page = await cashier.post(f"{one}/settle", note=" ", **fields)
    assert (status, "请填写处理结果" in page) == (400, True)
    status, location, _ = await cashier.post(f"{one}/settle", note="<b>已核对</b>", **fields)
    assert (status, location) == (303, f"{one}?only_open=1&done=settled")
    assert (await cashier.get(location)).count("登记结果") == 1
    page = await cashier.get(f"{one}?difference=UNKNOWN_WAYBILL")
    assert "&lt;b&gt;已核对&lt;/b&gt;" in page
    status, _, page = await cashier.post(f"{one}/settle", note="x", **fields)
    assert (status, "该差异已处理" in page) == (409, True)
    assert "没有符合条件" in await cashier.get(f"{one}?difference=NOT_CHARGED")
    status, location, _ = await cashier.post(f"{one}/compare", csrf_token=fields["csrf_token"])
    assert (status, location) == (303, f"{one}?done=compared")
    assert "比对中" in await cashier.get(location)
    await _work(cashier)
    taken = await cashier.get(f"{one}/export?format=csv")
    assert all(each in taken for each in ("我方无此运单", "SF2", "13.00"))
    assert one.rpartition("/")[2] in await cashier.get(LIST)


@pytest.mark.parametrize(
    ("content", "month", "told"),
    [
        (FILE, "x", "请填写已开始的月份"),
        (b"\x00", "2026-10", "只支持 CSV 和 XLSX 文件"),
        ("运单号,金额\nSF1,一\n".encode(), "2026-10", "第2行：金额"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_the_page(
    cashier: Browser, content: bytes, month: str, told: str
) -> None:
    status, _, page = await _send(cashier, content, month)
    assert (status, told in page) == (400, True)


async def test_others_see_no_statements(cashier: Browser) -> None:
    one = (await _send(cashier, FILE))[1].partition("?")[0]
    for name in ("clerk", "dispatcher", "stranger"):  # the dispatcher here is one of a county
        await cashier.sign_in(name)
        for path in (LIST, one, f"{one}/part", f"{one}/export"):
            await cashier.get(path, 403)
        assert "快递对账" not in await cashier.get("/staff"), "nor is it offered to them"
    await cashier.sign_in("auditor")
    assert "登记结果" not in await cashier.get(one)
    await cashier.get(f"{LIST}/DZ0", 404)


async def test_json_doors_say_the_same(cashier: Browser) -> None:
    headers = {"X-CSRF-Token": await _token(cashier)}
    async with served(cashier.house, courier_statements.ROUTES) as base:
        address = f"{base}/api/staff/v1/courier-statements"
        form = aiohttp.FormData({"courier": "SF", "month": "2026-10"})
        form.add_field("file", FILE, filename="x.csv")
        async with cashier.session.post(address, data=form, headers=headers) as answer:
            made = await answer.json()
            assert (answer.status, made["status"], made["lines"]) == (201, "READING", 0)
        await _work(cashier)
        one = f"{address}/{made['statement_no']}"
        async with cashier.session.get(one) as answer:
            shown = (await answer.json())["statement"]
            assert (shown["status"], shown["lines"], shown["open"]) == ("COMPARED", 2, 2)
        async with cashier.session.get(f"{one}/differences?difference=UNKNOWN_WAYBILL&limit=1") as answer:
            page = await answer.json()
        assert (len(page["data"]), page["next_cursor"] is None) == (1, False)
        line = page["data"][0]["line_id"]
        for note, status in (("x", 200), ("x", 409), ("", 400), (None, 400), ("\x00", 400)):
            path = f"{one}/differences/{line}/settle"
            async with cashier.session.post(path, json={"note": note}, headers=headers) as answer:
                assert answer.status == status
        async with cashier.session.post(
            f"{one}/differences/nobody/settle", json={"note": "x"}, headers=headers
        ) as answer:
            assert answer.status == 404
        async with cashier.session.post(f"{one}/compare", headers=headers) as answer:
            assert (await answer.json())["status"] == "COMPARING"
        await _work(cashier)
        async with cashier.session.get(one) as answer:
            assert (await answer.json())["sums"][0]["charged_fen"] == 2500
        async with cashier.session.post(address, data=aiohttp.FormData({"courier": "SF"}), headers=headers) as answer:
            assert answer.status in (400, 415)
