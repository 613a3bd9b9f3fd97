"""The 快递鸟 simulator against an independent caller and the digests of the signed vectors."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.kdniao import signing

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "express.json").read_text("utf-8"))["vectors"]
ORDERS, QUERY, DIST = "/api/oorderservice", "/Ebusiness/EbusinessOrderHandle.aspx", "/api/dist"
PUSH_PATH = "/callbacks/kdniao/kdniao-token"
ACCEPTED = (200, '{"EBusinessID":"1000001","Success":true,"Reason":""}')


def digest(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode()).hexdigest().encode()).decode()


def call(sim: Any, path: str, request_type: str, data: Any, **change: str) -> dict[str, Any]:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    form = {
        "RequestData": text,
        "EBusinessID": "1000001",
        "RequestType": request_type,
        "DataSign": digest(text + "n" * 36),
        "DataType": "2",
        **change,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
    return sim.call("kdniao", "POST", path, urlencode(form).encode(), headers).json()


def new_order(order_code: str, **change: Any) -> dict[str, Any]:
    contact = {
        "Name": "张伟",
        "Mobile": "13800000001",
        "ProvinceName": "山西省",
        "CityName": "大同市",
        "Address": "1号",
    }
    return {
        "OrderCode": order_code,
        "ShipperCode": "SF",
        "PayType": 3,
        "ExpType": 1,
        "Sender": contact,
        "Receiver": contact,
        "Commodity": [{"GoodsName": "证照"}],
        **change,
    }


def waybill(sim: Any, order_code: str) -> str:
    return call(sim, ORDERS, "1001", new_order(order_code))["Order"]["LogisticCode"]


@pytest.mark.parametrize("case", VECTORS["kdniao"], ids=lambda case: case["name"])
def test_digest_of_vector_is_the_same(case: dict[str, Any]) -> None:
    made = signing.digest(case["RequestData"], case["AppKey"])
    assert made == case["DataSign"] == digest(case["RequestData"] + case["AppKey"])
    assert not signing.matches(made, case["RequestData"] + " ", case["AppKey"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DataSign": "AAAA"}, "104"),
        ({"EBusinessID": "9"}, "104"),
        ({"RequestType": "8008"}, "102"),
        ({"DataType": "1"}, "102"),
    ],
)
def test_call_with_a_wrong_envelope_is_refused(sim: Any, change: dict[str, str], code: str) -> None:
    refused = call(sim, ORDERS, "1001", new_order("ZT1"), **change)
    assert (refused["Success"], refused["ResultCode"]) == (False, code)


def test_order_is_taken_once(sim: Any) -> None:
    number = waybill(sim, "ZT1")
    again = call(sim, ORDERS, "1801", new_order("ZT1"))
    assert (again["Success"], again["ResultCode"], again["Order"]["LogisticCode"]) == (False, "106", number)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"OrderCode": ""}, "101"),
        ({"ShipperCode": "XX"}, "101"),
        ({"Receiver": {"Name": "张伟"}}, "101"),
        ({"Commodity": []}, "102"),
        ({"PayType": 9}, "102"),
    ],
)
def test_incomplete_order_is_refused(sim: Any, change: dict[str, Any], code: str) -> None:
    assert call(sim, ORDERS, "1001", new_order("ZT2", **change))["ResultCode"] == code


def test_order_is_cancelled_only_before_pick_up(sim: Any) -> None:
    for order_code in ("ZT3", "ZT4"):
        waybill(sim, order_code)
    sim.control("POST", "/kdniao/orders/ZT4/move", {"to": "picked_up"})
    assert call(sim, ORDERS, "1004", {"OrderCode": "ZT3"})["Success"] is True
    assert "已取消" in call(sim, ORDERS, "1004", {"OrderCode": "ZT3"})["Reason"]
    assert call(sim, ORDERS, "1004", {"OrderCode": "ZT4"})["Success"] is False
    assert sim.control_error("POST", "/kdniao/orders/ZT3/move", {"to": "picked_up"})[0] == 400
    assert sim.control_error("POST", "/kdniao/orders/ZT4/move", {"to": "moon"})[0] == 400


def test_followed_road_is_pushed_whole_and_signed_until_taken(sim: Any) -> None:
    number = waybill(sim, "ZT5")
    follow = {"ShipperCode": "SF", "LogisticCode": number, "CustomerName": "0001", "Callback": "ZT5"}
    sim.control("POST", "/kdniao/orders/ZT5/move", {"to": "pickup_pending"})
    assert sim.sink.matching(PUSH_PATH) == []
    assert call(sim, DIST, "8008", follow)["Success"] is True
    sim.sink.answers[PUSH_PATH] = [(200, "later"), (500, "{}"), ACCEPTED, ACCEPTED]
    sim.control("POST", "/kdniao/orders/ZT5/move", {"op_code": "1"})
    sim.control("PUT", "/clock", {"offset_seconds": 86_400})
    first, *_, last = sim.sink.wait_for(PUSH_PATH, 3)
    fields = dict(parse_qsl(last.body.decode()))
    assert first.body == last.body
    assert fields["DataSign"] == digest(fields["RequestData"] + "n" * 36)
    [road] = json.loads(fields["RequestData"])["Data"]
    assert (road["Callback"], road["State"], [trace["Action"] for trace in road["Traces"]]) == ("ZT5", "1", ["10", "1"])


def test_road_of_another_is_told_to_who_knows_the_phone(sim: Any) -> None:
    elsewhere = sim.control("POST", "/kdniao/parcels", {"phone": "13800000001"})
    ask = {"ShipperCode": "SF", "LogisticCode": elsewhere["waybill_no"]}
    assert call(sim, QUERY, "8001", ask | {"CustomerName": "0001"})["Success"] is True
    assert call(sim, QUERY, "8001", ask | {"CustomerName": "0002"})["Success"] is False
    assert call(sim, QUERY, "8001", ask | {"ShipperCode": "EMS", "CustomerName": "0001"})["Success"] is False


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9), st.lists(st.integers(), max_size=2))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    field=st.sampled_from(sorted(new_order("F1"))),
    odd=ODD,
    ask=st.sampled_from([(ORDERS, "1001"), (ORDERS, "1004"), (QUERY, "8001"), (DIST, "8008")]),
)
def test_odd_content_is_answered_with_a_code(sim: Any, field: str, odd: Any, ask: tuple[str, str]) -> None:
    assert call(sim, *ask, new_order("F1") | {field: odd})["ResultCode"]
