"""Whatever JSON arrives, Alipay, SF and Tencent answer in their own words: no 500, and the process goes on."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.json_input import parse_object
from tests.contract.simulators import test_sim_sf as sf
from tests.contract.simulators import test_sim_sms as sms
from tests.contract.simulators.alipay_caller import Gateway, certify_order, open_id, order

FAST = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":"\\ud800"}', '{"a":NaN}', "[]", "", "\x00", "1e999"])
def test_parse_object_refuses_what_is_no_plain_object(text: str) -> None:
    assert parse_object(text) is None


def test_parse_object_keeps_a_plain_object() -> None:
    assert parse_object('{"名":[1,{"a":null}]}') == {"名": [1, {"a": None}]}


@FAST
@given(data=st.data())
def test_alipay_answers_odd_content_with_a_code(sim: Any, data: st.DataObject) -> None:
    bodies = {
        "alipay.trade.create": order(sim, "F1"),
        "alipay.trade.query": {"out_trade_no": "F1", "trade_no": "1", "query_options": []},
        "alipay.trade.refund": {"out_trade_no": "F1", "refund_amount": "1", "out_request_no": "1"},
        "alipay.trade.fastpay.refund.query": {"out_trade_no": "F1", "out_request_no": "1"},
        "alipay.user.certify.open.initialize": certify_order("F1"),
        "alipay.open.app.mini.templatemessage.send": {
            "to_open_id": open_id(sim, "li-na"),
            "user_template_id": "T",
            "page": "p",
            "data": '{"keyword1":{"value":"x"}}',
            "form_id": "1",
        },
        "alipay.open.app.messagetemplate.subscribe.query": {"open_id": "x", "template_id_list": ["T"]},
        "alipay.data.dataservice.bill.downloadurl.query": {"bill_type": "trade", "bill_date": "2026-01-01"},
    }
    method = data.draw(st.sampled_from(sorted(bodies)))
    field = data.draw(st.sampled_from(sorted(bodies[method])))
    gateway = Gateway(sim)
    params = gateway.params(method) | {"biz_content": json.dumps(bodies[method] | {field: data.draw(ODD)})}
    reply = gateway.send(params)
    assert reply.status == 200
    assert reply.json()[method.replace(".", "_") + "_response"]["code"] in ("10000", "40002", "40004")


@FAST
@given(data=st.data())
def test_sf_answers_odd_content_with_a_code(sim: Any, data: st.DataObject) -> None:
    bodies = {
        sf.CREATE: sf.new_order("F1") | {"parcelQty": 1, "isSignBack": 1},
        sf.UPDATE: {"orderId": "F1", "dealType": 2},
        sf.SEARCH: {"orderId": "F1", "searchType": 1},
        sf.ROUTES: {"trackingType": 1, "trackingNumber": ["F1"], "checkPhoneNo": "0001"},
        sf.FILTER: sf.new_order("F1"),
        sf.TIME: {"businessType": "2", "weight": 1, "searchPrice": "1"},
    }
    service = data.draw(st.sampled_from(sorted(bodies)))
    field = data.draw(st.sampled_from(sorted(bodies[service])))
    outer = sf.send(sim, service, bodies[service] | {field: data.draw(ODD)})
    assert outer["apiResultCode"] == "A1000"
    assert json.loads(outer["apiResultData"])["errorCode"]


@FAST
@given(field=st.sampled_from(sorted(sms.order())), value=ODD)
def test_tencent_answers_odd_content_with_a_code(sim: Any, field: str, value: Any) -> None:
    answer = sms.tencent(sim, sms.order() | {field: value})
    assert "Error" in answer or all(row["Code"] for row in answer["SendStatusSet"])
