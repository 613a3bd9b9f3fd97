"""The simulated api.weixin.qq.com: login, tokens, phone, real name, messages; message push checked with wechatpy."""

import base64
import hashlib
import hmac
import json

import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

APP, OTHER_APP = "wx0123456789abcdef", "wx00112233445566aa"
SECRET = "s" * 32
TEMPLATE = "TPL_progress_0000000000000000000000000000001"
CODE2SESSION = f"/sns/jscode2session?appid={APP}&secret={SECRET}&grant_type=authorization_code&js_code="


@pytest.fixture
def token(sim):
    """A stable access token of the first app."""
    body = {"grant_type": "client_credential", "appid": APP, "secret": SECRET}
    return sim.json("wechat", "POST", "/cgi-bin/stable_token", body)["access_token"]


@pytest.fixture
def openid(sim):
    """The openid of 张伟 in the first app."""
    return sim.json("wechat", "GET", CODE2SESSION + "demo-zhang-wei")["openid"]


def _send(sim, token, openid, data, **more):
    body = {"touser": openid, "template_id": TEMPLATE, "data": data, **more}
    return sim.json("wechat", "POST", f"/cgi-bin/message/subscribe/send?access_token={token}", body)


def _allow(sim, **more):
    return sim.control("POST", "/wechat/subscriptions", {"person": "zhang-wei", "template_id": TEMPLATE, **more})


def test_login_answers_plain_text_json_with_stable_openid(sim):
    reply = sim.call("wechat", "GET", CODE2SESSION + "demo-zhang-wei")
    assert reply.headers["content-type"].startswith("text/plain")
    first, second = reply.json(), sim.json("wechat", "GET", CODE2SESSION + "demo-zhang-wei")
    assert len(base64.b64decode(first["session_key"])) == 16
    assert first["openid"] == second["openid"]
    assert len(first["openid"]) == 28
    assert first["openid"].startswith("o")
    assert "errcode" not in first


def test_login_code_is_used_once_and_ends_after_five_minutes(sim):
    code = sim.control("POST", "/wechat/login-codes", {"person": "li-na"})["code"]
    assert "openid" in sim.json("wechat", "GET", CODE2SESSION + code)
    assert sim.json("wechat", "GET", CODE2SESSION + code)["errcode"] == 40163
    late = sim.control("POST", "/wechat/login-codes", {"person": "li-na"})["code"]
    sim.control("PUT", "/clock", {"offset_seconds": 301})
    assert sim.json("wechat", "GET", CODE2SESSION + late)["errcode"] == 40029


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        (f"appid={APP}&secret={SECRET}&grant_type=authorization_code", 41008),
        (f"appid={APP}&secret=wrong&grant_type=authorization_code&js_code=x", 40125),
        (f"appid=wxunknown&secret={SECRET}&grant_type=authorization_code&js_code=x", 40013),
        (f"secret={SECRET}&grant_type=authorization_code&js_code=x", 41002),
        (f"appid={APP}&secret={SECRET}&grant_type=other&js_code=x", 40002),
        (f"appid={APP}&secret={SECRET}&grant_type=authorization_code&js_code=demo-nobody", 40029),
    ],
)
def test_login_refusals_carry_errcode_and_rid(sim, query, errcode):
    answer = sim.json("wechat", "GET", f"/sns/jscode2session?{query}")
    assert answer["errcode"] == errcode
    assert "rid: " in answer["errmsg"]


def test_check_session_wants_hmac_with_the_key_as_text(sim, token):
    session = sim.json("wechat", "GET", CODE2SESSION + "demo-zhang-wei")
    right = hmac.new(session["session_key"].encode(), b"", hashlib.sha256).hexdigest()
    path = f"/wxa/checksession?access_token={token}&openid={session['openid']}&sig_method=hmac_sha256&signature="
    assert sim.json("wechat", "GET", path + right)["errcode"] == 0
    assert sim.json("wechat", "GET", path + "0" * 64)["errcode"] == 87009
    sim.json("wechat", "GET", CODE2SESSION + "demo-zhang-wei")
    assert sim.json("wechat", "GET", path + right)["errcode"] == 87009


def test_stable_token_repeats_until_five_minutes_before_its_end(sim, token):
    body = {"grant_type": "client_credential", "appid": APP, "secret": SECRET}
    again = sim.json("wechat", "POST", "/cgi-bin/stable_token", body)
    assert again["access_token"] == token
    assert 7190 <= again["expires_in"] <= 7200
    sim.control("PUT", "/clock", {"offset_seconds": 6_950})
    renewed = sim.json("wechat", "POST", "/cgi-bin/stable_token", body)
    assert renewed["access_token"] != token
    path = "/wxaapi/newtmpl/gettemplate?access_token="
    assert sim.json("wechat", "GET", path + token)["errcode"] == 0
    sim.control("PUT", "/clock", {"offset_seconds": 7_201})
    assert sim.json("wechat", "GET", path + token)["errcode"] == 42001


def test_forced_refresh_ends_the_old_token_but_not_twice_in_thirty_seconds(sim, token):
    body = {"grant_type": "client_credential", "appid": APP, "secret": SECRET, "force_refresh": True}
    forced = sim.json("wechat", "POST", "/cgi-bin/stable_token", body)["access_token"]
    assert forced != token
    path = "/wxaapi/newtmpl/gettemplate?access_token="
    assert sim.json("wechat", "GET", path + token)["errcode"] == 42001
    assert sim.json("wechat", "POST", "/cgi-bin/stable_token", body)["access_token"] == forced


def test_plain_token_is_new_each_time_and_leaves_the_stable_one_alone(sim, token):
    path = f"/cgi-bin/token?grant_type=client_credential&appid={APP}&secret={SECRET}"
    first, second = (sim.json("wechat", "GET", path)["access_token"] for _ in range(2))
    assert len({first, second, token}) == 3
    for good in (first, second, token):
        assert sim.json("wechat", "GET", f"/wxaapi/newtmpl/gettemplate?access_token={good}")["errcode"] == 0
    sim.control("PUT", "/clock", {"offset_seconds": 301})
    assert sim.json("wechat", "GET", f"/wxaapi/newtmpl/gettemplate?access_token={first}")["errcode"] == 42001


def test_business_calls_refuse_missing_unknown_and_revoked_tokens(sim, token):
    path = "/wxaapi/newtmpl/gettemplate"
    assert sim.json("wechat", "GET", path)["errcode"] == 41001
    assert sim.json("wechat", "GET", f"{path}?access_token=nonsense")["errcode"] == 40001
    assert sim.control("POST", "/wechat/tokens/revoke", {"app_id": APP}) == {"revoked": 1}
    assert sim.json("wechat", "GET", f"{path}?access_token={token}")["errcode"] == 40001


def test_error_fault_answers_the_errcode_asked_for_once(sim, token):
    fault = {
        "provider": "wechat",
        "call": "gettemplate",
        "kind": "error",
        "code": "40001",
        "message": "invalid credential",
    }
    sim.control("POST", "/faults", fault)
    path = f"/wxaapi/newtmpl/gettemplate?access_token={token}"
    assert [sim.json("wechat", "GET", path)["errcode"] for _ in range(2)] == [40001, 0]


def test_phone_number_by_code_once_with_watermark_and_bound_openid(sim, token, openid):
    path = f"/wxa/business/getuserphonenumber?access_token={token}"
    code = sim.control("POST", "/wechat/phone-codes", {"person": "zhang-wei"})["code"]
    answer = sim.json("wechat", "POST", path, {"code": code, "openid": openid})
    assert answer["phone_info"]["purePhoneNumber"] == "13800000001"
    assert answer["phone_info"]["watermark"]["appid"] == APP
    assert sim.json("wechat", "POST", path, {"code": code})["errcode"] == 40029
    assert sim.json("wechat", "POST", path, {"code": "demo-phone-li-na"})["phone_info"]["countryCode"] == "86"
    assert sim.json("wechat", "POST", path, {"code": "demo-phone-li-na", "openid": openid})["errcode"] == 40003


def test_real_name_check_tells_own_pair_from_foreign_pair_from_no_pair(sim, token, openid):
    path = f"/intp/realname/checkrealnameinfo?access_token={token}"

    def check(name, number):
        body = {"openid": openid, "real_name": name, "cred_id": number, "cred_type": "1"}
        answer = sim.json("wechat", "POST", path, body)
        return answer["verify_openid"], answer["verify_real_name"]

    assert check("张伟", "140105199003070012") == ("V_OP_NM_MA", "V_NM_ID_MA")
    assert check("李娜", "140106198504120024") == ("V_OP_NM_UM", "V_NM_ID_MA")
    assert check("张伟", "140106198504120024") == ("V_OP_NM_UM", "V_NM_ID_UM")


def test_message_needs_a_permission_and_uses_it_up(sim, token, openid):
    data = {"thing1": {"value": "居住证补领"}, "phrase2": {"value": "已受理"}}
    assert _send(sim, token, openid, data)["errcode"] == 43101
    assert _allow(sim, push=False)["stock"][TEMPLATE]["count"] == 1
    assert _send(sim, token, openid, data, page="pages/case?no=1")["errcode"] == 0
    assert _send(sim, token, openid, data)["errcode"] == 43101
    (message,) = sim.control("GET", "/messages?person=zhang-wei&channel=wechat")
    assert message["data"] == {"thing1": "居住证补领", "phrase2": "已受理"}
    assert message["page"] == "pages/case?no=1"


def test_long_term_permission_lasts_until_refused(sim, token, openid):
    data = {"thing1": {"value": "居住证补领"}}
    _allow(sim, push=False, long_term=True)
    assert [_send(sim, token, openid, data)["errcode"] for _ in range(3)] == [0, 0, 0]
    _allow(sim, push=False, long_term=True, result="reject")
    assert _send(sim, token, openid, data)["errcode"] == 43101


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("thing1", "晋" * 20, "晋" * 21),
        ("thing1", "一行", "两\n行"),
        ("phrase2", "办结", "已办结了啊啊"),
        ("phrase2", "办结", "OK"),
        ("character_string3", "SJT-2026_01", "编号1"),
        ("date4", "2026年1月2日", "2026年13月2日"),
        ("date4", "2026-01-02 09:30", "01-02"),
        ("time5", "09:30~10:30", "25:00"),
        ("time5", "2026-01-02 09:30:00", "2026-01-02"),
        ("amount6", "¥40.00", "肆拾元"),
        ("amount6", "40元", "12345678901"),
        ("number7", "12.5", "十二"),
        ("name8", "张伟", "张" * 11),
        ("phone_number9", "0351-12345", "1" * 18),
        ("thing1", "有值", ""),
        ("thing1", "有值", 5),
    ],
)
def test_values_are_held_to_their_type_limits(sim, token, openid, key, good, bad):
    _allow(sim, push=False)
    refused = _send(sim, token, openid, {key: {"value": bad}})
    assert (refused["errcode"], f"data.{key}.value" in refused["errmsg"]) == (47003, True)
    assert _send(sim, token, openid, {key: {"value": good}})["errcode"] == 0


def test_message_refuses_unknown_template_openid_and_empty_data(sim, token, openid):
    path = f"/cgi-bin/message/subscribe/send?access_token={token}"
    data = {"thing1": {"value": "甲"}}
    bad_template = {"touser": openid, "template_id": "INVALID" + "0" * 36, "data": data}
    assert sim.json("wechat", "POST", path, bad_template)["errcode"] == 40037
    other = sim.json("wechat", "GET", CODE2SESSION.replace(APP, OTHER_APP).replace(SECRET, "t" * 32) + "demo-zhang-wei")
    assert other["openid"] != openid
    assert _send(sim, token, other["openid"], data)["errcode"] == 40003
    assert _send(sim, token, openid, {})["errcode"] == 47003
    assert sim.call("wechat", "POST", path, b"{broken").json()["errcode"] == 47001


def test_templates_of_the_config_are_listed_and_enforced(own_simulators):
    sim = own_simulators
    row = {"id": TEMPLATE, "title": "进度", "content": "事项:{{thing1.DATA}}\n状态:{{phrase2.DATA}}", "type": 3}
    sim.config["wechat"]["apps"][0]["templates"] = [row]
    (sim.folder / "simulators.json").write_text(json.dumps(sim.config), "utf-8")
    sim.start()
    token = sim.json("wechat", "GET", f"/cgi-bin/token?grant_type=client_credential&appid={APP}&secret={SECRET}")
    token = token["access_token"]
    openid = sim.json("wechat", "GET", CODE2SESSION + "demo-zhang-wei")["openid"]
    (listed,) = sim.json("wechat", "GET", f"/wxaapi/newtmpl/gettemplate?access_token={token}")["data"]
    assert (listed["priTmplId"], listed["type"]) == (TEMPLATE, 3)
    _allow(sim, push=False)
    assert _send(sim, token, openid, {"thing1": {"value": "甲"}})["errcode"] == 47003
    complete = {"thing1": {"value": "甲"}, "phrase2": {"value": "受理"}}
    assert _send(sim, token, openid, complete | {"thing3": {"value": "乙"}})["errcode"] == 47003
    assert _send(sim, token, openid, complete)["errcode"] == 0
    assert sim.control("GET", "/messages")[0]["text"] == "事项:甲\n状态:受理"


def _open_push(sim, received):
    """Check both signatures of a push with wechatpy and return the decrypted JSON."""
    app = sim.config["wechat"]["apps"][0]
    query = received.query
    check_signature(app["push_token"], query["signature"], query["timestamp"], query["nonce"])
    assert query["encrypt_type"] == "aes"
    crypto = WeChatCrypto(app["push_token"], app["push_aes_key"], APP)
    envelope = json.loads(received.body)
    plain = crypto.decrypt_message(envelope, query["msg_signature"], query["timestamp"], query["nonce"])
    payload = json.loads(plain)
    assert payload["ToUserName"] == envelope["ToUserName"]
    return payload


def test_permission_panel_is_pushed_in_safe_mode(sim, openid):
    answer = _allow(sim)
    assert answer["callback"]["accepted"] is True
    (received,) = sim.sink.wait_for(f"/callbacks/wechat/{APP}")
    payload = _open_push(sim, received)
    assert (payload["Event"], payload["FromUserName"]) == ("subscribe_msg_popup_event", openid)
    assert payload["List"] == {"TemplateId": TEMPLATE, "SubscribeStatusString": "accept", "PopupScene": "0"}


def test_several_answers_come_as_a_list_and_a_change_of_settings_as_its_own_event(sim):
    ids = [TEMPLATE, "TPL_express_00000000000000000000000000000002"]
    sim.control("POST", "/wechat/subscriptions", {"person": "zhang-wei", "template_ids": ids})
    _allow(sim, result="reject", via="settings", long_term=True)
    popup, change = (_open_push(sim, item) for item in sim.sink.wait_for("/callbacks/wechat/", 2))
    assert [row["TemplateId"] for row in popup["List"]] == ids
    assert change["Event"] == "subscribe_msg_change_event"


def test_push_is_repeated_twice_when_not_accepted(sim):
    sim.sink.answers["/callbacks/wechat"] = [(500, ""), (200, "fail"), (200, "success")]
    _allow(sim)
    sim.sink.wait_for("/callbacks/wechat/", 3)
    attempts = sim.journalled("wechat", 3)
    assert [row["accepted"] for row in attempts] == [True, False, False]
    assert [row["status"] for row in attempts] == [200, 200, 500]


def test_customer_message_is_pushed_and_opens_five_answers(sim, token, openid):
    path = f"/cgi-bin/message/custom/send?access_token={token}"
    reply = {"touser": openid, "msgtype": "text", "text": {"content": "您好"}}
    assert sim.json("wechat", "POST", path, reply)["errcode"] == 45015
    sim.control("POST", "/wechat/messages", {"person": "zhang-wei", "text": "怎么补领？"})
    payload = _open_push(sim, sim.sink.wait_for("/callbacks/wechat/")[0])
    assert (payload["MsgType"], payload["Content"]) == ("text", "怎么补领？")
    assert [sim.json("wechat", "POST", path, reply)["errcode"] for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    assert sim.control("GET", "/messages?person=zhang-wei")[0]["text"] == "您好"


def test_push_check_verifies_the_address_as_the_console_does(sim):
    answer = sim.control("POST", "/wechat/push-check", {"app_id": APP})
    assert answer["ok"] is True
    received = sim.sink.matching(f"/callbacks/wechat/{APP}")[0]
    assert (received.method, received.query["echostr"]) == ("GET", answer["echostr"])
    check_signature("PushToken", received.query["signature"], received.query["timestamp"], received.query["nonce"])
    sim.sink.answers["/callbacks/wechat"] = [(403, "no")]
    assert sim.control("POST", "/wechat/push-check", {"app_id": APP})["ok"] is False
