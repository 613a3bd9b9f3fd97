"""The SF simulator against an independent caller and the digests of the signed vectors."""

import base64
import hashlib
import json
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from simulators.sf import signing

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "express.json").read_text("utf-8"))["vectors"]
PUSH_PATH = "/callbacks/sf/sf-token"
CREATE, SEARCH, UPDATE = "EXP_RECE_CREATE_ORDER", "EXP_RECE_SEARCH_ORDER_RESP", "EXP_RECE_UPDATE_ORDER"
ROUTES, FILTER, TIME = "EXP_RECE_SEARCH_ROUTES", "EXP_RECE_FILTER_ORDER_BSP", "EXP_RECE_QUERY_DELIVERTM"
ACCEPTED = (200, '{"return_code":"0000","return_msg":"成功"}')


def digest(text: str) -> str:
    """Java's URLEncoder by percent-encoding everything but its own safe set, then Base64 of the MD5 bytes."""
    encoded = quote(text, safe="*-._ ").replace("~", "%7E").replace(" ", "+")
    return base64.b64encode(hashlib.md5(encoded.encode()).digest()).decode()


def send(sim: Any, service: str, data: Any, **change: str) -> dict[str, Any]:
    """Post one call and return the outer layer."""
    text, timestamp = json.dumps(data, ensure_ascii=False), str(int(time.time() * 1000))
    form = {
        "partnerID": "SJTTEST",
        "requestID": str(uuid.uuid4()),
        "serviceCode": service,
        "timestamp": timestamp,
        "msgData": text,
        "msgDigest": digest(text + timestamp + "c" * 32),
        **change,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
    return sim.call("sf", "POST", "/std/service", urlencode(form).encode(), headers).json()


def call(sim: Any, service: str, data: Any) -> dict[str, Any]:
    """Return the inner layer of a call that the platform let through."""
    outer = send(sim, service, data)
    assert outer["apiResultCode"] == "A1000", outer
    return json.loads(outer["apiResultData"])


def new_order(order_id: str, **change: Any) -> dict[str, Any]:
    sender = {"contactType": 1, "contact": "政务大厅", "mobile": "13800000002", "address": "小店区测试街2号"}
    receiver = {"contactType": 2, "contact": "张伟", "mobile": "13800000001", "address": "平城区测试路1号"}
    return {
        "language": "zh-CN",
        "orderId": order_id,
        "cargoDetails": [{"name": "证照"}],
        "contactInfoList": [sender, receiver],
        "monthlyCard": "7551234567",
        "payMethod": 1,
        "expressTypeId": 2,
        **change,
    }


def create(sim: Any, order_id: str, **change: Any) -> str:
    made = call(sim, CREATE, new_order(order_id, **change))
    assert (made["success"], made["errorCode"]) == (True, "S0000"), made
    return made["msgData"]["waybillNoInfoList"][0]["waybillNo"]


def pushed(sim: Any, count: int) -> list[list[dict[str, Any]]]:
    """Return the nodes of each push call, in the order of arrival."""
    received = sim.sink.wait_for(PUSH_PATH, count)
    return [json.loads(item.body)["Body"]["WaybillRoute"] for item in received]


@pytest.fixture(autouse=True)
def partner_accepts_pushes(sim: Any) -> None:
    sim.sink.answers[PUSH_PATH] = [ACCEPTED] * 50


@pytest.mark.parametrize("case", VECTORS["sf_fengqiao"], ids=lambda case: case["name"])
def test_digest_of_vector_is_the_same(case: dict[str, Any]) -> None:
    made = signing.digest(case["msgData"], case["timestamp"], case["checkWord"])
    assert made == case["msgDigest"] == digest(case["msgData"] + case["timestamp"] + case["checkWord"])
    assert not signing.matches(made, case["msgData"] + " ", case["timestamp"], case["checkWord"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"msgDigest": "AAAAAAAAAAAAAAAAAAAAAA=="}, "A1006"),
        ({"partnerID": "OTHER"}, "A1004"),
        ({"serviceCode": "EXP_RECE_UNKNOWN"}, "A1004"),
        ({"timestamp": "1735689600123"}, "A1002"),
        ({"timestamp": "now"}, "A1001"),
        ({"msgData": ""}, "A1001"),
    ],
)
def test_call_with_a_wrong_envelope_is_refused(sim: Any, change: dict[str, str], code: str) -> None:
    outer = send(sim, SEARCH, {"orderId": "X"}, **change)
    assert (outer["apiResultCode"], outer["apiResultData"]) == (code, "")


def test_json_body_instead_of_a_form_is_refused(sim: Any) -> None:
    assert sim.json("sf", "POST", "/std/service", {"partnerID": "SJTTEST"})["apiResultCode"] == "A1001"


def test_seconds_are_accepted_and_a_request_id_only_once(sim: Any) -> None:
    stamp, request_id = str(int(time.time())), str(uuid.uuid4())
    signed = {"timestamp": stamp, "requestID": request_id, "msgDigest": digest('{"orderId": "X"}' + stamp + "c" * 32)}
    assert send(sim, SEARCH, {"orderId": "X"}, **signed)["apiResultCode"] == "A1000"
    assert send(sim, SEARCH, {"orderId": "X"}, **signed)["apiResultCode"] == "A1007"


def test_order_is_taken_once_and_found_again(sim: Any) -> None:
    waybill_no = create(sim, "ZT1")
    assert (waybill_no[:2], len(waybill_no)) == ("SF", 15)
    assert call(sim, CREATE, new_order("ZT1"))["errorCode"] == "8016"
    found = call(sim, SEARCH, {"orderId": "ZT1", "searchType": "1"})["msgData"]
    assert found["waybillNoInfoList"] == [{"waybillType": 1, "waybillNo": waybill_no}]
    assert call(sim, SEARCH, {"orderId": "ZT2"})["errorCode"] == "6150"


def test_signed_paper_coming_back_has_its_own_waybill(sim: Any) -> None:
    made = call(sim, CREATE, new_order("ZT3", isSignBack=1, parcelQty=2))["msgData"]
    assert [row["waybillType"] for row in made["waybillNoInfoList"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"contactInfoList": []}, "1010"),
        ({"contactInfoList": [{"contactType": 1, "address": "a", "contact": "b", "tel": "1"}]}, "1014"),
        ({"cargoDetails": []}, "1023"),
        ({"monthlyCard": "1"}, "8119"),
        ({"payMethod": 9}, "8057"),
        ({"expressTypeId": 77}, "20036"),
        ({"orderId": ""}, "8018"),
        ({"parcelQty": "many"}, "S0007"),
    ],
)
def test_incomplete_order_is_refused(sim: Any, change: dict[str, Any], code: str) -> None:
    inner = call(sim, CREATE, new_order("ZT4", **change))
    assert (inner["success"], inner["errorCode"]) == (False, code)


def test_content_that_is_not_an_object_is_refused(sim: Any) -> None:
    assert call(sim, CREATE, [1])["errorCode"] == "S0001"


def test_order_is_cancelled_only_before_pick_up(sim: Any) -> None:
    create(sim, "ZT5")
    assert call(sim, UPDATE, {"orderId": "ZT5", "dealType": 2})["msgData"]["resStatus"] == 2
    assert call(sim, UPDATE, {"orderId": "ZT5", "dealType": 2})["errorCode"] == "8037"
    assert sim.control_error("POST", "/sf/orders/ZT5/move", {"to": "picked_up"})[0] == 400
    create(sim, "ZT6")
    sim.control("POST", "/sf/orders/ZT6/move", {"to": "picked_up"})
    refused = call(sim, UPDATE, {"orderId": "ZT6", "dealType": 2})
    assert (refused["success"], refused["errorCode"]) == (False, "8253")


def test_order_is_confirmed_once(sim: Any) -> None:
    create(sim, "ZT7")
    assert call(sim, UPDATE, {"orderId": "ZT7", "dealType": 1})["success"] is True
    assert call(sim, UPDATE, {"orderId": "ZT7", "dealType": 1})["errorCode"] == "8252"


@pytest.mark.parametrize(
    ("address", "result", "remark"), [("平城区1号", 2, ""), ("超范围山村", 3, "2"), ("人工筛单处", 1, "3")]
)
def test_filter_tells_whether_an_address_is_served(sim: Any, address: str, result: int, remark: str) -> None:
    order = new_order("ZT8")
    order["contactInfoList"][1]["address"] = address
    reach = call(sim, FILTER, order)["msgData"]
    assert (reach["filterResult"], reach["remark"]) == (result, remark)
    assert bool(call(sim, CREATE, order)["msgData"]["waybillNoInfoList"]) is (result == 2)


def test_price_and_time_are_given_per_product(sim: Any) -> None:
    data = {"businessType": "2", "weight": 2, "searchPrice": "1", "destAddress": {"province": "山西省"}}
    rows = call(sim, TIME, data)["msgData"]["deliverTmDto"]
    assert [(row["businessType"], row["fee"]) for row in rows] == [("2", "23.0")]
    assert rows[0]["deliverTime"].count("18:00:00") == 2


def test_moving_to_delivered_pushes_every_node_in_order(sim: Any) -> None:
    waybill_no = create(sim, "ZT9")
    sim.control("POST", "/sf/orders/ZT9/move", {"to": "picked_up"})
    moved = sim.control("POST", "/sf/orders/ZT9/move", {"to": "delivered", "remark": "本人签收"})
    assert all(row["accepted"] for row in moved["callbacks"])
    nodes = [batch[0] for batch in pushed(sim, 10)]
    assert [node["opCode"] for node in nodes] == ["54", "50", "30", "31", "123", "130", "204", "44", "80", "8000"]
    assert {(node["mailno"], node["orderid"]) for node in nodes} == {(waybill_no, "ZT9")}
    times = [node["acceptTime"] for node in nodes]
    assert times == sorted(set(times))
    assert nodes[-1]["remark"] == "本人签收"
    found = call(sim, ROUTES, {"trackingType": "1", "trackingNumber": [waybill_no], "methodType": "1"})["msgData"]
    assert [row["opCode"] for row in found["routeResps"][0]["routes"]] == [node["opCode"] for node in nodes]


def test_routes_are_found_by_order_and_hidden_from_strangers(sim: Any) -> None:
    waybill_no = create(sim, "ZT10")
    sim.control("POST", "/sf/orders/ZT10/move", {"op_code": "50", "push": False})
    by_order = call(sim, ROUTES, {"trackingType": "2", "trackingNumber": ["ZT10"]})["msgData"]["routeResps"][0]
    assert (by_order["mailNo"], len(by_order["routes"])) == (waybill_no, 1)
    unknown = call(sim, ROUTES, {"trackingType": "1", "trackingNumber": ["SF0000000000000"]})["msgData"]
    assert unknown["routeResps"] == [{"mailNo": "SF0000000000000", "routes": []}]
    assert call(sim, ROUTES, {"trackingType": "1", "trackingNumber": ["SF1"] * 11})["errorCode"] == "8003"
    assert call(sim, ROUTES, {"trackingType": "1", "trackingNumber": []})["errorCode"] == "8013"
    assert sim.sink.matching(PUSH_PATH) == []


def test_push_is_repeated_until_return_code_0000(sim: Any) -> None:
    create(sim, "ZT11")
    sim.sink.answers[PUSH_PATH] = [(200, '{"return_code":"1000"}'), (500, ACCEPTED[1]), (200, "OK"), ACCEPTED]
    sim.control("POST", "/sf/orders/ZT11/move", {"op_code": "50"})
    sim.control("PUT", "/clock", {"offset_seconds": 3600})
    batches = pushed(sim, 4)
    assert len({batch[0]["id"] for batch in batches}) == 1


def test_duplicate_and_repeated_pushes_keep_the_node_ids(sim: Any) -> None:
    create(sim, "ZT12")
    sim.control("POST", "/sf/orders/ZT12/move", {"to": "in_transit", "duplicate": True})
    assert len({batch[0]["id"] for batch in pushed(sim, 8)}) == 4
    sim.control("POST", "/sf/orders/ZT12/move", {"to": "returning", "push": False})
    sim.control("POST", "/sf/orders/ZT12/move", {"to": "returning", "push": False})
    sim.sink.clear()
    sim.sink.answers[PUSH_PATH] = [ACCEPTED] * 5
    sim.control("POST", "/sf/orders/ZT12/push", {"order": "reversed"})
    batches = sorted(pushed(sim, 2), key=len, reverse=True)
    assert [len(batch) for batch in batches] == [10, 4]
    assert [node["opCode"] for node in batches[0]][:3] == ["631", "648", "70"]
    assert batches[1][-1]["opCode"] == "54"


def test_parcel_on_its_way_back_gets_a_new_waybill(sim: Any) -> None:
    create(sim, "ZT13")
    assert call(sim, SEARCH, {"orderId": "ZT13", "searchType": "2"})["errorCode"] == "6150"
    moved = sim.control("POST", "/sf/orders/ZT13/move", {"to": "returning", "push": False})
    back = call(sim, SEARCH, {"orderId": "ZT13", "searchType": "2"})["msgData"]["waybillNoInfoList"][0]["waybillNo"]
    assert moved["routes"][-1]["remark"].endswith(back)
    assert moved["routes"][-1]["mailno"] == back


@pytest.mark.parametrize("code", ["A1099", "8096"])
def test_armed_error_appears_in_its_own_layer(sim: Any, code: str) -> None:
    sim.control("POST", "/faults", {"provider": "sf", "call": CREATE, "kind": "error", "code": code})
    outer = send(sim, CREATE, new_order("ZT14"))
    inner = json.loads(outer["apiResultData"] or "{}")
    assert (outer["apiResultCode"], inner.get("errorCode")) == ((code, None) if code[0] == "A" else ("A1000", code))
    create(sim, "ZT14")


def test_lost_answer_leaves_the_order_made(sim: Any) -> None:
    sim.control("POST", "/faults", {"provider": "sf", "call": CREATE, "kind": "drop_after"})
    with pytest.raises(OSError):
        send(sim, CREATE, new_order("ZT15"))
    assert call(sim, CREATE, new_order("ZT15"))["errorCode"] == "8016"
    assert call(sim, SEARCH, {"orderId": "ZT15"})["success"] is True


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("NONE/move", {"to": "delivered"}, 404), ("ZT16/move", {"to": "moon"}, 400), ("ZT16/push", {"order": "x"}, 400)],
)
def test_control_refuses_nonsense(sim: Any, path: str, body: dict[str, Any], status: int) -> None:
    create(sim, "ZT16")
    assert sim.control_error("POST", f"/sf/orders/{path}", body)[0] == status
    assert [row["order_id"] for row in sim.control("GET", "/sf/orders")] == ["ZT16"]
    assert "13800000001" not in json.dumps(sim.control("GET", "/sf/orders/ZT16"))
