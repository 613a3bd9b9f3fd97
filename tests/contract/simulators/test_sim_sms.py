"""The SMS simulator against independent callers: the vectors' signatures, templates, limits, receipts."""

import hashlib
import hmac
import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from simulators.sms import signing, templates

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "express.json").read_text("utf-8"))["vectors"]
ALIYUN_PATH, TENCENT_PATH = "/callbacks/sms/aliyun/aliyun-token", "/callbacks/sms/tencent/tencent-token"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def aliyun(sim: Any, query: dict[str, str], action: str = "SendSms", secret: str = "a" * 30, **change: str) -> Any:
    """Send one signed Aliyun call; `change` replaces headers before signing, e.g. x_acs_date."""
    headers = {
        "host": sim.url("sms").removeprefix("http://"),
        "x-acs-action": action,
        "x-acs-content-sha256": sha256(b""),
        "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": "2017-05-25",
    } | {name.replace("_", "-"): value for name, value in change.items()}
    pairs = "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))
    lines, names = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers)), ";".join(sorted(headers))
    canonical = f"POST\n/\n{pairs}\n{lines}\n{names}\n{sha256(b'')}"
    text = f"ACS3-HMAC-SHA256\n{sha256(canonical.encode())}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = f"ACS3-HMAC-SHA256 Credential=AKIDTEST,SignedHeaders={names},Signature={signature}"
    return sim.call("sms", "POST", f"/?{pairs}", b"", headers)


def notice(**change: str) -> dict[str, str]:
    values = json.dumps({"item": "居住证", "no": "B001"}, ensure_ascii=False)
    return {
        "PhoneNumbers": "13800000001",
        "SignName": "三晋通",
        "TemplateCode": "SMS_100001",
        "TemplateParam": values,
        "OutId": "N1",
        **change,
    }


def tencent(sim: Any, body: Any, secret: str = "k" * 32, shift_seconds: int = 0, **change: str) -> dict[str, Any]:
    """Send one signed Tencent call and return its Response."""
    raw = json.dumps(body, ensure_ascii=False).encode()
    stamp = int(time.time()) + shift_seconds
    day = datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d")
    host = sim.url("sms").removeprefix("http://")
    canonical = f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{sha256(raw)}"
    scope = f"{day}/sms/tc3_request"
    text = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode())}"
    key = ("TC3" + secret).encode()
    for part in (day, "sms", "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={change.pop('secret_id', 'SECRETIDTEST')}/{scope}"
    headers = {
        "Host": host,
        "Content-Type": "application/json",
        "X-TC-Action": "SendSms",
        "X-TC-Version": "2021-01-11",
        "X-TC-Timestamp": str(stamp),
        "X-TC-Region": "ap-guangzhou",
        "Authorization": f"TC3-HMAC-SHA256 {credential}, SignedHeaders=content-type;host, Signature={signature}",
    } | {name.replace("_", "-"): value for name, value in change.items()}
    return sim.call("sms", "POST", "/", raw, headers).json()["Response"]


def order(**change: Any) -> dict[str, Any]:
    return {
        "PhoneNumberSet": ["+8613800000001"],
        "SmsSdkAppId": "1400000001",
        "TemplateId": "200001",
        "SignName": "三晋通",
        "TemplateParamSet": ["居住证", "B001"],
        "SessionContext": "N1",
        **change,
    }


def shown(sim: Any, person: str = "zhang-wei") -> list[str]:
    return [row["text"] for row in sim.control("GET", f"/messages?person={person}&channel=sms")]


@pytest.mark.parametrize("case", VECTORS["aliyun_sms_acs3"], ids=lambda case: case["name"])
def test_acs3_signature_of_vector_is_the_same(case: dict[str, Any]) -> None:
    given = signing.parse_authorization(case["authorization"], signing.ACS3)
    names, headers = given["SignedHeaders"], case["headers"]
    made = signing.acs3_signature(case["AccessKeySecret"], "POST", case["query"], headers, names, b"")
    assert made == case["signature"] == given["Signature"]


@pytest.mark.parametrize("case", VECTORS["tencent_sms_tc3"], ids=lambda case: case["name"])
def test_tc3_signature_of_vector_is_the_same(case: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in case["headers"].items()}
    stamp, body = case["timestamp"], case["body"].encode()
    made = signing.tc3_signature(case["SecretKey"], headers, "content-type;host", stamp, "sms", body)
    assert made == case["signature"]


def test_long_texts_count_as_several() -> None:
    assert [templates.segments("字" * size) for size in (1, 70, 71, 134, 135)] == [1, 1, 2, 2, 3]


def test_aliyun_text_reaches_the_phone(sim: Any) -> None:
    reply = aliyun(sim, notice()).json()
    assert (reply["Code"], reply["Message"], bool(reply["BizId"])) == ("OK", "OK", True)
    assert shown(sim) == ["【三晋通】您的居住证已受理，编号B001。"]
    assert shown(sim, "li-na") == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"secret": "b" * 30}, 400, "SignatureDoesNotMatch"),
        ({"x_acs_date": "2025-01-01T00:00:00Z"}, 400, "InvalidTimeStamp.Expired"),
        ({"x_acs_date": "yesterday"}, 400, "InvalidTimeStamp.Format"),
        ({"x_acs_content_sha256": "0" * 64}, 400, "SignatureDoesNotMatch"),
        ({"x_acs_version": "2016-01-01"}, 400, "InvalidVersion"),
        ({"action": "SendNothing"}, 404, "InvalidAction.NotFound"),
    ],
)
def test_aliyun_call_with_a_wrong_envelope_is_refused(sim: Any, change: dict[str, str], status: int, code: str) -> None:
    reply = aliyun(sim, notice(), **change)
    assert (reply.status, reply.json()["Code"]) == (status, code)
    assert shown(sim) == []


def test_aliyun_nonce_is_good_for_one_call(sim: Any) -> None:
    codes = [aliyun(sim, notice(), x_acs_signature_nonce="same").json()["Code"] for _ in range(2)]
    assert codes == ["OK", "SignatureNonceUsed"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PhoneNumbers": "12345"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"SignName": "别的签名"}, "isv.SMS_SIGN_ILLEGAL"),
        ({"TemplateCode": "SMS_0"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"TemplateParam": "{"}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParam": '{"item":"x"}'}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": '{"item":"http://a.b","no":"1"}'}, "isv.PARAM_NOT_SUPPORT_URL"),
        ({"TemplateParam": json.dumps({"item": "长" * 36, "no": "1"})}, "isv.PARAM_LENGTH_LIMIT"),
    ],
)
def test_aliyun_text_with_a_wrong_field_is_refused(sim: Any, change: dict[str, str], code: str) -> None:
    reply = aliyun(sim, notice(**change))
    assert (reply.status, reply.json()["Code"]) == (200, code)


def test_aliyun_daily_limit_ends_with_the_day(sim: Any) -> None:
    codes = [aliyun(sim, notice()).json()["Code"] for _ in range(51)]
    assert (set(codes[:50]), codes[50]) == ({"OK"}, "isv.BUSINESS_LIMIT_CONTROL")
    assert aliyun(sim, notice(PhoneNumbers="13800000002")).json()["Code"] == "OK"
    sim.control("PUT", "/clock", {"offset_seconds": 86_401})
    assert aliyun(sim, notice()).json()["Code"] == "OK"


def test_aliyun_receipt_is_repeated_until_code_0(sim: Any) -> None:
    biz_id = aliyun(sim, notice()).json()["BizId"]
    sim.sink.answers[ALIYUN_PATH] = [(200, "success"), (200, '{"code":"0"}'), (200, '{"code":0,"msg":"成功"}')]
    sim.control("POST", f"/sms/messages/{biz_id}/receipt", {"success": False, "err_code": "MK:1008"})
    sim.control("PUT", "/clock", {"offset_seconds": 3600})
    row = json.loads(sim.sink.wait_for(ALIYUN_PATH, 3)[2].body)[0]
    told = {name: row[name] for name in ("phone_number", "success", "err_code", "biz_id", "out_id")}
    assert told == {
        "phone_number": "13800000001",
        "success": False,
        "err_code": "MK:1008",
        "biz_id": biz_id,
        "out_id": "N1",
    }


def test_aliyun_lost_answer_is_found_by_send_details(sim: Any) -> None:
    sim.control("POST", "/faults", {"provider": "sms", "call": "aliyun.SendSms", "kind": "drop_after"})
    with pytest.raises(OSError):
        aliyun(sim, notice())
    today = datetime.fromtimestamp(time.time() + 8 * 3600, UTC).strftime("%Y%m%d")
    query = {"PhoneNumber": "13800000001", "SendDate": today, "PageSize": "10", "CurrentPage": "1"}
    found = aliyun(sim, query, action="QuerySendDetails").json()
    assert [row["OutId"] for row in found["SmsSendDetailDTOs"]["SmsSendDetailDTO"]] == ["N1"]


def test_tencent_text_reaches_the_phone(sim: Any) -> None:
    row = tencent(sim, order())["SendStatusSet"][0]
    assert (row["Code"], row["SessionContext"], row["Fee"]) == ("Ok", "N1", 1)
    assert shown(sim) == ["【三晋通】您的居住证已受理，编号B001。"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": "x" * 32}, "AuthFailure.SignatureFailure"),
        ({"shift_seconds": -400}, "AuthFailure.SignatureExpire"),
        ({"secret_id": "NOBODY"}, "AuthFailure.SecretIdNotFound"),
        ({"X_TC_Version": "2019-07-11"}, "NoSuchVersion"),
        ({"X_TC_Action": "SendNothing"}, "InvalidAction"),
        ({"Authorization": "Bearer x"}, "AuthFailure.InvalidAuthorization"),
    ],
)
def test_tencent_call_with_a_wrong_envelope_is_refused(sim: Any, change: dict[str, Any], code: str) -> None:
    assert tencent(sim, order(), **change)["Error"]["Code"] == code
    assert shown(sim) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"SignName": "别的"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        ({"TemplateId": "1"}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        ({"TemplateParamSet": ["一个"]}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
        ({"PhoneNumberSet": ["13800000001"]}, "InvalidParameterValue.IncorrectPhoneNumber"),
    ],
)
def test_tencent_text_with_a_wrong_field_is_refused_per_number(sim: Any, change: dict[str, Any], code: str) -> None:
    row = tencent(sim, order(**change))["SendStatusSet"][0]
    assert (row["Code"], row["SerialNo"]) == (code, "")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "InvalidParameter"),
        ({"PhoneNumberSet": ["+8613800000001"] * 201}, "LimitExceeded.PhoneNumberCountLimit"),
        ({"PhoneNumberSet": ["+8613800000001"], "SmsSdkAppId": "1"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
    ],
)
def test_tencent_malformed_body_is_refused(sim: Any, body: Any, code: str) -> None:
    assert tencent(sim, body)["Error"]["Code"] == code


def test_tencent_receipt_carries_the_session_context(sim: Any) -> None:
    serial_no = tencent(sim, order())["SendStatusSet"][0]["SerialNo"]
    sim.sink.answers[TENCENT_PATH] = [(200, '{"result":0,"errmsg":"OK"}')]
    sent = sim.control("POST", f"/sms/messages/{serial_no}/receipt", {})
    assert sent["callback"]["accepted"] is True
    row = json.loads(sim.sink.wait_for(TENCENT_PATH)[0].body)[0]
    told = (row["sid"], row["ext"], row["mobile"], row["report_status"], row["errmsg"])
    assert told == (serial_no, "N1", "13800000001", "SUCCESS", "DELIVERED")


def test_armed_error_is_answered_in_the_vendors_words(sim: Any) -> None:
    number_limit = "LimitExceeded.PhoneNumberThirtySecondLimit"
    for call, code in (
        ("aliyun.SendSms", "isv.DAY_LIMIT_CONTROL"),
        ("tencent.SendSms", number_limit),
        ("tencent.SendSms", "InternalError.Timeout"),
    ):
        sim.control("POST", "/faults", {"provider": "sms", "call": call, "kind": "error", "code": code})
    assert aliyun(sim, notice()).json()["Code"] == "isv.DAY_LIMIT_CONTROL"
    assert tencent(sim, order())["SendStatusSet"][0]["Code"] == number_limit
    assert tencent(sim, order())["Error"]["Code"] == "InternalError.Timeout"
    assert shown(sim) == []


def test_unknown_action_header_and_unknown_message_are_not_found(sim: Any) -> None:
    assert sim.call("sms", "POST", "/", b"{}").status == 404
    assert sim.control_error("POST", "/sms/messages/none/receipt", {}) == (404, "no such message")
    assert sim.control("GET", "/sms/messages") == []
