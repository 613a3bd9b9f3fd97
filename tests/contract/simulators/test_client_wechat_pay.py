"""Our WeChat Pay client against the simulated platform, whose crypto was written apart from ours."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.clock import beijing_date
from app.errors import CallbackRejected, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.transport import Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_bill_files import PayBillFiles
from clients.wechat.pay_bills import read_fund_flow_bill, read_trade_bill
from clients.wechat.pay_client import PayClient
from clients.wechat.pay_keys import KeyStore, public_key_from_pem
from clients.wechat.pay_notification import PayNotification, parse_notification
from clients.wechat.pay_types import PrepayOrder, Refund, RefundOrder, Transaction
from clients.wechat.pay_wire import PayWire

from .simulator_process import Simulators

pytestmark = pytest.mark.anyio
APP, SUB_APP = "wx0123456789abcdef", "wx00112233445566aa"


class Shop:
    """One merchant of ours at the simulated WeChat Pay."""

    def __init__(self, sim: Simulators, session: aiohttp.ClientSession, mch_id: str, role: str) -> None:
        row = next(row for row in sim.config["wechat_pay"]["merchants"] if row["mch_id"] == mch_id)
        key = load_pem_private_key(sim.keys.private[role].encode(), None)
        assert isinstance(key, RSAPrivateKey)
        own = PayMerchant(mch_id, row["serial"], key, row["apiv3_key"], base_url=sim.url("wechat_pay"))
        collecting = replace(own, sp_app_id="wxfedcba9876543210", sub_mch_id="1900000109")
        self.merchant = collecting if role == "partner" else own
        public_id = sim.config["wechat_pay"]["platform_keys"][0]["id"]
        self.keys = KeyStore([public_key_from_pem(public_id, sim.keys.public["platform"].encode())])
        self.wire = PayWire(self.merchant, Transport(session, "wechat_pay"), self.keys)
        self.client, self.bills, self.sim = PayClient(self.wire), PayBillFiles(self.wire), sim
        self.app_id, secret = (APP, "s" * 32) if role == "merchant" else (SUB_APP, "t" * 32)
        login = f"/sns/jscode2session?appid={self.app_id}&secret={secret}&js_code=demo-zhang-wei"
        self.openid = sim.json("wechat", "GET", f"{login}&grant_type=authorization_code")["openid"]
        self.path = f"/callbacks/wechat-pay/{mch_id}"

    def order(self, number: str = "SJT0001") -> PrepayOrder:
        return PrepayOrder(
            app_id=self.app_id,
            payer_openid=self.openid,
            out_trade_no=number,
            description="居民身份证补领工本费",
            amount_fen=4000,
            notify_url=self.sim.sink.url + self.path,
            expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30),
            attach="业务=身份证补领",
        )

    async def pay(self, number: str = "SJT0001", notify: str = "none") -> None:
        prepay_id = await self.client.prepay(self.order(number))
        parameters = self.client.pay_parameters(self.app_id, prepay_id)
        body = {"parameters": parameters, "person": "zhang-wei", "app_id": self.app_id, "notify": notify}
        paid = await asyncio.to_thread(self.sim.control, "POST", "/wechat_pay/pay", body)
        assert paid["result"] == "ok"

    async def received(self, count: int = 1) -> PayNotification:
        """Wait for this many notifications; return the last one parsed."""
        item = (await asyncio.to_thread(self.sim.sink.wait_for, self.path, count))[count - 1]
        return parse_notification(item.headers, item.body, self.merchant, self.keys, datetime.now(UTC))

    def fault(self, call: str, kind: str, **more: object) -> None:
        self.sim.control("POST", "/faults", {"provider": "wechat_pay", "call": call, "kind": kind, **more})


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture
def shop(sim: Simulators, session: aiohttp.ClientSession) -> Shop:
    return Shop(sim, session, "1900000001", "merchant")


@pytest.fixture(params=["merchant", "partner"])
def any_shop(request: pytest.FixtureRequest, sim: Simulators, session: aiohttp.ClientSession) -> Shop:
    return Shop(sim, session, "1900000001" if request.param == "merchant" else "1900000100", request.param)


async def test_order_is_paid_notified_and_known_as_paid(any_shop: Shop) -> None:
    await any_shop.pay(notify="normal")
    notification = await any_shop.received()
    told, asked = notification.content, await any_shop.client.query_order("SJT0001")
    assert isinstance(told, Transaction)
    assert notification.event_type == "TRANSACTION.SUCCESS"
    for seen in (told, asked):
        assert (seen.out_trade_no, seen.trade_state, seen.account_mch_id) == (
            "SJT0001",
            "SUCCESS",
            any_shop.merchant.mch_id,
        )
        assert (seen.caller_app_id, seen.payer_openid) == (any_shop.app_id, any_shop.openid)
        assert seen.amount is not None
        assert (seen.amount.total, seen.amount.currency) == (4000, "CNY")
        assert seen.success_at is not None
        assert abs(seen.success_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert told.transaction_id == asked.transaction_id != ""
    with pytest.raises(ProviderRejected) as refusal:
        await any_shop.client.close_order("SJT0001")
    assert refusal.value.provider_code == "ORDER_PAID"


async def test_repeated_order_is_accepted_only_unchanged(any_shop: Shop) -> None:
    order = any_shop.order()
    assert await any_shop.client.prepay(order)
    assert await any_shop.client.prepay(order)
    with pytest.raises(ProviderRejected) as refusal:
        await any_shop.client.prepay(replace(order, amount_fen=4001))
    assert refusal.value.details["cause"] == "268498688"


async def test_closed_order_stays_closed(any_shop: Shop) -> None:
    order = any_shop.order()
    await any_shop.client.prepay(order)
    await any_shop.client.close_order("SJT0001")
    await any_shop.client.close_order("SJT0001")
    seen = await any_shop.client.query_order("SJT0001")
    assert (seen.trade_state, seen.success_at, seen.amount and seen.amount.payer_total) == ("CLOSED", None, None)
    with pytest.raises(ProviderRejected) as refusal:
        await any_shop.client.prepay(order)
    assert refusal.value.provider_code == "ORDER_CLOSED"


async def test_unknown_numbers_have_their_own_codes(shop: Shop) -> None:
    for ask, code in (
        (shop.client.query_order, "ORDER_NOT_EXIST"),
        (shop.client.query_refund, "RESOURCE_NOT_EXISTS"),
    ):
        with pytest.raises(ProviderRejected) as refusal:
            await ask("SJT9999")
        assert refusal.value.provider_code == code


@pytest.mark.parametrize("result", ["SUCCESS", "ABNORMAL", "CLOSED"])
async def test_refund_ends_by_notification_and_query(result: str, any_shop: Shop) -> None:
    await any_shop.pay()
    url = any_shop.sim.sink.url + any_shop.path
    order = RefundOrder("SJT0001", "SJTR0001", 1500, 4000, "申请被退回", url)
    first, again = await any_shop.client.refund(order), await any_shop.client.refund(order)
    assert (first.state, first.refund_id) == ("PROCESSING", again.refund_id)
    finish = "/wechat_pay/refunds/SJTR0001/finish"
    await asyncio.to_thread(any_shop.sim.control, "POST", finish, {"result": result})
    told, asked = (await any_shop.received()).content, await any_shop.client.query_refund("SJTR0001")
    assert isinstance(told, Refund)
    for seen in (told, asked):
        assert (seen.state, seen.out_refund_no, seen.amount.refund, seen.amount.total) == (
            result,
            "SJTR0001",
            1500,
            4000,
        )
        assert (seen.success_at is not None) is (result == "SUCCESS")
    assert told.account_mch_id == any_shop.merchant.mch_id


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("unsigned", "headers"),
        ("wrong_signature", "signature"),
        ("stale", "stale"),
        ("rotated_key", "unknown_serial"),
    ],
)
async def test_answer_not_proved_is_never_believed(kind: str, reason: str, shop: Shop) -> None:
    order = shop.order()
    shop.fault("jsapi", kind)
    with pytest.raises(ProviderProtocolError) as refusal:
        await shop.client.prepay(order)
    assert refusal.value.details["reason"] == reason
    assert await shop.client.prepay(order)


@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "drop"}, {"kind": "http", "status": 502}])
async def test_lost_order_answer_is_repeated_into_the_same_order(fault: dict[str, object], shop: Shop) -> None:
    shop.fault("jsapi", **fault)  # type: ignore[arg-type]  # kind is always a text here
    assert await shop.client.prepay(shop.order())
    orders = shop.sim.control("GET", "/wechat_pay/orders")
    assert [row["out_trade_no"] for row in orders] == ["SJT0001"]


async def test_provider_that_stays_away_leaves_the_outcome_unknown(shop: Shop) -> None:
    shop.fault("refund", "error", code="SYSTEM_ERROR", times=-1)
    with pytest.raises(ProviderUnavailable) as lost:
        await shop.client.refund(RefundOrder("SJT0001", "SJTR0001", 1, 4000, "申请被退回", shop.sim.sink.url))
    assert lost.value.details["provider_code"] == "SYSTEM_ERROR"
    assert lost.value.details["nothing_sent"] is False


@pytest.mark.parametrize(
    ("notify", "reason"),
    [
        ("wrong_signature", "signature"),
        ("stale", "stale"),
        ("unknown_serial", "unknown_serial"),
        ("unsigned", "headers"),
    ],
)
async def test_notification_not_proved_is_rejected(notify: str, reason: str, shop: Shop) -> None:
    await shop.pay(notify=notify)
    with pytest.raises(CallbackRejected) as refusal:
        await shop.received()
    assert refusal.value.details["reason"] == reason


async def test_probe_is_rejected_and_the_real_message_follows(shop: Shop) -> None:
    await shop.pay(notify="signtest")
    with pytest.raises(CallbackRejected):
        await shop.received(1)
    told = (await shop.received(2)).content
    assert isinstance(told, Transaction)
    assert told.out_trade_no == "SJT0001"


@pytest.mark.parametrize("notify", ["wrong_amount", "wrong_merchant", "wrong_app", "other_currency"])
async def test_lying_notification_is_genuine_and_shows_its_lie(notify: str, shop: Shop) -> None:
    await shop.pay(notify=notify)
    told = (await shop.received()).content
    assert isinstance(told, Transaction)
    assert told.amount is not None
    lies = {
        "wrong_amount": told.amount.total != 4000,
        "wrong_merchant": told.account_mch_id != shop.merchant.mch_id,
        "wrong_app": told.caller_app_id != APP,
        "other_currency": told.amount.currency != "CNY",
    }
    assert [name for name, told_so in lies.items() if told_so] == [notify]


async def test_downloaded_certificate_verifies_what_it_signs(shop: Shop) -> None:
    (found,) = await shop.client.fetch_certificates()
    assert found.key_id == shop.sim.keys.serial["platform_certificate"]
    body = {"notify": "normal", "key_id": found.key_id}
    await shop.pay()
    await asyncio.to_thread(shop.sim.control, "POST", "/wechat_pay/orders/SJT0001/notify", body)
    with pytest.raises(CallbackRejected) as refusal:
        await shop.received()
    assert refusal.value.details["reason"] == "unknown_serial"
    shop.keys.add([found])
    assert isinstance((await shop.received()).content, Transaction)


async def test_bill_of_a_day_agrees_with_what_happened(shop: Shop) -> None:
    await shop.pay("SJT0001")
    await shop.pay("SJT0002")
    await shop.client.refund(RefundOrder("SJT0002", "SJTR0001", 1500, 4000, "申请被退回", shop.sim.sink.url))
    today = beijing_date()
    shop.sim.control("POST", "/wechat_pay/bills", {"date": today.isoformat()})
    trades, flows = io.BytesIO(), io.BytesIO()
    for link, target in (
        (await shop.bills.trade_bill(today), trades),
        (await shop.bills.fund_flow_bill(today), flows),
    ):
        assert link is not None
        await shop.bills.download(link, target)
        target.seek(0)
    rows = list(read_trade_bill(trades))
    paid = {row.out_trade_no: row.order_fen for row in rows if not row.refund_id}
    refunded = {row.out_refund_no: row.refund_fen for row in rows if row.refund_id}
    assert (paid, refunded) == ({"SJT0001": 4000, "SJT0002": 4000}, {"SJTR0001": 1500})
    assert sum(row.amount_fen for row in read_fund_flow_bill(flows) if "费" not in row.business_type) > 0
    assert await shop.bills.trade_bill(today - timedelta(days=5)) is None
