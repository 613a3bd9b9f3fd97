"""Notifications of the simulated WeChat Pay, opened with wechatpayv3: contents, repeats, and every way to go wrong."""

import base64
import json
import time

import pytest
from wechatpayv3.utils import aes_decrypt, load_public_key, rsa_verify

PATH = "/callbacks/wechat-pay/1900000001"
REFUNDS = "/v3/refund/domestic/refunds"


def _verified(sim, received):
    headers = {name.lower(): value for name, value in received.headers.items()}
    return rsa_verify(
        headers["wechatpay-timestamp"],
        headers["wechatpay-nonce"],
        received.body.decode(),
        headers["wechatpay-signature"],
        load_public_key(sim.keys.public["platform"]),
    )


def _opened(pay, received):
    resource = json.loads(received.body)["resource"]
    return json.loads(
        aes_decrypt(resource["nonce"], resource["ciphertext"], resource["associated_data"], pay.apiv3_key)
    )


def _header(received, name):
    return {key.lower(): value for key, value in received.headers.items()}[name.lower()]


def test_payment_is_notified_once_accepted_with_204(pay, sim):
    sim.sink.answers[PATH] = [(204, "")]
    callback = pay.paid(notify="normal")["callback"]
    assert (callback["status"], callback["accepted"], callback["attempt"]) == (204, True, 1)
    time.sleep(0.15)
    (received,) = sim.sink.matching(PATH)
    assert _verified(sim, received)
    body = json.loads(received.body)
    assert (body["event_type"], body["resource_type"]) == ("TRANSACTION.SUCCESS", "encrypt-resource")
    resource = _opened(pay, received)
    assert (resource["mchid"], resource["appid"]) == ("1900000001", "wx0123456789abcdef")
    assert resource["amount"] == {"total": 4000, "payer_total": 4000, "currency": "CNY", "payer_currency": "CNY"}
    assert resource["trade_state"] == "SUCCESS"


def test_refused_notification_is_repeated_with_the_same_id_until_accepted(pay, sim):
    sim.sink.answers[PATH] = [(500, ""), (401, '{"code":"FAIL"}'), (302, ""), (200, '{"code":"FAIL"}')]
    pay.paid(notify="normal")
    received = sim.sink.wait_for(PATH, 4)
    attempts = sim.journalled("wechat_pay", 4)
    time.sleep(0.15)
    assert len(sim.sink.matching(PATH)) == 4
    assert len({json.loads(item.body)["id"] for item in received}) == 1
    assert [(row["attempt"], row["status"]) for row in attempts] == [(4, 200), (3, 302), (2, 401), (1, 500)]


def test_schedule_follows_the_moved_clock_to_its_sixteenth_and_last_try(pay, sim):
    sim.sink.answers[PATH] = [(500, "")] * 20
    pay.paid(notify="normal")
    for done in range(1, 18):
        sim.journalled("wechat_pay", min(done, 16))
        sim.control("PUT", "/clock", {"offset_seconds": done * 60})
    time.sleep(0.1)
    assert len(sim.sink.matching(PATH)) == 16


def test_unreachable_backend_is_journalled_and_retried(pay, sim):
    callback = pay.paid(notify="normal", notify_url="http://127.0.0.1:9/callbacks")["callback"]
    assert (callback["status"], callback["accepted"]) == (0, False)


def test_none_sends_nothing_and_notify_again_sends_copies_at_once(pay, sim):
    assert pay.paid(notify="none")["callback"] is None
    answer = sim.control("POST", "/wechat_pay/orders/SJT0001/notify", {"times": 2, "concurrent": 3})
    assert answer["sent"] == 6
    assert [row["status"] for row in answer["callbacks"]] == [200] * 6
    assert len(sim.sink.matching(PATH)) == 6


def test_duplicate_sends_two_copies(pay, sim):
    pay.paid(notify="duplicate")
    first, second = sim.sink.wait_for(PATH, 2)
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]


def test_late_waits_for_its_delay(pay, sim):
    assert pay.paid(notify="late", delay_seconds=3000)["callback"] is None
    assert sim.sink.matching(PATH) == []
    sim.control("PUT", "/clock", {"offset_seconds": 3001})
    sim.sink.wait_for(PATH)


def test_probe_comes_first_with_a_bad_signature_then_the_real_message(pay, sim):
    sim.sink.answers[PATH] = [(401, ""), (204, "")]
    assert pay.paid(notify="signtest")["callback"]["status"] == 204
    probe, real = sim.sink.wait_for(PATH, 2)
    signature = _header(probe, "Wechatpay-Signature")
    assert signature.startswith("WECHATPAY/SIGNTEST/")
    assert _verified(sim, real)
    assert probe.body == real.body


@pytest.mark.parametrize("kind", ["wrong_signature", "stale", "unknown_serial"])
def test_bad_crypto_is_sent_once_and_never_good(pay, sim, kind):
    sim.sink.answers[PATH] = [(401, "")] * 5
    pay.paid(notify=kind)
    (received,) = sim.sink.wait_for(PATH)
    age = time.time() - int(_header(received, "Wechatpay-Timestamp"))
    base64.b64decode(_header(received, "Wechatpay-Signature"), validate=True)
    assert _verified(sim, received) == (kind == "stale")
    assert (age > 300) == (kind == "stale")
    time.sleep(0.1)
    assert len(sim.sink.matching(PATH)) == 1


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("wrong_amount", ("amount", "total"), 4001),
        ("other_currency", ("amount", "currency"), "USD"),
        ("wrong_merchant", ("mchid",), "1900009999"),
        ("wrong_app", ("appid",), "wx" + "f" * 16),
    ],
)
def test_lies_come_under_a_good_signature(pay, sim, kind, path, value):
    pay.paid(notify=kind)
    (received,) = sim.sink.wait_for(PATH)
    assert _verified(sim, received)
    found = _opened(pay, received)
    for name in path:
        found = found[name]
    assert found == value
    assert sim.control("GET", "/wechat_pay/orders/SJT0001")["amount"]["total"] == 4000


def test_reordered_payment_comes_after_the_refund(pay, sim):
    pay.paid(notify="reordered")
    pay("POST", REFUNDS, pay.refund(4000))
    sim.control("POST", "/wechat_pay/refunds/SJTR0001/finish", {})
    events = [json.loads(item.body)["event_type"] for item in sim.sink.wait_for(PATH, 2)]
    assert events == ["REFUND.SUCCESS", "TRANSACTION.SUCCESS"]


@pytest.mark.parametrize("result", ["SUCCESS", "ABNORMAL", "CLOSED"])
def test_refund_end_is_notified(pay, sim, result):
    pay.paid()
    pay("POST", REFUNDS, pay.refund(4000))
    answer = sim.control("POST", "/wechat_pay/refunds/SJTR0001/finish", {"result": result})
    assert answer["callback"]["accepted"] is True
    (received,) = sim.sink.wait_for(PATH)
    assert json.loads(received.body)["event_type"] == f"REFUND.{result}"
    resource = _opened(pay, received)
    assert (resource["refund_status"], resource["amount"]["refund"]) == (result, 4000)
    assert ("success_time" in resource) == (result == "SUCCESS")
    assert "status" not in resource


def test_partner_notification_names_both_merchants(partner, sim):
    partner.paid(notify="normal")
    (received,) = sim.sink.wait_for("/callbacks/wechat-pay/1900000100")
    resource = _opened(partner, received)
    assert (resource["sp_mchid"], resource["sub_mchid"]) == ("1900000100", "1900000109")
    assert resource["payer"] == {"sub_openid": partner.openid}
    assert "mchid" not in resource


def test_notification_can_be_signed_with_the_other_platform_key(pay, sim):
    pay.paid(notify="none")
    serial = sim.keys.serial["platform_certificate"]
    sim.control("POST", "/wechat_pay/orders/SJT0001/notify", {"key_id": serial})
    (received,) = sim.sink.wait_for(PATH)
    assert _header(received, "Wechatpay-Serial") == serial
    assert not _verified(sim, received)
