"""EMS's platform: every vector of its encryption, answers and refusals, and pushes of every shape."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from gmssl import sm4
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import CallbackRejected, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.couriers.ems import push
from clients.couriers.ems.client import EmsClient
from clients.couriers.ems.encryption import SignKey
from clients.couriers.ems.types import EmsAccount, EmsContact, EmsOrder, PaymentMode, Product
from clients.transport import Transport

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "express.json").read_text())["vectors"]["ems"]
PUSHED = next(case for case in VECTORS if case["name"].startswith("push"))
KEY = VECTORS[0]["signKey"]
NOW = datetime(2025, 1, 1, 0, 0, 0, tzinfo=UTC)
ACCOUNT = EmsAccount("1100000000000", "throw-away-code", SignKey(KEY))
WINDOW = EmsContact("政务大厅", "山西省", "太原市", "小店区", "测试街2号", phone="0351-7190110")
CITIZEN = EmsContact("测试甲", "山西省", "大同市", "平城区", "测试路1号", mobile="13800000001")
ORDER = EmsOrder(order_no="SJ1", sender=WINDOW, receiver=CITIZEN, cargo_name="文件")
pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_vector_is_opened_and_sealed(case: dict[str, str]) -> None:
    key = SignKey(case["signKey"])
    assert key.open(case["logitcsInterface"]) == case["json"]
    if case["plaintext"] != case["json"]:
        assert key.seal(case["json"]) == case["logitcsInterface"]


@settings(max_examples=25)
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=200))
def test_another_implementation_reads_what_is_sealed(text: str) -> None:
    cipher = sm4.CryptSM4()
    cipher.set_key(bytes.fromhex("00112233445566778899aabbccddeeff"), sm4.SM4_DECRYPT)
    sealed = SignKey(KEY).seal(text).removeprefix("|$4|")
    raw = bytes(cipher.crypt_ecb(base64.b64decode(sealed)))
    assert raw.decode() == text + KEY


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "no base64", "ABEiM0RVZneImaq7zN3u"])
def test_sign_key_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="sign key"):
        SignKey(text)


class FakeEms:
    """Answers each call by `answers`: a text refuses with these words, anything else is the body; requests are kept."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.forms: list[dict[str, str]] = []

    async def serve(self, request: web.Request) -> web.Response:
        self.forms.append(dict(parse_qsl((await request.read()).decode())))
        answer = self.answers.pop(0)
        if isinstance(answer, web.Response):
            return answer
        if isinstance(answer, bytes):
            return web.Response(body=answer)
        refused = isinstance(answer, str)
        body = {"success": not refused, "retCode": "B1" if refused else "00000", "retMsg": answer if refused else ""}
        return web.Response(text=json.dumps(body | {"retBody": "" if refused else json.dumps(answer)}))

    def content(self, at: int = -1) -> Any:
        return json.loads(ACCOUNT.sign_key.open(self.forms[at]["logitcsInterface"]))


@pytest.fixture
async def ems() -> AsyncIterator[tuple[FakeEms, EmsClient]]:
    fake, served = FakeEms(), web.Application()
    served.router.add_post("/open", fake.serve)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/open"
    async with aiohttp.ClientSession() as session:
        yield fake, EmsClient(replace(ACCOUNT, service_url=url), Transport(session, "ems"), now=lambda: NOW)
    await runner.cleanup()


async def test_order_carries_our_number_parts_and_beijing_times(ems: Any) -> None:
    fake, client = ems
    fake.answers = [{"waybillNo": "1190000000001", "logisticsOrderNo": "SJ1"}]
    wanted = replace(ORDER, payment_mode=PaymentMode.RECEIVER, product=Product.EXPRESS_ON_DELIVERY, pickup_from=NOW)
    assert (await client.create_order(wanted)).waybill_no == "1190000000001"
    [sent] = fake.content()
    assert (sent["logisticsOrderNo"], sent["bizProductNo"], sent["paymentMode"]) == ("SJ1", "3", "2")
    assert (sent["createdTime"], sent["pickupPreBeginTime"]) == ("2025-01-01 08:00:00", "2025-01-01 08:00:00")
    assert 0 < len(sent["ecommerceUserId"]) < 50
    assert sent["sender"]["phone"] == "0351-7190110"
    assert (sent["receiver"]["mobile"], sent["receiver"]["prov"], sent["receiver"]["county"]) == (
        "13800000001",
        "山西省",
        "平城区",
    )
    outer = fake.forms[0]
    assert (outer["apiCode"], outer["senderNo"], outer["timeStamp"]) == (
        "020003",
        ACCOUNT.sender_no,
        "2025-01-01 08:00:00",
    )


@pytest.mark.parametrize(
    ("words", "raised", "retryable"),
    [
        ("系统异常", ProviderUnavailable, None),
        ("请求超时", ProviderUnavailable, None),
        ("访问频繁，请稍后再试", ProviderRejected, True),
        ("收件人地址不能为空", ProviderRejected, False),
    ],
)
async def test_words_say_what_a_refusal_means(words: str, raised: Any, retryable: bool | None, ems: Any) -> None:
    fake, client = ems
    fake.answers = [words]
    with pytest.raises(raised) as refused:
        await client.create_order(ORDER)
    assert getattr(refused.value, "retryable", None) is retryable


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"success":false,"retCode":"00000"}',
        b'{"retCode":"00000","retBody":"not json"}',
        b'{"retCode":"00000","retBody":"{\\"waybillNo\\":\\"\\"}"}',
        {"waybillNo": "119", "logisticsOrderNo": "ANOTHER"},
        [{"waybillNo": "1"}, {"waybillNo": "2"}],
        web.Response(status=404),
    ],
)
async def test_useless_answer_is_a_protocol_error(answer: Any, ems: Any) -> None:
    fake, client = ems
    fake.answers = [answer]
    with pytest.raises(ProviderProtocolError):
        await client.create_order(ORDER)


async def test_prices_are_exact_fen_and_reach_may_be_unknown(ems: Any) -> None:
    fake, client = ems
    fake.answers = [
        {"realFee": 20.1, "totalFee": "99"},
        {"totalFee": "18"},
        {"standardFee": None},
        {"waybillNo": "119", "postageTotal": "22.50", "realWeight": "0200.0"},
        {"status": 0},
        {"status": "1"},
        {"status": "8"},
    ]
    assert [await client.estimate_fen(WINDOW, CITIZEN, 200) for _ in range(3)] == [2010, 1800, None]
    freight = await client.freight("SJ1")
    assert (freight.charged_fen, freight.weight_grams) == (2250, 200)
    assert [await client.is_reached(CITIZEN, Product.EXPRESS) for _ in range(3)] == [True, False, None]
    assert fake.content(0)["receiveInfo"] == "山西省大同市平城区测试路1号"


async def test_label_is_a_pdf_or_nothing(ems: Any) -> None:
    fake, client = ems
    document = base64.b64encode(b"%PDF-1.4 label").decode()
    fake.answers = [json.dumps({"retCode": "00000", "retBody": document}).encode(), {"no": "label"}]
    assert await client.label("119") == b"%PDF-1.4 label"
    with pytest.raises(ProviderProtocolError):
        await client.label("119")


EVENT = {"waybillNo": "119", "opTime": "2025-01-03 18:05:00", "opCode": "704", "opDesc": "已签收", "deliverCode": 10}


@pytest.mark.parametrize("body", [{"responseItems": [EVENT]}, [EVENT], EVENT])
async def test_road_is_read_in_each_shape_in_utc(body: Any, ems: Any) -> None:
    fake, client = ems
    fake.answers = [body, {"responseItems": None}]
    [event] = await client.track("119")
    assert (event.op_code, event.deliver_code, event.happened_at) == (
        "704",
        "10",
        datetime(2025, 1, 3, 10, 5, tzinfo=UTC),
    )
    assert await client.track("119") == ()


def pushed(content: Any = None, *, key: str = KEY, **outer: Any) -> bytes:
    """A push as EMS sends it: the content without the key behind it."""
    cipher = sm4.CryptSM4()
    cipher.set_key(base64.b64decode(key), sm4.SM4_ENCRYPT)
    text = content if isinstance(content, str) else json.dumps([EVENT] if content is None else content)
    sealed = "|$4|" + base64.b64encode(bytes(cipher.crypt_ecb(text.encode()))).decode()
    sent = {"logitcsInterface": sealed, "method": "040002", "senderNo": ACCOUNT.sender_no, "serialNo": "C3E7"}
    return json.dumps(sent | outer).encode()


def test_push_of_the_vector_is_read() -> None:
    raw = pushed(logitcsInterface=PUSHED["logitcsInterface"])
    [event] = push.read_push(ACCOUNT, raw)
    assert (event.waybill_no, event.op_code, event.deliver_code) == ("1190000000001", "704", "10")
    answered = json.loads(push.answer_push(ACCOUNT, raw, True))
    assert answered == {"serialNo": "C3E7", "code": "00000", "codeMessage": "成功", "senderNo": ACCOUNT.sender_no}
    assert json.loads(push.answer_push(ACCOUNT, b"?", False))["code"] == "S00001"


def test_push_of_one_event_or_with_the_key_behind_it_is_read() -> None:
    assert push.read_push(ACCOUNT, pushed(EVENT)) == push.read_push(ACCOUNT, pushed(json.dumps([EVENT]) + KEY))


@pytest.mark.parametrize(
    "pushes",
    [
        lambda: b"",
        lambda: b"[]",
        lambda: b"{}",
        lambda: b"[" * 100_000,
        lambda: pushed(senderNo="1100999999999"),
        lambda: pushed(method="040009"),
        lambda: pushed(key="EREiM0RVZneImaq7zN3u/w=="),
        lambda: pushed(logitcsInterface=json.dumps([EVENT])),
        lambda: pushed(logitcsInterface=None),
        lambda: pushed([]),
        lambda: pushed([EVENT] * 501),
        lambda: pushed("not json"),
        lambda: pushed([7]),
        lambda: pushed(EVENT | {"opTime": "soon"}),
        lambda: pushed(EVENT | {"opTime": "0001-01-01 00:00:00"}),
        lambda: pushed(EVENT | {"opCode": None}),
        lambda: pushed(EVENT | {"opDesc": "a\x00b"}),
        lambda: pushed(EVENT | {"opDesc": "\ud800"}),
    ],
)
def test_push_of_another_shape_or_key_is_rejected(pushes: Callable[[], bytes]) -> None:
    raw = pushes()
    with pytest.raises(CallbackRejected):
        push.read_push(ACCOUNT, raw)


def test_secrets_and_people_stay_out_of_printed_values() -> None:
    shown = repr(ACCOUNT) + repr(ORDER)
    for private in (KEY, "throw-away-code", "13800000001", "测试甲", "测试路1号"):
        assert private not in shown
