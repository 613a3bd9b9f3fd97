"""The Alipay simulator's trades, refunds and the notifications about them."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.contract.simulators.alipay_caller import (
    APP_ID,
    NOTIFY_PATH,
    Gateway,
    beijing_in,
    notification_content,
    notified,
    open_id,
    order,
    pay,
    refund,
    rsa_fits,
)


@pytest.fixture
def gateway(sim: Any) -> Gateway:
    return Gateway(sim)


def test_trade_is_created_paid_and_notified(sim: Any, gateway: Gateway) -> None:
    trade_no = gateway.create("T1", passback_params="a%3D1", time_expire=beijing_in(900))
    assert len(trade_no) == 28
    assert gateway.call("alipay.trade.query", {"out_trade_no": "T1"})["trade_status"] == "WAIT_BUYER_PAY"
    paid = pay(sim, trade_no)
    assert (paid["resultCode"], paid["callback"]["accepted"]) == ("9000", True)
    fields = notified(sim)[0]
    assert rsa_fits(sim.keys.public["alipay"], fields["sign"], notification_content(fields))
    told = {name: fields[name] for name in ("trade_status", "total_amount", "seller_id", "app_id", "trade_no")}
    assert told == {
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "68.50",
        "seller_id": "2088101117955611",
        "app_id": APP_ID,
        "trade_no": trade_no,
    }
    assert fields["passback_params"] == "a%3D1"
    assert fields["buyer_open_id"] == open_id(sim, "zhang-wei")
    state = gateway.call("alipay.trade.query", {"trade_no": trade_no})
    assert (state["trade_status"], state["receipt_amount"]) == ("TRADE_SUCCESS", "68.50")


def test_create_again_returns_the_same_trade_or_refuses_other_content(sim: Any, gateway: Gateway) -> None:
    trade_no = gateway.create("T2")
    assert gateway.create("T2") == trade_no
    other = gateway.call("alipay.trade.create", order(sim, "T2", "1.00"))
    assert other["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    pay(sim, trade_no)
    assert gateway.call("alipay.trade.create", order(sim, "T2"))["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"total_amount": "0"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "1.001"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": None}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "a/b"}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "a-b"}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": "QUICK_MSECURITY_PAY"}, "ACQ.BIZ_PRODUCT_NOT_ALLOWED"),
        ({"buyer_open_id": "unknown"}, "isv.invalid-openid"),
        ({"buyer_open_id": None, "buyer_id": "2088000000000000"}, "ACQ.BUYER_NOT_EXIST"),
        ({"time_expire": "2020-01-01 00:00:00"}, "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
        ({"timeout_express": "16d"}, "ACQ.INVALID_PARAMETER"),
        ({"op_app_id": "2021000000000009"}, "ACQ.UNBOUND_APPLICATION"),
        ({"seller_id": "2088000000000009"}, "ACQ.INVALID_RECEIVE_ACCOUNT"),
    ],
)
def test_create_with_a_wrong_field_is_refused(
    sim: Any, gateway: Gateway, change: dict[str, Any], sub_code: str
) -> None:
    assert gateway.call("alipay.trade.create", order(sim, "T3") | change)["sub_code"] == sub_code


def test_open_id_given_as_buyer_id_does_not_exist(sim: Any, gateway: Gateway) -> None:
    wrong = order(sim, "T3") | {"buyer_id": open_id(sim, "zhang-wei"), "buyer_open_id": None}
    assert gateway.call("alipay.trade.create", wrong)["sub_code"] == "ACQ.BUYER_NOT_EXIST"


def test_buyer_named_by_user_id_comes_back_by_user_id(sim: Any, gateway: Gateway) -> None:
    user_id = sim.control("POST", "/alipay/auth-codes", {"person": "zhang-wei"})["user_id"]
    pay(sim, gateway.create("T4", buyer_open_id="", buyer_id=user_id))
    fields = notified(sim)[0]
    assert (fields["buyer_id"], "buyer_open_id" in fields) == (user_id, False)


def test_unpaid_trade_closes_at_its_time(sim: Any, gateway: Gateway) -> None:
    trade_no = gateway.create("T5", time_expire=beijing_in(60))
    sim.control("PUT", "/clock", {"offset_seconds": 61})
    assert gateway.call("alipay.trade.query", {"out_trade_no": "T5"})["trade_status"] == "TRADE_CLOSED"
    assert pay(sim, trade_no)["memo"] == "ALI38110"
    assert gateway.call("alipay.trade.create", order(sim, "T5"))["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_close_works_once_and_never_on_a_paid_trade(sim: Any, gateway: Gateway) -> None:
    gateway.create("T6")
    assert gateway.call("alipay.trade.close", {"out_trade_no": "T6"})["code"] == "10000"
    assert gateway.call("alipay.trade.close", {"out_trade_no": "T6"})["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    pay(sim, gateway.create("T7"))
    assert gateway.call("alipay.trade.close", {"out_trade_no": "T7"})["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_another_person_or_a_cancelled_payment_changes_nothing(sim: Any, gateway: Gateway) -> None:
    trade_no = gateway.create("T8")
    assert pay(sim, trade_no, person="li-na")["memo"] == "ALI38110"
    assert pay(sim, trade_no, result="cancel")["resultCode"] == "6001"
    assert gateway.call("alipay.trade.query", {"out_trade_no": "T8"})["trade_status"] == "WAIT_BUYER_PAY"
    assert sim.sink.matching(NOTIFY_PATH) == []


def test_refunds_are_cumulative_idempotent_and_close_the_trade(sim: Any, gateway: Gateway) -> None:
    pay(sim, gateway.create("R1"))
    first = refund(gateway, "R1", "R1A", "10.00")
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "10.00")
    assert refund(gateway, "R1", "R1A", "10")["fund_change"] == "N"
    assert refund(gateway, "R1", "R1A", "11.00")["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert refund(gateway, "R1", "R1B", "58.51")["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert refund(gateway, "R1", "R1C", "58.50")["refund_fee"] == "68.50"
    assert gateway.call("alipay.trade.query", {"out_trade_no": "R1"})["trade_status"] == "TRADE_CLOSED"
    assert refund(gateway, "R1", "R1D", "0.01")["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    told = [(n["trade_status"], n.get("refund_fee"), n.get("out_biz_no")) for n in notified(sim, 3)]
    assert told == [
        ("TRADE_SUCCESS", None, None),
        ("TRADE_SUCCESS", "10.00", "R1A"),
        ("TRADE_CLOSED", "68.50", "R1C"),
    ]


def test_refund_query_has_a_status_only_for_a_done_refund(sim: Any, gateway: Gateway) -> None:
    pay(sim, gateway.create("R2"))
    refund(gateway, "R2", "R2A", "1.00")
    biz = {"out_trade_no": "R2", "out_request_no": "R2A", "query_options": ["gmt_refund_pay"]}
    found = gateway.call("alipay.trade.fastpay.refund.query", biz)
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "1.00")
    unknown = gateway.call("alipay.trade.fastpay.refund.query", {"out_trade_no": "R2", "out_request_no": "X"})
    assert "refund_status" not in unknown


def test_refund_of_an_unpaid_trade_is_refused(gateway: Gateway) -> None:
    gateway.create("R3")
    assert refund(gateway, "R3", "R3A", "1.00")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_lost_answer_of_a_refund_leaves_it_done(sim: Any, gateway: Gateway) -> None:
    pay(sim, gateway.create("R4"))
    sim.control("POST", "/faults", {"provider": "alipay", "call": "alipay.trade.refund", "kind": "drop_after"})
    with pytest.raises(OSError):
        refund(gateway, "R4", "R4A", "1.00")
    assert refund(gateway, "R4", "R4A", "1.00")["fund_change"] == "N"


def test_notification_is_repeated_until_the_answer_is_success(sim: Any, gateway: Gateway) -> None:
    sim.sink.answers[NOTIFY_PATH] = [(200, "fail"), (500, "success"), (200, "success\n")]
    pay(sim, gateway.create("N1"))
    sim.control("PUT", "/clock", {"offset_seconds": 3600})
    received = notified(sim, 4)
    assert len({fields["notify_id"] for fields in received}) == 1
    attempts = sim.journalled("alipay", 4)
    assert (attempts[0]["attempt"], attempts[0]["accepted"]) == (4, True)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("wrong_amount", "total_amount", "0.01"),
        ("wrong_merchant", "seller_id", "2088000000000009"),
        ("wrong_app", "app_id", "2021999999999999"),
        ("other_currency", "trans_currency", "USD"),
    ],
)
def test_lying_notification_is_validly_signed(sim: Any, gateway: Gateway, kind: str, field: str, value: str) -> None:
    pay(sim, gateway.create("N2"), notify=kind)
    fields = notified(sim)[0]
    assert fields[field] == value
    assert rsa_fits(sim.keys.public["alipay"], fields["sign"], notification_content(fields))


@pytest.mark.parametrize("kind", ["wrong_signature", "unknown_serial"])
def test_forged_notification_does_not_verify(sim: Any, gateway: Gateway, kind: str) -> None:
    pay(sim, gateway.create("N3"), notify=kind)
    fields = notified(sim)[0]
    assert not rsa_fits(sim.keys.public["alipay"], fields["sign"], notification_content(fields))


def test_stale_notification_has_an_old_time(sim: Any, gateway: Gateway) -> None:
    pay(sim, gateway.create("N4"), notify="stale")
    assert notified(sim)[0]["notify_time"] < beijing_in(-86_400)


def test_duplicate_reordered_and_missing_notifications(sim: Any, gateway: Gateway) -> None:
    pay(sim, gateway.create("N5"), notify="none")
    assert sim.sink.matching(NOTIFY_PATH) == []
    pay(sim, gateway.create("N6"), notify="duplicate")
    assert len({fields["notify_id"] for fields in notified(sim, 2)}) == 1
    sim.sink.clear()
    pay(sim, gateway.create("N7"), notify="reordered")
    assert [fields["trade_status"] for fields in notified(sim, 2)] == ["TRADE_SUCCESS", "WAIT_BUYER_PAY"]


def test_late_notification_follows_the_clock(sim: Any, gateway: Gateway) -> None:
    paid = pay(sim, gateway.create("N8"), notify="late", delay_seconds=3600)
    assert paid["callback"] is None
    assert sim.sink.matching(NOTIFY_PATH) == []
    sim.control("PUT", "/clock", {"offset_seconds": 3601})
    assert notified(sim)[0]["trade_status"] == "TRADE_SUCCESS"


def test_control_sends_a_notification_again_many_times_at_once(sim: Any, gateway: Gateway) -> None:
    pay(sim, gateway.create("N9"))
    sim.sink.clear()
    sent = sim.control("POST", "/alipay/trades/N9/notify", {"times": 2, "concurrent": 3})
    assert len(sent["callbacks"]) == 6
    assert len({fields["notify_id"] for fields in notified(sim, 6)}) == 1


def test_armed_amount_fault_lies_in_a_validly_signed_answer(sim: Any, gateway: Gateway) -> None:
    gateway.create("L1")
    sim.control("POST", "/faults", {"provider": "alipay", "call": "alipay.trade.query", "kind": "wrong_amount"})
    amounts = [gateway.call("alipay.trade.query", {"out_trade_no": "L1"})["total_amount"] for _ in range(2)]
    assert amounts == ["68.51", "68.50"]


def test_paid_trade_is_finished_a_year_later(sim: Any, gateway: Gateway) -> None:
    pay(sim, gateway.create("L2"))
    sim.control("PUT", "/clock", {"offset_seconds": 366 * 86_400})
    assert gateway.call("alipay.trade.query", {"out_trade_no": "L2"})["trade_status"] == "TRADE_FINISHED"
    assert refund(gateway, "L2", "L2A", "1.00")["sub_code"] == "ACQ.TRADE_HAS_FINISHED"


@pytest.mark.parametrize("status", ["S", "F", "P"])
def test_bank_card_refund_is_told_by_message_and_by_query(sim: Any, gateway: Gateway, status: str) -> None:
    pay(sim, gateway.create("D1"))
    refund(gateway, "D1", "D1A", "10.00")
    asked = {"out_trade_no": "D1", "out_request_no": "D1A", "query_options": ["deposit_back_info"]}
    assert "deposit_back_info" not in gateway.call("alipay.trade.fastpay.refund.query", asked)
    path = "/alipay/trades/D1/refunds/D1A/deposit-back"
    assert sim.control("POST", path, {"status": status})["callback"]["accepted"] is True
    raw = sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")[0].body.decode()
    fields = dict(parse_qsl(raw, keep_blank_values=True))
    assert fields["msg_method"] == "alipay.trade.refund.depositback.completed"
    assert rsa_fits(sim.keys.public["alipay"], fields["sign"], notification_content(fields))
    told = json.loads(fields["biz_content"])
    assert (told["out_trade_no"], told["out_request_no"], told["dback_status"]) == ("D1", "D1A", status)
    info = gateway.call("alipay.trade.fastpay.refund.query", asked)["deposit_back_info"]
    assert (info["has_deposit_back"], info["dback_status"], info["dback_amount"]) == ("true", status, "10.00")
    assert "deposit_back_info" not in gateway.call("alipay.trade.fastpay.refund.query", {**asked, "query_options": []})
