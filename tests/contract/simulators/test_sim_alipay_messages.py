"""The Alipay simulator's template messages, application gateway and bills."""

import csv
import io
import json
import zipfile
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.contract.simulators.alipay_caller import (
    APP_ID,
    BEIJING,
    NOTIFY_PATH,
    Gateway,
    notification_content,
    open_id,
    pay,
    refund,
    rsa_fits,
    rsa_sign,
)


@pytest.fixture
def gateway(sim: Any) -> Gateway:
    return Gateway(sim)


def message(sim: Any, **fields: Any) -> dict[str, Any]:
    data = json.dumps({"keyword1": {"value": "受理通知"}, "keyword2": {"value": "编号 001"}}, ensure_ascii=False)
    target = {"to_open_id": open_id(sim, "zhang-wei"), "user_template_id": "TPL1", "page": "pages/index"}
    return {**target, "data": data, **fields}


SEND = "alipay.open.app.mini.templatemessage.send"


def subscription_states(sim: Any, gateway: Gateway, *template_ids: str) -> list[str]:
    query = {"open_id": open_id(sim, "zhang-wei"), "template_id_list": list(template_ids)}
    relations = gateway.call("alipay.open.app.messagetemplate.subscribe.query", query)["subscribe_relations"]
    return [row["subscribe_state"] for row in relations]


def test_message_needs_and_uses_up_a_permission(sim: Any, gateway: Gateway) -> None:
    assert gateway.call(SEND, message(sim))["sub_code"] == "MSG_UNSUBSCRIBED"
    sim.control("POST", "/alipay/subscriptions", {"person": "zhang-wei", "template_id": "TPL1", "result": "accept"})
    assert subscription_states(sim, gateway, "TPL1") == ["SUBSCRIBE"]
    assert gateway.call(SEND, message(sim))["code"] == "10000"
    assert gateway.call(SEND, message(sim))["sub_code"] == "MSG_UNSUBSCRIBED"
    assert subscription_states(sim, gateway, "TPL1") == ["UNSUBSCRIBE"]
    shown = sim.control("GET", "/messages?person=zhang-wei&channel=alipay")
    assert [(row["template_id"], row["data"]["keyword2"]) for row in shown] == [("TPL1", "编号 001")]


def test_long_term_permission_lasts_until_it_is_withdrawn(sim: Any, gateway: Gateway) -> None:
    panel = {"person": "zhang-wei", "template_id": "TPL1", "result": "accept", "long_term": True}
    sim.control("POST", "/alipay/subscriptions", panel)
    assert [gateway.call(SEND, message(sim))["code"] for _ in range(2)] == ["10000", "10000"]
    assert subscription_states(sim, gateway, "TPL1", "TPL2") == ["SUBSCRIBE", "UNSUBSCRIBE"]
    sim.control("POST", "/alipay/subscriptions", panel | {"result": "reject"})
    assert gateway.call(SEND, message(sim))["sub_code"] == "MSG_UNSUBSCRIBED"


def test_paid_trade_number_allows_a_message_to_its_payer_only(sim: Any, gateway: Gateway) -> None:
    trade_no = gateway.create("M1")
    assert gateway.call(SEND, message(sim, form_id=trade_no))["sub_code"] == "FORM_ID_INVALID"
    pay(sim, trade_no)
    assert gateway.call(SEND, message(sim, form_id=trade_no))["code"] == "10000"
    other = message(sim, form_id=trade_no, to_open_id=open_id(sim, "li-na"))
    assert gateway.call(SEND, other)["sub_code"] == "TRADE_NO_NOT_MATCH_USERID"


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"data": {"keyword1": {"value": "x"}}}, "DATA_CONTENT_FORMAT_ERROR"),
        ({"data": "[]"}, "DATA_CONTENT_FORMAT_ERROR"),
        ({"data": ""}, "DATA_IS_EMPTY"),
        ({"data": json.dumps({"keyword1": {"value": "长" * 51}})}, "USER_KEYWORD_LENGTH_ERROR"),
        ({"data": json.dumps({"thing1": {"value": "x"}})}, "MESSAGE_TEMPLATE_KEYWORD_ILLEGAL"),
        ({"page": "p" * 129}, "PAGE_OVER_LIMIT"),
        ({"to_open_id": "unknown"}, "USER_ID_INVALID"),
        ({"user_template_id": ""}, "TEMPLATE_ILLEGAL"),
    ],
)
def test_malformed_message_is_refused(sim: Any, gateway: Gateway, change: dict[str, Any], sub_code: str) -> None:
    assert gateway.call(SEND, message(sim) | change)["sub_code"] == sub_code


def test_from_ant_message_is_signed_under_v1(sim: Any) -> None:
    sent = {"msg_method": "alipay.open.auth.userauth.cancelled", "person": "zhang-wei"}
    assert sim.control("POST", "/alipay/gateway-messages", sent)["callback"]["accepted"] is True
    fields = dict(parse_qsl(sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")[0].body.decode(), keep_blank_values=True))
    assert rsa_fits(sim.keys.public["alipay"], fields["sign"], notification_content(fields))
    assert json.loads(fields["biz_content"])["open_id"] == open_id(sim, "zhang-wei")


@pytest.mark.parametrize("honest", [True, False])
def test_service_check_is_signed_under_v2_and_verifies_the_reply(sim: Any, honest: bool) -> None:
    inner = "<success>true</success><biz_content>KEY</biz_content>"
    signature = rsa_sign(sim.keys.private["alipay_app" if honest else "merchant"], inner, "gbk")
    reply = f"<alipay><response>{inner}</response><sign>{signature}</sign><sign_type>RSA2</sign_type></alipay>"
    sim.sink.answers[f"{NOTIFY_PATH}/gateway"] = [(200, reply)]
    result = sim.control("POST", "/alipay/gateway-check", {"app_id": APP_ID})
    assert (result["verified"], result["reply"]) == (honest, reply)
    raw = sim.sink.wait_for(f"{NOTIFY_PATH}/gateway")[0].body.decode()
    fields = dict(parse_qsl(raw, keep_blank_values=True, encoding="gbk"))
    content = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name != "sign")
    assert "sign_type=RSA2" in content
    assert rsa_fits(sim.keys.public["alipay"], fields["sign"], content.encode("gbk"))
    assert "<EventType><![CDATA[verifygw]]></EventType>" in fields["biz_content"]


BILL = "alipay.data.dataservice.bill.downloadurl.query"


def bill_rows(sim: Any, gateway: Gateway, day: str) -> list[dict[str, str]]:
    url = gateway.call(BILL, {"bill_type": "trade", "bill_date": day})["bill_download_url"]
    reply = sim.call("alipay", "GET", url.removeprefix(sim.url("alipay")))
    archive = zipfile.ZipFile(io.BytesIO(reply.body))
    names = [name.encode("cp437").decode("gbk") for name in archive.namelist()]
    assert names == [f"20881011179556110156_{day.replace('-', '')}_业务明细{end}.csv" for end in ("", "(汇总)")]
    lines = [line for line in archive.read(archive.namelist()[0]).decode("gbk").splitlines() if line[:1] != "#"]
    return [{name: value.strip() for name, value in row.items()} for row in csv.DictReader(lines)]


def test_bill_lists_payments_and_refunds_of_the_day(sim: Any, gateway: Gateway) -> None:
    day = datetime.now(BEIJING).strftime("%Y-%m-%d")
    pay(sim, gateway.create("B1"))
    refund(gateway, "B1", "B1A", "10.00")
    gateway.create("B2")
    assert gateway.call(BILL, {"bill_type": "trade", "bill_date": day})["sub_code"] == "isp.bill_not_exist"
    sim.control("PUT", "/clock", {"offset_seconds": 86_400})
    rows = bill_rows(sim, gateway, day)
    shown = [(r["商户订单号"], r["业务类型"], r["订单金额（元）"], r["退款批次号/请求号"]) for r in rows]
    assert shown == [("B1", "交易", "68.50", ""), ("B1", "退款", "-10.00", "B1A")]
    sim.control("POST", "/alipay/bills", {"bill_date": day, "amounts_fen": {"B1": 6851}})
    assert bill_rows(sim, gateway, day)[0]["订单金额（元）"] == "68.51"
    sim.control("POST", "/alipay/bills", {"bill_date": day, "omit": ["B1"]})
    assert bill_rows(sim, gateway, day) == []


def test_bill_of_an_empty_day_says_so_and_other_types_are_refused(sim: Any, gateway: Gateway) -> None:
    day = datetime.now(BEIJING).strftime("%Y-%m-%d")
    sim.control("PUT", "/clock", {"offset_seconds": 86_400})
    answer = gateway.call(BILL, {"bill_type": "trade", "bill_date": day})
    assert answer["bill_file_code"] == "EMPTY_DATA_WITH_BILL_FILE"
    assert gateway.call(BILL, {"bill_type": "zft_acc", "bill_date": day})["sub_code"] == "TYPE_NOT_SUPPORTED"
    assert gateway.call(BILL, {"bill_type": "trade", "bill_date": "x"})["sub_code"] == "INVAILID_ARGUMENTS"
    assert sim.call("alipay", "GET", "/downloadBillFile.resource?token=0").status == 403
