"""Aliyun dysmsapi (阿里云短信 2017-05-25): SendSms and QuerySendDetails, signed with ACS3-HMAC-SHA256."""

import hmac
import json
import re
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from simulators.clock import BEIJING
from simulators.config import AliyunSMS
from simulators.core import World
from simulators.exchange import Exchange
from simulators.json_input import parse_object
from simulators.sms import receipts, signing, templates, texts

_VERSION = "2017-05-25"
_CLOCK_SKEW_SECONDS = 900
_NONCES_KEPT = 5_000
_MUST_BE_SIGNED = (
    "host",
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-content-sha256",
)
_PHONE = re.compile(r"(?:\+?86)?1[3-9]\d{9}")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)


class Refused(Exception):
    """A refusal with Aliyun's code; gateway refusals are HTTP 4xx, business ones HTTP 200."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


def _check_freshness(world: World, headers: Mapping[str, str]) -> None:
    try:
        sent_at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused("InvalidTimeStamp.Format", "Specified time stamp is not well formatted.", 400) from None
    if abs(world.clock.wire_timestamp() - sent_at.timestamp()) > _CLOCK_SKEW_SECONDS:
        raise Refused("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400)
    nonces = world.state.table("sms", "nonces")
    if headers["x-acs-signature-nonce"] in nonces:
        raise Refused("SignatureNonceUsed", "Specified signature nonce was used already.", 400)
    nonces[headers["x-acs-signature-nonce"]] = world.clock.wire_timestamp()
    while len(nonces) > _NONCES_KEPT:
        del nonces[next(iter(nonces))]


def authenticate(world: World, exchange: Exchange) -> AliyunSMS:
    """Verify the signature over method, query, signed headers and body.

    Source: 阿里云 V3 版本请求体 & 签名机制. Raises: Refused.
    """
    headers = {name.lower(): value for name, value in exchange.request.headers.items()}
    given = signing.parse_authorization(headers.get("authorization", ""), signing.ACS3)
    account = next((a for a in world.config.sms.aliyun if a.access_key_id == given.get("Credential")), None)
    if not given:
        raise Refused("MissingAuthorization", "Authorization is mandatory for this action.", 400)
    if account is None:
        raise Refused("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
    signed = given.get("SignedHeaders", "")
    missing = [name for name in _MUST_BE_SIGNED if name not in headers or name not in signed.split(";")]
    if missing:
        raise Refused("MissingParameter", f"{missing[0]} must be sent and signed.", 400)
    wanted = signing.acs3_signature(
        account.access_key_secret, exchange.request.method, exchange.request.query, headers, signed, exchange.body
    )
    body_is_signed = headers["x-acs-content-sha256"] == signing.sha256_hex(exchange.body)
    if not body_is_signed or not hmac.compare_digest(wanted.encode(), given.get("Signature", "").encode()):
        raise Refused("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", 400)
    if headers["x-acs-version"] != _VERSION:
        raise Refused("InvalidVersion", "Specified parameter Version is not valid.", 400)
    _check_freshness(world, headers)
    return account


def _values(text: str, template: str) -> dict[str, str]:
    """Check and return the template's values. Raises: Refused."""
    names = templates.aliyun_variables(template)
    given = parse_object(text) if text else {}
    if given is None:
        raise Refused("isv.INVALID_JSON_PARAM", "参数格式错误，请修改为字符串值")
    values = {name: str(value) for name, value in given.items()}
    if missing := [name for name in names if not values.get(name)]:
        raise Refused("isv.TEMPLATE_MISSING_PARAMETERS", f"缺少模板变量参数值：{missing[0]}")
    if any(_LINK.search(values[name]) for name in names):
        raise Refused("isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL")
    if any(len(values[name]) > 35 for name in names):
        raise Refused("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制")
    return values


def send_sms(world: World, account: AliyunSMS, query: Mapping[str, str]) -> dict[str, str]:
    """Accept a text for up to 1000 numbers. No idempotency key: a repeat is sent again.

    Source: 阿里云 短信服务 SendSms and its 错误码. Raises: Refused.
    """
    phones = [phone for phone in query.get("PhoneNumbers", "").split(",") if phone]
    if not phones or not all(_PHONE.fullmatch(phone) for phone in phones):
        raise Refused("isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误")
    if len(phones) > 1000:
        raise Refused("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制，最多支持1000条")
    if query.get("SignName") not in account.sign_names:
        raise Refused("isv.SMS_SIGN_ILLEGAL", "该账号下找不到对应签名")
    template_id = query.get("TemplateCode", "")
    template = account.templates.get(template_id)
    if template is None:
        raise Refused("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    values = _values(query.get("TemplateParam", ""), template)
    is_code = "code" in templates.aliyun_variables(template)
    if any(texts.over_limit(world, phone, is_code) for phone in phones):
        raise Refused("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1" if is_code else "触发天级流控Permits:50")
    screen = f"【{query['SignName']}】{templates.render_aliyun(template, values)}"
    biz_id = f"{secrets.randbelow(10**15):015d}^0"
    row = {
        "vendor": "aliyun",
        "account": account.access_key_id,
        "phones": phones,
        "template_id": template_id,
        "out_id": query.get("OutId", ""),
        "segments": templates.segments(screen),
    }
    texts.keep(world, biz_id, row, screen)
    receipts.push_by_itself(world, biz_id)
    return {"BizId": biz_id}


def query_send_details(world: World, account: AliyunSMS, query: Mapping[str, str]) -> dict[str, Any]:
    """List what was sent to one number on one day. Source: 阿里云 短信服务 QuerySendDetails."""
    found = []
    for biz_id, text in texts.texts(world).items():
        sent = datetime.fromtimestamp(text["sent_at"], BEIJING)
        of_account = text["account"] == account.access_key_id and query.get("PhoneNumber") in text["phones"]
        if not of_account or sent.strftime("%Y%m%d") != query.get("SendDate"):
            continue
        if query.get("BizId", biz_id) == biz_id:
            row = {"PhoneNum": query["PhoneNumber"], "TemplateCode": text["template_id"], "OutId": text["out_id"]}
            status = 3 if text["receipts"] else 1
            found.append(row | {"SendDate": sent.strftime("%Y-%m-%d %H:%M:%S"), "SendStatus": status, "BizId": biz_id})
    return {"TotalCount": str(len(found)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": found}}


ACTIONS = {"SendSms": send_sms, "QuerySendDetails": query_send_details}


def answer(world: World, action: str, exchange: Exchange) -> web.Response:
    """Verify and run one call; the error fault carries an isv./isp. code or a gateway code."""
    status, request_id = 200, str(uuid.uuid4()).upper()
    content: dict[str, Any]
    try:
        account = authenticate(world, exchange)
        fault = exchange.fault
        if fault and fault.kind == "error":
            code = fault.code or "isv.BUSINESS_LIMIT_CONTROL"
            raise Refused(code, fault.message or "触发流控", 200 if code.startswith(("isv.", "isp.")) else 400)
        if action not in ACTIONS:
            raise Refused("InvalidAction.NotFound", "Specified api is not found.", 404)
        exchange.note(template=exchange.request.query.get("TemplateCode"), out_id=exchange.request.query.get("OutId"))
        content = {"Code": "OK", "Message": "OK", **ACTIONS[action](world, account, exchange.request.query)}
    except Refused as refused:
        exchange.note(refused.code)
        status, content = refused.status, {"Code": refused.code, "Message": refused.message}
    body = json.dumps({**content, "RequestId": request_id}, ensure_ascii=False)
    return web.Response(text=body, status=status, content_type="application/json", charset="utf-8")
