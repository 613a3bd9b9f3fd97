"""Payment callbacks that are forged, wrong, doubled, late or out of order; and providers that are away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from demo.wire import Wire, until
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import Applicant

pytestmark = pytest.mark.anyio

PLATFORMS = pytest.mark.parametrize(("platform", "key"), [("wechat", "liu-yang"), ("alipay", "chen-jing")])
_PROVIDER = {"wechat": "wechat_pay", "alipay": "alipay", "sf": "sf"}
_CALLS = {
    "wechat": {"open": "jsapi", "ask": "query"},
    "alipay": {"open": "alipay.trade.create", "ask": "alipay.trade.query"},
    "sf": {"book": "EXP_RECE_CREATE_ORDER"},
}
_FORGED = {"wechat": ("wrong_signature", "stale", "unknown_serial", "unsigned"), "alipay": ("wrong_signature",)}
_WRONG = {
    "wechat": ("wrong_amount", "wrong_merchant", "wrong_app", "other_currency"),
    "alipay": ("wrong_amount", "wrong_merchant"),
}


@asynccontextmanager
async def _fault(control: Wire, platform: str, call: str, kind: str, times: int = -1) -> AsyncIterator[None]:
    """Make a provider's call fail for as long as the block lasts."""
    fault = {"provider": _PROVIDER[platform], "call": _CALLS[platform][call], "kind": kind, "times": times}
    armed = (await control.send("POST", "/control/faults", value=fault)).expect(201)
    yield
    await control.send("DELETE", f"/control/faults?id={armed['id']}")


async def _effects(scene: Surroundings, order: dict[str, Any]) -> tuple[int, int]:
    """Count the ledger's rows of an order, and its sum; straight from the books."""
    link = await asyncpg.connect(scene.product.database_url())
    try:
        row = await link.fetchrow(
            "SELECT count(*) AS n, coalesce(sum(amount_fen), 0) AS total FROM ledger_entry WHERE reference_no = $1",
            order["out_trade_no"],
        )
        return int(row["n"]), int(row["total"])
    finally:
        await link.close()


async def _quarantined(scene: Surroundings, order: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What staff see of contradicting callbacks about an order, by reason."""
    cashier = await scene.counter("cashier")
    rows = (await cashier.call("GET", "/payments/quarantined?limit=100")).expect(200)["data"]
    return {row["reason"]: row for row in rows if row["reference_no"] == order["out_trade_no"]}


async def _ordered(scene: Surroundings, platform: str, key: str) -> tuple[Applicant, str, dict[str, Any]]:
    applicant = await scene.applicant(platform, key)
    number, bill_no = await applicant.billed()
    return applicant, number, await applicant.order(bill_no)


@PLATFORMS
async def test_false_callbacks_change_nothing_and_contradictions_are_shown_to_staff(
    scene: Surroundings, platform: str, key: str
) -> None:
    applicant, number, order = await _ordered(scene, platform, key)
    async with _fault(scene.control, platform, "ask", "http"):
        await applicant.tap(order, "none")
        for kind in _FORGED[platform]:
            sent = await applicant.notify(order, notify=kind)
            assert sent["callbacks"][0]["status"] == 401, (kind, sent)
        assert await _quarantined(scene, order) == {}
        for kind in _WRONG[platform]:
            await applicant.notify(order, notify=kind)
        assert (await applicant.bill(number))["status"] in ("UNPAID", "PAYING")
        assert (await applicant.payment(order))["status"] == "AWAITING"
        assert await _effects(scene, order) == (0, 0)
        shown = await _quarantined(scene, order)
        assert set(_WRONG[platform]) <= set(shown)
        wrong = shown["wrong_amount"]
        assert wrong["expected"]["amount_fen"] == 4000
        assert wrong["received"]["amount_fen"] != 4000
        await applicant.notify(order, notify="normal", concurrent=10)
        await applicant.paid(number)
    await applicant.finished(number)
    count, total = await _effects(scene, order)
    assert (count, total) == (2, 0)


@PLATFORMS
async def test_silence_is_broken_by_our_question_and_the_late_callback_has_no_second_effect(
    scene: Surroundings, platform: str, key: str
) -> None:
    applicant, number, order = await _ordered(scene, platform, key)
    await applicant.tap(order, "none")
    await applicant.paid(number)
    for more in ({"times": 3}, {"concurrent": 8}, {"notify": "duplicate"}):
        await applicant.notify(order, **more)
    if platform == "alipay":
        await applicant.notify(order, notify="reordered")
        await asyncio.sleep(0.5)
    assert (await applicant.payment(order))["status"] == "SUCCEEDED"
    assert await _effects(scene, order) == (2, 0)
    steps = (await applicant.phone.call("GET", f"/applications/{number}/timeline")).expect(200)["data"]
    assert [step["title"] for step in steps].count("已缴费") == 1
    notices = (await applicant.phone.call("GET", "/notices?limit=100")).expect(200)["data"]
    told = [each for each in notices if each["event"] == "bill.paid" and each["subject_no"] == number]
    assert len(told) <= 1


@PLATFORMS
@pytest.mark.parametrize("kind", ["http", "drop_after"])
async def test_a_provider_that_fails_while_an_order_is_opened_loses_nothing(
    scene: Surroundings, platform: str, key: str, kind: str
) -> None:
    applicant = await scene.applicant(platform, key)
    number, bill_no = await applicant.billed()
    wish = {"bill_no": bill_no, "channel": platform.upper()}
    async with _fault(scene.control, platform, "open", kind):
        refused = await applicant.phone.call("POST", "/payments", wish)
        assert (refused.status, refused.value["code"]) == (503, "provider_unavailable")
        assert int(refused.headers["Retry-After"]) > 0
    order = await until("order", lambda: applicant.phone.call("POST", "/payments", wish), lambda a: a.status == 201)
    await applicant.tap(order.value)
    await applicant.paid(number)
    assert await _effects(scene, order.value) == (2, 0)


async def test_a_courier_whose_answer_is_lost_is_asked_and_books_one_parcel(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    phone = applicant.phone
    number = (await applicant.draft())["application_no"]
    address = {"recipient": "刘洋", "phone": "13800000005", "division_code": "140105", "street": "学府街66号2号楼"}
    kept = (await phone.call("POST", "/addresses", address)).expect(201)
    wish = {"method": "COURIER", "address_id": kept["id"]}
    (await phone.call("PUT", f"/applications/{number}/delivery", wish)).expect(200)
    (await phone.call("POST", f"/applications/{number}/submit", {})).expect(200)
    (await applicant.window.call("POST", f"/cases/{number}/accept", {})).expect(200)
    bill = await until("bill", lambda: applicant.bill(number), bool)
    await applicant.tap(await applicant.order(bill["bill_no"]))
    await applicant.paid(number)
    async with _fault(scene.control, "sf", "book", "drop_after", times=1):
        await applicant.approved(number)
        await phone.case_in(number, "DELIVERING")

        async def parcels() -> list[dict[str, Any]]:
            return list((await phone.call("GET", f"/applications/{number}/shipments")).expect(200)["data"])

        shown = await until("waybill", parcels, lambda rows: bool(rows and rows[0].get("waybill_no")))
    assert len(shown) == 1
    order = (await scene.control.send("GET", f"/control/sf/orders/{shown[0]['shipment_no']}")).expect(200)
    assert shown[0]["waybill_no"] in str(order)
    move = f"/control/sf/orders/{shown[0]['shipment_no']}/move"
    (await scene.control.send("POST", move, value={"to": "delivered"})).expect(200)
    assert (await phone.case_in(number, "CLOSED"))["outcome"] == "GRANTED"
