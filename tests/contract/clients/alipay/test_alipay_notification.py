"""Every notification vector and the gateway check; business checks are the payments room's, on the fields read here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import CallbackQuarantined, CallbackRejected
from app.money import parse_yuan
from clients.alipay import form, keys, signing
from clients.alipay.config import AlipayApp
from clients.alipay.form import SignRule
from clients.alipay.gateway_check import answer_gateway_check, is_gateway_check
from clients.alipay.notification import TradeEffect, TradeNotification, read_gateway_message, read_trade_notification

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "alipay.json").read_text())
CONTEXT = VECTORS["notify"]["context"]
CASES = {case["id"]: case for case in VECTORS["notify"]["cases"]}
CHECK = VECTORS["gateway_check"]


def chosen(kind: str, *, verified: bool) -> list[Any]:
    return [
        pytest.param(case, id=name)
        for name, case in CASES.items()
        if case["kind"].startswith(kind) and case["expect"]["verified"] is verified
    ]


def contradiction(notification: TradeNotification) -> str | None:
    """Name the first field that differs from the stored order, as the payments room does."""
    ours = {
        "out_trade_no": (notification.out_trade_no, CONTEXT["order"]["out_trade_no"]),
        "total_amount": (notification.total_amount_fen, parse_yuan(CONTEXT["order"]["total_amount"])),
        "seller_id": (notification.seller_id, CONTEXT["seller_id"]),
        "app_id": (notification.app_id, CONTEXT["app_id"]),
    }
    return next((name for name, (given, expected) in ours.items() if given != expected), None)


@pytest.mark.parametrize("case", chosen("trade", verified=True))
def test_genuine_trade_notification_matches_vector(case: dict[str, Any], app: AlipayApp) -> None:
    notification = read_trade_notification(case["body"].encode(), app)
    expect = case["expect"]
    assert contradiction(notification) == expect.get("reason")
    if expect["accept"]:
        assert notification.effect == TradeEffect(expect["effect"])
    if "parsed" in case:
        assert form.read_form(case["body"].encode())[0] == case["parsed"]


@pytest.mark.parametrize("case", chosen("trade", verified=False))
def test_forged_trade_notification_is_refused_for_its_reason(case: dict[str, Any], app: AlipayApp) -> None:
    with pytest.raises(CallbackRejected) as refused:
        read_trade_notification(case["body"].encode(), app)
    assert refused.value.details["reason"] == case["expect"]["reason"]


@pytest.mark.parametrize("case", chosen("message", verified=True))
def test_gateway_message_matches_vector(case: dict[str, Any], app: AlipayApp) -> None:
    message = read_gateway_message(case["body"].encode(), app)
    parsed = case.get("parsed") or form.read_form(case["body"].encode())[0]
    assert message.notify_id == parsed["notify_id"]
    assert message.kind == parsed.get("msg_method", parsed.get("notify_type"))
    if case["expect"]["effect"] == "deposit_back":
        assert message.content["out_request_no"] == "SJT20260115000001R1"
        assert message.content["dback_status"] == "S"
    else:
        assert message.content["title"] == "三晋通 模版"


def test_every_notification_vector_is_covered() -> None:
    assert len(CASES) == 25
    assert (
        len(chosen("trade", verified=True) + chosen("trade", verified=False) + chosen("message", verified=True)) == 25
    )


def test_refund_echo_carries_the_cumulative_amount_and_our_number(app: AlipayApp) -> None:
    notification = read_trade_notification(CASES["partial_refund"]["body"].encode(), app)
    assert (notification.refunded_total_fen, notification.out_request_no) == (1000, "SJT20260115000001R1")
    assert notification.refunded_at is not None
    assert notification.refunded_at.isoformat() == "2026-01-16T02:00:00.123000+00:00"


def test_platform_message_on_the_payment_address_is_refused(app: AlipayApp) -> None:
    for name, reason in (("from_ant_depositback", "notify_type"), ("servicemarket_v2", "signature")):
        with pytest.raises(CallbackRejected) as refused:
            read_trade_notification(CASES[name]["body"].encode(), app)
        assert refused.value.details["reason"] == reason


def test_certificate_mode_verifies_with_the_pinned_certificate(certificate_app: AlipayApp) -> None:
    body = CASES["trade_success"]["body"]
    [pinned_sn] = certificate_app.pinned_certificates
    for sent in (body, f"{body}&alipay_cert_sn={pinned_sn}"):
        assert read_trade_notification(sent.encode(), certificate_app).effect is TradeEffect.PAID
    with pytest.raises(CallbackRejected):
        read_trade_notification(f"{body}&alipay_cert_sn={'0' * 32}".encode(), certificate_app)


def signed_form(fields: dict[str, str], rule: SignRule) -> bytes:
    """Make a genuine form, as Alipay would."""
    private = keys.load_private_key(VECTORS["keys"]["alipay_private_pkcs1"])
    covered = {name: value for name, value in fields.items() if name not in rule.value}
    sign = signing.sign(signing.joined(covered), private)
    return "&".join(
        f"{name}={value.replace('%', '%25').replace('+', '%2B').replace('&', '%26').replace('=', '%3D')}"
        for name, value in (fields | {"sign": sign}).items()
    ).encode()


@pytest.mark.parametrize("damage", [{"total_amount": "a lot"}, {"gmt_payment": "yesterday"}])
def test_genuine_but_unreadable_notification_is_kept_for_staff(damage: dict[str, str], app: AlipayApp) -> None:
    fields = {"notify_type": "trade_status_sync", "notify_id": "n1", "sign_type": "RSA2", "charset": "utf-8"}
    with pytest.raises(CallbackQuarantined):
        read_trade_notification(signed_form(fields | damage, SignRule.V1), app)


def test_genuine_message_with_unreadable_content_is_kept_for_staff(app: AlipayApp) -> None:
    fields = {"msg_method": "x", "notify_id": "n1", "sign_type": "RSA2", "charset": "utf-8", "biz_content": "[1]"}
    with pytest.raises(CallbackQuarantined):
        read_gateway_message(signed_form(fields, SignRule.V1), app)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"&&&",
        b"=",
        b"charset=koi8-r&sign=a&sign_type=RSA2",
        b"charset=utf-8&a=%ff&sign=a",
        b"charset=%ff&sign=a&sign_type=RSA2",
        b"a=1&" * 500,
        b'{"json":true}',
        b"\x00\xff",
    ],
)
def test_malformed_form_is_rejected(raw: bytes, app: AlipayApp) -> None:
    with pytest.raises(CallbackRejected):
        read_trade_notification(raw, app)
    with pytest.raises(CallbackRejected):
        read_gateway_message(raw, app)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(["trade_success", "gbk_charset", "empty_value_unsigned"]))
def test_one_flipped_bit_never_changes_what_is_believed(data: st.DataObject, name: str, app: AlipayApp) -> None:
    genuine = CASES[name]["body"].encode()
    raw = bytearray(genuine)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        believed = read_trade_notification(bytes(raw), app)
    except CallbackRejected:
        return
    assert believed == read_trade_notification(genuine, app)


def test_gateway_check_request_matches_vector(app: AlipayApp) -> None:
    raw = CHECK["request"]["body"].encode()
    assert is_gateway_check(raw)
    assert form.verified_form(raw, app, (SignRule.V2,))["service"] == "alipay.service.check"
    assert not is_gateway_check(CASES["from_ant_depositback"]["body"].encode())


def test_gateway_check_reply_matches_vector(app: AlipayApp) -> None:
    reply = answer_gateway_check(CHECK["request"]["body"].encode(), app)
    assert reply == CHECK["reply"]["xml"].encode("gbk")
    assert f"<response>{CHECK['reply']['signed_content']}</response>".encode() in reply
    assert f"<sign>{CHECK['reply']['sign']}</sign>".encode() in reply


@pytest.mark.parametrize("change", [("service.check", "service.chect"), ("verifygw", "verifyxx"), ("sign=", "sign=A")])
def test_forged_gateway_check_gets_a_signed_refusal(change: tuple[str, str], app: AlipayApp) -> None:
    reply = answer_gateway_check(CHECK["request"]["body"].replace(*change).encode(), app).decode("gbk")
    inner = re.search(r"<response>(.*)</response>", reply)
    sign = re.search(r"<sign>(.*)</sign>", reply)
    assert inner is not None
    assert sign is not None
    assert inner[1].startswith("<success>false</success><error_code>VERIFY_FAILED</error_code>")
    assert signing.is_genuine(inner[1].encode(), sign[1], [app.private_key.public_key()])
