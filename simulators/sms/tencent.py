"""Tencent Cloud SMS (腾讯云短信 2021-01-11): SendSms, signed with TC3-HMAC-SHA256."""

import hmac
import json
import re
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from simulators.config import TencentSMS
from simulators.core import World
from simulators.exchange import Exchange
from simulators.json_input import parse_object
from simulators.sms import receipts, signing, templates, texts

_VERSION = "2021-01-11"
_CLOCK_SKEW_SECONDS = 300
_PHONE = re.compile(r"\+861[3-9]\d{9}")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)


class Refused(Exception):
    """A refusal of the whole call (Response.Error)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code, self.message = code, message


def _timestamp(headers: Mapping[str, str], wire_timestamp: int) -> int:
    text = headers.get("x-tc-timestamp", "")
    if not text.isdecimal() or len(text) > 12:
        raise Refused("MissingParameter", "The request header `X-TC-Timestamp` is required.")
    if abs(wire_timestamp - int(text)) > _CLOCK_SKEW_SECONDS:
        raise Refused("AuthFailure.SignatureExpire", "签名过期，Timestamp 与服务器时间相差不得超过五分钟")
    return int(text)


def authenticate(world: World, exchange: Exchange) -> TencentSMS:
    """Verify the signature over the signed headers and the body.

    Source: 腾讯云 API 签名方法 v3 and 公共错误码. Raises: Refused.
    """
    headers = {name.lower(): value for name, value in exchange.request.headers.items()}
    given = signing.parse_authorization(headers.get("authorization", ""), signing.TC3)
    secret_id, _, scope = given.get("Credential", "").partition("/")
    if not given or not scope:
        raise Refused("AuthFailure.InvalidAuthorization", "请求头部的 Authorization 不符合腾讯云标准")
    account = next((a for a in world.config.sms.tencent if a.secret_id == secret_id), None)
    if account is None:
        raise Refused("AuthFailure.SecretIdNotFound", "密钥不存在")
    timestamp = _timestamp(headers, world.clock.wire_timestamp())
    day = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    signed = given.get("SignedHeaders", "")
    wanted = signing.tc3_signature(account.secret_key, headers, signed, timestamp, "sms", exchange.body)
    complete = {"content-type", "host"} <= set(signed.split(";")) and scope == f"{day}/sms/tc3_request"
    if not complete or not hmac.compare_digest(wanted.encode(), given.get("Signature", "").encode()):
        raise Refused("AuthFailure.SignatureFailure", "请求签名验证失败")
    if headers.get("x-tc-version") != _VERSION:
        raise Refused("NoSuchVersion", "接口版本不存在")
    if not headers.get("x-tc-region"):
        raise Refused("MissingParameter", "The request header `X-TC-Region` is required.")
    return account


def _refusal_of_all(account: TencentSMS, body: Mapping[str, Any]) -> str:
    """Return the code that every number gets, or an empty text."""
    values = body.get("TemplateParamSet") or []
    template = account.templates.get(str(body.get("TemplateId")))
    if body.get("SignName") not in account.sign_names:
        return "FailedOperation.SignatureIncorrectOrUnapproved"
    if template is None:
        return "FailedOperation.TemplateIncorrectOrUnapproved"
    if not isinstance(values, list) or len(values) != templates.tencent_count(template):
        return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
    if any(_LINK.search(str(value)) for value in values):
        return "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
    return ""


def _refusal_of_number(world: World, phone: str, is_code: bool) -> str:
    if not _PHONE.fullmatch(phone):
        return "InvalidParameterValue.IncorrectPhoneNumber"
    if texts.over_limit(world, phone.removeprefix("+86"), is_code):
        return "LimitExceeded.PhoneNumberDailyLimit"
    return ""


def send_sms(world: World, account: TencentSMS, body: Mapping[str, Any], forced_code: str) -> dict[str, Any]:
    """Accept a text for up to 200 numbers; each number has its own code. `forced_code` comes from an armed fault.

    Source: 腾讯云 短信 SendSms and its 错误码. Raises: Refused.
    """
    phones = body.get("PhoneNumberSet")
    if not isinstance(phones, list) or not phones:
        raise Refused("InvalidParameterValue.IncorrectPhoneNumber", "号码格式错误")
    if len(phones) > 200:
        raise Refused("LimitExceeded.PhoneNumberCountLimit", "单次提交超过 200 个手机号")
    if body.get("SmsSdkAppId") != account.sdk_app_id:
        raise Refused("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId 校验失败")
    refusal = forced_code or _refusal_of_all(account, body)
    return {"SendStatusSet": [_send_one(world, account, body, str(phone), refusal) for phone in phones]}


def _send_one(world: World, account: TencentSMS, body: Mapping[str, Any], phone: str, refusal: str) -> dict[str, Any]:
    context = str(body.get("SessionContext") or "")
    template_id = str(body.get("TemplateId"))
    template = account.templates.get(template_id, "")
    code = refusal or _refusal_of_number(world, phone, "验证码" in template)
    row = {"SerialNo": "", "PhoneNumber": phone, "Fee": 0, "SessionContext": context, "IsoCode": "CN"}
    if code:
        return row | {"Code": code, "Message": code.rpartition(".")[2]}
    values = [str(value) for value in body.get("TemplateParamSet") or []]
    screen = f"【{body['SignName']}】{templates.render_tencent(template, values)}"
    serial_no, segments = f"2019:{secrets.randbelow(10**19):019d}", templates.segments(screen)
    kept = {
        "vendor": "tencent",
        "account": account.secret_id,
        "phones": [phone.removeprefix("+86")],
        "template_id": template_id,
        "out_id": context,
        "segments": segments,
    }
    texts.keep(world, serial_no, kept, screen)
    receipts.push_by_itself(world, serial_no)
    return row | {"SerialNo": serial_no, "Fee": segments, "Code": "Ok", "Message": "send success"}


def _run(world: World, action: str, exchange: Exchange) -> dict[str, Any]:
    account = authenticate(world, exchange)
    if action != "SendSms":
        raise Refused("InvalidAction", "接口不存在")
    fault, forced_code = exchange.fault, ""
    if fault and fault.kind == "error":
        forced_code = fault.code or "InternalError.OtherError"
        if not forced_code.startswith(("LimitExceeded.PhoneNumber", "FailedOperation.")):
            raise Refused(forced_code, fault.message or "内部错误")
    body = parse_object(exchange.body)
    if body is None:
        raise Refused("InvalidParameter", "请求体不是 JSON 对象")
    exchange.note(template=str(body.get("TemplateId")), out_id=str(body.get("SessionContext") or ""))
    return send_sms(world, account, body, forced_code)


def answer(world: World, action: str, exchange: Exchange) -> web.Response:
    """Verify and run one call; always HTTP 200, errors inside Response.Error."""
    try:
        content = _run(world, action, exchange)
    except Refused as refused:
        exchange.note(refused.code)
        content = {"Error": {"Code": refused.code, "Message": refused.message}}
    body = json.dumps({"Response": {**content, "RequestId": str(uuid.uuid4())}}, ensure_ascii=False)
    return web.Response(text=body, content_type="application/json")
