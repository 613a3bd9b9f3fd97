"""Notice channels over their simulated platforms, with a room around them: for the fault matrix of notices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from redis.asyncio import Redis

from app import db
from app.ids import new_id
from app.pacing import Pacing
from clients.alipay import keys as alipay_keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.sms.aliyun import AliyunSms, AliyunSmsAccount
from clients.sms.tencent import TencentSms, TencentSmsAccount
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.miniprogram import MiniProgramClient
from notify.channels.alipay import AlipayNoticeChannel
from notify.channels.sms import AliyunSender, SmsNoticeChannel, TencentSender
from notify.channels.wechat import WeChatNoticeChannel
from notify.delivering.allowances import Allowances
from notify.ports import NoticeChannel
from notify.service import NotifyService
from notify.types import ContactIdentity, Contacts
from tests.contract.faults.platforms import LATE_SECONDS, HastyTransport
from tests.contract.simulators.simulator_process import Simulators
from tests.fakes.notify_house import WECHAT_APP, NotifyHouse

PERSON, CODE = "zhang-wei", "application.accepted"
_VALUES = {"WECHAT": {"thing1": "{item_name}", "phrase2": "已受理"}, "ALIPAY": {"keyword1": "{item_name}"}}
_SMS = {"item": "{item_name}", "no": "{subject_no}"}
_TEMPLATE_ID = {"WECHAT": "w" * 43, "ALIPAY": "a" * 32, "ALIYUN": "SMS_100001", "TENCENT": "200001"}
_PROVIDER = {"WECHAT": "wechat", "ALIPAY": "alipay", "ALIYUN": "sms", "TENCENT": "sms"}
_SIMULATED = {
    "WECHAT": ("subscribe_send", "send_subscribe_message"),
    "ALIPAY": ("alipay.open.app.mini.templatemessage.send",) * 2,
    "ALIYUN": ("aliyun.SendSms", "SendSms"),
    "TENCENT": ("tencent.SendSms", "SendSms"),
}


class NoticeStand:
    """The room with one real channel; the SMS behind it is in memory unless it is the one that is looked at."""

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession, redis: Redis, channel: str) -> None:
        self.sim, self.channel = sim, channel
        self.transport = HastyTransport(session, _PROVIDER[channel])
        self._redis = redis
        self.name = channel if channel in _VALUES else "SMS"
        made = getattr(self, f"_{channel.lower()}")()
        self.house = NotifyHouse(**{self.name.lower(): made})
        self.house.service = NotifyService(self.house.service.table, self.house.recipients, Allowances(Pacing(redis)))
        self.house.sweeps = type(self.house.sweeps)(self.house.service)

    async def begin(self) -> None:
        """Import the templates, bind this channel, and let the person allow one message."""
        await self.house.prepare()
        fields = _VALUES.get(self.channel, _SMS)
        bindings = {self.name: {"template_id": _TEMPLATE_ID[self.channel], "fields": fields, "kind": "ONE_TIME"}}
        bindings[self.name]["page"] = "pages/case/detail?no={subject_no}"
        bindings.setdefault("SMS", {"template_id": "SMS_1", "fields": _SMS, "kind": "ONE_TIME"})
        await db.execute(
            "UPDATE notice_template SET bindings = $2::jsonb, channels = $3::jsonb, statutory = false WHERE code = $1",
            CODE,
            json.dumps(bindings),
            json.dumps([self.name, "SMS"] if self.name != "SMS" else ["SMS"]),
        )
        citizen_id, identity_id = self.house.caller.citizen_id, self.house.caller.identity_id
        identity = ContactIdentity(identity_id, self.name, self._app_id(), self._recipient())
        self.house.recipients.people[citizen_id] = Contacts((identity,) if self.name != "SMS" else (), "13800000001")
        if self.name != "SMS":
            await self.allow()

    async def allow(self) -> None:
        """The person allows one message, at the platform and in our stock."""
        await db.execute(
            "INSERT INTO subscription (id, created_at, citizen_id, identity_id, channel, template_id, kind, status)"
            " VALUES ($1, now(), $2, $3, $4, $5, 'ONE_TIME', 'IN_STOCK')",
            new_id(),
            self.house.caller.citizen_id,
            self.house.caller.identity_id,
            self.name,
            _TEMPLATE_ID[self.channel],
        )
        body = {"person": PERSON, "template_id": _TEMPLATE_ID[self.channel], "result": "accept", "push": False}
        self.sim.control("POST", f"/{_PROVIDER[self.channel]}/subscriptions", body)

    @contextmanager
    def trouble(self, fault: str) -> Iterator[None]:
        """Make every call of the channel fail in this way for as long as the block lasts."""
        simulated, called = _SIMULATED[self.channel]
        wanted: dict[str, Any] = {"provider": _PROVIDER[self.channel], "call": simulated, "times": -1}
        match fault.split():
            case ["timeout"]:
                wanted |= {"kind": "delay", "delay_seconds": LATE_SECONDS}
            case ["reset"]:
                wanted |= {"kind": "drop"}
            case ["lost"]:
                wanted |= {"kind": "drop_after"}
            case ["http", status]:
                wanted |= {"kind": "http", "status": int(status)}
            case ["code", code]:
                wanted |= {"kind": "error", "code": code}
            case _:
                wanted |= {"kind": fault}
        self.transport.hasty_call = called if fault == "timeout" else ""
        self.transport.lost_call = called if fault == "refused" else ""
        if fault != "refused":
            self.sim.control("POST", "/faults", wanted)
        yield
        self.sim.control("DELETE", "/faults")
        self.transport.hasty_call = self.transport.lost_call = ""

    def seen(self) -> int:
        """Count what reached the phone through this channel."""
        return len(self.sim.control("GET", f"/messages?person={PERSON}&channel={_PROVIDER[self.channel]}"))

    async def state(self) -> str:
        """Return status / channel / reason of the notice, without what is empty."""
        row = await self.house.notice()
        return " / ".join(part for part in (row["status"], row["sent_channel"], row["reason"]) if part)

    async def stock(self) -> str:
        """Return where the one permission stands."""
        return next(iter(await self.house.stock()), "–")

    def _app_id(self) -> str:
        return WECHAT_APP if self.name == "WECHAT" else "2021000000000001"

    def _recipient(self) -> str:
        if self.name == "WECHAT":
            login = f"/sns/jscode2session?appid={WECHAT_APP}&secret={'s' * 32}&js_code=demo-{PERSON}"
            return str(self.sim.json("wechat", "GET", f"{login}&grant_type=authorization_code")["openid"])
        if self.name == "ALIPAY":
            return str(self.sim.control("POST", "/alipay/auth-codes", {"person": PERSON})["open_id"])
        return "13800000001"

    def _wechat(self) -> NoticeChannel:
        config = MiniProgramConfig(WECHAT_APP, "s" * 32, self.sim.url("wechat"))
        tokens = AccessTokens(config, self.transport, self._redis)
        return WeChatNoticeChannel(MiniProgramClient(ApiWire(config, self.transport, tokens)))

    def _alipay(self) -> NoticeChannel:
        app = AlipayApp(
            app_id="2021000000000001",
            seller_id="2088101117955611",
            private_key=alipay_keys.load_private_key(self.sim.keys.private["alipay_app"]),
            alipay_public_keys=(alipay_keys.load_public_key(self.sim.keys.public["alipay"]),),
            gateway_url=f"{self.sim.url('alipay')}/gateway.do",
        )
        return AlipayNoticeChannel(AlipayGateway(app, self.transport))

    def _aliyun(self) -> NoticeChannel:
        account = AliyunSmsAccount("AKIDTEST", "a" * 30, f"{self.sim.url('sms')}/")
        return SmsNoticeChannel(AliyunSender(AliyunSms(account, self.transport), "三晋通"))

    def _tencent(self) -> NoticeChannel:
        account = TencentSmsAccount("SECRETIDTEST", "k" * 32, "1400000001", endpoint=f"{self.sim.url('sms')}/")
        return SmsNoticeChannel(TencentSender(TencentSms(account, self.transport), "三晋通"))
