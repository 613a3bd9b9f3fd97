"""The 快递100 simulator against an independent caller and the signatures of the vectors."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from simulators.kuaidi100 import signing

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "express.json").read_text("utf-8"))["vectors"]
KEY, CUSTOMER, SECRET, SALT = "KdKeyTest0000001", "A" * 32, "5" * 32, "0123456789abcdef0123456789abcdef"
TRACK_PATH, ORDER_PATH = "/callbacks/kuaidi100/track", "/callbacks/kuaidi100/order"
ACCEPTED = (200, '{"result":true,"returnCode":"200","message":"成功"}')
REFUSED = (200, '{"result":false,"returnCode":"500","message":"验签失败"}')
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()


def post(sim: Any, path: str, form: dict[str, str]) -> Any:
    return sim.call("kuaidi100", "POST", path, urlencode(form).encode(), FORM).json()


def signed(sim: Any, method: str, data: Any, /, path: str = "/order/borderapi.do", **change: str) -> Any:
    param, t = json.dumps(data, ensure_ascii=False), str(int(time.time() * 1000))
    form = {"key": KEY, "method": method, "t": t, "param": param, "sign": md5(param + t + KEY + SECRET), **change}
    return post(sim, path, form)


def poll(sim: Any, number: str, company: str, /, **change: Any) -> str:
    parameters = {"callbackurl": sim.sink.url + TRACK_PATH, "salt": SALT, "resultv2": "8", "phone": "0001"}
    data = {"company": company, "number": number, "key": KEY, "parameters": parameters, **change}
    return post(sim, "/poll", {"schema": "json", "param": json.dumps(data)})["returnCode"]


def query(sim: Any, number: str, company: str, phone: str = "0001") -> Any:
    param = json.dumps({"com": company, "num": number, "phone": phone, "resultv2": "8"})
    return post(sim, "/poll/query.do", {"customer": CUSTOMER, "param": param, "sign": md5(param + KEY + CUSTOMER)})


def new_order(sim: Any, third: str, **change: Any) -> dict[str, Any]:
    return {
        "kuaidicom": "ems",
        "sendManName": "政务大厅",
        "sendManMobile": "13800000002",
        "sendManPrintAddr": "山西省太原市小店区测试街2号",
        "recManName": "张伟",
        "recManMobile": "13800000001",
        "recManPrintAddr": "山西省大同市平城区测试路1号",
        "cargo": "证照",
        "payment": "SHIPPER",
        "callBackUrl": sim.sink.url + ORDER_PATH,
        "pollCallBackUrl": sim.sink.url + TRACK_PATH,
        "op": "1",
        "salt": SALT,
        "thirdOrderId": third,
        **change,
    }


def placed(sim: Any, third: str, **change: Any) -> dict[str, Any]:
    made = signed(sim, "bOrder", new_order(sim, third, **change))
    assert (made["result"], made["returnCode"]) == (True, "200"), made
    return made["data"]


def pushed(sim: Any, path: str, count: int) -> list[dict[str, Any]]:
    """Return the verified content of each push to a path."""
    contents = []
    for item in sim.sink.wait_for(path, count):
        fields = dict(parse_qsl(item.body.decode()))
        assert fields["sign"] == md5(fields["param"] + SALT)
        contents.append(json.loads(fields["param"]))
    return contents


@pytest.fixture(autouse=True)
def pushes_are_accepted(sim: Any) -> None:
    sim.sink.answers["/callbacks/kuaidi100"] = [ACCEPTED] * 60


@pytest.mark.parametrize(
    "case", [each for each in VECTORS["kuaidi100"] if "param" in each], ids=lambda case: case["name"]
)
def test_signature_of_vector_is_the_same(case: dict[str, str]) -> None:
    parts = [case["key"], case["customer"]] if "customer" in case else [case.get("salt", "")]
    parts = [case["t"], case["key"], case["secret"]] if "secret" in case else parts
    genuine = case.get("expect") != "reject"
    assert (signing.sign(case["param"], *parts) == case["sign"]) is genuine
    assert signing.matches(case["sign"].lower(), case["param"], *parts) is genuine


@pytest.mark.parametrize(
    ("change", "code"),
    [({"sign": "0" * 32}, "503"), ({"key": "other"}, "600"), ({"method": "none"}, "400"), ({"t": "1"}, "503")],
)
def test_call_with_a_wrong_envelope_is_refused(sim: Any, change: dict[str, str], code: str) -> None:
    assert signed(sim, "bOrder", new_order(sim, "ZT1"), **change)["returnCode"] == code


def test_order_is_taken_once_for_48_hours(sim: Any) -> None:
    first = placed(sim, "ZT2")
    assert (len(first["taskId"]), first["kuaidinum"][:2]) == (32, "11")
    assert placed(sim, "ZT2") == first
    assert signed(sim, "detail", {"taskId": first["taskId"]})["data"]["kuaidinum"] == first["kuaidinum"]
    assert signed(sim, "detail", {"thirdOrderId": "ZT2"})["data"]["orderId"] == first["orderId"]
    assert signed(sim, "detail", {"taskId": "none"})["returnCode"] == "400"
    sim.control("PUT", "/clock", {"offset_seconds": 49 * 3600})
    assert placed(sim, "ZT2") != first


@pytest.mark.parametrize(
    "change",
    [
        {"kuaidicom": "nobody"},
        {"recManName": ""},
        {"callBackUrl": None},
        {"recManPrintAddr": "山" * 101},
        {"callBackUrl": "http://x/" + "a" * 200},
        {"salt": "s" * 101},
        {"thirdOrderId": "Z" * 33},
        {"payment": "LATER"},
        {"dayType": "大后天"},
        {"kuaidicom": "jd", "cargo": ""},
        {"recManPrintAddr": "超范围山村"},
    ],
)
def test_order_with_a_fault_is_refused(sim: Any, change: dict[str, Any]) -> None:
    assert signed(sim, "bOrder", new_order(sim, "ZT3", **change))["returnCode"] == "400"


def test_each_push_holds_the_complete_history(sim: Any) -> None:
    number = placed(sim, "ZT4")["kuaidinum"]
    sim.control("POST", "/kuaidi100/orders/ZT4/move", {"to": "delivered"})
    tracks = pushed(sim, TRACK_PATH, 6)
    assert [len(each["lastResult"]["data"]) for each in tracks] == [1, 2, 3, 4, 5, 6]
    last = tracks[-1]
    assert [each["status"] for each in tracks] == ["polling"] * 5 + ["shutdown"]
    assert (last["lastResult"]["nu"], last["lastResult"]["state"], last["lastResult"]["ischeck"]) == (number, "3", "1")
    assert [each["statusCode"] for each in last["lastResult"]["data"]] == ["301", "5", "1001", "1002", "103", "102"]
    orders = pushed(sim, ORDER_PATH, 4)
    assert [each["data"]["status"] for each in orders] == [1, 10, 101, 13]
    assert query(sim, number, "ems")["data"] == last["lastResult"]["data"]


def test_reversal_after_the_end_updates_all(sim: Any) -> None:
    placed(sim, "ZT5")
    sim.control("POST", "/kuaidi100/orders/ZT5/move", {"to": "delivered"})
    sim.control("POST", "/kuaidi100/orders/ZT5/move", {"op_code": "6"})
    last = pushed(sim, TRACK_PATH, 7)[-1]
    assert (last["status"], last["lastResult"]["state"]) == ("updateall", "6")


def test_order_is_cancelled_only_before_it_is_collected(sim: Any) -> None:
    made = placed(sim, "ZT6")
    asked = {"taskId": made["taskId"], "orderId": made["orderId"], "cancelMsg": "撤回"}
    assert signed(sim, "cancel", asked | {"orderId": "0"})["returnCode"] == "400"
    assert signed(sim, "cancel", asked)["returnCode"] == "200"
    assert pushed(sim, ORDER_PATH, 1)[0]["data"]["status"] == 9
    assert signed(sim, "cancel", asked)["message"] == "订单已取消"
    assert sim.control_error("POST", "/kuaidi100/orders/ZT6/move", {"to": "picked_up"})[0] == 400
    made = placed(sim, "ZT7")
    sim.control("POST", "/kuaidi100/orders/ZT7/move", {"to": "picked_up"})
    asked = {"taskId": made["taskId"], "orderId": made["orderId"]}
    assert "揽收" in signed(sim, "cancel", asked)["message"]


def test_number_may_come_with_the_pick_up(sim: Any) -> None:
    assert placed(sim, "ZT8", recManPrintAddr="山西省大同市后补单号路1号")["kuaidinum"] == ""
    sim.control("POST", "/kuaidi100/orders/ZT8/move", {"to": "picked_up"})
    callbacks = pushed(sim, ORDER_PATH, 2)
    assert [bool(each["kuaidinum"]) for each in callbacks] == [False, True]
    assert sim.sink.matching(TRACK_PATH) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "other"}, "600"),
        ({"number": "1"}, "700"),
        ({"company": "nobody"}, "700"),
        ({"company": ""}, "700"),
        ({"from": "火星"}, "400"),
        ({"parameters": {"callbackurl": "x"}}, "700"),
        ({"company": "shunfeng", "parameters": {"callbackurl": "http://x/"}}, "700"),
        ({"company": "", "parameters": {"callbackurl": "http://x/", "autoCom": "1"}, "number": "ABCDEFGH"}, "702"),
    ],
)
def test_subscription_with_a_fault_is_refused(sim: Any, change: dict[str, Any], code: str) -> None:
    assert poll(sim, "1190000000001", "ems", **change) == code


def test_foreign_number_is_followed_pushed_and_given_up(sim: Any) -> None:
    made = sim.control("POST", "/kuaidi100/parcels", {"phone": "13800000001", "carrier": "shunfeng"})
    number, place = made["waybill_no"], f"/kuaidi100/orders/{made['order_id']}"
    assert [poll(sim, number, "shunfeng") for _ in range(2)] == ["200", "501"]
    sim.control("POST", f"{place}/move", {"to": "picked_up"})
    sim.control("POST", f"{place}/abort", {"message": "60天无变化"})
    last = pushed(sim, TRACK_PATH, 3)[-1]
    assert (last["status"], last["message"]) == ("abort", "60天无变化")
    assert [row["status"] for row in sim.control("GET", "/kuaidi100/subscriptions")] == ["abort"]
    assert sim.control("POST", f"{place}/move", {"to": "in_transit"})["callbacks"] == []
    assert (query(sim, number, "shunfeng", "9999")["returnCode"], query(sim, number, "ems")["returnCode"]) == (
        "500",
        "500",
    )
    assert poll(sim, number, "shunfeng") == "200"
    sim.control("PUT", "/clock", {"offset_seconds": 3600})
    assert len(pushed(sim, TRACK_PATH, 4)[-1]["lastResult"]["data"]) == 3


def test_number_that_nobody_ordered_is_moved_by_its_subscription(sim: Any) -> None:
    assert poll(sim, "YT1234567890123", "yuantong") == "200"
    sim.control("POST", "/kuaidi100/subscriptions/YT1234567890123/move", {"to": "awaiting_collection"})
    assert pushed(sim, TRACK_PATH, 6)[-1]["lastResult"]["data"][0]["statusCode"] == "501"
    assert sim.control_error("POST", "/kuaidi100/subscriptions/NONE/move", {"to": "delivered"})[0] == 404


def test_corrected_company_is_named(sim: Any) -> None:
    placed(sim, "ZT9")
    sim.control("POST", "/kuaidi100/orders/ZT9/company", {"carrier": "youzhengguonei"})
    [told] = pushed(sim, TRACK_PATH, 1)
    assert (told["autoCheck"], told["comOld"], told["comNew"]) == ("1", "ems", "youzhengguonei")


def test_settled_fees_are_told_without_a_change_of_status(sim: Any) -> None:
    made = placed(sim, "ZT10")
    sim.control("POST", "/kuaidi100/orders/ZT10/callback", {"status": "15", "freight": "12.00", "copies": 2})
    told = pushed(sim, ORDER_PATH, 2)
    assert [(each["data"]["status"], each["data"]["freight"]) for each in told] == [(15, "12.00")] * 2
    assert signed(sim, "detail", {"taskId": made["taskId"]})["data"]["status"] == 0


def test_push_is_repeated_three_times(sim: Any) -> None:
    placed(sim, "ZT11")
    sim.sink.answers["/callbacks/kuaidi100"] = [REFUSED, (500, ACCEPTED[1]), (200, "OK"), REFUSED, ACCEPTED]
    sim.control("POST", "/kuaidi100/orders/ZT11/move", {"op_code": "103"})
    sim.control("PUT", "/clock", {"offset_seconds": 86_400})
    tries = sim.journalled("kuaidi100", 4)
    assert [(row["attempt"], row["accepted"]) for row in tries] == [(number, False) for number in (4, 3, 2, 1)]


@pytest.mark.parametrize("kind", ["wrong_signature", "unsigned"])
def test_push_may_be_spoilt(sim: Any, kind: str) -> None:
    placed(sim, "ZT12")
    sim.control("POST", "/faults", {"provider": "kuaidi100", "call": "push", "kind": kind})
    sim.control("POST", "/kuaidi100/orders/ZT12/move", {"op_code": "103"})
    fields = dict(parse_qsl(sim.sink.wait_for(TRACK_PATH, 1)[0].body.decode()))
    assert fields.get("sign") != md5(fields["param"] + SALT)


def test_salt_decides_what_is_signed(sim: Any) -> None:
    for third, salt, expected in (("ZT13", "", True), ("ZT14", None, False)):
        placed(sim, third, salt=salt)
        sim.sink.clear()
        sim.control("POST", f"/kuaidi100/orders/{third}/move", {"op_code": "103"})
        fields = dict(parse_qsl(sim.sink.wait_for(TRACK_PATH, 1)[0].body.decode()))
        assert fields.get("sign") == (md5(fields["param"]) if expected else None)


def test_price_label_and_company_are_told(sim: Any) -> None:
    asked = {"kuaidiCom": "ems", "sendManPrintAddr": "山西省太原市", "recManPrintAddr": "山西省大同市", "weight": "2"}
    assert signed(sim, "price", asked)["data"] | {"serviceType": ""} == {
        "kuaidiCom": "ems",
        "serviceType": "",
        "defPrice": "23.00",
        "price": "20.70",
    }
    made = placed(sim, "ZT15", returnType="20", tempid="T1")
    label = signed(sim, "printOld", {"taskId": made["taskId"]}, path="/label/order")["data"]["label"]
    image = sim.call("kuaidi100", "GET", label.partition("/label")[1] + label.partition("/label")[2])
    assert (image.status, image.body[:4]) == (200, b"\x89PNG")
    plain = placed(sim, "ZT16")
    assert signed(sim, "printOld", {"taskId": plain["taskId"]}, path="/label/order")["returnCode"] == "400"
    guessed = sim.call("kuaidi100", "GET", f"/autonumber/auto?num={made['kuaidinum']}&key={KEY}").json()
    assert guessed[0]["comCode"] == "ems"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("orders/NONE/move", {"to": "delivered"}, 404),
        ("orders/ZT17/move", {"to": "moon"}, 400),
        ("orders/ZT17/push", {"order": "x"}, 400),
        ("orders/ZT17/company", {"carrier": "x"}, 400),
        ("orders/ZT17/callback", {"status": "many"}, 400),
        ("parcels", {"carrier": "x", "phone": "1"}, 400),
    ],
)
def test_control_refuses_nonsense(sim: Any, path: str, body: dict[str, Any], status: int) -> None:
    placed(sim, "ZT17")
    assert sim.control_error("POST", f"/kuaidi100/{path}", body)[0] == status
    assert "13800000001" not in json.dumps(sim.control("GET", "/kuaidi100/orders"))


ODD = (None, True, -1, 10**30, 1.5, "", "\x00", [], [None], {"a": 1}, "山" * 400)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:8])
def test_odd_content_is_answered_with_a_code(sim: Any, odd: Any) -> None:
    orders = {"bOrder": new_order(sim, "ZT18"), "price": {"kuaidiCom": "ems", "weight": "1"}, "detail": {"taskId": "1"}}
    for method, body in orders.items():
        for field in ("kuaidicom", "kuaidiCom", "weight", "recManPrintAddr", "salt", "thirdOrderId", "taskId"):
            assert signed(sim, method, body | {field: odd})["returnCode"] in ("200", "400")
    for field in ("number", "company", "parameters", "from"):
        assert poll(sim, "1190000000001", "ems", **{field: odd}) in ("200", "501", "700", "702")
    assert query(sim, odd, "ems")["returnCode"] in ("400", "500")
