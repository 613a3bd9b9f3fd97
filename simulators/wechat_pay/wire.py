"""One APIv3 call: header checks, merchant signature, body, signed answer, errors. Every pay route is made by `method`.

Source: WeChat Pay APIv3, 接口规则, 签名验证, 公共错误码, 2025.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulators.core import World
from simulators.exchange import Exchange, endpoint
from simulators.wechat_pay.platform import Merchant, Platform, SigningKey
from simulators.wechat_pay.signing import WINDOW_SECONDS, SignatureRefused, parse_authorization, request_text, verify

PROVIDER = "wechat_pay"
_AMOUNTS = ("total", "payer_total", "refund", "payer_refund")
STATUS_OF_CODE = {
    "USERPAYING": 202,
    "PARAM_ERROR": 400,
    "INVALID_REQUEST": 400,
    "ORDER_CLOSED": 400,
    "ORDERPAID": 400,
    "APPID_MCHID_NOT_MATCH": 400,
    "MCH_NOT_EXISTS": 400,
    "SIGN_ERROR": 401,
    "TRADE_ERROR": 403,
    "RULE_LIMIT": 403,
    "OUT_TRADE_NO_USED": 403,
    "NO_AUTH": 403,
    "NOT_ENOUGH": 403,
    "ORDER_NOT_EXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "FREQUENCY_LIMITED": 429,
    "SYSTEM_ERROR": 500,
    "OPENID_MISMATCH": 500,
}


class PayError(Exception):
    """An error answer: code with its usual status, Chinese message, numeric cause of the Request-ID, detail."""

    def __init__(self, code: str, message: str, cause: int = 0, detail: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.cause, self.detail = code, message, cause, detail
        self.status = STATUS_OF_CODE.get(code, 400)


@dataclass(slots=True)
class Call:
    """A verified call: who calls, with which exact body."""

    world: World
    platform: Platform
    exchange: Exchange
    merchant: Merchant

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the body.

        Raises: PayError PARAM_ERROR.
        """
        try:
            value = json.loads(self.exchange.body)
        except ValueError as error:
            raise PayError("PARAM_ERROR", "请求体不是合法的JSON", 268435461) from error
        if not isinstance(value, dict):
            raise PayError("PARAM_ERROR", "请求体不是JSON对象", 268435461)
        return value

    def query(self, name: str) -> str:
        """Return a query parameter, empty when absent."""
        return self.exchange.request.query.get(name, "")

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return self.exchange.request.match_info[name]


Method = Callable[[Call], dict[str, Any] | web.Response | None]


def method(
    world: World, platform: Platform, name: str, run: Method
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the aiohttp handler of one API; `run` answers a dict (200), None (204) or a finished unsigned response."""

    async def handle(exchange: Exchange) -> web.Response:
        wrong = exchange.fault.kind if exchange.fault else ""
        key = platform.keys[0]
        try:
            key = _check_headers(platform, exchange)
            payload = _run(world, platform, exchange, run)
        except PayError as error:
            return _error_answer(platform, exchange, key, error, wrong)
        if isinstance(payload, web.Response):
            return payload
        if payload is None:
            return _answer(platform, key, 204, b"", wrong)
        mutate(payload, wrong)
        return _answer(platform, key, 200, encode(payload), wrong)

    return endpoint(world, PROVIDER, name, handle)


def encode(payload: dict[str, Any]) -> bytes:
    """Return compact UTF-8 JSON with Chinese unescaped: the bytes that are signed and sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def mutate(payload: dict[str, Any], kind: str) -> None:
    """Make an answer or a notification lie: wrong_amount, wrong_merchant, wrong_app, other_currency."""
    amount = payload.get("amount")
    if kind == "wrong_amount" and isinstance(amount, dict):
        amount.update({name: amount[name] + 1 for name in _AMOUNTS if name in amount})
    if kind == "other_currency" and isinstance(amount, dict):
        amount.update(currency="USD", payer_currency="USD")
    if kind == "wrong_merchant":
        payload.update({name: "1900009999" for name in ("mchid", "sp_mchid", "sub_mchid") if name in payload})
    if kind == "wrong_app":
        payload.update({name: "wx" + "f" * 16 for name in ("appid", "sp_appid", "sub_appid") if name in payload})


def _run(world: World, platform: Platform, exchange: Exchange, run: Method) -> dict[str, Any] | web.Response | None:
    merchant = _authorize(world, platform, exchange)
    exchange.note(mch_id=merchant.config.mch_id)
    fault = exchange.fault
    if fault is not None and fault.kind == "error":
        error = PayError(fault.code or "SYSTEM_ERROR", fault.message or "系统异常，请稍后重试")
        if fault.status != 500 or error.code not in STATUS_OF_CODE:
            error.status = fault.status
        raise error
    return run(Call(world, platform, exchange, merchant))


def _check_headers(platform: Platform, exchange: Exchange) -> SigningKey:
    """Check what every request must carry and return the key its answer is signed with.

    Raises: PayError PARAM_ERROR.
    """
    headers = exchange.request.headers
    if not headers.get("User-Agent") or not headers.get("Accept"):
        raise PayError("PARAM_ERROR", "Http头缺少Accept或User-Agent")
    if exchange.body and not headers.get("Content-Type", "").startswith("application/json"):
        raise PayError("PARAM_ERROR", "Http头Content-Type不是application/json")
    key = platform.find_key(headers.get("Wechatpay-Serial", ""))
    if key is None:
        raise PayError("PARAM_ERROR", "Http头Wechatpay-Serial不是有效的微信支付公钥ID或平台证书序列号")
    return key


def _authorize(world: World, platform: Platform, exchange: Exchange) -> Merchant:
    """Return the merchant whose signature over method, raw path with query, and raw body is right.

    Raises: PayError SIGN_ERROR.
    """
    request = exchange.request
    try:
        given = parse_authorization(request.headers.get("Authorization", ""))
        merchant = platform.merchants.get(given.mchid)
        if merchant is None:
            raise SignatureRefused("商户号不存在")
        if given.serial_no != merchant.config.serial:
            raise SignatureRefused("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
        if abs(world.clock.wire_timestamp() - given.timestamp) > WINDOW_SECONDS:
            raise SignatureRefused("Http头Authorization值中的timestamp与发起请求的时间不得超过5分钟")
    except SignatureRefused as refused:
        raise PayError("SIGN_ERROR", str(refused), 268443699) from refused
    text = request_text(request.method, request.raw_path, given.timestamp, given.nonce_str, exchange.body)
    if not verify(merchant.public_key, text, given.signature):
        information = {"method": request.method, "url": request.raw_path, "sign_message_length": len(text)}
        detail = {"field": "signature", "issue": "sign not match", "location": "authorization"}
        raise PayError("SIGN_ERROR", "签名错误", 268443699, detail | {"sign_information": information})
    return merchant


def _error_answer(platform: Platform, exchange: Exchange, key: SigningKey, error: PayError, wrong: str) -> web.Response:
    exchange.note(error.code)
    payload: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.detail is not None:
        payload["detail"] = error.detail
    return _answer(platform, key, error.status, encode(payload), wrong, error.cause)


def _answer(platform: Platform, key: SigningKey, status: int, body: bytes, wrong: str, cause: int = 0) -> web.Response:
    headers = platform.signed_headers(body, key, wrong)
    headers["Request-ID"] = f"{secrets.token_hex(16).upper()}-{cause}"
    if not body:
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, body=body, headers=headers, content_type="application/json", charset="utf-8")
