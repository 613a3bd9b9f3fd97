"""The Alipay simulator's gateway: envelope, encryption, faults, login, identity, control API and restart."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.simulators.alipay_caller import (
    Gateway,
    aes,
    certify_order,
    order,
    pay,
    raw_node,
    rsa_fits,
    rsa_sign,
)


@pytest.fixture
def gateway(sim: Any) -> Gateway:
    return Gateway(sim)


def test_call_with_everything_in_the_body_but_charset_is_understood(sim: Any, gateway: Gateway) -> None:
    params = gateway.params("alipay.trade.query", {"out_trade_no": "查无此单"})
    reply = gateway.send(params, in_body=(*(name for name in params if name != "charset"), "sign"))
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.json()["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_charset_only_in_the_body_breaks_the_signature_of_chinese(gateway: Gateway) -> None:
    params = gateway.params("alipay.trade.query", {"out_trade_no": "中文"})
    node = gateway.send(params, in_body=("biz_content", "charset")).json()["alipay_trade_query_response"]
    assert node["sub_code"] == "isv.invalid-signature"


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"app_id": "2021000000000009"}, "isv.invalid-app-id"),
        ({"timestamp": "2020-01-01 00:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": "now"}, "isv.invalid-timestamp"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"version": ""}, "isv.missing-version"),
        ({"method": "alipay.trade.unknown"}, "isv.invalid-method"),
    ],
)
def test_gateway_error_carries_no_sign(gateway: Gateway, change: dict[str, str], sub_code: str) -> None:
    reply = gateway.send(gateway.params("alipay.trade.query", {"out_trade_no": "A"}) | change).json()
    node = next(iter(reply.values()))
    assert (reply.keys(), node["sub_code"]) == ({next(iter(reply))}, sub_code)
    assert node["code"] in ("40001", "40002")


@pytest.mark.parametrize("sign", ["", "AAAA", "***"])
def test_request_with_wrong_signature_is_refused(gateway: Gateway, sign: str) -> None:
    node = gateway.send(gateway.params("alipay.trade.query", {"out_trade_no": "A"}), sign=sign).json()
    sub_code = node["alipay_trade_query_response"]["sub_code"]
    assert sub_code == ("isv.invalid-signature" if sign else "isv.missing-signature")


def test_slashes_are_escaped_in_answers(gateway: Gateway) -> None:
    reply = gateway.send(gateway.params("alipay.user.certify.open.query", {"certify_id": "a/b"}) | {"version": "1.0"})
    assert b"/" not in raw_node(reply.body)[1].replace(b"\\/", b"")


def test_encrypted_call_is_answered_encrypted_and_signed_with_quotes(sim: Any, gateway: Gateway) -> None:
    content = json.dumps(certify_order("CERT1"), ensure_ascii=False).encode()
    params = gateway.params("alipay.user.certify.open.initialize", encrypt_type="AES")
    params["biz_content"] = base64.b64encode(aes(content, encrypt=True)).decode()
    _, span, signature = raw_node(gateway.send(params).body)
    assert span[:1] == span[-1:] == b'"'
    assert rsa_fits(sim.keys.public["alipay"], signature or "", span)
    answer = json.loads(aes(base64.b64decode(span.strip(b'"')), encrypt=False))
    assert answer["code"] == "10000"
    assert len(answer["certify_id"]) == 32


def test_encrypted_call_that_cannot_be_read_is_refused_in_the_clear(gateway: Gateway) -> None:
    params = gateway.params("alipay.trade.query", encrypt_type="AES") | {"biz_content": "AAAAAAAAAAAAAAAAAAAAAA=="}
    node = gateway.send(params).json()["alipay_trade_query_response"]
    assert node["sub_code"] == "isv.decryption-error-unknown"


@pytest.mark.parametrize("biz", ["[]", "{", '"x"', "null", '{"out_trade_no": {"a": 1}}', '{"trade_no": [1]}'])
def test_malformed_content_is_a_business_failure(gateway: Gateway, biz: str) -> None:
    reply = gateway.send(gateway.params("alipay.trade.query") | {"biz_content": biz})
    assert reply.status == 200
    assert reply.json()["alipay_trade_query_response"]["code"] == "40004"


@pytest.mark.parametrize(
    ("fault", "signed"), [("unsigned", None), ("wrong_signature", False), ("rotated_key", False), ("drop_none", True)]
)
def test_armed_signature_fault_spoils_one_answer(sim: Any, gateway: Gateway, fault: str, signed: bool | None) -> None:
    gateway.create("T1")
    if fault != "drop_none":
        sim.control("POST", "/faults", {"provider": "alipay", "call": "alipay.trade.query", "kind": fault})
    _, span, signature = raw_node(gateway.send(gateway.params("alipay.trade.query", {"out_trade_no": "T1"})).body)
    found = None if signature is None else rsa_fits(sim.keys.public["alipay"], signature, span)
    assert found is signed
    assert gateway.call("alipay.trade.query", {"out_trade_no": "T1"})["code"] == "10000"


def test_armed_system_error_arrives_in_gbk(sim: Any, gateway: Gateway) -> None:
    fault = {"provider": "alipay", "call": "*", "kind": "error", "code": "aop.unknow-error", "message": "系统繁忙"}
    sim.control("POST", "/faults", fault)
    reply = gateway.send(gateway.params("alipay.trade.query", {"out_trade_no": "T1"}))
    node = json.loads(reply.body.decode("gbk"))["alipay_trade_query_response"]
    assert (node["code"], node["sub_code"], node["sub_msg"]) == ("20000", "aop.unknow-error", "系统繁忙")


def test_armed_business_error_keeps_the_trade_untouched(sim: Any, gateway: Gateway) -> None:
    sim.control("POST", "/faults", {"provider": "alipay", "call": "*", "kind": "error", "code": "ACQ.SYSTEM_ERROR"})
    assert gateway.call("alipay.trade.create", order(sim, "T9"))["sub_code"] == "ACQ.SYSTEM_ERROR"
    assert gateway.call("alipay.trade.query", {"out_trade_no": "T9"})["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def login(gateway: Gateway, code: str) -> dict[str, Any]:
    return gateway.call("alipay.system.oauth.token", grant_type="authorization_code", code=code)


def test_one_time_code_gives_open_id_once(sim: Any, gateway: Gateway) -> None:
    made = sim.control("POST", "/alipay/auth-codes", {"person": "li-na"})
    token = login(gateway, made["auth_code"])
    assert "code" not in token
    assert (token["open_id"], len(token["open_id"])) == (made["open_id"], 47)
    assert login(gateway, made["auth_code"])["sub_code"] == "isv.code-invalid"


def test_demo_code_is_reusable_and_unknown_person_is_refused(gateway: Gateway) -> None:
    assert login(gateway, "demo-li-na")["open_id"] == login(gateway, "demo-li-na")["open_id"]
    assert login(gateway, "demo-nobody")["sub_code"] == "isv.code-invalid"


def test_code_expires_with_the_provider_clock(sim: Any, gateway: Gateway) -> None:
    code = sim.control("POST", "/alipay/auth-codes", {"person": "li-na"})["auth_code"]
    sim.control("PUT", "/clock", {"offset_seconds": 301})
    assert login(gateway, code)["sub_code"] == "isv.code-invalid"


def test_refresh_token_works_once(gateway: Gateway) -> None:
    first = login(gateway, "demo-li-na")
    refreshed = gateway.call(
        "alipay.system.oauth.token", grant_type="refresh_token", refresh_token=first["refresh_token"]
    )
    assert refreshed["open_id"] == first["open_id"]
    assert refreshed["refresh_token"] != first["refresh_token"]
    again = gateway.call("alipay.system.oauth.token", grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again["sub_code"] == "isv.refreshed-token-invalid"


@pytest.mark.parametrize("kind", ["ok", "unsigned", "bad_sign", "other_key", "error"])
def test_phone_payload_is_what_the_phone_would_get(sim: Any, kind: str) -> None:
    payload = sim.control("POST", "/alipay/phone-payloads", {"person": "zhang-wei", "kind": kind})
    if kind == "error":
        assert payload["response"]["subCode"] == "isv.missing-encrypt-key"
        return
    signed = f'"{payload["response"]}"'.encode()
    assert ("sign" in payload) is (kind != "unsigned")
    assert rsa_fits(sim.keys.public["alipay"], payload.get("sign", "AAAA"), signed) is (kind == "ok")
    assert json.loads(aes(base64.b64decode(payload["response"]), encrypt=False))["mobile"] == "13800000001"


def certify(gateway: Gateway, number: str, **person: str) -> str:
    return gateway.call("alipay.user.certify.open.initialize", certify_order(number, **person))["certify_id"]


def passed(gateway: Gateway, certify_id: str) -> str:
    return gateway.call("alipay.user.certify.open.query", {"certify_id": certify_id})["passed"]


@pytest.mark.parametrize("outcome", [True, False])
def test_certify_waits_for_the_control_api(sim: Any, gateway: Gateway, outcome: bool) -> None:
    certify_id = certify(gateway, "C1")
    assert passed(gateway, certify_id) == "F"
    sim.control("POST", f"/alipay/certify/{certify_id}", {"passed": outcome})
    assert passed(gateway, certify_id) == ("T" if outcome else "F")


def test_certify_page_has_a_button_that_passes(sim: Any, gateway: Gateway) -> None:
    certify_id = certify(gateway, "C2")
    params = gateway.params("alipay.user.certify.open.certify", {"certify_id": certify_id})
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["sign"] = rsa_sign(sim.keys.private["alipay_app"], text)
    page = sim.call("alipay", "GET", f"/gateway.do?{urlencode(params)}")
    assert f'action="/certify/{certify_id}"' in page.body.decode()
    assert "张伟" not in page.body.decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert sim.call("alipay", "POST", f"/certify/{certify_id}", b"passed=T", headers).status == 200
    assert passed(gateway, certify_id) == "T"


def test_certify_page_with_wrong_signature_shows_an_error(sim: Any, gateway: Gateway) -> None:
    params = gateway.params("alipay.user.certify.open.certify", {"certify_id": certify(gateway, "C3")})
    page = sim.call("alipay", "GET", f"/gateway.do?{urlencode(params | {'sign': 'AAAA'})}")
    assert page.status == 400
    assert "isv.invalid-signature" in page.body.decode()


def test_certify_of_an_automatic_person_passes_only_with_the_right_name(sim: Any, gateway: Gateway) -> None:
    person = {"key": "auto", "name": "王芳", "id_number": "140107199206150023", "phone": "13800000009"}
    sim.control("POST", "/people", person | {"certify": "auto"})
    right = certify(gateway, "C4", name="王芳", id_number="140107199206150023")
    wrong = certify(gateway, "C5", name="王方", id_number="140107199206150023")
    assert (passed(gateway, right), passed(gateway, wrong)) == ("T", "F")


def test_certify_order_number_is_unique_and_the_page_expires(sim: Any, gateway: Gateway) -> None:
    certify_id = certify(gateway, "C6")
    again = gateway.call("alipay.user.certify.open.initialize", certify_order("C6"))
    assert again["sub_code"] == "ILLEGAL_ARGUMENT_FORMAT"
    sim.control("PUT", "/clock", {"offset_seconds": 24 * 3600})
    assert sim.control_error("POST", f"/alipay/certify/{certify_id}", {"passed": True}) == (400, "CERTIFY_ID_EXPIRED")
    unknown = gateway.call("alipay.user.certify.open.query", {"certify_id": "0" * 32})
    assert unknown["sub_code"] == "OPEN_CERTIFY_BILL_NOT_EXIST"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/alipay/pay", {"tradeNO": "0", "person": "zhang-wei"}, 404),
        ("/alipay/pay", {"tradeNO": "0", "person": "nobody"}, 404),
        ("/alipay/pay", {"person": "zhang-wei"}, 400),
        ("/alipay/auth-codes", {"person": "zhang-wei", "app_id": "1"}, 404),
        ("/alipay/phone-payloads", {"person": "zhang-wei", "kind": "x"}, 400),
        ("/alipay/trades/none/notify", {}, 404),
        ("/alipay/certify/none", {"passed": 1}, 400),
        ("/alipay/bills", {"bill_date": "2026-01-01", "extra": [{"a": 1}]}, 400),
    ],
)
def test_control_refuses_nonsense(sim: Any, path: str, body: dict[str, Any], status: int) -> None:
    assert sim.control_error("POST", path, body)[0] == status


def test_journal_names_the_method_and_hides_codes(sim: Any, gateway: Gateway) -> None:
    gateway.call("alipay.system.oauth.token", grant_type="authorization_code", code="demo-li-na")
    row = sim.control("GET", "/requests?provider=alipay")[0]
    assert (row["call"], row["outcome"]) == ("alipay.system.oauth.token", "ok")
    assert "demo-li-na" not in json.dumps(row)


def test_trades_survive_a_restart(own_simulators: Any) -> None:
    own_simulators.start()
    gateway = Gateway(own_simulators)
    trade_no = gateway.create("S1")
    own_simulators.stop()
    own_simulators.start()
    assert gateway.call("alipay.trade.query", {"out_trade_no": "S1"})["trade_no"] == trade_no
    assert pay(own_simulators, trade_no)["result"] == "ok"
