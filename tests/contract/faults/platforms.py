"""The two simulated platforms as the fault matrix drives them: a real adapter on one side, control on the other.

A platform arms faults, pays, ends refunds, catches callbacks and says what it holds. It knows nothing of the room.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.alipay import keys as alipay_keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.fiscal.client import FiscalClient
from clients.fiscal.types import FiscalAccount
from clients.fiscal.wire import FiscalWire
from clients.rsa_keys import load_public_keys
from clients.transport import Answer, Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_client import PayClient
from clients.wechat.pay_keys import KeyStore, public_key_from_pem
from clients.wechat.pay_wire import PayWire
from payments.channels.alipay import AlipayPaymentChannel
from payments.channels.fiscal import FiscalAdapter
from payments.channels.wechat import WeChatPaymentChannel
from payments.ports import PaymentChannel
from tests.contract.simulators.callback_sink import Received
from tests.contract.simulators.simulator_process import Simulators
from tests.fakes.payments_house import ALIPAY_APP, ALIPAY_SELLER, WECHAT_APP, WECHAT_MCH

PERSON = "zhang-wei"
PATIENCE_SECONDS = 0.35
LATE_SECONDS = 0.55
"""A provider that answers late does so after our patience, and is done soon enough for the test to wait for it."""
_NOWHERE = "http://127.0.0.1:1"


@cache
def _private_key(pem: str) -> RSAPrivateKey:
    """Read a key once: checking it takes longer than a whole scene."""
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


class HastyTransport(Transport):
    """Sends everything once; one call at a time may be given little patience or an address where nobody listens."""

    hasty_call = ""
    lost_call = ""

    async def send(self, call: str, method: str, url: str, **how: Any) -> Answer:
        how["repeatable"] = False
        if call == self.hasty_call:
            how["timeout_seconds"] = PATIENCE_SECONDS
        if call == self.lost_call:
            url = _NOWHERE + "/" + url.split("/", 3)[3]
        return await super().send(call, method, url, **how)


@dataclass(frozen=True, slots=True)
class Held:
    """What a platform holds of one order, in fen; `is_payable` = a phone could still pay it."""

    out_trade_no: str
    paid_fen: int
    refunded_fen: int
    is_payable: bool


class SimulatedPlatform:
    """What all platforms share: they can be made to fail."""

    provider = ""
    simulated_calls: Mapping[str, str] = {}
    client_calls: Mapping[str, str] = {}

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.transport = HastyTransport(session, self.provider)

    @contextmanager
    def fault(self, call: str, fault: str) -> Iterator[None]:
        """Make a call of the port fail in this way for as long as the block lasts."""
        wanted: dict[str, Any] = {"provider": self.provider, "call": self.simulated_calls[call], "times": -1}
        name = self.client_calls[call]
        match fault.split():
            case ["timeout"]:
                wanted |= {"kind": "delay", "delay_seconds": LATE_SECONDS}
            case ["reset"]:
                wanted |= {"kind": "drop"}
            case ["lost"]:
                wanted |= {"kind": "drop_after"}
            case ["http", status]:
                wanted |= {"kind": "http", "status": int(status)}
            case ["code", status, code]:
                wanted |= {"kind": "error", "status": int(status), "code": code}
            case ["code", code]:
                wanted |= {"kind": "error", "code": code}
            case _:
                wanted |= {"kind": fault}
        self.transport.hasty_call = name if fault in ("timeout", "hang") else ""
        self.transport.lost_call = name if fault == "refused" else ""
        if fault != "refused":
            self.sim.control("POST", "/faults", wanted)
        yield
        self.sim.control("DELETE", "/faults")
        self.transport.hasty_call = self.transport.lost_call = ""


class PaymentPlatform(SimulatedPlatform, ABC):
    """What both payment platforms share: people pay there, and it sends callbacks."""

    channel_name = callback_path = orders_path = ""
    channel: PaymentChannel
    payer: str
    seen = 0

    def caught(self) -> list[Received]:
        """Return the callbacks that came since the last time; waits for the first."""
        found = self.sim.sink.wait_for(self.callback_path, self.seen + 1)[self.seen :]
        self.seen += len(found)
        return found

    def drop_caught(self) -> None:
        """Throw away what has come."""
        self.seen = len(self.sim.sink.matching(self.callback_path))

    @abstractmethod
    def pay(self, parameters: dict[str, str], notify: str) -> None:
        """The person pays with what the phone was given."""

    def notify(self, out_trade_no: str, kind: str) -> None:
        """Have the payment's callback sent (again)."""
        self.sim.control("POST", f"{self.orders_path}/{out_trade_no}/notify", {"notify": kind})

    @abstractmethod
    def held(self) -> list[Held]:
        """Return every order that this platform has."""

    @abstractmethod
    def finish_refund(self, refund: tuple[str, str], notify: str) -> None:
        """Let a refund (our numbers of order and refund) end well; its callback is sent in this kind."""


class WeChat(PaymentPlatform):
    """WeChat Pay."""

    provider, channel_name, orders_path = "wechat_pay", "WECHAT", "/wechat_pay/orders"
    callback_path = f"/callbacks/wechat-pay/{WECHAT_MCH}"
    address = WECHAT_MCH
    simulated_calls = {
        "open": "jsapi",
        "query": "query",
        "close": "close",
        "refund": "refund",
        "query_refund": "refund_query",
    }
    client_calls = {
        "open": "prepay",
        "query": "query_order",
        "close": "close_order",
        "refund": "refund",
        "query_refund": "query_refund",
    }

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim, session)
        row = sim.config["wechat_pay"]["merchants"][0]
        key = _private_key(sim.keys.private["merchant"])
        merchant = PayMerchant(WECHAT_MCH, row["serial"], key, row["apiv3_key"], base_url=sim.url("wechat_pay"))
        public_id = sim.config["wechat_pay"]["platform_keys"][0]["id"]
        keys = KeyStore([public_key_from_pem(public_id, sim.keys.public["platform"].encode())])
        client = PayClient(PayWire(merchant, self.transport, keys))
        self.channel = WeChatPaymentChannel(client, merchant, keys, sim.sink.url + self.callback_path)
        login = f"/sns/jscode2session?appid={WECHAT_APP}&secret={'s' * 32}&js_code=demo-{PERSON}"
        self.payer = sim.json("wechat", "GET", f"{login}&grant_type=authorization_code")["openid"]

    def pay(self, parameters: dict[str, str], notify: str) -> None:
        body = {"parameters": parameters, "person": PERSON, "app_id": WECHAT_APP, "notify": notify}
        self.sim.control("POST", "/wechat_pay/pay", body)

    def held(self) -> list[Held]:
        refunds = self.sim.control("GET", "/wechat_pay/refunds")
        found = []
        for order in self.sim.control("GET", self.orders_path):
            number, state = order["out_trade_no"], order["trade_state"]
            own = [each for each in refunds if each["out_trade_no"] == number and each["status"] == "SUCCESS"]
            refunded_fen = sum(each["amount"]["refund"] for each in own)
            paid_fen = order["total_fen"] if state in ("SUCCESS", "REFUND") else 0
            found.append(Held(number, paid_fen, refunded_fen, state == "NOTPAY"))
        return found

    def finish_refund(self, refund: tuple[str, str], notify: str) -> None:
        self.sim.control("POST", f"/wechat_pay/refunds/{refund[1]}/finish", {"notify": notify})


class Alipay(PaymentPlatform):
    """Alipay."""

    provider, channel_name, orders_path = "alipay", "ALIPAY", "/alipay/trades"
    callback_path = f"/callbacks/alipay/{ALIPAY_APP}"
    address = ALIPAY_APP
    simulated_calls = client_calls = {
        "open": "alipay.trade.create",
        "query": "alipay.trade.query",
        "close": "alipay.trade.close",
        "refund": "alipay.trade.refund",
        "query_refund": "alipay.trade.fastpay.refund.query",
    }

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim, session)
        app = AlipayApp(
            app_id=ALIPAY_APP,
            seller_id=ALIPAY_SELLER,
            private_key=_private_key(sim.keys.private["alipay_app"]),
            alipay_public_keys=(alipay_keys.load_public_key(sim.keys.public["alipay"]),),
            gateway_url=f"{sim.url('alipay')}/gateway.do",
        )
        gateway = AlipayGateway(app, self.transport)
        self.channel = AlipayPaymentChannel(gateway, sim.sink.url + self.callback_path)
        self.payer = sim.control("POST", "/alipay/auth-codes", {"person": PERSON})["open_id"]

    def pay(self, parameters: dict[str, str], notify: str) -> None:
        paid = self.sim.control("POST", "/alipay/pay", {**parameters, "person": PERSON, "notify": notify})
        assert paid["result"] == "ok", paid

    def held(self) -> list[Held]:
        return [
            Held(
                trade["out_trade_no"],
                trade["amount_fen"] if trade["gmt_payment"] else 0,
                sum(each["amount_fen"] for each in trade["refunds"]),
                trade["status"] == "WAIT_BUYER_PAY",
            )
            for trade in self.sim.control("GET", self.orders_path)
        ]

    def finish_refund(self, refund: tuple[str, str], notify: str) -> None:
        """Alipay's refunds are done at once; its echo can be sent again."""
        body = {"notify": notify, "out_request_no": refund[1]}
        self.sim.control("POST", f"{self.orders_path}/{refund[0]}/notify", body)


class Fiscal(SimulatedPlatform):
    """The fiscal platform: it moves no money, but is told of all of it."""

    provider = "fiscal"
    simulated_calls = client_calls = {
        "issue": "notice/issue",
        "query": "notice/query",
        "confirm": "payment/confirm",
        "receipt": "receipt/query",
        "reverse": "receipt/reverse",
    }

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession) -> None:
        super().__init__(sim, session)
        key = _private_key(sim.keys.private["fiscal_app"])
        account = FiscalAccount(
            base_url=sim.url("fiscal"),
            app_id="SJTTEST140000",
            region="140000",
            private_key=key,
            platform_keys=load_public_keys(sim.keys.public["fiscal"].encode()),
        )
        self.channel = FiscalAdapter(FiscalClient(FiscalWire(account, self.transport)))

    def check(self, bill_no: str, *, paid_fen: int, reversed_fen: int) -> None:
        """Compare what the platform has booked of a bill."""
        rows = self.sim.control("GET", "/fiscal/statement")["SJTTEST140000"]
        own = [row for row in rows if row["biz_no"] == bill_no]
        booked = {kind: sum(row["amount_fen"] for row in own if row["kind"] == kind) for kind in ("PAY", "REV")}
        assert booked == {"PAY": paid_fen, "REV": reversed_fen}


def unsigned(provider: str, item: Received) -> tuple[dict[str, str], bytes]:
    """Take the signature off a callback."""
    if provider == "wechat_pay":
        return {name: value for name, value in item.headers.items() if "wechatpay" not in name.lower()}, item.body
    fields = [each for each in parse_qsl(item.body.decode(), keep_blank_values=True) if each[0] != "sign"]
    return item.headers, urlencode(fields).encode()
