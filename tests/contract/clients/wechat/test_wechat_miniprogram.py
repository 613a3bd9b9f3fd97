"""The server API calls over a real port: what they send, what they make of answers, what they refuse."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.miniprogram import MiniProgramClient, SubscribeMessage

from .conftest import IDS, Desk

pytestmark = pytest.mark.anyio
LOGIN, PHONE = "/sns/jscode2session", "/wxa/business/getuserphonenumber"
REAL_NAME, SEND = "/intp/realname/checkrealnameinfo", "/cgi-bin/message/subscribe/send"
NOTICE = SubscribeMessage(
    IDS["openid"], "TPL1", {"thing1": "居民身份证补领", "phrase2": "已受理"}, page="pages/case?no=1"
)


@pytest.fixture
def client(desk: Desk, session: aiohttp.ClientSession) -> MiniProgramClient:
    config = MiniProgramConfig(IDS["appid"], "s&cret", desk.base_url)
    transport = Transport(session, "wechat")
    says(desk, "POST", "/cgi-bin/stable_token", {"access_token": "T", "expires_in": 7200})
    return MiniProgramClient(ApiWire(config, transport, AccessTokens(config, transport, None)))


def says(desk: Desk, method: str, path: str, answer: Mapping[str, Any]) -> None:
    """Answer as WeChat does: 200, JSON, text/plain."""
    body = json.dumps(answer, ensure_ascii=False).encode()
    desk.says(method, path, 200, body, {"Content-Type": "text/plain"})


async def test_login_code_becomes_a_session_whose_key_is_not_shown(client: MiniProgramClient, desk: Desk) -> None:
    says(desk, "GET", LOGIN, {"openid": IDS["openid"], "session_key": "wG+QtS9MGuLX9czzGckRwA=="})
    session = await client.code_to_session("0a+b/c")
    assert (session.openid, session.unionid) == (IDS["openid"], "")
    assert session.session_key not in repr(session)
    ((_, path, _, body),) = desk.asked
    assert path == (f"{LOGIN}?appid={IDS['appid']}&secret=s%26cret&js_code=0a%2Bb%2Fc&grant_type=authorization_code")
    assert body == b""


@pytest.mark.parametrize("code", [40029, 40163, 40226, 40125])
async def test_refused_login_code_names_wechats_code(code: int, client: MiniProgramClient, desk: Desk) -> None:
    says(desk, "GET", LOGIN, {"errcode": code, "errmsg": "invalid code rid: 65f"})
    with pytest.raises(ProviderRejected) as refusal:
        await client.code_to_session("x")
    assert (refusal.value.provider_code, refusal.value.retryable) == (str(code), False)


@pytest.mark.parametrize("code", [-1, 45011])
async def test_busy_login_is_not_repeated(code: int, client: MiniProgramClient, desk: Desk) -> None:
    says(desk, "GET", LOGIN, {"errcode": code, "errmsg": "system busy"})
    with pytest.raises(ProviderUnavailable) as refusal:
        await client.code_to_session("x")
    assert refusal.value.details["provider_code"] == str(code)
    assert "s&cret" not in str(refusal.value.details)
    assert len(desk.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b"{}", b'{"openid": 5}', b'{"a":' + b"[" * 99_999])
async def test_unreadable_login_answer_is_a_protocol_error(body: bytes, client: MiniProgramClient, desk: Desk) -> None:
    desk.says("GET", LOGIN, 200, body)
    with pytest.raises(ProviderProtocolError):
        await client.code_to_session("x")


async def test_phone_number_of_our_app(client: MiniProgramClient, desk: Desk) -> None:
    info = {
        "phoneNumber": "+8613800000001",
        "purePhoneNumber": "13800000001",
        "countryCode": "86",
        "watermark": {"timestamp": 1767229200, "appid": IDS["appid"]},
    }
    says(desk, "POST", PHONE, {"errcode": 0, "errmsg": "ok", "phone_info": info})
    phone = await client.get_phone_number("code-1", IDS["openid"])
    assert (phone.pure_phone_number, phone.country_code) == ("13800000001", "86")
    assert "138" not in repr(phone)
    assert desk.asked[-1][1] == f"{PHONE}?access_token=T"
    assert json.loads(desk.asked[-1][3]) == {"code": "code-1", "openid": IDS["openid"]}
    info["watermark"]["appid"] = "wxother"  # type: ignore[index]  # the literal's type is a union
    says(desk, "POST", PHONE, {"errcode": 0, "phone_info": info})
    with pytest.raises(ProviderProtocolError) as refusal:
        await client.get_phone_number("code-1", IDS["openid"])
    assert refusal.value.details["reason"] == "watermark_appid"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("V_OP_NM_MA", "V_NM_ID_MA"), (True, True)),
        (("V_OP_NM_UM", "V_NM_ID_MA"), (False, True)),
        (("V_OP_NA", "V_NM_ID_UM"), (False, False)),
    ],
)
async def test_real_name_verdicts(
    verdicts: tuple[str, str], expected: tuple[bool, bool], client: MiniProgramClient, desk: Desk
) -> None:
    says(desk, "POST", REAL_NAME, {"errcode": 0, "verify_openid": verdicts[0], "verify_real_name": verdicts[1]})
    check = await client.check_real_name(IDS["openid"], "李晋", "140105199001010011", "c")
    assert (check.is_account_owner, check.name_matches_number) == expected
    sent = json.loads(desk.asked[-1][3])
    assert (sent["cred_type"], sent["real_name"], sent["cred_id"]) == ("1", "李晋", "140105199001010011")
    assert "李晋".encode() in desk.asked[-1][3]


async def test_subscribe_message_goes_out_unescaped_and_once(client: MiniProgramClient, desk: Desk) -> None:
    says(desk, "POST", SEND, {"errcode": 0, "errmsg": "ok", "msgid": 1864323726461255680})
    assert await client.send_subscribe_message(NOTICE) == "1864323726461255680"
    assert json.loads(desk.asked[-1][3]) == {
        "touser": IDS["openid"],
        "template_id": "TPL1",
        "page": "pages/case?no=1",
        "data": {"thing1": {"value": "居民身份证补领"}, "phrase2": {"value": "已受理"}},
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    }
    desk.says("POST", SEND, 502, b"bad gateway")
    before = len(desk.asked)
    with pytest.raises(ProviderUnavailable):
        await client.send_subscribe_message(NOTICE)
    assert len(desk.asked) == before + 1


@pytest.mark.parametrize(("code", "retryable"), [(43101, False), (47003, False), (43108, True), (45009, False)])
async def test_refused_message_keeps_its_code(
    code: int, retryable: bool, client: MiniProgramClient, desk: Desk
) -> None:
    says(desk, "POST", SEND, {"errcode": code, "errmsg": "argument invalid! data.thing1.value invalid rid: 6"})
    with pytest.raises(ProviderRejected) as refusal:
        await client.send_subscribe_message(NOTICE)
    assert (refusal.value.provider_code, refusal.value.retryable) == (str(code), retryable)


async def test_templates_name_their_keys(client: MiniProgramClient, desk: Desk) -> None:
    content = "办理事项:{{thing1.DATA}}\n办理进度:{{phrase2.DATA}}\n"
    items = [
        {"priTmplId": "TPL1", "title": "办理进度提醒", "content": content, "example": "-", "type": 3},
        {"priTmplId": "TPL2", "title": "缴费提醒", "content": "金额:{{amount1.DATA}}", "example": "-", "type": 2},
    ]
    says(desk, "GET", "/wxaapi/newtmpl/gettemplate", {"errcode": 0, "errmsg": "ok", "data": items})
    progress, payment = await client.get_templates()
    assert (progress.keys, progress.is_long_term) == (("thing1", "phrase2"), True)
    assert (payment.template_id, payment.keys, payment.is_long_term) == ("TPL2", ("amount1",), False)


async def test_custom_message(client: MiniProgramClient, desk: Desk) -> None:
    says(desk, "POST", "/cgi-bin/message/custom/send", {"errcode": 0, "errmsg": "ok"})
    await client.send_custom_message(IDS["openid"], "您好")
    sent = json.loads(desk.asked[-1][3])
    assert sent == {"touser": IDS["openid"], "msgtype": "text", "text": {"content": "您好"}}
    says(desk, "POST", "/cgi-bin/message/custom/send", {"errcode": 45015, "errmsg": "out of time"})
    with pytest.raises(ProviderRejected):
        await client.send_custom_message(IDS["openid"], "您好")


def test_config_hides_secrets_and_checks_the_push_key() -> None:
    shown = repr(MiniProgramConfig("wx1", "s3cret", push_token="t0ken", push_aes_key="k" * 43))
    assert not any(secret in shown for secret in ("s3cret", "t0ken", "kkk"))
    with pytest.raises(ValueError, match="43"):
        MiniProgramConfig("wx1", "s", push_aes_key="short")
