"""Where a payment channel stands in the contract: the fake, or an adapter over its simulated platform."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Protocol

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.alipay import keys as alipay_keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.transport import Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_client import PayClient
from clients.wechat.pay_keys import KeyStore, public_key_from_pem
from clients.wechat.pay_wire import PayWire
from payments.channels.alipay import AlipayPaymentChannel
from payments.channels.wechat import WeChatPaymentChannel
from payments.neutral import (
    ChannelOrder,
)
from payments.ports import PaymentChannel
from tests.fakes.payment_provider import FakePaymentChannel

from .simulator_process import Simulators

Raw = tuple[Mapping[str, str], bytes]


class Stand(Protocol):
    """A channel with its other side: somebody who pays, and a way to lose answers."""

    channel: PaymentChannel
    app_id: str
    mch_id: str
    payer: str

    async def pay(self, order: ChannelOrder, reference: str) -> Raw: ...

    def lose_answers(self, call: str) -> None: ...

    def heal(self) -> None: ...


class FakeStand:
    """The fake channel is its own other side."""

    app_id, mch_id, payer = "wx0123456789abcdef", "1900000001", "oFakePayer000000000000000000"

    def __init__(self) -> None:
        self.fake = FakePaymentChannel("fake", self.mch_id)
        self.channel: PaymentChannel = self.fake

    async def pay(self, order: ChannelOrder, reference: str) -> Raw:
        return {"signature": "genuine"}, json.dumps(self.fake.pay(order.out_trade_no)).encode()

    def lose_answers(self, call: str) -> None:
        self.fake.fail(call, "after", times=9)

    def heal(self) -> None:
        self.fake.faults.clear()


class SimulatedStand:
    """What both simulated platforms share."""

    provider, callback_path = "", ""
    calls: Mapping[str, str] = {}

    def __init__(self, sim: Simulators) -> None:
        self.sim = sim

    async def received(self, count: int = 1) -> Raw:
        """Wait for the latest callback."""
        found = await asyncio.to_thread(self.sim.sink.wait_for, self.callback_path, count)
        return found[-1].headers, found[-1].body

    def fault(self, call: str, kind: str, **more: object) -> None:
        body = {"provider": self.provider, "call": self.calls[call], "kind": kind, "times": -1, **more}
        self.sim.control("POST", "/faults", body)

    def lose_answers(self, call: str) -> None:
        self.fault(call, "drop_after")

    def heal(self) -> None:
        self.sim.control("DELETE", "/faults")


class WeChatStand(SimulatedStand):
    """The WeChat Pay adapter."""

    provider, app_id, mch_id = "wechat_pay", "wx0123456789abcdef", "1900000001"
    callback_path = f"/callbacks/wechat-pay/{mch_id}"
    calls = {"open": "jsapi", "query": "query", "close": "close", "refund": "refund"}

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim)
        row = sim.config["wechat_pay"]["merchants"][0]
        key = load_pem_private_key(sim.keys.private["merchant"].encode(), None)
        assert isinstance(key, RSAPrivateKey)
        merchant = PayMerchant(self.mch_id, row["serial"], key, row["apiv3_key"], base_url=sim.url("wechat_pay"))
        public_id = sim.config["wechat_pay"]["platform_keys"][0]["id"]
        keys = KeyStore([public_key_from_pem(public_id, sim.keys.public["platform"].encode())])
        client = PayClient(PayWire(merchant, Transport(session, self.provider), keys))
        self.channel = WeChatPaymentChannel(client, merchant, keys, sim.sink.url + self.callback_path)
        login = f"/sns/jscode2session?appid={self.app_id}&secret={'s' * 32}&js_code=demo-zhang-wei"
        self.payer = sim.json("wechat", "GET", f"{login}&grant_type=authorization_code")["openid"]

    async def pay(self, order: ChannelOrder, reference: str) -> Raw:
        parameters = self.channel.phone_parameters(order, reference)
        assert parameters.keys() == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
        body = {"parameters": parameters, "person": "zhang-wei", "app_id": self.app_id}
        await asyncio.to_thread(self.sim.control, "POST", "/wechat_pay/pay", body)
        return await self.received()


class AlipayStand(SimulatedStand):
    """The Alipay adapter."""

    provider, app_id, mch_id = "alipay", "2021000000000001", "2088101117955611"
    callback_path = f"/callbacks/alipay/{app_id}"
    calls = {
        "open": "alipay.trade.create",
        "query": "alipay.trade.query",
        "close": "alipay.trade.close",
        "refund": "alipay.trade.refund",
    }

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim)
        app = AlipayApp(
            app_id=self.app_id,
            seller_id=self.mch_id,
            private_key=alipay_keys.load_private_key(sim.keys.private["alipay_app"]),
            alipay_public_keys=(alipay_keys.load_public_key(sim.keys.public["alipay"]),),
            gateway_url=f"{sim.url('alipay')}/gateway.do",
        )
        self.app = app
        gateway = AlipayGateway(app, Transport(session, self.provider))
        self.channel = AlipayPaymentChannel(gateway, sim.sink.url + self.callback_path)
        self.payer = sim.control("POST", "/alipay/auth-codes", {"person": "zhang-wei"})["open_id"]

    async def pay(self, order: ChannelOrder, reference: str) -> Raw:
        body = self.channel.phone_parameters(order, reference) | {"person": "zhang-wei"}
        await asyncio.to_thread(self.sim.control, "POST", "/alipay/pay", body)
        return await self.received()
