"""Our Alipay client against the Alipay simulator: two sides that share no code agree on every journey and fault."""

import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from app import clock
from app.errors import (
    CallbackRejected,
    InvalidRequest,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
from clients.alipay import keys, messages, trade, user
from clients.alipay.bill_rows import read_bill
from clients.alipay.bills import download_trade_bill
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.alipay.gateway_check import answer_gateway_check, is_gateway_check
from clients.alipay.notification import TradeEffect, read_gateway_message, read_trade_notification
from clients.transport import Transport
from payments.channels.alipay_gateway import AlipayPlatformGateway

pytestmark = pytest.mark.anyio
APP_ID = "2021000000000001"
NOTIFY_PATH = f"/callbacks/alipay/{APP_ID}"


@pytest.fixture
def app(sim: Any) -> AlipayApp:
    return AlipayApp(
        app_id=APP_ID,
        seller_id="2088101117955611",
        private_key=keys.load_private_key(sim.keys.private["alipay_app"]),
        alipay_public_keys=(keys.load_public_key(sim.keys.public["alipay"]),),
        aes_key=bytes(range(16)),
        gateway_url=f"{sim.url('alipay')}/gateway.do",
    )


@pytest.fixture
async def gateway(app: AlipayApp) -> AsyncIterator[AlipayGateway]:
    async with aiohttp.ClientSession() as session:
        yield AlipayGateway(app, Transport(session, "alipay"))


async def log_in(gateway: AlipayGateway, sim: Any, person: str = "zhang-wei") -> str:
    code = sim.control("POST", "/alipay/auth-codes", {"person": person})["auth_code"]
    return (await user.exchange_code(gateway, code)).open_id


async def order(gateway: AlipayGateway, sim: Any, out_trade_no: str, amount_fen: int = 6850) -> str:
    return await trade.create_trade(
        gateway,
        out_trade_no=out_trade_no,
        total_amount_fen=amount_fen,
        subject="不动产证 工本费",
        buyer=trade.Buyer(open_id=await log_in(gateway, sim)),
        expires_at=datetime.now(UTC) + timedelta(minutes=30),
        notify_url=f"{sim.sink.url}{NOTIFY_PATH}",
    )


def pay(sim: Any, trade_no: str, notify: str = "normal") -> Any:
    return sim.control("POST", "/alipay/pay", {"tradeNO": trade_no, "person": "zhang-wei", "notify": notify})


def fault(sim: Any, call: str, kind: str, **more: Any) -> None:
    sim.control("POST", "/faults", {"provider": "alipay", "call": call, "kind": kind} | more)


async def test_login_gives_the_same_person_once_per_code(gateway: AlipayGateway, sim: Any) -> None:
    made = sim.control("POST", "/alipay/auth-codes", {"person": "li-na"})
    assert (await user.exchange_code(gateway, made["auth_code"])).open_id == made["open_id"]
    with pytest.raises(ProviderRejected) as refused:
        await user.exchange_code(gateway, made["auth_code"])
    assert refused.value.provider_code == "isv.code-invalid"
    assert await log_in(gateway, sim, "li-na") == made["open_id"]


async def test_paid_trade_is_notified_and_queried_alike(gateway: AlipayGateway, app: AlipayApp, sim: Any) -> None:
    trade_no = await order(gateway, sim, "SJT1")
    assert (await trade.query_trade(gateway, "SJT1")).trade_status == "WAIT_BUYER_PAY"
    assert pay(sim, trade_no)["result"] == "ok"
    [sent] = sim.sink.wait_for(NOTIFY_PATH)
    notification = read_trade_notification(sent.body, app)
    found = await trade.query_trade(gateway, "SJT1")
    assert (notification.effect, notification.out_trade_no, notification.trade_no) == (
        TradeEffect.PAID,
        "SJT1",
        trade_no,
    )
    assert notification.total_amount_fen == found.total_amount_fen == 6850
    assert (notification.app_id, notification.seller_id, notification.currency) == (APP_ID, app.seller_id, "CNY")
    assert notification.buyer_open_id == found.buyer_open_id != ""
    assert notification.paid_at == found.paid_at is not None


async def test_unknown_trade_is_not_found(gateway: AlipayGateway, sim: Any) -> None:
    with pytest.raises(ProviderRejected) as refused:
        await trade.query_trade(gateway, "NEVER")
    assert (refused.value.provider_code, refused.value.details["verified"]) == ("ACQ.TRADE_NOT_EXIST", True)


async def test_closed_trade_cannot_be_paid_and_paid_one_not_closed(gateway: AlipayGateway, sim: Any) -> None:
    await order(gateway, sim, "SJT1")
    await trade.close_trade(gateway, "SJT1")
    assert (await trade.query_trade(gateway, "SJT1")).trade_status == "TRADE_CLOSED"
    pay(sim, await order(gateway, sim, "SJT2"))
    with pytest.raises(ProviderRejected) as refused:
        await trade.close_trade(gateway, "SJT2")
    assert "STATUS" in refused.value.provider_code


async def test_partial_refund_is_done_once_and_echoed(gateway: AlipayGateway, app: AlipayApp, sim: Any) -> None:
    pay(sim, await order(gateway, sim, "SJT1"))
    given = {"out_trade_no": "SJT1", "out_request_no": "SJT1R1", "refund_amount_fen": 1000, "reason": "多收邮费"}
    assert (await trade.query_refund(gateway, out_trade_no="SJT1", out_request_no="SJT1R1")).succeeded is False
    first = await trade.refund_trade(gateway, **given)
    again = await trade.refund_trade(gateway, **given)
    assert (first.fund_changed, first.refunded_total_fen) == (True, 1000)
    assert (again.fund_changed, again.refunded_total_fen) == (False, 1000)
    state = await trade.query_refund(gateway, out_trade_no="SJT1", out_request_no="SJT1R1")
    assert (state.succeeded, state.refund_amount_fen, state.total_amount_fen) == (True, 1000, 6850)
    sim.control("POST", "/alipay/trades/SJT1/notify", {"out_request_no": "SJT1R1"})
    echo = read_trade_notification(sim.sink.matching(NOTIFY_PATH)[-1].body, app)
    assert (echo.effect, echo.out_request_no, echo.refunded_total_fen) == (TradeEffect.REFUND, "SJT1R1", 1000)


@pytest.mark.parametrize("kind", ["wrong_signature", "unknown_serial"])
async def test_forged_notification_is_refused(kind: str, gateway: AlipayGateway, app: AlipayApp, sim: Any) -> None:
    pay(sim, await order(gateway, sim, "SJT1"), kind)
    with pytest.raises(CallbackRejected):
        read_trade_notification(sim.sink.wait_for(NOTIFY_PATH)[0].body, app)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("wrong_amount", "total_amount_fen", 1),
        ("wrong_merchant", "seller_id", "2088000000000009"),
        ("wrong_app", "app_id", "2021999999999999"),
        ("other_currency", "currency", "USD"),
    ],
)
async def test_lying_notification_shows_its_lie(
    kind: str, field: str, value: Any, gateway: AlipayGateway, app: AlipayApp, sim: Any
) -> None:
    pay(sim, await order(gateway, sim, "SJT1"), kind)
    assert getattr(read_trade_notification(sim.sink.wait_for(NOTIFY_PATH)[0].body, app), field) == value


@pytest.mark.parametrize("kind", ["unsigned", "wrong_signature", "rotated_key"])
async def test_answer_that_cannot_be_believed_is_refused(kind: str, gateway: AlipayGateway, sim: Any) -> None:
    pay(sim, await order(gateway, sim, "SJT1"))
    fault(sim, "alipay.trade.query", kind, times=-1)
    with pytest.raises(ProviderProtocolError):
        await trade.query_trade(gateway, "SJT1")


async def test_read_survives_a_lost_connection_and_a_write_says_unknown(gateway: AlipayGateway, sim: Any) -> None:
    trade_no = await order(gateway, sim, "SJT1")
    fault(sim, "alipay.trade.query", "drop")
    assert (await trade.query_trade(gateway, "SJT1")).trade_no == trade_no
    fault(sim, "alipay.trade.create", "drop_after")
    with pytest.raises(ProviderUnavailable):
        await order(gateway, sim, "SJT2")
    assert (await trade.query_trade(gateway, "SJT2")).trade_status == "WAIT_BUYER_PAY"


async def test_system_error_is_unknown_and_rate_limit_is_not(gateway: AlipayGateway, sim: Any) -> None:
    fault(sim, "alipay.trade.close", "error", code="ACQ.SYSTEM_ERROR")
    with pytest.raises(ProviderUnavailable):
        await trade.close_trade(gateway, "SJT1")
    fault(sim, "alipay.trade.close", "error", code="isv.app-call-limited")
    with pytest.raises(ProviderRejected) as refused:
        await trade.close_trade(gateway, "SJT1")
    assert refused.value.retryable


@pytest.mark.parametrize("passed", [True, False])
async def test_face_verification_counts_only_when_finished(passed: bool, gateway: AlipayGateway, sim: Any) -> None:
    certify_id = await user.start_certification(
        gateway,
        outer_order_no="SJT" + "0" * 29,
        name="张伟",
        id_number="140105199003070012",
        return_url="alipays://platformapi/startapp",
    )
    async with aiohttp.ClientSession() as phone, phone.get(user.certification_url(gateway, certify_id)) as page:
        assert page.status == 200
    assert (await user.query_certification(gateway, certify_id)).passed is False
    sim.control("POST", f"/alipay/certify/{certify_id}", {"passed": passed})
    assert (await user.query_certification(gateway, certify_id)).passed is passed


async def test_phone_payload_is_read_or_refused(app: AlipayApp, sim: Any) -> None:
    def payload(kind: str) -> Any:
        return sim.control("POST", "/alipay/phone-payloads", {"person": "zhang-wei", "kind": kind})

    assert user.read_phone_number(app, payload("ok")) == "13800000001"
    for kind in ("unsigned", "bad_sign"):
        with pytest.raises(InvalidRequest):
            user.read_phone_number(app, payload(kind))
    with pytest.raises((InvalidRequest, ProviderProtocolError)):
        user.read_phone_number(app, payload("other_key"))
    with pytest.raises(ProviderRejected):
        user.read_phone_number(app, payload("error"))


async def test_message_needs_a_permission_and_uses_it_up(gateway: AlipayGateway, sim: Any) -> None:
    open_id = await log_in(gateway, sim)
    given = {"template_id": "T1", "values": {"keyword1": "已受理"}, "page": "pages/index", "open_id": open_id}
    sim.control("POST", "/alipay/subscriptions", {"person": "zhang-wei", "template_id": "T1", "result": "accept"})
    relations = await messages.query_subscriptions(gateway, ["T1"], open_id=open_id)
    assert [relation.template_id for relation in relations] == ["T1"]
    await messages.send_template_message(gateway, **given)
    with pytest.raises(ProviderRejected) as refused:
        await messages.send_template_message(gateway, **given)
    assert messages.refusal(refused.value) is messages.Refusal.UNREACHABLE
    [shown] = sim.control("GET", "/messages?person=zhang-wei&channel=alipay")
    assert "已受理" in json.dumps(shown, ensure_ascii=False)


async def test_bill_of_a_past_day_lists_payment_and_refund(gateway: AlipayGateway, sim: Any) -> None:
    today = clock.beijing_date()
    pay(sim, await order(gateway, sim, "SJT1"))
    await trade.refund_trade(
        gateway, out_trade_no="SJT1", out_request_no="SJT1R1", refund_amount_fen=1000, reason="多收"
    )
    assert await download_trade_bill(gateway, today, io.BytesIO()) is False
    sim.control("PUT", "/clock", {"offset_seconds": 86_400 * 2})
    file = io.BytesIO()
    assert await download_trade_bill(gateway, today, file) is True
    payment, refund = read_bill(file)
    assert (payment.out_trade_no, payment.amount_fen, payment.is_refund) == ("SJT1", 6850, False)
    assert (refund.out_request_no, refund.amount_fen, refund.is_refund) == ("SJT1R1", -1000, True)
    assert await download_trade_bill(gateway, date(2026, 1, 1), io.BytesIO()) is False


async def test_gateway_check_and_messages_are_understood(app: AlipayApp, sim: Any) -> None:
    sim.control("POST", "/alipay/gateway-check", {"app_id": APP_ID})
    [probe] = sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")
    assert is_gateway_check(probe.body)
    assert b"<success>true</success>" in answer_gateway_check(probe.body, app)
    sim.sink.clear()
    sim.control(
        "POST",
        "/alipay/gateway-messages",
        {"msg_method": "alipay.open.auth.userauth.cancelled", "person": "zhang-wei"},
    )
    message = read_gateway_message(sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")[0].body, app)
    assert (message.kind, message.app_id) == ("alipay.open.auth.userauth.cancelled", APP_ID)
    assert message.content["open_id"]


@pytest.mark.parametrize("rule", ["v1", "v2"])
async def test_platform_messages_are_made_neutral(app: AlipayApp, sim: Any, rule: str) -> None:
    door = AlipayPlatformGateway(app)
    for method, is_known, is_alarm in (
        ("alipay.open.auth.appauth.cancelled", True, True),
        ("alipay.open.mini.version.audit.passed", True, False),
        ("servicemarket_order_notify", False, False),
    ):
        sim.sink.clear()
        sim.control("POST", "/alipay/gateway-messages", {"msg_method": method, "rule": rule})
        body = sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")[0].body
        message = door.parse_message(body)
        assert (message.kind, message.is_known, message.is_alarm) == (method, is_known, is_alarm)
        assert message.withdrawn_by == ""
        sim.sink.clear()
        forged = {"msg_method": method, "rule": rule, "kind": "wrong_signature"}
        sim.control("POST", "/alipay/gateway-messages", forged)
        with pytest.raises(CallbackRejected):
            door.parse_message(sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")[0].body)


async def test_withdrawn_consent_names_the_person_and_the_moment(app: AlipayApp, sim: Any) -> None:
    order = {"msg_method": "alipay.open.auth.userauth.cancelled", "person": "zhang-wei"}
    sim.control("POST", "/alipay/gateway-messages", order)
    message = AlipayPlatformGateway(app).parse_message(sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")[0].body)
    assert message.withdrawn_by
    assert message.withdrawn_at is not None
    assert message.app_id == APP_ID
