"""丰桥: every digest vector, both answer layers, the code table, and route pushes."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CallbackRejected, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.couriers.sf import push, signing
from clients.couriers.sf.answers import msg_data
from clients.couriers.sf.client import SfClient
from clients.couriers.sf.codes import SfProblem, failure, problem_of
from clients.couriers.sf.types import FilterResult, PayMethod, SfAccount, SfContact, SfOrder
from clients.transport import Transport

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "express.json").read_text())["vectors"]["sf_fengqiao"]
NOW = datetime(2025, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)
ACCOUNT = SfAccount("SJTTEST", "ThrowAwayCheckWord0123456789abcd", "7551234567")
WINDOW = SfContact("政务大厅", "13800000002", "山西省", "太原市", "小店区", "测试街2号")
CITIZEN = SfContact("测试甲", "13800000001", "山西省", "大同市", "平城区", "测试路1号")
ORDER = SfOrder("ZT1", WINDOW, CITIZEN, "证照", PayMethod.SENDER)
pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_digest_matches_vector(case: dict[str, str]) -> None:
    text = case["msgData"] + case["timestamp"] + case["checkWord"]
    assert signing.java_url_encode(text) == case["encoded"]
    assert signing.message_digest(case["msgData"], case["timestamp"], case["checkWord"]) == case["msgDigest"]


@given(data=st.data())
def test_digest_of_a_changed_text_differs(data: st.DataObject) -> None:
    case = VECTORS[1]
    text = case["msgData"]
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
    assert signing.message_digest(changed, case["timestamp"], case["checkWord"]) != case["msgDigest"]


class FakeSf:
    """Answers each service by `answers`: a code refuses, a dict becomes msgData; requests are kept."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.forms: list[dict[str, str]] = []

    async def serve(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl((await request.read()).decode()))
        self.forms.append(form)
        digest = signing.message_digest(form["msgData"], form["timestamp"], ACCOUNT.check_word)
        assert form["msgDigest"] == digest
        answer = self.answers.pop(0)
        if isinstance(answer, web.Response):
            return answer
        return web.Response(body=answer if isinstance(answer, bytes) else layered(answer))

    def content(self, at: int = -1) -> Any:
        return json.loads(self.forms[at]["msgData"])


def layered(answer: dict[str, Any] | str) -> bytes:
    """Build the two layers: `A…` fails the outer one, another text the inner one, a dict is a success."""
    if isinstance(answer, str) and answer.startswith("A"):
        return json.dumps({"apiResultCode": answer, "apiErrorMsg": "平台", "apiResultData": ""}).encode()
    inner: dict[str, Any] = {"success": True, "errorCode": "S0000", "errorMsg": None, "msgData": answer}
    if isinstance(answer, str):
        inner = {"success": False, "errorCode": answer, "errorMsg": "业务", "msgData": None}
    return json.dumps({"apiResultCode": "A1000", "apiErrorMsg": "", "apiResultData": json.dumps(inner)}).encode()


@pytest.fixture
async def sf() -> AsyncIterator[tuple[FakeSf, SfClient]]:
    fake, served = FakeSf(), web.Application()
    served.router.add_post("/std/service", fake.serve)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/std/service"
    async with aiohttp.ClientSession() as session:
        yield fake, SfClient(replace(ACCOUNT, service_url=url), Transport(session, "sf"), now=lambda: NOW)
    await runner.cleanup()


def placed(order_id: str = "ZT1", **changes: Any) -> dict[str, Any]:
    waybills = [{"waybillType": 1, "waybillNo": "SF1"}, {"waybillType": 3, "waybillNo": "SF3"}]
    return {"orderId": order_id, "filterResult": 2, "remark": None, "waybillNoInfoList": waybills} | changes


async def test_created_order_sends_our_number_and_reads_the_waybills(sf: Any) -> None:
    fake, client = sf
    fake.answers = [placed()]
    tailed = replace(ORDER, id_number_tail="03070012", pick_up_at=datetime(2025, 1, 1, 1, tzinfo=UTC))
    order = await client.create_order(tailed)
    assert (order.waybill_no, order.sign_back_waybill_no, order.filter_result) == ("SF1", "SF3", FilterResult.SERVED)
    sent = fake.content()
    assert (sent["orderId"], sent["payMethod"], sent["monthlyCard"]) == ("ZT1", 1, "7551234567")
    assert sent["sendStartTm"] == "2025-01-01 09:00:00"
    assert (sent["specialDeliveryTypeCode"], sent["specialDeliveryValue"]) == ("1", "1:03070012")
    assert [each["contactType"] for each in sent["contactInfoList"]] == [1, 2]
    assert fake.forms[0]["timestamp"] == "1735689600123"
    assert fake.forms[0]["serviceCode"] == "EXP_RECE_CREATE_ORDER"


@pytest.mark.parametrize("code", ["8016", "A1007"])
async def test_order_placed_before_is_found_instead_of_refused(code: str, sf: Any) -> None:
    fake, client = sf
    fake.answers = [code, placed()]
    assert (await client.create_order(ORDER)).waybill_no == "SF1"
    assert [form["serviceCode"] for form in fake.forms] == ["EXP_RECE_CREATE_ORDER", "EXP_RECE_SEARCH_ORDER_RESP"]


@pytest.mark.parametrize(("result", "expected"), [(1, FilterResult.MANUAL_CHECK), ("3", FilterResult.NOT_SERVED)])
async def test_order_without_waybill_says_why(result: Any, expected: FilterResult, sf: Any) -> None:
    fake, client = sf
    fake.answers = [placed(filterResult=result, waybillNoInfoList=None, remark="2")]
    order = await client.create_order(ORDER)
    assert (order.waybill_no, order.filter_result, order.remark) == ("", expected, "2")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("A1005", SfProblem.COME_AGAIN),
        ("A1006", SfProblem.CONFIGURATION),
        ("6150", SfProblem.NOT_FOUND),
        ("8177", SfProblem.OTHER_TIME),
        ("1014", SfProblem.ADDRESS),
        ("20035", SfProblem.PROHIBITED),
        ("8119", SfProblem.CONFIGURATION),
        ("S0001", SfProblem.PERMANENT),
        ("4711", SfProblem.PERMANENT),
    ],
)
async def test_refusal_keeps_sfs_code_and_says_what_to_do(code: str, problem: SfProblem, sf: Any) -> None:
    fake, client = sf
    fake.answers = [code]
    with pytest.raises(ProviderRejected) as refused:
        await client.create_order(ORDER)
    assert (refused.value.provider_code, problem_of(code)) == (code, problem)
    assert refused.value.retryable is (problem is SfProblem.COME_AGAIN)


@pytest.mark.parametrize("code", ["A1099", "A1009", "S0003"])
async def test_stumbling_system_leaves_the_outcome_unknown(code: str, sf: Any) -> None:
    fake, client = sf
    fake.answers = [code]
    with pytest.raises(ProviderUnavailable):
        await client.create_order(ORDER)
    assert isinstance(failure("EXP", code, ""), ProviderUnavailable)


async def test_old_timestamp_is_answered_with_one_fresh_request(sf: Any) -> None:
    fake, client = sf
    fake.answers = ["A1002", placed()]
    assert (await client.create_order(ORDER)).waybill_no == "SF1"
    assert fake.forms[0]["requestID"] != fake.forms[1]["requestID"]
    fake.answers = ["A1002", "A1002"]
    with pytest.raises(ProviderRejected):
        await client.create_order(ORDER)


async def test_read_crossed_by_its_own_repeat_is_asked_again(sf: Any) -> None:
    fake, client = sf
    fake.answers = ["A1007", placed()]
    assert (await client.search_order("ZT1")).order_id == "ZT1"
    assert len(fake.forms) == 2


async def test_cancelled_order_stays_cancelled(sf: Any) -> None:
    fake, client = sf
    fake.answers = [{"orderId": "ZT1", "resStatus": 2}, "8037", "8253"]
    await client.cancel_order("ZT1")
    assert fake.content() == {"language": "zh-CN", "orderId": "ZT1", "dealType": 2}
    await client.cancel_order("ZT1")
    with pytest.raises(ProviderRejected):
        await client.cancel_order("ZT1")


async def test_routes_are_read_with_raw_codes_in_utc(sf: Any) -> None:
    fake, client = sf
    node = {"acceptTime": "2025-01-02 08:00:00", "acceptAddress": "太原市", "remark": "已收件", "opCode": "50"}
    fake.answers = [{"routeResps": [{"mailNo": "SF1", "routes": [node]}, {"mailNo": "SF2", "routes": []}]}] * 2
    [event] = await client.routes_of_order("ZT1")
    assert (event.waybill_no, event.op_code, event.place) == ("SF1", "50", "太原市")
    assert event.happened_at == datetime(2025, 1, 2, tzinfo=UTC)
    assert fake.content()["trackingType"] == "2"
    await client.routes_of_waybills(["SF1"], phone_tail="0001")
    assert (fake.content()["trackingNumber"], fake.content()["checkPhoneNo"]) == (["SF1"], "0001")
    for numbers in ([], ["SF1"] * 11):
        with pytest.raises(ValueError, match="ten"):
            await client.routes_of_waybills(numbers)


async def test_reach_is_asked_for_both_addresses(sf: Any) -> None:
    fake, client = sf
    fake.answers = [{"orderId": None, "filterResult": 3, "remark": "1"}, {"filterResult": 9}]
    reach = await client.check_reach(WINDOW, CITIZEN)
    assert (reach.result, reach.remark) == (FilterResult.NOT_SERVED, "1")
    assert [each["city"] for each in fake.content()["contactInfos"]] == ["太原市", "大同市"]
    with pytest.raises(ProviderProtocolError):
        await client.check_reach(WINDOW, CITIZEN)


@pytest.mark.parametrize(("fee", "fen"), [(12.5, 1250), ("16.50", 1650), (119, 11900), (None, None)])
async def test_price_is_read_exactly_in_fen(fee: Any, fen: int | None, sf: Any) -> None:
    fake, client = sf
    row = {"businessType": "2", "businessTypeDesc": "顺丰标快", "fee": fee}
    fake.answers = [{"deliverTmDto": [row | {"deliverTime": "2025-01-02 12:00:00,2025-01-02 18:00:00"}]}]
    [estimate] = await client.estimate(WINDOW, CITIZEN, express_type_id=2)
    assert estimate.fee_fen == fen
    assert estimate.arrives_at == datetime(2025, 1, 2, 10, tzinfo=UTC)
    assert fake.content()["destAddress"]["district"] == "平城区"


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"apiResultCode":"A1000"}',
        b'{"apiResultCode":"A1000","apiResultData":"not json"}',
        b'{"apiResultCode":"A1000","apiResultData":"{\\"success\\":false,\\"errorCode\\":\\"S0000\\"}"}',
        b'{"apiResultCode":"A1000","apiResultData":"{\\"success\\":true,\\"errorCode\\":\\"S0000\\",\\"msgData\\":\\"x\\"}"}',
        placed("ANOTHER"),
        placed(filterResult="maybe"),
        web.Response(status=404),
    ],
)
async def test_useless_answer_is_a_protocol_error(answer: Any, sf: Any) -> None:
    fake, client = sf
    fake.answers = [answer]
    with pytest.raises(ProviderProtocolError):
        await client.create_order(ORDER)


def test_msg_data_given_as_text_is_read_too() -> None:
    assert msg_data(layered({"a": 1}), "EXP") == {"a": 1}
    inner = json.dumps({"success": True, "errorCode": "S0000", "msgData": '{"a":2}'})
    assert msg_data(json.dumps({"apiResultCode": "A1000", "apiResultData": inner}).encode(), "EXP") == {"a": 2}


def test_secrets_and_people_stay_out_of_printed_values() -> None:
    shown = repr(ACCOUNT) + repr(replace(ORDER, id_number_tail="03070012"))
    for private in (ACCOUNT.check_word, "13800000001", "测试甲", "测试路1号", "03070012"):
        assert private not in shown


NODE = {
    "id": "158",
    "mailno": "SF1",
    "orderid": "ZT1",
    "acceptTime": "2025-01-03 18:05:00",
    "acceptAddress": "大同市",
    "remark": "派件不成功",
    "opCode": "70",
    "reasonCode": "46",
    "reasonName": "订单取消",
}


def test_route_push_is_read_in_order() -> None:
    raw = json.dumps({"Body": {"WaybillRoute": [NODE, NODE | {"id": "159", "reasonCode": None}]}}).encode()
    first, second = push.read_push(raw).routes
    assert (first.event_id, first.order_id, first.waybill_no, first.op_code) == ("158", "ZT1", "SF1", "70")
    assert (first.reason_code, first.reason_name, second.reason_code) == ("46", "订单取消", "")
    assert first.happened_at == datetime(2025, 1, 3, 10, 5, tzinfo=UTC)
    assert json.loads(push.acknowledgement(raw, accepted=True))["return_code"] == "0000"
    assert json.loads(push.acknowledgement(raw, accepted=False))["return_code"] == "1000"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"Body":null}',
        b'{"Body":{"WaybillRoute":{}}}',
        b'{"Body":{"WaybillRoute":[7]}}',
        b'{"Body":{"WaybillRoute":[{"mailno":"SF1"}]}}',
        json.dumps({"Body": {"WaybillRoute": [NODE | {"acceptTime": "soon"}]}}).encode(),
        json.dumps({"Body": {"WaybillRoute": [NODE | {"acceptTime": "0001-01-01 00:00:00"}]}}).encode(),
        json.dumps({"Body": {"WaybillRoute": [NODE | {"remark": "a\x00b"}]}}).encode(),
        json.dumps({"Body": {"WaybillRoute": [NODE | {"orderid": "\x00"}]}}).encode(),
        json.dumps({"Body": {"WaybillRoute": [NODE] * 101}}).encode(),
    ],
)
def test_push_of_another_shape_is_rejected(raw: bytes) -> None:
    with pytest.raises(CallbackRejected):
        push.read_push(raw)
