"""What the configuration file may switch on: automatic verification, known templates, receipts by themselves."""

import json
from typing import Any

import pytest

from tests.contract.simulators import test_sim_sms as sms
from tests.contract.simulators.alipay_caller import Gateway, certify_order, open_id


@pytest.fixture
def generous(own_simulators: Any) -> Any:
    config = own_simulators.config
    config["alipay"]["certify"] = "auto"
    config["alipay"]["apps"][0]["templates"] = {"TPL": "{{keyword1.DATA}}：{{keyword2.DATA}}"}
    config["sms"]["receipt_seconds"] = 60
    config["people"][1]["certify"] = "manual"
    (own_simulators.folder / "simulators.json").write_text(json.dumps(config, ensure_ascii=False), "utf-8")
    own_simulators.start()
    return own_simulators


def test_config_switches_work(generous: Any) -> None:
    gateway = Gateway(generous)
    outcomes = []
    for number, name, id_number in (
        ("O1", "张伟", "140105199003070012"),
        ("O2", "张三", "140105199003070012"),
        ("O3", "李娜", "140106198504120024"),
    ):
        order = certify_order(number, name=name, id_number=id_number)
        certify_id = gateway.call("alipay.user.certify.open.initialize", order)["certify_id"]
        outcomes.append(gateway.call("alipay.user.certify.open.query", {"certify_id": certify_id})["passed"])
    assert outcomes == ["T", "F", "F"]

    panel = {"person": "zhang-wei", "template_id": "TPL", "result": "accept", "long_term": True}
    generous.control("POST", "/alipay/subscriptions", panel)
    message = {"to_open_id": open_id(generous, "zhang-wei"), "user_template_id": "TPL", "page": "p"}
    codes = []
    for template_id, data in (
        ("OTHER", {"keyword1": {"value": "办件"}}),
        ("TPL", {"keyword1": {"value": "办件"}}),
        ("TPL", {"keyword1": {"value": "办件"}, "keyword2": {"value": "已受理"}}),
    ):
        sent = message | {"user_template_id": template_id, "data": json.dumps(data)}
        codes.append(gateway.call("alipay.open.app.mini.templatemessage.send", sent).get("sub_code", "ok"))
    assert codes == ["USER_TEMPLATE_ILLEGAL", "USER_TEMPLATE_LACK_KEYWORD", "ok"]
    shown = generous.control("GET", "/messages?person=zhang-wei&channel=alipay")
    assert [row["text"] for row in shown] == ["办件：已受理"]

    biz_id = sms.aliyun(generous, sms.notice()).json()["BizId"]
    assert generous.sink.matching(sms.ALIYUN_PATH) == []
    generous.control("PUT", "/clock", {"offset_seconds": 61})
    row = json.loads(generous.sink.wait_for(sms.ALIYUN_PATH)[0].body)[0]
    assert (row["biz_id"], row["success"], row["err_code"]) == (biz_id, True, "DELIVERED")
