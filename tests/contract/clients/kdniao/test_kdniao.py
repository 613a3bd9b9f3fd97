"""快递鸟: every vector, the plain service without codes, answers about others, who pays, orders with a time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
import pytest
from aiohttp import web

from app.errors import CallbackRejected, ProviderProtocolError, ProviderRejected
from clients.couriers.kdniao.client import KdniaoClient
from clients.couriers.kdniao.codes import KdniaoProblem, problem_of
from clients.couriers.kdniao.signing import data_sign, is_genuine
from clients.couriers.kdniao.types import KdniaoAccount
from clients.transport import Transport
from services.delivery.couriers.kdniao import SHIPPER_OF_CARRIER, KdniaoCourier
from services.delivery.types import Contact, CourierOrder, Freight, ParcelRef, Push

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "express.json").read_text("utf-8"))["vectors"]["kdniao"]
WINDOW = Contact(name="出件窗口", phone="03517190110", address="山西省太原市小店区人民南路2号")
CITIZEN = Contact(name="张伟", phone="13800000001", address="山西省大同市平城区测试路1号")
KEY = "56da2cf8-c8a2-44b2-b6fa-476cd7d1ba17-throwaway"
pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_digest_matches_vector(case: dict[str, str]) -> None:
    assert data_sign(case["RequestData"], case["AppKey"]) == case["DataSign"]
    assert is_genuine(case["DataSign"], case["RequestData"], case["AppKey"])
    assert not is_genuine(case["DataSign"], case["RequestData"] + " ", case["AppKey"])
    assert dict(parse_qsl(case["form_body"]))["DataSign"] == case["DataSign"]


class FakeKdniao:
    """Answers by `answers`; keeps what came."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.forms: list[dict[str, str]] = []
        self.paths: list[str] = []

    async def serve(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        assert is_genuine(form["DataSign"], form["RequestData"], KEY)
        self.forms.append(form)
        self.paths.append(request.path)
        return web.json_response({"EBusinessID": "1000001", "Success": True} | self.answers.pop(0))

    def sent(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.forms[-1]["RequestData"])
        return content


@pytest.fixture
async def fake() -> AsyncIterator[tuple[FakeKdniao, KdniaoCourier]]:
    answering, served = FakeKdniao(), web.Application()
    served.router.add_post("/{path:.*}", answering.serve)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        client = KdniaoClient(KdniaoAccount("1000001", KEY, base), Transport(session, "kdniao"))
        yield answering, KdniaoCourier(client)
    await runner.cleanup()


def order(**changes: Any) -> CourierOrder:
    given: dict[str, Any] = {"shipment_no": "SJ1", "cargo": "证照", "sender": WINDOW, "receiver": CITIZEN}
    return CourierOrder(**given | {"carrier": "shunfeng"} | changes)


ORDERED = {"ResultCode": "100", "Order": {"OrderCode": "SJ1", "ShipperCode": "SF", "LogisticCode": "SF1"}}


@pytest.mark.parametrize(
    ("freight", "is_inbound", "paid"),
    [
        (Freight.ACCOUNT, False, 3),
        (Freight.ACCOUNT, True, 4),
        (Freight.RECEIVER, False, 2),
        (Freight.SENDER, True, 1),
    ],
)
async def test_order_says_who_pays(fake: Any, freight: Freight, is_inbound: bool, paid: int) -> None:
    answering, courier = fake
    answering.answers = [ORDERED]
    booking = await courier.book(order(freight=freight, is_inbound=is_inbound))
    assert (booking.waybill_no, booking.carrier) == ("SF1", "shunfeng")
    assert (answering.forms[-1]["RequestType"], answering.paths[-1]) == ("1001", "/api/oorderservice")
    assert (answering.sent()["PayType"], answering.sent()["OrderCode"]) == (paid, "SJ1")
    assert answering.sent()["Receiver"]["ExpAreaName"] == "平城区"


async def test_order_with_a_time_has_somebody_come(fake: Any) -> None:
    answering, courier = fake
    answering.answers = [ORDERED]
    at = datetime(2026, 3, 2, 2, tzinfo=UTC)
    await courier.book(order(pickup_from=at, pickup_until=at.replace(hour=4)))
    assert answering.forms[-1]["RequestType"] == "1801"
    assert (answering.sent()["StartDate"], answering.sent()["EndDate"]) == (
        "2026-03-02 10:00:00",
        "2026-03-02 12:00:00",
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"Order": {"OrderCode": "ANOTHER", "LogisticCode": "SF1"}},
        {"Order": None},
        {"EBusinessID": "1000002", "Order": ORDERED["Order"]},
        {"Success": "yes"},
    ],
)
async def test_answer_about_something_else_is_not_believed(fake: Any, answer: dict[str, Any]) -> None:
    answering, courier = fake
    answering.answers = [answer]
    with pytest.raises(ProviderProtocolError):
        await courier.book(order())


async def test_find_without_proof_of_an_order_is_none_unless_we_are_refused(fake: Any) -> None:
    answering, courier = fake
    parcel = ParcelRef(shipment_no="SJ1", carrier="shunfeng")
    answering.answers = [{"OrderCode": "", "LogisticCode": "SF1"}, {"OrderCode": "SJ1", "LogisticCode": ""}]
    assert await courier.find(parcel) is None
    assert await courier.find(parcel) is None
    answering.answers = [{"Success": False, "ResultCode": "101", "Reason": "缺少必要参数：LogisticCode"}]
    assert await courier.find(parcel) is None
    answering.answers = [{"Success": False, "ResultCode": "104", "Reason": "用户ID不存在"}]
    with pytest.raises(ProviderRejected):
        await courier.find(parcel)


async def test_carrier_without_a_code_is_refused_before_any_call(fake: Any) -> None:
    with pytest.raises(ProviderRejected):
        await fake[1].book(order(carrier="somebody"))
    assert set(SHIPPER_OF_CARRIER.values()) >= {"EMS", "YZPY", "SF", "JD", "YTO", "ZTO", "STO", "YD", "DBL"}


@pytest.mark.parametrize(("carrier", "tail"), [("shunfeng", "0001"), ("zhongtong", "0001"), ("ems", "")])
async def test_end_of_the_phone_goes_only_to_carriers_that_want_it(fake: Any, carrier: str, tail: str) -> None:
    answering, courier = fake
    answering.answers = [{"LogisticCode": "N1"}, {}]
    parcel = ParcelRef(shipment_no="SJ1", waybill_no="N1", carrier=carrier, phone="13800000001")
    await courier.track(parcel)
    assert answering.sent()["CustomerName"] == tail
    await courier.follow(parcel)
    assert (answering.sent()["CustomerName"], answering.sent()["Callback"]) == (tail, "SJ1")


async def test_number_that_came_to_be_known_later_is_told(fake: Any) -> None:
    answering, courier = fake
    answering.answers = [{"ResultCode": "100", "Order": {"OrderCode": "SJ1", "ShipperCode": "SF", "LogisticCode": ""}}]
    booking = await courier.book(order())
    assert booking.waybill_no == ""
    waiting = ParcelRef(shipment_no="SJ1", carrier="shunfeng")
    await courier.follow(waiting)
    assert (await courier.track(waiting)).events == ()
    report = courier.parse_push(plain_push([("2026-03-02 10:00:00", "已揽收")], State="1", OrderCode="SJ1"))
    assert [(news.shipment_no, news.waybill_no) for news in report.news] == [("SJ1", "SF1")]


def plain_push(traces: list[tuple[str, str]], **road: Any) -> Push:
    """A push of the plain service (101): no codes at the events."""
    listed = [{"AcceptTime": at, "AcceptStation": text} for at, text in traces]
    shown = {"ShipperCode": "SF", "LogisticCode": "SF1", "Success": True, "Traces": listed, **road}
    data = json.dumps({"EBusinessID": "1000001", "Count": "1", "Data": [shown]})
    form = {"RequestData": data, "EBusinessID": "1000001", "RequestType": "101", "DataSign": data_sign(data, KEY)}
    return Push(body=urlencode(form).encode())


async def test_plain_push_gives_the_newest_event_the_state_of_the_road(fake: Any) -> None:
    """And the same event keeps its key when it is the newest no more."""
    courier = fake[1]
    first = courier.parse_push(plain_push([("2026-03-02 10:00:00", "已揽收")], State="1", CallBack="SJ1"))
    traces = [("2026-03-02 18:00:00", "已签收"), ("2026-03-02 10:00:00", "已揽收")]
    second = courier.parse_push(plain_push(traces, State="3", StateEx="304", CallBack="SJ1"))
    assert [(event.code, event.status) for event in first.events] == [("1", "PICKED_UP")]
    assert [(event.code, event.status) for event in second.events] == [("-", ""), ("304", "DELIVERED")]
    assert second.events[0].event_key == first.events[0].event_key
    assert (second.events[1].signed_as, second.events[1].shipment_no) == ("AGENT", "SJ1")
    assert second.events[1].occurred_at == datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "road",
    [
        {"LogisticCode": ""},
        {"Traces": {"a": 1}},
        {"Traces": [7]},
        {"Traces": [{"AcceptTime": "soon"}]},
        {"Traces": [{"AcceptTime": "2026-03-02 10:00:00", "AcceptStation": "a\x00b"}]},
        {"Traces": [{}] * 501},
    ],
)
async def test_signed_push_of_another_shape_is_rejected(fake: Any, road: dict[str, Any]) -> None:
    with pytest.raises(CallbackRejected):
        fake[1].parse_push(plain_push([], **road))


@pytest.mark.parametrize(
    ("code", "reason", "problem"),
    [
        ("105", "系统繁忙，请稍后再试", KdniaoProblem.COME_AGAIN),
        ("105", "请求超时", KdniaoProblem.UNKNOWN),
        ("105", "订单已取消", KdniaoProblem.CANCELLED),
        ("", "没有查询到此运单的物流信息", KdniaoProblem.NOT_FOUND),
        ("105", "余额不足", KdniaoProblem.CONFIGURATION),
        ("104", "用户ID不存在", KdniaoProblem.CONFIGURATION),
        ("101", "系统繁忙", KdniaoProblem.PERMANENT),
        ("105", "地址超出服务范围", KdniaoProblem.PERMANENT),
    ],
)
def test_refusals_are_judged(code: str, reason: str, problem: KdniaoProblem) -> None:
    assert problem_of(code, reason) is problem
