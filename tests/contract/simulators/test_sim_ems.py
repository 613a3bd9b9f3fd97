"""The EMS simulator against an independent caller: encryption by cryptography, vectors, refusals and lying pushes."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.ems import sealing

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "express.json").read_text("utf-8"))["vectors"]["ems"]
KEY, SENDER = "ABEiM0RVZneImaq7zN3u/w==", "1100000000000"
PUSH_PATH = "/callbacks/ems/ems-token"
CREATE, CANCEL, TRACK = "020003", "020006", "040001"


def sm4(raw: bytes, *, encrypt: bool) -> bytes:
    cipher = Cipher(algorithms.SM4(base64.b64decode(KEY)), modes.ECB())
    worker = cipher.encryptor() if encrypt else cipher.decryptor()
    return worker.update(raw) + worker.finalize()


def seal(text: str) -> str:
    raw = text.encode()
    count = 16 - len(raw) % 16
    return "|$4|" + base64.b64encode(sm4(raw + bytes([count]) * count, encrypt=True)).decode()


def send(sim: Any, api_code: str, content: Any, **change: str) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    form = {
        "apiCode": api_code,
        "senderNo": SENDER,
        "authorization": "throw-away-code",
        "msgType": "0",
        "timeStamp": "2026-03-02 10:00:00",
        "version": "V1.0.0",
        "logitcsInterface": seal(text + KEY),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode(form | change).encode()
    return sim.call("ems", "POST", "/amp-prod-api/f/amp/api/open", body, headers).json()


def new_order(number: str = "ZT1", **change: Any) -> list[dict[str, Any]]:
    end = {"name": "张伟", "mobile": "13800000001", "prov": "山西省", "city": "大同市", "address": "测试路1号"}
    order = {
        "ecommerceUserId": "U1",
        "logisticsOrderNo": number,
        "contentsAttribute": "1",
        "bizProductNo": "1",
        "sender": end,
        "receiver": end,
        "cargos": [{"cargoName": "文件"}],
    }
    return [order | change]


def create(sim: Any, number: str = "ZT1") -> str:
    made = send(sim, CREATE, new_order(number))
    assert made["retCode"] == "00000", made
    return json.loads(made["retBody"])["waybillNo"]


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_vector_is_read_and_written(case: dict[str, str]) -> None:
    if case["plaintext"].endswith(case["signKey"]):
        assert sealing.unseal(case["logitcsInterface"], case["signKey"]) == case["json"]
    else:
        assert sealing.seal(case["json"], case["signKey"]) == case["logitcsInterface"]
        assert sealing.unseal(case["logitcsInterface"], case["signKey"]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"senderNo": "1100999999999"},
        {"authorization": "another"},
        {"timeStamp": "soon"},
        {"apiCode": "999999"},
        {"logitcsInterface": seal("{}")},
        {"logitcsInterface": "|$4|AAAA"},
        {"logitcsInterface": "{}"},
    ],
)
def test_call_with_a_wrong_envelope_is_refused(sim: Any, change: dict[str, str]) -> None:
    answer = send(sim, TRACK, {"waybillNo": "1"}, **change)
    assert (answer["success"], answer["retBody"], answer["retCode"][:1]) == (False, "", "A")


def test_order_is_one_however_often_it_comes_and_missing_fields_are_named(sim: Any) -> None:
    assert create(sim) == create(sim)
    assert (
        "收件人市不能为空" in send(sim, CREATE, new_order("ZT2", receiver={"name": "张伟", "prov": "山西省"}))["retMsg"]
    )
    assert send(sim, CREATE, new_order("ZT2", bizProductNo="77"))["success"] is False
    assert send(sim, CREATE, {"not": "a list"})["success"] is False


def test_cancelled_order_is_told_and_collected_one_is_kept(sim: Any) -> None:
    waybill_no = create(sim)
    assert send(sim, CANCEL, {"logisticsOrderNo": "ZT1", "waybillNo": waybill_no})["success"] is True
    assert send(sim, CANCEL, {"logisticsOrderNo": "ZT1"})["success"] is False
    road = json.loads(send(sim, TRACK, {"waybillNo": waybill_no})["retBody"])["responseItems"]
    assert [event["opCode"] for event in road] == ["801"]
    create(sim, "ZT2")
    sim.control("POST", "/ems/orders/ZT2/move", {"to": "picked_up"})
    assert "已收寄" in send(sim, CANCEL, {"logisticsOrderNo": "ZT2"})["retMsg"]


def test_pushes_are_sealed_and_lie_where_told_to(sim: Any) -> None:
    sim.sink.answers[PUSH_PATH] = [(200, '{"code":"00000"}')] * 20
    create(sim)
    seen = []
    for kind in ("", "wrong_signature", "unsigned", "wrong_merchant"):
        if kind:
            sim.control("POST", "/faults", {"provider": "ems", "call": "040002", "kind": kind})
        sim.control("POST", "/ems/orders/ZT1/move", {"op_code": "702"})
        seen.append(json.loads(sim.sink.wait_for(PUSH_PATH, len(seen) + 1)[-1].body))
    genuine = sm4(base64.b64decode(seen[0]["logitcsInterface"].removeprefix("|$4|")), encrypt=False)
    assert b'"opCode": "702"' in genuine
    assert b"opCode" not in sm4(base64.b64decode(seen[1]["logitcsInterface"].removeprefix("|$4|")), encrypt=False)
    assert b"opCode" in base64.b64decode(seen[2]["logitcsInterface"].removeprefix("|$4|"))
    assert [push["senderNo"] == SENDER for push in seen] == [True, True, True, False]
    assert len({push["serialNo"] for push in seen}) == 4


def test_label_is_a_pdf_as_text_or_by_its_address(sim: Any) -> None:
    waybill_no = create(sim)
    wanted = {"waybillNo": waybill_no, "type": "129"}
    assert base64.b64decode(send(sim, "010004", wanted)["retBody"]).startswith(b"%PDF-")
    address = send(sim, "010004", wanted | {"getURL": "1"})["retBody"]
    assert sim.call("ems", "GET", urlsplit(address).path).body.startswith(b"%PDF-")
    assert send(sim, "010004", {"waybillNo": "9", "type": "129"})["success"] is False


def test_control_names_what_it_cannot_do(sim: Any) -> None:
    create(sim)
    assert sim.control_error("POST", "/ems/orders/ZT1/move", {"to": "moon"})[0] == 400
    assert sim.control_error("GET", "/ems/orders/NOBODY")[0] == 404
    assert [order["order_id"] for order in sim.control("GET", "/ems/orders")] == ["ZT1"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_odd_content_is_answered_with_a_code(sim: Any, data: st.DataObject) -> None:
    odd = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.none(), max_size=2))
    api_code = data.draw(st.sampled_from([CREATE, CANCEL, TRACK, "010004", "050001", "050005", "060001", "060002"]))
    whole = new_order("F1")[0] | {"waybillNo": "1", "wholeAddress": "太原", "weight": "200", "type": "129"}
    changed = whole | {data.draw(st.sampled_from(sorted(whole))): data.draw(odd)}
    content = data.draw(st.sampled_from([changed, [changed], [], None, 7]))
    assert send(sim, api_code, content)["retCode"]
