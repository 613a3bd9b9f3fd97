"""Channels made of stored accounts and secret files, against the simulated platforms: a service provider's
sub-merchant, a merchant who authorised our Alipay app, and an account whose platform certificates change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app import db
from app.errors import CallbackRejected, ProviderRejected
from app.ids import new_id
from clients.alipay import keys as alipay_keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.transport import Transport
from clients.wechat.config import PayMerchant
from clients.wechat.pay_keys import KeyStore
from payments.channels.making import ChannelMaker, WeChatParts
from payments.channels.secret_files import SecretFiles
from payments.merchants import repository
from payments.merchants.certificates import Certificates
from payments.merchants.ports import MadeChannel
from payments.merchants.records import Merchant, PlatformKey, StoredKey
from payments.merchants.registry import Registry
from payments.neutral import ChannelOrder, OrderHint, PaymentNotified, RefundNotified, RefundOrder, Standing
from payments.ports import ChannelTable
from payments.states import RefundMove
from payments.types import Account

from .simulator_config import Keys
from .simulator_process import Simulators

pytestmark = pytest.mark.anyio
SP_APP, PROGRAM, SP_MCH, SUB_MCH = "wxfedcba9876543210", "wx0123456789abcdef", "1900000100", "1900000109"
ALIPAY_APP, AUTHORISER, AUTHORISED_SELLER = "2021000000000001", "2021000000000109", "2088101117955699"
PAY_PATH, ALIPAY_PATH = f"/callbacks/wechat-pay/{SP_MCH}", f"/callbacks/alipay/{ALIPAY_APP}"
PARTNER = Account(
    code="partner",
    channel="WECHAT",
    mode="PARTNER",
    app_id=SP_APP,
    mch_id=SP_MCH,
    sub_mch_id=SUB_MCH,
    sub_app_id=PROGRAM,
)
AUTHORISED = Account(
    code="authorised",
    channel="ALIPAY",
    mode="PARTNER",
    app_id=ALIPAY_APP,
    mch_id=AUTHORISED_SELLER,
    sub_mch_id=AUTHORISER,
)


@dataclass
class Workshop:
    """Makes channels for one simulated world; secrets lie in a folder of the test."""

    sim: Simulators
    session: aiohttp.ClientSession
    secrets: Path

    def write(self, reference: str, **files: str) -> None:
        """Write secret files; `private_key_pem` is private_key.pem."""
        (self.secrets / reference).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.secrets / reference / name.replace("_pem", ".pem")).write_text(text)

    def maker(self) -> ChannelMaker:
        row = self.sim.config["wechat_pay"]["merchants"][0]
        own = PayMerchant(
            row["mch_id"],
            row["serial"],
            alipay_keys.load_private_key(self.sim.keys.private["merchant"]),
            row["apiv3_key"],
            base_url=self.sim.url("wechat_pay"),
        )
        app = AlipayApp(
            app_id=ALIPAY_APP,
            seller_id="2088101117955611",
            private_key=alipay_keys.load_private_key(self.sim.keys.private["alipay_app"]),
            alipay_public_keys=(alipay_keys.load_public_key(self.sim.keys.public["alipay"]),),
            gateway_url=f"{self.sim.url('alipay')}/gateway.do",
        )
        return ChannelMaker(
            SecretFiles(self.secrets),
            f"{self.sim.sink.url}/callbacks",
            WeChatParts(own, KeyStore([]), Transport(self.session, "wechat_pay")),
            AlipayGateway(app, Transport(self.session, "alipay")),
        )

    def platform_key(self) -> PlatformKey:
        return PlatformKey(self.sim.config["wechat_pay"]["platform_keys"][0]["id"], self.sim.keys.public["platform"])

    def partner(self, *keys: PlatformKey, **changed: Any) -> Merchant:
        """Return the service provider's sub-merchant, with its secrets in place."""
        row = self.sim.config["wechat_pay"]["merchants"][1]
        self.write("sp", private_key_pem=self.sim.keys.private["partner"], apiv3_key=row["apiv3_key"] + "\n")
        return replace(stored(PARTNER, "sp", *keys), serial_no=row["serial"], **changed)

    def authorised(self) -> Merchant:
        """Return the merchant who authorised our app, with its token in place."""
        self.write("isv", app_auth_token="202611BBauthorised")
        return stored(AUTHORISED, "isv")

    async def received(self, path: str, count: int = 1) -> tuple[dict[str, str], bytes]:
        """Wait for the latest callback."""
        found = await asyncio.to_thread(self.sim.sink.wait_for, path, count)
        return found[-1].headers, found[-1].body

    async def control(self, path: str, body: Any) -> Any:
        return await asyncio.to_thread(self.sim.control, "POST", path, body)


def stored(account: Account, reference: str, *keys: PlatformKey) -> Merchant:
    return Merchant(
        id=new_id(),
        account=account,
        key_reference=reference,
        serial_no="",
        fetches_certificates=False,
        enabled=True,
        keys=tuple(StoredKey(key=key, active=True) for key in keys),
    )


async def nobody(*_: object, **__: object) -> None:
    """Nobody remembers."""


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture
def workshop(sim: Simulators, session: aiohttp.ClientSession, tmp_path: Path) -> Workshop:
    return Workshop(sim, session, tmp_path)


def an_order(made: MadeChannel, account: Account, app_id: str, payer: str, number: str) -> ChannelOrder:
    draft = ChannelOrder(
        out_trade_no=number,
        description="机动车驾驶证工本费",
        amount_fen=1000,
        app_id=app_id,
        mch_id=account.mch_id,
        sub_mch_id=account.sub_mch_id,
        payer_subject=payer,
        expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30),
    )
    return draft.with_request(made.channel.prepare(draft))


def wechat_order(workshop: Workshop, made: MadeChannel, number: str) -> ChannelOrder:
    login = f"/sns/jscode2session?appid={PROGRAM}&secret={'s' * 32}&js_code=demo-zhang-wei"
    payer = str(workshop.sim.json("wechat", "GET", f"{login}&grant_type=authorization_code")["openid"])
    return an_order(made, PARTNER, PROGRAM, payer, number)


async def pay_by_wechat(workshop: Workshop, made: MadeChannel, order: ChannelOrder, **more: Any) -> None:
    prepay_id = (await made.channel.open(order)).prepay_reference
    body = {"parameters": made.channel.phone_parameters(order, prepay_id), "person": "zhang-wei", "app_id": PROGRAM}
    await workshop.control("/wechat_pay/pay", body | more)


async def test_sub_merchant_is_named_in_every_call_and_notification(workshop: Workshop) -> None:
    merchant = workshop.partner(workshop.platform_key())
    made = workshop.maker().make(merchant, merchant.active_keys)
    order = wechat_order(workshop, made, "P20261121PARTNER00000001")
    body = json.loads(order.request_body)
    named = [body[name] for name in ("sp_mchid", "sub_mchid", "sp_appid", "sub_appid")]
    assert named == [SP_MCH, SUB_MCH, SP_APP, PROGRAM]
    assert list(body["payer"]) == ["sub_openid"]
    assert (await made.channel.query(order)).standing is Standing.NOT_PLACED
    await pay_by_wechat(workshop, made, order)
    told = made.channel.parse_callback(*await workshop.received(PAY_PATH))
    assert isinstance(told, PaymentNotified)
    assert (told.app_id, told.mch_id, told.sub_mch_id) == (PROGRAM, SP_MCH, SUB_MCH)
    asked = await made.channel.query(order)
    assert (asked.standing, asked.paid) == (Standing.PAID, told)
    assert await made.channel.close(order) is Standing.PAID
    refund = RefundOrder(out_refund_no="R20261121PARTNER00000001", amount_fen=300, reason="多缴", order=order)
    assert (await made.channel.refund(refund)).move == RefundMove.ACCEPT
    await workshop.control(f"/wechat_pay/refunds/{refund.out_refund_no}/finish", {"result": "SUCCESS"})
    back = made.channel.parse_callback(*await workshop.received(PAY_PATH, 2))
    assert isinstance(back, RefundNotified)
    assert (back.move, back.mch_id, back.sub_mch_id, back.amount_fen) == (RefundMove.SUCCEED, SP_MCH, SUB_MCH, 300)
    known = await made.channel.query_refund(refund)
    assert known is not None
    assert known.move == RefundMove.SUCCEED


async def test_unpaid_order_of_a_sub_merchant_is_closed(workshop: Workshop) -> None:
    merchant = workshop.partner(workshop.platform_key())
    made = workshop.maker().make(merchant, merchant.active_keys)
    order = wechat_order(workshop, made, "P20261121PARTNER00000002")
    await made.channel.open(order)
    assert await made.channel.close(order) is Standing.CLOSED
    assert (await made.channel.query(order)).standing is Standing.CLOSED


async def test_bill_of_a_sub_merchant_holds_its_own_rows(workshop: Workshop) -> None:
    merchant = workshop.partner(workshop.platform_key())
    made = workshop.maker().make(merchant, merchant.active_keys)
    day = datetime.now(UTC).date()
    foreign = {"out_trade_no": "FOREIGN00001", "total_fen": 1, "mch_id": SP_MCH, "sub_mch_id": "1900000999"}
    own = foreign | {"out_trade_no": "OWN000000001", "sub_mch_id": SUB_MCH}
    await workshop.control("/wechat_pay/bills", {"date": day.isoformat(), "add": [foreign, own]})
    bill = workshop.secrets / "bill.csv"
    assert await made.channel.bills.fetch_trades(day, bill)
    text = bill.read_text()
    assert "OWN000000001" in text
    assert "FOREIGN00001" not in text


async def pay_by_alipay(workshop: Workshop, made: MadeChannel, number: str) -> ChannelOrder:
    person = {"person": "zhang-wei"}
    payer = (await workshop.control("/alipay/auth-codes", person))["open_id"]
    order = an_order(made, AUTHORISED, ALIPAY_APP, payer, number)
    trade_no = (await made.channel.open(order)).prepay_reference
    await workshop.control("/alipay/pay", made.channel.phone_parameters(order, trade_no) | person)
    return order


async def test_authorised_merchant_collects_by_our_app(workshop: Workshop) -> None:
    made = workshop.maker().make(workshop.authorised(), [])
    order = await pay_by_alipay(workshop, made, "P20261121AUTHORISED00001")
    told = made.channel.parse_callback(*await workshop.received(ALIPAY_PATH))
    assert isinstance(told, PaymentNotified)
    assert (told.app_id, told.mch_id, told.sub_mch_id) == (ALIPAY_APP, AUTHORISED_SELLER, AUTHORISER)
    asked = await made.channel.query(order)
    assert asked.paid is not None
    assert (asked.paid.mch_id, asked.paid.sub_mch_id) == (AUTHORISED_SELLER, AUTHORISER)
    refund = RefundOrder(out_refund_no="R20261121AUTHORISED00001", amount_fen=300, reason="多缴", order=order)
    assert (await made.channel.refund(refund)).move == RefundMove.SUCCEED
    assert isinstance(made.channel.parse_callback(*await workshop.received(ALIPAY_PATH, 2)), OrderHint)
    known = await made.channel.query_refund(refund)
    assert known is not None
    assert known.move == RefundMove.SUCCEED


async def test_trade_of_an_authorised_merchant_is_not_our_own(workshop: Workshop) -> None:
    maker = workshop.maker()
    made = maker.make(workshop.authorised(), [])
    order = await pay_by_alipay(workshop, made, "P20261121AUTHORISED00002")
    ours = maker.make(stored(replace(AUTHORISED, mode="DIRECT", sub_mch_id=""), "settings"), [])
    assert (await ours.channel.query(order)).standing is Standing.NOT_PLACED


async def test_withdrawn_authorisation_is_a_plain_no(workshop: Workshop) -> None:
    merchant = workshop.authorised()
    workshop.write("isv", app_auth_token="202611BBwithdrawn")
    made = workshop.maker().make(merchant, [])
    order = an_order(made, AUTHORISED, ALIPAY_APP, "2088102122458832", "P20261121AUTHORISED00003")
    with pytest.raises(ProviderRejected):
        await made.channel.open(order)


@pytest.fixture
def certified_simulators(own_simulators: Simulators, simulator_keys: Keys) -> Simulators:
    """A platform that has only certificates: the present one and its successor, which it does not show yet."""
    sim, listed = own_simulators, []
    for role in ("platform_certificate", "platform_successor"):
        if role not in simulator_keys.certificate:
            simulator_keys.make(role, certified=True)
        (sim.folder / f"{role}.key.pem").write_text(simulator_keys.private[role])
        (sim.folder / f"{role}.pem").write_text(simulator_keys.certificate[role])
        serial = simulator_keys.serial[role]
        listed.append({"id": serial, "private_key_file": f"{role}.key.pem", "certificate_file": f"{role}.pem"})
    sim.config["wechat_pay"]["platform_keys"] = listed
    (sim.folder / "simulators.json").write_text(json.dumps(sim.config, ensure_ascii=False), "utf-8")
    sim.start()
    sim.control("POST", "/wechat_pay/certificates", {"serials": [listed[0]["id"]]})
    return sim


Certified = tuple[Workshop, Certificates, Callable[[], MadeChannel]]


@pytest.fixture
async def certified(
    certified_simulators: Simulators, session: aiohttp.ClientSession, tmp_path: Path, database: str
) -> Certified:
    """An account in certificate mode that holds none yet, and its channel of the moment."""
    workshop = Workshop(certified_simulators, session, tmp_path / "secrets")
    registry = Registry(ChannelTable({}, {}), workshop.maker())
    await repository.record_merchants([(workshop.partner(fetches_certificates=True), {})], nobody)
    return workshop, Certificates(registry), lambda: registry.present.made["partner"]


async def test_certificates_change_while_orders_go_on(certified: Certified) -> None:
    workshop, certificates, made = certified
    first, second = (row["id"] for row in workshop.sim.config["wechat_pay"]["platform_keys"])
    await certificates.fetch("partner")
    assert [key.key_id for key in (await repository.list_merchants())[0].active_keys] == [first]
    order = wechat_order(workshop, made(), "P20261121CERTIFIED000001")
    await pay_by_wechat(workshop, made(), order, key_id=first)
    assert isinstance(made().channel.parse_callback(*await workshop.received(PAY_PATH)), PaymentNotified)

    await workshop.control("/wechat_pay/certificates", {"serials": [first, second]})
    again = {"notify": "normal", "key_id": second}
    await workshop.control(f"/wechat_pay/orders/{order.out_trade_no}/notify", again)
    by_successor = await workshop.received(PAY_PATH, 2)
    with pytest.raises(CallbackRejected) as refused:
        made().channel.parse_callback(*by_successor)
    assert refused.value.details["reason"] == "unknown_serial"
    await certificates.ask(("WECHAT", SP_MCH))
    jobs = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'payments.fetch_account_certificates'")
    assert [json.loads(row["payload"]) for row in jobs] == [{"code": "partner"}]
    await certificates.fetch("partner")
    assert isinstance(made().channel.parse_callback(*by_successor), PaymentNotified)
    held = (await repository.list_merchants())[0].active_keys
    assert [key.key_id for key in held] == [first, second]
    assert all(key.expires_at is not None and "BEGIN CERTIFICATE" in key.pem for key in held)
    assert (await made().channel.query(order)).standing is Standing.PAID


async def test_probe_by_an_unknown_certificate_fetches_nothing(certified: Certified) -> None:
    workshop, certificates, made = certified
    second = workshop.sim.config["wechat_pay"]["platform_keys"][1]["id"]
    await certificates.fetch("partner")
    order = wechat_order(workshop, made(), "P20261121CERTIFIED000002")
    await pay_by_wechat(workshop, made(), order, key_id=second, notify="signtest")
    received = await asyncio.to_thread(workshop.sim.sink.wait_for, PAY_PATH, 2)
    probe = next(item for item in received if "SIGNTEST" in item.headers["Wechatpay-Signature"])
    with pytest.raises(CallbackRejected) as refused:
        made().channel.parse_callback(probe.headers, probe.body)
    assert refused.value.details["reason"] == "signature", "not the word that makes a job fetch"


async def test_account_that_has_no_certificates_keeps_its_public_key(workshop: Workshop, database: str) -> None:
    merchant = workshop.partner(workshop.platform_key(), fetches_certificates=True)
    await workshop.control("/wechat_pay/certificates", {"serials": []})
    await repository.record_merchants([(merchant, {})], nobody)
    await Certificates(Registry(ChannelTable({}, {}), workshop.maker())).fetch("partner")
    held = (await repository.list_merchants())[0].active_keys
    assert [key.key_id for key in held] == [workshop.platform_key().key_id]
