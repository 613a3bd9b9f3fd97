"""Trades, login, verification and messages: exact parameters out, fen and UTC in, no answer about another order."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import ProviderProtocolError, ProviderRejected
from clients.alipay import messages, trade, user
from clients.alipay.config import AlipayApp
from clients.alipay.messages import Refusal

pytestmark = pytest.mark.anyio
ORDER = {"out_trade_no": "SJT20260115000001", "trade_no": "2026011522001468450512505578"}


def answering(wired: Any, **fields: Any) -> None:
    wired.fake.script = lambda call: {"code": "10000", "msg": "Success"} | fields


async def create(wired: Any, **changes: Any) -> str:
    given: dict[str, Any] = {
        "out_trade_no": ORDER["out_trade_no"],
        "total_amount_fen": 6850,
        "subject": "不动产证/工本费=1&邮寄费",
        "buyer": trade.Buyer(open_id="074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5"),
        "expires_at": datetime(2026, 1, 15, 2, 0, tzinfo=UTC),
        "notify_url": "https://gw.example.gov.cn/callbacks/alipay/1",
    }
    return await trade.create_trade(wired.gateway, **(given | changes))


async def test_created_trade_is_asked_for_in_yuan_and_beijing_time(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(wired, **ORDER)
    assert await create(wired) == ORDER["trade_no"]
    [call] = wired.fake.calls
    assert call.query["method"] == "alipay.trade.create"
    assert call.query["notify_url"] == "https://gw.example.gov.cn/callbacks/alipay/1"
    assert call.content() == {
        "out_trade_no": "SJT20260115000001",
        "total_amount": "68.50",
        "subject": "不动产证／工本费＝1＆邮寄费",
        "product_code": "JSAPI_PAY",
        "op_app_id": app.app_id,
        "buyer_open_id": "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5",
        "time_expire": "2026-01-15 10:00:00",
    }


async def test_old_buyer_is_named_by_user_id_only(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(wired, **ORDER)
    await create(wired, buyer=trade.Buyer(user_id="2088102534368455"), passback_params="a%3D1")
    content = wired.fake.calls[0].content()
    assert content["buyer_id"] == "2088102534368455"
    assert content["passback_params"] == "a%3D1"
    assert "buyer_open_id" not in content
    for impossible in ({}, {"open_id": "a", "user_id": "b"}):
        with pytest.raises(ValueError, match="either"):
            trade.Buyer(**impossible)


async def test_queried_trade_is_read_in_fen_and_utc(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(
        wired,
        **ORDER,
        trade_status="TRADE_SUCCESS",
        total_amount="68.5",
        receipt_amount="60.00",
        buyer_open_id="074a",
        send_pay_date="2026-01-15 09:31:11",
    )
    found = await trade.query_trade(wired.gateway, ORDER["out_trade_no"])
    assert wired.fake.calls[0].content() == {"out_trade_no": ORDER["out_trade_no"]}
    assert found.trade_status == trade.TradeStatus.TRADE_SUCCESS
    assert (found.total_amount_fen, found.receipt_amount_fen) == (6850, 6000)
    assert found.paid_at == datetime(2026, 1, 15, 1, 31, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"out_trade_no": "SJT2", "trade_status": "TRADE_SUCCESS", "total_amount": "1.00"},
        ORDER | {"trade_status": "TRADE_SUCCESS"},
        ORDER | {"trade_status": "TRADE_SUCCESS", "total_amount": "1,000.00"},
        ORDER | {"total_amount": "1.00"},
    ],
    ids=["another_order", "no_amount", "odd_amount", "no_status"],
)
async def test_genuine_answer_that_is_not_about_our_order_is_refused(
    fields: dict[str, str], app: AlipayApp, wire: Any
) -> None:
    wired = await wire(app)
    answering(wired, **fields)
    with pytest.raises(ProviderProtocolError):
        await trade.query_trade(wired.gateway, ORDER["out_trade_no"])


async def test_created_trade_without_number_or_of_another_order_is_refused(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    for fields in ({"out_trade_no": ORDER["out_trade_no"]}, ORDER | {"out_trade_no": "SJT2"}):
        answering(wired, **fields)
        with pytest.raises(ProviderProtocolError):
            await create(wired)


async def test_close_sends_our_number_and_reports_a_paid_trade(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(wired, **ORDER)
    await trade.close_trade(wired.gateway, ORDER["out_trade_no"])
    assert wired.fake.calls[0].content() == {"out_trade_no": ORDER["out_trade_no"]}
    wired.fake.script = lambda call: {"code": "40004", "sub_code": "ACQ.TRADE_STATUS_ERROR"}
    with pytest.raises(ProviderRejected) as refused:
        await trade.close_trade(wired.gateway, ORDER["out_trade_no"])
    assert refused.value.provider_code == "ACQ.TRADE_STATUS_ERROR"


@pytest.mark.parametrize(("fund_change", "changed"), [("Y", True), ("N", False), ("", False)])
async def test_refund_proves_money_moved_only_by_fund_change(
    fund_change: str, changed: bool, app: AlipayApp, wire: Any
) -> None:
    wired = await wire(app)
    answering(wired, **ORDER, fund_change=fund_change, refund_fee="30.00")
    taken = await trade.refund_trade(
        wired.gateway,
        out_trade_no=ORDER["out_trade_no"],
        out_request_no="R1",
        refund_amount_fen=1000,
        reason="多收邮费",
    )
    assert (taken.fund_changed, taken.refunded_total_fen) == (changed, 3000)
    assert wired.fake.calls[0].content() == {
        "out_trade_no": ORDER["out_trade_no"],
        "out_request_no": "R1",
        "refund_amount": "10.00",
        "refund_reason": "多收邮费",
    }


async def test_refund_query_tells_done_from_unknown(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(
        wired,
        **ORDER,
        out_request_no="R1",
        refund_status="REFUND_SUCCESS",
        refund_amount="10.00",
        total_amount="68.50",
        gmt_refund_pay="2026-01-16 10:00:00",
        deposit_back_info={"has_deposit_back": "true", "dback_status": "P"},
    )
    done = await trade.query_refund(wired.gateway, out_trade_no=ORDER["out_trade_no"], out_request_no="R1")
    assert (done.succeeded, done.refund_amount_fen, done.deposit_back_status) == (True, 1000, "P")
    assert done.refunded_at == datetime(2026, 1, 16, 2, 0, tzinfo=UTC)
    answering(wired)
    unknown = await trade.query_refund(wired.gateway, out_trade_no=ORDER["out_trade_no"], out_request_no="R1")
    assert (unknown.succeeded, unknown.refund_amount_fen) == (False, None)


async def test_refund_success_of_another_request_is_refused(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(wired, **ORDER, out_request_no="R2", refund_status="REFUND_SUCCESS")
    with pytest.raises(ProviderProtocolError):
        await trade.query_refund(wired.gateway, out_trade_no=ORDER["out_trade_no"], out_request_no="R1")


async def test_login_code_gives_the_identity_and_no_token(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    wired.fake.script = lambda call: {"access_token": "secret", "open_id": "074a", "union_id": "u1", "expires_in": 1}
    identity = await user.exchange_code(wired.gateway, "4b203fe6")
    assert (identity.open_id, identity.user_id, identity.union_id) == ("074a", "", "u1")
    assert "secret" not in repr(identity)
    assert wired.fake.calls[0].form == {"grant_type": "authorization_code", "code": "4b203fe6"}


async def test_login_without_identity_is_refused(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    for fields in ({"access_token": "secret"}, {"open_id": "074a"}):
        wired.fake.script = lambda call, fields=fields: fields
        with pytest.raises(ProviderProtocolError):
            await user.exchange_code(wired.gateway, "4b203fe6")


@pytest.mark.parametrize(("passed", "expected"), [("T", True), ("F", False), ("", False)])
async def test_verification_counts_only_when_alipay_says_so(
    passed: str, expected: bool, app: AlipayApp, wire: Any
) -> None:
    wired = await wire(app)
    answering(wired, passed=passed, fail_reason="")
    outcome = await user.query_certification(wired.gateway, "91707dc2")
    assert (outcome.passed, outcome.certify_id) == (expected, "91707dc2")


async def test_template_message_carries_its_values_as_json_text(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(wired)
    await messages.send_template_message(
        wired.gateway,
        template_id="T1",
        values={"keyword1": "已受理", "keyword2": "2026-01-15"},
        page="pages/case?no=1",
        open_id="074a",
    )
    content = wired.fake.calls[0].content()
    assert isinstance(content["data"], str)
    assert json.loads(content.pop("data")) == {"keyword1": {"value": "已受理"}, "keyword2": {"value": "2026-01-15"}}
    assert content == {"to_open_id": "074a", "user_template_id": "T1", "page": "pages/case?no=1"}


@pytest.mark.parametrize(
    ("code", "sub_code", "expected"),
    [
        ("40004", "MSG_UNSUBSCRIBED", Refusal.UNREACHABLE),
        ("40004", "FORM_ID_OVER_TIME", Refusal.FORM_ID),
        ("40004", "USER_TEMPLATE_ILLEGAL", Refusal.TEMPLATE),
        ("40004", "USER_KEYWORD_LENGTH_ERROR", Refusal.CONTENT),
        ("40004", "APP_NO_AVAIABLE", Refusal.CONFIGURATION),
        ("40004", "NEVER_HEARD_OF", Refusal.CONFIGURATION),
        ("40004", "QUERY_CONSUMER_REQEUST_ERROR", Refusal.LATER),
        ("40005", "isv.app-call-limited", Refusal.LATER),
    ],
)
async def test_refused_message_says_what_to_do(
    code: str, sub_code: str, expected: Refusal, app: AlipayApp, wire: Any
) -> None:
    wired = await wire(app)
    wired.fake.script = lambda call: {"code": code, "sub_code": sub_code}
    with pytest.raises(ProviderRejected) as refused:
        await messages.send_template_message(wired.gateway, template_id="T1", values={}, page="p", open_id="074a")
    assert messages.refusal(refused.value) is expected


async def test_subscriptions_are_read_in_alipays_words(app: AlipayApp, wire: Any) -> None:
    wired = await wire(app)
    answering(wired, subscribe_relations=[{"template_id": "T1", "subscribe_state": "SUBSCRIBED", "show": True}, 7])
    [relation] = await messages.query_subscriptions(wired.gateway, ["T1", "T2"], open_id="074a")
    assert (relation.template_id, relation.subscribe_state, relation.keep_state) == ("T1", "SUBSCRIBED", "")
    assert wired.fake.calls[0].content() == {"open_id": "074a", "template_id_list": ["T1", "T2"]}
