"""Aliyun and Tencent SMS: every signature vector, exact bytes on the wire, refusals, receipts."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CallbackRejected, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.sms import aliyun, tencent
from clients.sms.aliyun import AliyunSms, AliyunSmsAccount
from clients.sms.problems import SmsProblem, problem_of
from clients.sms.tencent import TencentSms, TencentSmsAccount
from clients.transport import Transport

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "express.json").read_text())["vectors"]
ACS3 = {case["name"]: case for case in VECTORS["aliyun_sms_acs3"]}
TC3 = {case["name"]: case for case in VECTORS["tencent_sms_tc3"]}
NOW = datetime(2025, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.anyio


def acs3_account(case: dict[str, Any]) -> AliyunSmsAccount:
    return AliyunSmsAccount(case["AccessKeyId"], case["AccessKeySecret"])


def tc3_account(case: dict[str, Any]) -> TencentSmsAccount:
    return TencentSmsAccount(case["SecretId"], case["SecretKey"], "1400000001")


@pytest.mark.parametrize("case", ACS3.values(), ids=ACS3)
def test_aliyun_authorization_matches_vector(case: dict[str, Any]) -> None:
    signed = {name: case["headers"][name] for name in case["signed_headers"]}
    assert aliyun.canonical_query(case["query"]) == case["canonical_query"]
    assert aliyun.authorization(acs3_account(case), case["query"], signed) == case["authorization"]


@pytest.mark.parametrize("case", TC3.values(), ids=TC3)
def test_tencent_authorization_matches_vector(case: dict[str, Any]) -> None:
    made = tencent.authorization(tc3_account(case), "sms.tencentcloudapi.com", case["timestamp"], case["body"].encode())
    assert made.endswith(f"Signature={case['signature']}")
    assert made == case["headers"].get("Authorization", made)


@given(data=st.data())
def test_changed_content_changes_both_signatures(data: st.DataObject) -> None:
    one, two = ACS3["send_sms_one"], TC3["send_sms_utf8_body"]
    query = dict(one["query"])
    name = data.draw(st.sampled_from(sorted(query)))
    at = data.draw(st.integers(0, len(query[name]) - 1))
    query[name] = query[name][:at] + chr(ord(query[name][at]) ^ 1) + query[name][at + 1 :]
    signed = {each: one["headers"][each] for each in one["signed_headers"]}
    assert aliyun.authorization(acs3_account(one), query, signed) != one["authorization"]
    body = bytearray(two["body"].encode())
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1
    made = tencent.authorization(tc3_account(two), "sms.tencentcloudapi.com", two["timestamp"], bytes(body))
    assert not made.endswith(two["signature"])


@dataclass
class FakeSms:
    """Keeps what arrived, byte for byte, and answers as told."""

    answer: web.Response = field(default_factory=web.Response)
    raw_query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    calls: int = 0

    async def serve(self, request: web.Request) -> web.Response:
        self.calls += 1
        self.raw_query = request.raw_path.partition("?")[2]
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        self.body = await request.read()
        return self.answer

    def says(self, status: int = 200, **fields: Any) -> None:
        self.answer = web.json_response(fields, status=status)


@dataclass
class Wired:
    fake: FakeSms
    aliyun: AliyunSms
    tencent: TencentSms
    host: str


@pytest.fixture
async def sms() -> AsyncIterator[Wired]:
    fake, served = FakeSms(), web.Application()
    served.router.add_post("/", fake.serve)
    runner = web.AppRunner(served)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    one, two = acs3_account(ACS3["send_sms_one"]), tc3_account(TC3["send_sms_one"])
    async with aiohttp.ClientSession() as session:
        transport = Transport(session, "sms")
        yield Wired(
            fake,
            AliyunSms(
                replace(one, endpoint=f"http://{host}/"),
                transport,
                now=lambda: NOW,
                nonce=lambda: "0123456789abcdef" * 2,
            ),
            TencentSms(replace(two, endpoint=f"http://{host}/"), transport, now=lambda: NOW),
            host,
        )
    await runner.cleanup()


async def send_aliyun(wired: Wired) -> str:
    return await wired.aliyun.send(
        "13800000001",
        sign_name="三晋通",
        template_code="SMS_000000001",
        values={"item": "居住证", "state": "已受理"},
        out_id="ZT20250101000001",
    )


async def send_tencent(wired: Wired) -> str:
    return await wired.tencent.send(
        "13800000001",
        sign_name="三晋通",
        template_id="1000001",
        values=["居住证", "已受理"],
        session_context="ZT20250101000001",
    )


async def test_aliyun_call_carries_exactly_what_was_signed(sms: Wired) -> None:
    case = ACS3["send_sms_one"]
    sms.fake.says(Code="OK", Message="OK", BizId="900619746936498440^0", RequestId="R")
    assert await send_aliyun(sms) == "900619746936498440^0"
    assert sms.fake.raw_query == case["canonical_query"]
    assert sms.fake.body == b""
    assert sms.fake.headers["host"] == sms.host
    parts = dict(part.partition("=")[::2] for part in sms.fake.headers["authorization"].split(" ", 1)[1].split(","))
    signed = {name: sms.fake.headers[name] for name in parts["SignedHeaders"].split(";")}
    assert {"content-type", *case["signed_headers"]} == set(signed)
    assert signed["x-acs-content-sha256"] == case["headers"]["x-acs-content-sha256"]
    assert signed["x-acs-date"] == case["headers"]["x-acs-date"]
    assert sms.fake.headers["authorization"] == aliyun.authorization(acs3_account(case), case["query"], signed)


async def test_tencent_call_carries_exactly_what_was_signed(sms: Wired) -> None:
    case = TC3["send_sms_one"]
    status = {"SerialNo": "2433:1", "PhoneNumber": "+8613800000001", "Fee": 1, "Code": "Ok", "Message": "send success"}
    sms.fake.says(Response={"SendStatusSet": [status], "RequestId": "R"})
    assert await send_tencent(sms) == "2433:1"
    assert json.loads(sms.fake.body) == json.loads(case["body"])
    assert sms.fake.headers["content-type"] == "application/json"
    assert sms.fake.headers["x-tc-timestamp"] == "1735689600"
    assert sms.fake.headers["authorization"] == tencent.authorization(
        tc3_account(case), sms.host, 1735689600, sms.fake.body
    )


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", SmsProblem.LIMIT),
        ("isv.MOBILE_NUMBER_ILLEGAL", SmsProblem.PHONE),
        ("isv.SMS_CONTENT_ILLEGAL", SmsProblem.CONTENT),
        ("isv.OUT_OF_SERVICE", SmsProblem.CONFIGURATION),
        ("SignatureDoesNotMatch", SmsProblem.CONFIGURATION),
        ("isp.SYSTEM_ERROR", SmsProblem.COME_AGAIN),
        ("Throttling.User", SmsProblem.COME_AGAIN),
    ],
)
async def test_aliyun_refusal_says_what_to_do(code: str, problem: SmsProblem, sms: Wired) -> None:
    sms.fake.says(200 if code.startswith("is") else 400, Code=code, Message="原因", RequestId="R")
    with pytest.raises(ProviderRejected) as refused:
        await send_aliyun(sms)
    assert (refused.value.provider_code, problem_of(refused.value)) == (code, problem)
    assert refused.value.retryable is (problem is SmsProblem.COME_AGAIN)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("LimitExceeded.PhoneNumberDailyLimit", SmsProblem.LIMIT),
        ("FailedOperation.PhoneNumberInBlacklist", SmsProblem.PHONE),
        ("InvalidParameterValue.IncorrectPhoneNumber", SmsProblem.PHONE),
        ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", SmsProblem.CONTENT),
        ("FailedOperation.InsufficientBalanceInSmsPackage", SmsProblem.CONFIGURATION),
        ("AuthFailure.SignatureExpire", SmsProblem.CONFIGURATION),
        ("InternalError.Timeout", SmsProblem.COME_AGAIN),
    ],
)
async def test_tencent_refusal_says_what_to_do(code: str, problem: SmsProblem, sms: Wired) -> None:
    for response in ({"SendStatusSet": [{"Code": code, "Message": "m"}]}, {"Error": {"Code": code, "Message": "m"}}):
        sms.fake.says(Response=response)
        with pytest.raises(ProviderRejected) as refused:
            await send_tencent(sms)
        assert (refused.value.provider_code, problem_of(refused.value)) == (code, problem)


@pytest.mark.parametrize(
    "text", ["", "<html>", "[]", "{}", '{"Response":{}}', '{"Response":{"SendStatusSet":[]}}', "[" * 99999]
)
async def test_useless_answer_is_a_protocol_error(text: str, sms: Wired) -> None:
    sms.fake.answer = web.Response(text=text)
    with pytest.raises(ProviderProtocolError):
        await send_aliyun(sms)
    sms.fake.answer = web.Response(text=text)
    with pytest.raises(ProviderProtocolError):
        await send_tencent(sms)


async def test_broken_provider_is_unavailable_and_the_message_is_not_repeated(sms: Wired) -> None:
    for send in (send_aliyun, send_tencent):
        sms.fake.answer, sms.fake.calls = web.Response(status=503), 0
        with pytest.raises(ProviderUnavailable):
            await send(sms)
        assert sms.fake.calls == 1


def test_aliyun_receipts_are_read() -> None:
    receipt = {
        "phone_number": "13800000001",
        "send_time": "2025-01-01 08:00:00",
        "report_time": "2025-01-01 08:00:05",
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": "9006^0",
        "out_id": "ZT1",
    }
    good, bad = aliyun.read_receipts(
        json.dumps([receipt, receipt | {"success": False, "err_code": "MK:0013"}]).encode()
    )
    assert (good.biz_id, good.out_id, good.phone, good.delivered) == ("9006^0", "ZT1", "13800000001", True)
    assert good.reported_at == datetime(2025, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert (bad.delivered, bad.error_code) == (False, "MK:0013")
    assert "13800000001" not in repr(good)


def test_tencent_receipts_are_read() -> None:
    receipt = {
        "user_receive_time": "2025-01-01 08:00:05",
        "nationcode": "86",
        "mobile": "13800000001",
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "用户短信送达成功",
        "sid": "2433:1",
        "ext": "ZT1",
    }
    good, bad = tencent.read_receipts(json.dumps([receipt, receipt | {"report_status": "FAIL"}]).encode())
    assert (good.serial_no, good.session_context, good.delivered, good.error_code) == ("2433:1", "ZT1", True, "DELIVRD")
    assert good.reported_at == datetime(2025, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert bad.delivered is False


@pytest.mark.parametrize("raw", [b"", b"{}", b"[7]", b"[{}]", b"\xff", b"[" * 100_000, b"[" + b"{}," * 2000 + b"{}]"])
def test_receipts_of_another_shape_are_rejected(raw: bytes) -> None:
    for read in (aliyun.read_receipts, tencent.read_receipts):
        with pytest.raises(CallbackRejected):
            read(raw)


def test_secrets_stay_out_of_printed_accounts() -> None:
    one, two = ACS3["send_sms_one"], TC3["send_sms_one"]
    assert one["AccessKeySecret"] not in repr(acs3_account(one))
    assert two["SecretKey"] not in repr(tc3_account(two))
