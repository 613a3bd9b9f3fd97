"""The simulated fiscal platform, asked by an independent caller: signatures, refusals, memory, control."""

import base64
import hashlib
import json
import secrets
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.simulators.simulator_process import Reply, Simulators

APP = "SJTTEST140000"
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
    st.lists(st.dictionaries(st.sampled_from(["Amt", "ItemName"]), st.text(max_size=5)), max_size=3),
)


def notice(biz_no: str = "B1", **changed: Any) -> dict[str, Any]:
    """The content of notice/issue."""
    return {
        "BizNo": biz_no,
        "BillDate": "2026-11-21",
        "DueDate": "",
        "AgenCode": "11140105012345678X",
        "AgenName": "太原市公安局小店分局",
        "AgenDivCode": "140105000000",
        "Title": "居民身份证补领工本费",
        "PayerName": "",
        "OriAmt": "20.00",
        "Items": [{"ItemCode": "103040107", "ItemName": "证照工本费", "Amt": "20.00", "Basis": ""}],
    } | changed


def payment(pay_code: str, **changed: Any) -> dict[str, Any]:
    """The content of payment/confirm."""
    return {
        "PayCode": pay_code,
        "OutTradeNo": "P1",
        "Amt": "20.00",
        "Channel": "WECHAT",
        "TradeNo": "42000001",
        "PayTime": "2026-11-21 10:00:00",
    } | changed


def send(sim: Simulators, call: str, content: Any, **changed: str) -> Reply:
    """Sign and send a call; `changed` replaces headers (`nonce=…`) after signing."""
    path, timestamp, nonce = f"/nontax/v1/{call}", str(int(time.time())), secrets.token_hex(16)
    body = content if isinstance(content, bytes) else json.dumps({"AdmDivCode": "140000", **content}).encode()
    text = f"POST\n{path}\n{APP}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n".encode()
    key = serialization.load_pem_private_key(sim.keys.private["fiscal_app"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Fiscal-App-Id": APP,
        "X-Fiscal-Timestamp": timestamp,
        "X-Fiscal-Nonce": nonce,
        "X-Fiscal-Signature": base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode(),
    }
    headers |= {f"X-Fiscal-{name.replace('_', '-').title()}": value for name, value in changed.items()}
    reply = sim.call("fiscal", "POST", path, body, headers)
    check_signature(sim, path, headers, reply)
    return reply


def check_signature(sim: Simulators, path: str, headers: dict[str, str], reply: Reply) -> None:
    """Fail the test when the platform did not sign this very answer to this very request."""
    app_id, nonce, timestamp = (reply.headers[f"x-fiscal-{part}"] for part in ("app-id", "nonce", "timestamp"))
    assert (app_id, nonce) == (headers["X-Fiscal-App-Id"], headers["X-Fiscal-Nonce"])
    digest = hashlib.sha256(reply.body).hexdigest()
    text = f"{reply.status}\n{path}\n{app_id}\n{timestamp}\n{nonce}\n{digest}\n".encode()
    key = serialization.load_pem_public_key(sim.keys.public["fiscal"].encode())
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(reply.headers["x-fiscal-signature"])
    key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())


def data(sim: Simulators, call: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a success."""
    reply = send(sim, call, content)
    assert (reply.status, reply.json()["code"]) == (200, "0000"), reply.body.decode()
    found: dict[str, Any] = reply.json()["data"]
    return found


def code(sim: Simulators, call: str, content: Any, **changed: str) -> str:
    """Return the result code of a refusal."""
    found: str = send(sim, call, content, **changed).json()["code"]
    return found


def test_a_notice_is_issued_paid_and_receipted(sim: Simulators) -> None:
    issued = data(sim, "notice/issue", notice())
    assert (len(issued["PayCode"]), len(issued["CrcCode"]), issued["Status"]) == (20, 4, "0")
    assert (issued["Amt"], issued["OriAmt"], issued["DelayAmt"]) == ("20.00", "20.00", "0.00")
    assert (issued["AgenName"], issued["Items"]) == (notice()["AgenName"], notice()["Items"])
    confirmed = data(sim, "payment/confirm", payment(issued["PayCode"]))
    assert confirmed["State"] == "CONFIRMED"
    receipt = data(sim, "receipt/query", {"PayCode": issued["PayCode"]})["Receipt"]
    assert receipt["EInvoiceCode"][:2] + receipt["EInvoiceCode"][-2:] == f"14{receipt['IssueTime'][2:4]}"
    assert data(sim, "notice/query", {"PayCode": issued["PayCode"]})["Status"] == "1"
    shown = sim.control("GET", f"/fiscal/bills/{issued['PayCode']}")
    assert (shown["confirmation"], shown["reversed_fen"]) == ("CONFIRMED", 0)
    assert [row["kind"] for row in sim.control("GET", "/fiscal/receipts")] == ["BLUE"]


def test_whoever_does_not_sign_rightly_is_refused(sim: Simulators) -> None:
    content = {"PayCode": "1" * 20}
    assert code(sim, "notice/query", content, app_id="NOBODY") == "NT0004"
    assert code(sim, "notice/query", content, nonce="f" * 32) == "NT0002"
    assert code(sim, "notice/query", content, nonce="x") == "NT0002"
    assert code(sim, "notice/query", content, signature="AAAA") == "NT0002"
    assert code(sim, "notice/query", content, timestamp=str(int(time.time()) - 301)) == "NT0003"
    assert code(sim, "notice/query", content, timestamp="now") == "NT0003"
    assert code(sim, "notice/query", content | {"AdmDivCode": "130000"}) == "NT0005"


def test_a_request_is_taken_once(sim: Simulators) -> None:
    path, body, nonce = "/nontax/v1/notice/query", b'{"AdmDivCode":"140000","PayCode":"1"}', "a" * 32
    timestamp = str(int(time.time()))
    text = f"POST\n{path}\n{APP}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n".encode()
    key = serialization.load_pem_private_key(sim.keys.private["fiscal_app"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    headers = {
        "Content-Type": "application/json",
        "X-Fiscal-App-Id": APP,
        "X-Fiscal-Timestamp": timestamp,
        "X-Fiscal-Nonce": nonce,
        "X-Fiscal-Signature": base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode(),
    }
    codes = [sim.call("fiscal", "POST", path, body, headers).json()["code"] for _ in range(2)]
    assert codes == ["NT1001", "NT0006"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 50_000, b'{"AdmDivCode":NaN}'])
def test_a_body_that_is_no_object_is_refused(sim: Simulators, body: bytes) -> None:
    reply = send(sim, "notice/issue", body)
    assert (reply.status, reply.json()["code"]) == (400, "NT0001")


@pytest.mark.parametrize(
    "change",
    [
        {"BizNo": ""},
        {"BizNo": "B" * 33},
        {"BillDate": "2026-02-30"},
        {"BillDate": "2026-2-3"},
        {"DueDate": "soon"},
        {"OriAmt": "20"},
        {"OriAmt": "0.00"},
        {"OriAmt": 20},
        {"OriAmt": "21.00"},
        {"AgenCode": ""},
        {"Items": {}},
        {"Items": ["x"]},
    ],
)
def test_a_notice_that_cannot_be_is_refused(sim: Simulators, change: dict[str, Any]) -> None:
    assert code(sim, "notice/issue", notice(**change)) == "NT0001"
    assert sim.control("GET", "/fiscal/bills") == []


@FAST
@given(drawn=st.data())
def test_odd_content_is_answered_with_a_code(sim: Simulators, drawn: st.DataObject) -> None:
    pay_code = data(sim, "notice/issue", notice("F1"))["PayCode"]
    contents: dict[str, dict[str, Any]] = {
        "notice/issue": notice("F1"),
        "notice/query": {"PayCode": pay_code},
        "notice/void": {"PayCode": "1"},
        "payment/confirm": payment(pay_code),
        "receipt/query": {"PayCode": pay_code},
        "receipt/reverse": {"PayCode": pay_code, "OutRefundNo": "R1", "Amt": "1.00", "Reason": ""},
        "statement/list": {"Date": "2026-11-21", "PageNo": "1", "PageSize": "10", "Batch": ""},
    }
    call = drawn.draw(st.sampled_from(sorted(contents)))
    field = drawn.draw(st.sampled_from(sorted(contents[call])))
    answer = send(sim, call, contents[call] | {field: drawn.draw(ODD)}).json()
    assert answer["code"] == "0000" or answer["code"].startswith("NT")


def test_what_was_done_survives_a_restart(own_simulators: Simulators) -> None:
    own_simulators.start()
    pay_code = data(own_simulators, "notice/issue", notice())["PayCode"]
    data(own_simulators, "payment/confirm", payment(pay_code))
    receipt = data(own_simulators, "receipt/query", {"PayCode": pay_code})["Receipt"]
    own_simulators.stop()
    own_simulators.start()
    assert data(own_simulators, "notice/issue", notice())["PayCode"] == pay_code
    assert data(own_simulators, "receipt/query", {"PayCode": pay_code})["Receipt"] == receipt


def test_a_reset_forgets_also_what_is_held(sim: Simulators) -> None:
    sim.control("POST", "/fiscal/hold", {"confirm_seconds": 60})
    assert sim.control("GET", "/fiscal/hold")["confirm_seconds"] == 60
    sim.control("POST", "/reset")
    pay_code = data(sim, "notice/issue", notice())["PayCode"]
    assert data(sim, "payment/confirm", payment(pay_code))["State"] == "CONFIRMED"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/fiscal/bills/1/late-fee", {"late_fee_fen": 1}, 404),
        ("/fiscal/bills/1/pay-elsewhere", {}, 404),
        ("/fiscal/hold", {"confirm": 1}, 400),
        ("/fiscal/hold", {"confirm_seconds": "1"}, 400),
        ("/fiscal/statement", {}, 400),
        ("/fiscal/statement", {"lose": ""}, 400),
        ("/fiscal/statement", {"add": {"amount_fen": 0}}, 400),
    ],
)
def test_control_says_what_cannot_be_done(sim: Simulators, path: str, body: dict[str, Any], status: int) -> None:
    assert sim.control_error("POST", path, body)[0] == status


def test_the_journal_names_numbers_and_no_payer(sim: Simulators) -> None:
    pay_code = data(sim, "notice/issue", notice(PayerName="张伟"))["PayCode"]
    rows = sim.control("GET", "/requests?provider=fiscal")
    assert [(row["call"], row["pay_code"], row["outcome"]) for row in rows] == [("notice/issue", pay_code, "ok")]
    assert "张伟" not in json.dumps(rows, ensure_ascii=False)
    assert sim.control("GET", "/fiscal/statement") == {"SJTTEST140000": [], "SJTTEST130000": []}
