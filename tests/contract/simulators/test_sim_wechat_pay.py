"""The simulated api.mch.weixin.qq.com: orders, refunds, certificates; wechatpayv3 signs requests, checks answers."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from wechatpayv3.utils import aes_decrypt, build_authorization, load_certificate, rsa_verify

JSAPI, PARTNER_JSAPI = "/v3/pay/transactions/jsapi", "/v3/pay/partner/transactions/jsapi"
REFUNDS = "/v3/refund/domestic/refunds"
QUERY = "/v3/pay/transactions/out-trade-no/SJT0001?mchid=1900000001"
CLOSE = "/v3/pay/transactions/out-trade-no/SJT0001/close"
HEADERS = {"Accept": "application/json", "User-Agent": "test"}
PLATFORM_KEY = "PUB_KEY_ID_0119000000012026010100000000000001"


def test_prepay_answer_is_signed_and_reentry_gives_a_fresh_prepay_id(pay):
    reply = pay("POST", JSAPI, pay.order())
    assert reply.status == 200
    assert reply.headers["wechatpay-serial"] == PLATFORM_KEY
    assert pay.is_signed(reply)
    again = pay("POST", JSAPI, pay.order())
    assert len(again.json()["prepay_id"]) <= 64
    assert again.json()["prepay_id"] != reply.json()["prepay_id"]


def test_reentry_with_other_parameters_is_refused_with_its_cause(pay):
    pay("POST", JSAPI, pay.order())
    reply = pay("POST", JSAPI, pay.order(description="另一个描述"))
    assert (reply.status, reply.json()["code"]) == (400, "INVALID_REQUEST")
    assert reply.headers["request-id"].endswith("-268498688")
    assert pay.is_signed(reply)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nonsense": 1}, "/nonsense"),
        ({"amount": {"total": 4000, "currency": "CNY", "payer_total": 1}}, "/amount/payer_total"),
        ({"amount": {"total": 0}}, "/amount/total"),
        ({"amount": {"total": "4000"}}, "/amount/total"),
        ({"amount": {"total": True}}, "/amount/total"),
        ({"amount": {"total": 4000, "currency": "USD"}}, "/amount/currency"),
        ({"description": None}, "/description"),
        ({"description": "一" * 128}, "/description"),
        ({"description": "两\n行"}, "/description"),
        ({"out_trade_no": "短"}, "/out_trade_no"),
        ({"notify_url": "https://example.invalid/n?a=1"}, "/notify_url"),
        ({"notify_url": "http://example.invalid/n"}, "/notify_url"),
        ({"payer": {}}, "/payer/openid"),
        ({"scene_info": {"device_id": "1"}}, "/scene_info/payer_client_ip"),
        ({"time_expire": "2026-01-01 09:30:00"}, "/time_expire"),
        (
            {"detail": {"goods_detail": [{"merchant_goods_id": "1", "quantity": 1}]}},
            "/detail/goods_detail/0/unit_price",
        ),
    ],
)
def test_body_fields_are_held_to_the_documents(pay, change, field):
    reply = pay("POST", JSAPI, pay.order(**change))
    assert (reply.status, reply.json()["code"], reply.json()["detail"]["field"]) == (400, "PARAM_ERROR", field)


def test_missing_required_field_is_named(pay):
    order = pay.order()
    del order["notify_url"]
    assert pay("POST", JSAPI, order).json()["detail"]["field"] == "/notify_url"


def test_order_of_another_app_or_openid_or_merchant_is_refused(pay):
    assert pay("POST", JSAPI, pay.order(appid="wx00112233445566aa")).json()["code"] == "APPID_MCHID_NOT_MATCH"
    assert pay("POST", JSAPI, pay.order(payer={"openid": "o" + "x" * 27})).json()["code"] == "PARAM_ERROR"
    reply = pay("POST", JSAPI, pay.order(mchid="1900000100"))
    assert reply.headers["request-id"].endswith("-268447843")


def test_time_expire_too_near_or_too_far_is_refused_and_a_due_order_is_closed(pay, sim):
    zone = timezone(timedelta(hours=8))

    def at(**ahead):
        return (datetime.now(zone) + timedelta(**ahead)).isoformat(timespec="seconds")

    assert pay("POST", JSAPI, pay.order(time_expire=at(seconds=20))).status == 400
    assert pay("POST", JSAPI, pay.order(time_expire=at(days=91))).status == 400
    assert pay("POST", JSAPI, pay.order(time_expire=at(minutes=30))).status == 200
    sim.control("PUT", "/clock", {"offset_seconds": 1900})
    assert pay("GET", QUERY).json()["trade_state"] == "CLOSED"


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"User-Agent": ""}, 400, "User-Agent"),
        ({"Accept": ""}, 400, "Accept"),
        ({"Content-Type": "text/plain"}, 400, "Content-Type"),
        ({"Wechatpay-Serial": "PUB_KEY_ID_404"}, 400, "Wechatpay-Serial"),
        ({"Authorization": ""}, 401, "认证类型"),
        ({"Authorization": 'WECHATPAY2-SHA256-RSA2048 mchid="1900000001"'}, 401, "格式"),
    ],
)
def test_bad_headers_are_refused(pay, change, status, words):
    reply = pay("POST", JSAPI, pay.order(), headers=change)
    assert reply.status == status
    assert words in reply.json()["message"]


def test_signature_covers_method_query_body_and_time(pay, sim, monkeypatch):
    body = json.dumps(pay.order(), ensure_ascii=False)
    key, serial = pay.private_key, "3775B6A45ACD588826D15E583A95F5DD7C6E0001"

    def status(path, signed_path, data, signed_data, mch_id="1900000001", serial_no=serial, method="POST"):
        header = build_authorization(signed_path, "POST", mch_id, serial_no, key, signed_data)
        headers = HEADERS | {"Content-Type": "application/json", "Authorization": header}
        return sim.call("wechat_pay", method, path, data.encode(), headers).status

    assert status(JSAPI, JSAPI, body, body) == 200
    assert status(JSAPI, JSAPI, body, body + " ") == 401
    assert status(JSAPI + "?a=1", JSAPI, body, body) == 401
    assert status(JSAPI, JSAPI, body, body, mch_id="1900000100") == 401
    assert status(JSAPI, JSAPI, body, body, serial_no="0" * 40) == 401
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 400)
    assert status(JSAPI, JSAPI, body, body) == 401


def test_moving_the_clock_does_not_break_signatures(pay, sim):
    sim.control("PUT", "/clock", {"offset_seconds": 86_400})
    reply = pay("POST", JSAPI, pay.order())
    assert reply.status == 200
    assert abs(int(reply.headers["wechatpay-timestamp"]) - time.time()) < 30


def test_answer_is_signed_with_the_key_the_request_names(pay, sim):
    serial = sim.keys.serial["platform_certificate"]
    reply = pay("POST", JSAPI, pay.order(), headers={"Wechatpay-Serial": serial})
    assert reply.headers["wechatpay-serial"] == serial
    assert not pay.is_signed(reply)
    public_key = load_certificate(sim.keys.certificate["platform_certificate"]).public_key()
    assert pay.is_signed(reply, public_key)


@pytest.mark.parametrize("kind", ["unsigned", "wrong_signature", "stale", "rotated_key"])
def test_answer_faults_spoil_only_the_signature(pay, sim, kind):
    sim.control("POST", "/faults", {"provider": "wechat_pay", "call": "jsapi", "kind": kind})
    reply = pay("POST", JSAPI, pay.order())
    assert "prepay_id" in reply.json()
    headers = reply.headers
    if kind == "unsigned":
        assert "wechatpay-signature" not in headers
    elif kind == "stale":
        assert pay.is_signed(reply)
        assert time.time() - int(headers["wechatpay-timestamp"]) > 300
    else:
        assert not pay.is_signed(reply)
        assert (headers["wechatpay-serial"] == PLATFORM_KEY) == (kind == "wrong_signature")
    assert pay.is_signed(pay("POST", JSAPI, pay.order()))


def test_error_fault_answers_the_code_with_its_status(pay, sim):
    fault = {
        "provider": "wechat_pay",
        "call": "jsapi",
        "kind": "error",
        "code": "FREQUENCY_LIMITED",
        "message": "频率超限",
    }
    sim.control("POST", "/faults", fault)
    reply = pay("POST", JSAPI, pay.order())
    assert (reply.status, reply.json()) == (429, {"code": "FREQUENCY_LIMITED", "message": "频率超限"})


def test_drop_after_leaves_the_order_done(pay, sim):
    sim.control("POST", "/faults", {"provider": "wechat_pay", "call": "jsapi", "kind": "drop_after"})
    with pytest.raises(ConnectionError):
        pay("POST", JSAPI, pay.order())
    assert pay("GET", QUERY).json()["trade_state"] == "NOTPAY"


def test_unpaid_order_is_queried_closed_twice_and_not_ordered_again(pay):
    pay("POST", JSAPI, pay.order())
    shown = pay("GET", QUERY).json()
    assert shown["trade_state"] == "NOTPAY"
    assert "attach" not in shown
    for _ in range(2):
        reply = pay("POST", CLOSE, {"mchid": "1900000001"})
        assert (reply.status, reply.body) == (204, b"")
        assert pay.is_signed(reply)
    assert pay("GET", QUERY).json()["trade_state"] == "CLOSED"
    assert pay("POST", JSAPI, pay.order()).json()["code"] == "ORDER_CLOSED"
    assert pay("GET", QUERY.replace("SJT0001", "SJT0404")).json()["code"] == "ORDER_NOT_EXIST"


def test_paid_order_shows_payment_and_refuses_prepay_and_close(pay):
    paid = pay.paid()
    assert paid["result"] == "ok"
    shown = pay("GET", QUERY).json()
    assert (shown["trade_state"], shown["amount"]["total"], shown["attach"]) == ("SUCCESS", 4000, "业务=身份证补领")
    assert shown["payer"] == {"openid": pay.openid}
    by_id = pay("GET", f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid=1900000001").json()
    assert by_id == shown
    assert pay("POST", JSAPI, pay.order()).json()["code"] == "ORDERPAID"
    assert pay("POST", CLOSE, {"mchid": "1900000001"}).json()["code"] == "ORDERPAID"


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("wrong_amount", lambda shown: shown["amount"]["total"] == 4001),
        ("wrong_merchant", lambda shown: shown["mchid"] == "1900009999"),
        ("wrong_app", lambda shown: shown["appid"] == "wx" + "f" * 16),
        ("other_currency", lambda shown: shown["amount"]["currency"] == "USD"),
    ],
)
def test_query_can_lie_under_a_good_signature(pay, sim, kind, read):
    pay.paid()
    sim.control("POST", "/faults", {"provider": "wechat_pay", "call": "query", "kind": kind})
    reply = pay("GET", QUERY)
    assert pay.is_signed(reply)
    assert read(reply.json())
    assert not read(pay("GET", QUERY).json())


def test_phone_checks_the_five_parameters(pay, sim):
    pay("POST", JSAPI, pay.order())
    good = pay.parameters(pay("POST", JSAPI, pay.order()).json()["prepay_id"])

    def refused(person="zhang-wei", **change):
        body = {"parameters": good | change, "person": person}
        return sim.control_error("POST", "/wechat_pay/pay", body)[1]

    assert "paySign" in refused(nonceStr="another")
    assert "prepay_id" in refused(package="prepay_id=wx404")
    assert "signType" in refused(signType="MD5")
    assert "不一致" in refused(person="li-na")
    sim.control("PUT", "/clock", {"offset_seconds": 7_201})
    assert "过期" in refused()
    sim.control("PUT", "/clock", {"offset_seconds": 0})
    body = {"parameters": good, "person": "zhang-wei", "notify": "none"}
    assert sim.control("POST", "/wechat_pay/pay", body | {"result": "cancel"}) == {"result": "cancel"}
    assert pay("GET", QUERY).json()["trade_state"] == "NOTPAY"
    assert sim.control("POST", "/wechat_pay/pay", body)["result"] == "ok"
    assert "已支付" in refused()


def test_refund_is_processing_until_finished_and_repeats_itself(pay, sim):
    pay.paid()
    application = pay.refund(1500)
    first = pay("POST", REFUNDS, application).json()
    assert (first["status"], first["amount"]["refund"]) == ("PROCESSING", 1500)
    assert pay("POST", REFUNDS, application).json() == first
    assert pay("POST", REFUNDS, pay.refund(1400)).json()["code"] == "INVALID_REQUEST"
    assert pay("GET", QUERY).json()["trade_state"] == "REFUND"
    sim.control("POST", "/wechat_pay/refunds/SJTR0001/finish", {"result": "SUCCESS"})
    shown = pay("GET", f"{REFUNDS}/SJTR0001").json()
    assert (shown["status"], shown["refund_id"]) == ("SUCCESS", first["refund_id"])
    assert "success_time" in shown


def test_refunds_never_exceed_the_order_and_a_closed_one_frees_its_amount(pay, sim):
    pay.paid()
    assert pay("POST", REFUNDS, pay.refund(3000)).status == 200
    assert pay("POST", REFUNDS, pay.refund(1001, out_refund_no="SJTR0002")).json()["code"] == "INVALID_REQUEST"
    sim.control("POST", "/wechat_pay/refunds/SJTR0001/finish", {"result": "CLOSED"})
    assert pay("GET", QUERY).json()["trade_state"] == "SUCCESS"
    assert pay("POST", REFUNDS, pay.refund(4000, out_refund_no="SJTR0002")).status == 200


def test_refund_of_unpaid_or_unknown_order_is_refused(pay):
    pay("POST", JSAPI, pay.order())
    assert pay("POST", REFUNDS, pay.refund(1)).json()["code"] == "INVALID_REQUEST"
    assert pay("POST", REFUNDS, pay.refund(1, out_trade_no="SJT0404")).json()["code"] == "RESOURCE_NOT_EXISTS"
    assert pay("GET", f"{REFUNDS}/SJTR0404").json()["code"] == "RESOURCE_NOT_EXISTS"


def test_refund_finishes_by_itself_when_configured(own_simulators, pay_for):
    sim = own_simulators
    sim.config["wechat_pay"]["refund_finish_seconds"] = 30
    (sim.folder / "simulators.json").write_text(json.dumps(sim.config), "utf-8")
    sim.start()
    pay = pay_for(sim)
    pay.paid()
    pay("POST", REFUNDS, pay.refund(4000))
    sim.sink.clear()
    sim.control("PUT", "/clock", {"offset_seconds": 31})
    sim.sink.wait_for("/callbacks/wechat-pay/1900000001")
    assert pay("GET", f"{REFUNDS}/SJTR0001").json()["status"] == "SUCCESS"


def test_partner_orders_belong_to_a_sub_merchant(partner):
    assert partner("POST", PARTNER_JSAPI, partner.order()).status == 200
    stranger = partner("POST", PARTNER_JSAPI, partner.order(sub_mchid="1900000999"))
    assert (stranger.status, stranger.json()["code"]) == (403, "NO_AUTH")
    both = partner.order(payer={"sp_openid": "o" * 28, "sub_openid": partner.openid})
    assert partner("POST", PARTNER_JSAPI, both).status == 400
    path = "/v3/pay/partner/transactions/out-trade-no/SJT0001"
    query = "?sp_mchid=1900000100&sub_mchid=1900000109"
    assert partner("GET", path + query).json()["sub_mchid"] == "1900000109"
    assert partner("GET", QUERY.replace("1900000001", "1900000100")).json()["code"] == "ORDER_NOT_EXIST"
    assert partner.paid()["result"] == "ok"
    assert partner("GET", path + query).json()["payer"] == {"sub_openid": partner.openid}
    close = partner("POST", f"{path}/close", {"sp_mchid": "1900000100", "sub_mchid": "1900000109"})
    assert close.json()["code"] == "ORDERPAID"


def test_certificates_open_with_the_apiv3_key_and_verify_their_own_answer(pay, sim):
    reply = pay("GET", "/v3/certificates", headers={"Wechatpay-Serial": sim.keys.serial["platform_certificate"]})
    (row,) = reply.json()["data"]
    sealed = row["encrypt_certificate"]
    pem = aes_decrypt(sealed["nonce"], sealed["ciphertext"], sealed["associated_data"], pay.apiv3_key)
    certificate = load_certificate(pem)
    assert f"{certificate.serial_number:040X}" == row["serial_no"] == reply.headers["wechatpay-serial"]
    assert rsa_verify(
        reply.headers["wechatpay-timestamp"],
        reply.headers["wechatpay-nonce"],
        reply.body.decode(),
        reply.headers["wechatpay-signature"],
        certificate.public_key(),
    )


def test_certificates_do_not_exist_for_a_platform_with_public_keys_only(own_simulators, pay_for):
    sim = own_simulators
    del sim.config["wechat_pay"]["platform_keys"][1]
    (sim.folder / "simulators.json").write_text(json.dumps(sim.config), "utf-8")
    sim.start()
    assert pay_for(sim)("GET", "/v3/certificates").status == 404


def test_orders_survive_a_restart(own_simulators, pay_for):
    sim = own_simulators
    sim.start()
    pay = pay_for(sim)
    pay.paid()
    pay("POST", REFUNDS, pay.refund(4000))
    sim.stop()
    sim.start()
    assert pay("GET", QUERY).json()["trade_state"] == "REFUND"
    assert sim.control("GET", "/wechat_pay/orders/SJT0001")["total_fen"] == 4000
    assert [row["out_refund_no"] for row in sim.control("GET", "/wechat_pay/refunds")] == ["SJTR0001"]
