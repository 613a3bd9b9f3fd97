"""The mini-program server API as we use it: login, phone number, real-name check, messages.

Called by the identity and notice adapters. What these methods return is personal: it is kept out of `repr`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from app.errors import ProviderProtocolError
from clients.wechat.api_errors import PROVIDER
from clients.wechat.api_exchange import exchange
from clients.wechat.api_wire import ApiWire, checked, shaped

_KEYWORD = re.compile(r"\{\{(\w+)\.DATA\}\}")


@dataclass(frozen=True, slots=True)
class Session:
    """Who logged in. `session_key` never leaves the server; `unionid` is empty without an open-platform binding."""

    openid: str
    session_key: str = field(repr=False)
    unionid: str = ""


class _Watermark(msgspec.Struct):
    appid: str
    timestamp: int


class PhoneNumber(msgspec.Struct, frozen=True, rename="camel"):
    """A phone number as WeChat verified it; `phone_number` carries the area code for foreign numbers."""

    phone_number: str
    pure_phone_number: str
    country_code: str

    def __repr__(self) -> str:
        return "PhoneNumber(…)"


class _PhoneInfo(PhoneNumber, frozen=True, rename="camel"):
    watermark: _Watermark


@dataclass(frozen=True, slots=True)
class RealNameCheck:
    """Verdicts of the real-name check, in WeChat's codes and as the two booleans that count."""

    verify_openid: str
    verify_real_name: str

    @property
    def is_account_owner(self) -> bool:
        """The name and number are those of the WeChat account's owner."""
        return self.verify_openid == "V_OP_NM_MA"

    @property
    def name_matches_number(self) -> bool:
        """The name belongs to the ID number."""
        return self.verify_real_name == "V_NM_ID_MA"


@dataclass(frozen=True, slots=True)
class SubscribeMessage:
    """A subscribe message (订阅消息). `values` maps the template's keys (thing1, …) to texts within their limits."""

    openid: str
    template_id: str
    values: Mapping[str, str] = field(repr=False)
    page: str = ""
    state: str = "formal"


@dataclass(frozen=True, slots=True)
class Template:
    """A template of this mini-program; `is_long_term` templates need one consent only."""

    template_id: str
    title: str
    keys: tuple[str, ...]
    is_long_term: bool


class _TemplateItem(msgspec.Struct, rename="camel"):
    pri_tmpl_id: str
    title: str
    content: str
    type: int


class MiniProgramClient:
    """Calls of one mini-program. All methods raise as `ApiWire.call` does."""

    def __init__(self, wire: ApiWire) -> None:
        self._wire = wire

    def pause_seconds(self) -> float:
        """Say for how long calls are refused unmade, because the provider is away; 0 when it may be called."""
        return self._wire.transport.breaker.retry_after_seconds

    async def code_to_session(self, code: str) -> Session:
        """Exchange a wx.login code. Never repeated: the code is single-use; on an unknown outcome log in anew.

        Raises ProviderRejected 40029 or 40163 (new wx.login), 40226 (refuse politely).
        Source: WeChat mini-program documents, 小程序登录 code2Session.
        """
        config = self._wire.config
        query = {
            "appid": config.app_id,
            "secret": config.app_secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        url = f"{config.api_base}/sns/jscode2session"
        answer = await exchange(self._wire.transport, "code_to_session", url, query=query)
        return shaped("code_to_session", checked("code_to_session", answer), Session)

    async def get_phone_number(self, code: str, openid: str) -> PhoneNumber:
        """Exchange the code of the getPhoneNumber button (not the login code); costs 0.03 yuan where not exempt.

        Raises ProviderRejected 40029 (used, expired, or of another user).
        Source: WeChat mini-program documents, 获取手机号 getPhoneNumber.
        """
        payload = {"code": code, "openid": openid}
        answer = await self._wire.call("get_phone_number", "/wxa/business/getuserphonenumber", payload)
        info = shaped("get_phone_number", answer.get("phone_info"), _PhoneInfo)
        if info.watermark.appid != self._wire.config.app_id:
            raise ProviderProtocolError(provider=PROVIDER, call="get_phone_number", reason="watermark_appid")
        return PhoneNumber(info.phone_number, info.pure_phone_number, info.country_code)

    async def check_real_name(self, openid: str, name: str, id_number: str, code: str) -> RealNameCheck:
        """Ask whether name and ID number fit each other and the account. Needs a city-service grant.

        Source: WeChat mini-program documents, 城市服务 实名信息校验 checkrealnameinfo.
        """
        payload = {"openid": openid, "real_name": name, "cred_id": id_number, "cred_type": "1", "code": code}
        answer = await self._wire.call("check_real_name", "/intp/realname/checkrealnameinfo", payload)
        return shaped("check_real_name", answer, RealNameCheck)

    async def send_subscribe_message(self, message: SubscribeMessage) -> str:
        """Send one subscribe message; return WeChat's message id, or "" where it names none.

        Not idempotent, so never repeated here. Raises ProviderRejected 43101 (no permission left), 43108 (another
        message to this person is under way: retryable), 47003 (a value breaks its rule), 45009 (quota of the day).
        Source: WeChat mini-program documents, 发送订阅消息 subscribeMessage.send.
        """
        payload: dict[str, object] = {
            "touser": message.openid,
            "template_id": message.template_id,
            "data": {key: {"value": text} for key, text in message.values.items()},
            "miniprogram_state": message.state,
            "lang": "zh_CN",
        }
        if message.page:
            payload["page"] = message.page
        answer = await self._wire.call("send_subscribe_message", "/cgi-bin/message/subscribe/send", payload)
        return str(answer.get("msgid", ""))

    async def get_templates(self) -> list[Template]:
        """List the templates of this mini-program with the keys their texts really use.

        Source: WeChat mini-program documents, 获取个人模板列表 getMessageTemplateList.
        """
        answer = await self._wire.call("get_templates", "/wxaapi/newtmpl/gettemplate", repeatable=True)
        items = shaped("get_templates", answer.get("data"), list[_TemplateItem])
        return [
            Template(item.pri_tmpl_id, item.title, tuple(_KEYWORD.findall(item.content)), item.type == 3)
            for item in items
        ]

    async def send_custom_message(self, openid: str, text: str) -> None:
        """Answer a customer-service message; allowed within 48 hours after the person wrote. Not idempotent.

        Source: WeChat mini-program documents, 发送客服消息 sendCustomMessage.
        """
        payload = {"touser": openid, "msgtype": "text", "text": {"content": text}}
        await self._wire.call("send_custom_message", "/cgi-bin/message/custom/send", payload)
