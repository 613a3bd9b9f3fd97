"""One suite for the port NoticeChannel over the WeChat, Alipay and SMS adapters and the fake, each against its
simulated platform; and for the doors at which the platforms answer back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from app.crypto import FieldCipher
from app.errors import CallbackRejected
from clients.alipay import keys as alipay_keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.sms.aliyun import AliyunSms, AliyunSmsAccount
from clients.sms.tencent import TencentSms, TencentSmsAccount
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.message_push import MessagePush
from clients.wechat.miniprogram import MiniProgramClient
from notify.channels.alipay import AlipayNoticeChannel
from notify.channels.sms import (
    AliyunReceiptDoor,
    AliyunSender,
    SmsNoticeChannel,
    TencentReceiptDoor,
    TencentSender,
)
from notify.channels.wechat import WeChatNoticeChannel
from notify.channels.wechat_push import WeChatPushDoor
from notify.neutral import Delivery, Message, Outcome, PermissionChange, UnfitValue
from notify.ports import NoticeChannel
from payments.channels.alipay_gateway import AlipayPlatformGateway
from tests.fakes.notify_house import FakeNoticeChannel

from .simulator_process import Simulators

pytestmark = pytest.mark.anyio
WECHAT_TEMPLATE = "w" * 43
REFERENCE = "0" * 32


class Stand:
    """A channel with the person's phone on its other side."""

    provider, call, needs_permission = "", "", False
    channel: NoticeChannel
    message: Message

    def __init__(self, sim: Simulators) -> None:
        self.sim = sim

    async def send(self, message: Message | None = None) -> Delivery:
        """Send a message as delivery does, its values fitted first."""
        given = message or self.message
        return await self.channel.send(replace(given, values=self.channel.fitted(given.values)))

    def allow(self) -> None:
        """The person accepts one message."""

    def seen(self) -> list[Any]:
        """What reached the phone."""
        found: list[Any] = self.sim.control("GET", f"/messages?person=zhang-wei&channel={self.provider}")
        return found

    def fault(self, kind: str, **more: object) -> None:
        body = {"provider": self.provider, "call": self.call, "kind": kind, "times": -1, **more}
        self.sim.control("POST", "/faults", body)


def a_message(recipient: str, template_id: str, values: dict[str, str]) -> Message:
    return Message(
        reference=REFERENCE, recipient=recipient, template_id=template_id, values=values, page="pages/case/detail?no=A1"
    )


class WeChatStand(Stand):
    provider, call, needs_permission = "wechat", "subscribe_send", True

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession, redis: Redis) -> None:
        super().__init__(sim)
        app = sim.config["wechat"]["apps"][0]
        config = MiniProgramConfig(app["app_id"], app["app_secret"], sim.url("wechat"))
        transport = Transport(session, "wechat")
        self.channel = WeChatNoticeChannel(
            MiniProgramClient(ApiWire(config, transport, AccessTokens(config, transport, redis)))
        )
        login = f"/sns/jscode2session?appid={app['app_id']}&secret={'s' * 32}&js_code=demo-zhang-wei"
        openid = sim.json("wechat", "GET", f"{login}&grant_type=authorization_code")["openid"]
        values = {
            "thing1": "居民身份证换领、补领及跨省通办等事项的办理",
            "phrase2": "已受理",
            "time3": "2026-11-21 09:00",
        }
        self.message = a_message(openid, WECHAT_TEMPLATE, values)

    def allow(self) -> None:
        body = {"person": "zhang-wei", "template_id": WECHAT_TEMPLATE, "result": "accept"}
        self.sim.control("POST", "/wechat/subscriptions", body)


class AlipayStand(Stand):
    provider, call, needs_permission = "alipay", "alipay.open.app.mini.templatemessage.send", True

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim)
        app = AlipayApp(
            app_id="2021000000000001",
            seller_id="2088101117955611",
            private_key=alipay_keys.load_private_key(sim.keys.private["alipay_app"]),
            alipay_public_keys=(alipay_keys.load_public_key(sim.keys.public["alipay"]),),
            gateway_url=f"{sim.url('alipay')}/gateway.do",
        )
        self.channel = AlipayNoticeChannel(AlipayGateway(app, Transport(session, "alipay")))
        open_id = sim.control("POST", "/alipay/auth-codes", {"person": "zhang-wei"})["open_id"]
        self.message = a_message(open_id, "a" * 32, {"keyword1": "居民身份证换领" * 9, "keyword2": "已受理"})

    def allow(self) -> None:
        body = {"person": "zhang-wei", "template_id": "a" * 32, "result": "accept"}
        self.sim.control("POST", "/alipay/subscriptions", body)


class AliyunStand(Stand):
    provider, call = "sms", "aliyun.SendSms"

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim)
        account = AliyunSmsAccount("AKIDTEST", "a" * 30, f"{sim.url('sms')}/")
        self.channel = SmsNoticeChannel(AliyunSender(AliyunSms(account, Transport(session, "sms")), "三晋通"))
        values = {"item": "居民身份证换领", "no": "A20261121ABCDEFGHJK"}
        self.message = a_message("13800000001", "SMS_100001", values)


class TencentStand(Stand):
    provider, call = "sms", "tencent.SendSms"

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim)
        account = TencentSmsAccount("SECRETIDTEST", "k" * 32, "1400000001", endpoint=f"{sim.url('sms')}/")
        self.channel = SmsNoticeChannel(TencentSender(TencentSms(account, Transport(session, "sms")), "三晋通"))
        values = {"item": "居民身份证换领", "no": "A20261121ABCDEFGHJK"}
        self.message = a_message("13800000001", "200001", values)


class FakeStand(Stand):
    def __init__(self, sim: Simulators) -> None:
        super().__init__(sim)
        self.fake = FakeNoticeChannel()
        self.channel = self.fake
        self.message = a_message("somebody", "any", {"thing1": "居民身份证换领"})

    def seen(self) -> list[Any]:
        return [{"data": message.values} for message in self.fake.sent]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture(params=["wechat", "alipay", "aliyun", "tencent"])
def vendor(request: pytest.FixtureRequest, sim: Simulators, session: aiohttp.ClientSession, redis: Redis) -> Stand:
    made = {
        "wechat": lambda: WeChatStand(sim, session, redis),
        "alipay": lambda: AlipayStand(sim, session),
        "aliyun": lambda: AliyunStand(sim, session),
        "tencent": lambda: TencentStand(sim, session),
    }
    return made[request.param]()


@pytest.fixture(params=["vendor", "fake"])
def stand(request: pytest.FixtureRequest, sim: Simulators, vendor: Stand) -> Stand:
    return vendor if request.param == "vendor" else FakeStand(sim)


async def test_message_reaches_the_phone(stand: Stand) -> None:
    await asyncio.to_thread(stand.allow)
    delivery = await stand.send()
    assert delivery.outcome is Outcome.SENT, delivery
    assert len(await asyncio.to_thread(stand.seen)) == 1


async def test_message_without_permission_is_told_apart(vendor: Stand) -> None:
    delivery = await vendor.send()
    expected = Outcome.NO_PERMISSION if vendor.needs_permission else Outcome.SENT
    assert delivery.outcome is expected
    assert delivery.provider_code


async def test_lost_answer_is_unknown_and_not_repeated_here(vendor: Stand) -> None:
    await asyncio.to_thread(vendor.allow)
    vendor.fault("drop_after")
    delivery = await vendor.send()
    assert delivery.outcome is Outcome.UNKNOWN
    assert len(await asyncio.to_thread(vendor.seen)) == 1


async def test_garbage_is_unknown(vendor: Stand) -> None:
    await asyncio.to_thread(vendor.allow)
    vendor.fault("http", status=502)
    assert (await vendor.send()).outcome is Outcome.UNKNOWN


async def test_stranger_is_refused_for_good(vendor: Stand) -> None:
    nobody = "1380000000" if isinstance(vendor, AliyunStand | TencentStand) else "oNobodyKnowsThisPerson000000"
    message = a_message(nobody, vendor.message.template_id, dict(vendor.message.values))
    assert (await vendor.send(message)).outcome is Outcome.REFUSED


async def test_value_that_cannot_fit_is_refused_without_a_call(sim: Simulators, session: Any, redis: Redis) -> None:
    stand = WeChatStand(sim, session, redis)
    message = a_message(stand.message.recipient, WECHAT_TEMPLATE, {"phrase2": "ABC"})
    with pytest.raises(UnfitValue) as fault:
        await stand.send(message)
    assert fault.value.key == "phrase2"
    assert sim.control("GET", "/requests?provider=wechat&call=subscribe_send&limit=5") == []


async def test_consent_pushed_by_wechat_is_read_and_a_changed_one_refused(sim: Simulators) -> None:
    app = sim.config["wechat"]["apps"][0]
    door = WeChatPushDoor(
        MessagePush(
            MiniProgramConfig(app["app_id"], "s" * 32, push_token=app["push_token"], push_aes_key=app["push_aes_key"])
        ),
        FieldCipher({"t": b"k" * 32}, b"h" * 32),
    )
    for result, change in (("accept", "GRANTED"), ("reject", "KEPT"), ("ban", "WITHDRAWN")):
        sim.sink.clear()
        body = {"person": "zhang-wei", "template_id": WECHAT_TEMPLATE, "result": result}
        await asyncio.to_thread(sim.control, "POST", "/wechat/subscriptions", body)
        item = (await asyncio.to_thread(sim.sink.wait_for, f"/callbacks/wechat/{app['app_id']}", 1))[0]
        event, again = door.parse(item.query, item.body), door.parse(item.query, item.body)
        assert event.changes == {WECHAT_TEMPLATE: PermissionChange(change)}
        assert (event.event_key, event.occurred_at) == (again.event_key, again.occurred_at)
    with pytest.raises(CallbackRejected):
        door.parse(item.query | {"msg_signature": "0" * 40}, item.body)
    with pytest.raises(CallbackRejected):
        door.answer_check({"signature": "0" * 40, "timestamp": "1", "nonce": "n", "echostr": "e"})


@pytest.mark.parametrize("provider", ["aliyun", "tencent"])
async def test_delivery_report_names_the_sent_message(sim: Simulators, session: Any, provider: str) -> None:
    stand = AliyunStand(sim, session) if provider == "aliyun" else TencentStand(sim, session)
    door = AliyunReceiptDoor("secret") if provider == "aliyun" else TencentReceiptDoor("secret")
    sent = await stand.send()
    path = f"/callbacks/sms/{provider}/{provider}-token"
    body = {"success": False, "err_code": "UNDELIVERED"}
    await asyncio.to_thread(sim.control, "POST", f"/sms/messages/{sent.message_no}/receipt", body)
    item = (await asyncio.to_thread(sim.sink.wait_for, path, 1))[0]
    (receipt,) = door.parse(item.body)
    assert (receipt.message_no, receipt.delivered) == (sent.message_no, False)
    assert door.admits("secret")
    assert not door.admits("guess")
    assert not type(door)("").admits("")
    with pytest.raises(CallbackRejected):
        door.parse(b"{}")


async def test_gateway_check_of_alipay_is_answered_and_messages_are_read(sim: Simulators) -> None:
    app = AlipayApp(
        app_id="2021000000000001",
        seller_id="2088101117955611",
        private_key=alipay_keys.load_private_key(sim.keys.private["alipay_app"]),
        alipay_public_keys=(alipay_keys.load_public_key(sim.keys.public["alipay"]),),
    )
    gateway = AlipayPlatformGateway(app)
    await asyncio.to_thread(sim.control, "POST", "/alipay/gateway-check", {"app_id": app.app_id})
    item = (await asyncio.to_thread(sim.sink.wait_for, f"/callbacks/alipay/{app.app_id}/gateway", 1))[0]
    answer = gateway.answer_check(item.body)
    assert answer is not None
    assert b"<success>true</success>" in answer.body
    with pytest.raises(CallbackRejected):
        gateway.parse_message(b"notify_id=1&msg_method=x&sign=AAAA&sign_type=RSA2&charset=utf-8")
