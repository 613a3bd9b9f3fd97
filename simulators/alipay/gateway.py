"""gateway.do: reads and verifies a call, runs its method, and answers in Alipay's sealed JSON.

Mounted on the Alipay port. Knows the envelope only; what a method does stands in the module named in METHODS.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from simulators.alipay import certify, login, messages, pages, payments, signing, statements, wire
from simulators.alipay.bills import yuan
from simulators.alipay.call import Call, authoriser
from simulators.alipay.errors import AlipayError, business_failure, gateway_refusal, invalid_argument, public_code
from simulators.alipay.platform import App, Platform
from simulators.exchange import Exchange, serve
from simulators.json_input import parse_object

METHODS: Mapping[str, Callable[[Call], dict[str, Any]]] = {
    "alipay.system.oauth.token": login.oauth_token,
    "alipay.user.certify.open.initialize": certify.initialize,
    "alipay.user.certify.open.query": certify.query,
    "alipay.trade.create": payments.create,
    "alipay.trade.query": payments.query,
    "alipay.trade.close": payments.close,
    "alipay.trade.refund": payments.refund,
    "alipay.trade.fastpay.refund.query": payments.query_refund,
    "alipay.open.app.mini.templatemessage.send": messages.send_template_message,
    "alipay.open.app.messagetemplate.subscribe.query": messages.query_subscriptions,
    "alipay.data.dataservice.bill.downloadurl.query": statements.query_download_url,
}
PAGE_METHOD = "alipay.user.certify.open.certify"
_LOGIN = "alipay.system.oauth.token"
_CLOCK_SKEW_SECONDS = 600
_REQUIRED = (
    ("method", "isv.missing-method"),
    ("app_id", "isv.missing-app-id"),
    ("sign_type", "isv.missing-signature-type"),
    ("sign", "isv.missing-signature"),
    ("timestamp", "isv.missing-timestamp"),
    ("version", "isv.missing-version"),
)
_METHOD_NAME = re.compile(r"[a-z][a-z0-9.]{0,99}")
_AMOUNT_FIELDS = ("total_amount", "refund_amount", "refund_fee", "receipt_amount", "buyer_pay_amount")


def read_params(request: web.Request, body: bytes) -> dict[str, str]:
    """Collect the parameters of query and body, decoded in the charset that the query (only the query) declares."""
    raw_query = request.rel_url.raw_query_string
    charset = wire.parse_form(raw_query, "utf-8").get("charset", "gbk")
    form = wire.parse_form(body.decode("latin-1"), charset) if body else {}
    return wire.parse_form(raw_query, charset) | form


def _check_time(text: str, wire_timestamp: int) -> None:
    try:
        sent_at = wire.from_beijing(text)
    except ValueError:
        raise gateway_refusal("40002", "isv.invalid-timestamp", "无效的时间戳参数") from None
    if abs((datetime.fromtimestamp(wire_timestamp, UTC) - sent_at).total_seconds()) > _CLOCK_SKEW_SECONDS:
        raise gateway_refusal("40002", "isv.invalid-timestamp", "时间戳与当前时间相差过大")


def authenticate(platform: Platform, params: Mapping[str, str]) -> App:
    """Check the common parameters, app first and signature last.

    Source: 支付宝开放平台 公共请求参数, 公共错误码, 自行实现签名.
    Raises: AlipayError, unsigned as the gateway's own are.
    """
    for name, sub_code in _REQUIRED:
        if not params.get(name):
            raise gateway_refusal("40001", sub_code, f"缺少参数：{name}")
    app = platform.apps.get(params["app_id"])
    if app is None:
        raise gateway_refusal("40002", "isv.invalid-app-id", "无效的AppID参数")
    if params["sign_type"] != "RSA2":
        raise gateway_refusal("40002", "isv.invalid-signature-type", "无效的签名类型")
    _check_time(params["timestamp"], platform.world.clock.wire_timestamp())
    content = signing.request_content(params)
    charset = "gbk" if params.get("charset", "").lower() == "gbk" else "utf-8"
    if not signing.verify_rsa2(app.public_key, params["sign"], content.encode(charset, "replace")):
        hint = f"验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：{content}"
        raise gateway_refusal("40002", "isv.invalid-signature", hint)
    return app


def read_business_content(app: App, params: Mapping[str, str]) -> dict[str, Any]:
    """Decrypt biz_content if it is encrypted, and parse it. Raises: AlipayError."""
    text = params.get("biz_content", "")
    if params.get("encrypt_type") and text:
        if params["encrypt_type"] != "AES":
            raise invalid_argument("isv.invalid-encrypt-type", "无效的加密类型")
        if not app.config.aes_key:
            raise AlipayError("40001", "isv.missing-encrypt-key", "缺少加密配置")
        try:
            text = signing.decrypt_content(app.config.aes_key, text)
        except signing.DecryptionFailed:
            raise invalid_argument("isv.decryption-error-unknown", "解密出错, 未知错误") from None
    biz = parse_object(text) if text else {}
    if biz is None:
        raise business_failure("ILLEGAL_ARGUMENT", "biz_content 不是 JSON 对象")
    return biz


def _run(platform: Platform, exchange: Exchange, params: Mapping[str, str], app: App) -> dict[str, Any]:
    """Run one verified call and return the node's content. Raises: AlipayError."""
    biz = read_business_content(app, params)
    authoriser(app, params)
    numbers = {name: str(biz[name])[:64] for name in ("out_trade_no", "out_request_no", "trade_no") if biz.get(name)}
    exchange.note(app_id=app.app_id, **numbers)
    method = params["method"]
    if method not in METHODS:
        raise gateway_refusal("40002", "isv.invalid-method", "不存在的方法名")
    content = METHODS[method](Call(platform, app, params, biz, exchange))
    platform.touch()
    if exchange.struck("wrong_amount"):
        lies = {name: content[name] for name in _AMOUNT_FIELDS if content.get(name, "0.00") != "0.00"}
        content |= {name: yuan(wire.fen(amount) + 1) for name, amount in lies.items()}
    return content if method == _LOGIN else {"code": "10000", "msg": "Success"} | content


def _seal(platform: Platform, exchange: Exchange, error: AlipayError | None) -> wire.Seal:
    return wire.Seal(
        key=platform.stranger_key if exchange.struck("rotated_key") else platform.key,
        omitted=exchange.struck("unsigned") or (error is not None and not error.signed),
        broken=exchange.struck("wrong_signature"),
    )


def _fault_error(exchange: Exchange) -> AlipayError | None:
    fault = exchange.fault
    if fault is None or fault.kind != "error":
        return None
    sub_code = fault.code or "isp.unknow-error"
    unsigned = sub_code.startswith("aop.") or sub_code.endswith("call-limited")
    return AlipayError(public_code(sub_code), sub_code, fault.message or "系统繁忙", signed=not unsigned)


async def _answer(platform: Platform, params: Mapping[str, str], exchange: Exchange) -> web.Response:
    """Verify, run and seal one call. A 20000 answer comes in GBK, as the live gateway's sometimes does."""
    method = params.get("method", "")
    error, app = _fault_error(exchange), None
    try:
        app = authenticate(platform, params)
        content = error.body() if error else _run(platform, exchange, params, app)
    except AlipayError as refused:
        error, content = refused, refused.body()
    exchange.note(error.sub_code if error else "ok")
    node = f"{method.replace('.', '_')}_response" if _METHOD_NAME.fullmatch(method) else "error_response"
    if error and method == _LOGIN:
        node = "error_response"
    text = wire.dumps(content)
    stays_plain = error is not None and error.code != "40004"
    if params.get("encrypt_type") == "AES" and params.get("biz_content") and app and not stays_plain:
        text = f'"{signing.encrypt_content(app.config.aes_key, text)}"'
    charset = "gbk" if error and error.code == "20000" else "utf-8"
    body = wire.seal_answer(node, text, _seal(platform, exchange, error), charset)
    return web.Response(body=body, headers={"Content-Type": f"text/html;charset={charset}"})


async def _show_page(platform: Platform, params: Mapping[str, str], exchange: Exchange) -> web.Response:
    try:
        app = authenticate(platform, params)
        certify_id = str(read_business_content(app, params).get("certify_id", ""))
        row = certify.open_page(platform, certify_id, app.app_id)
    except AlipayError as error:
        exchange.note(error.sub_code)
        return pages.refusal(error)
    return pages.certify_page(certify_id, row["cert_name"])


async def handle(platform: Platform, request: web.Request) -> web.Response:
    """Serve gateway.do for both verbs; the call's name in journal and faults is the method."""
    params = read_params(request, await request.read())
    method = params.get("method", "")
    shows_page = method == PAGE_METHOD
    name = method if shows_page or method in METHODS else "unknown"

    async def run(exchange: Exchange) -> web.Response:
        return await (_show_page if shows_page else _answer)(platform, params, exchange)

    return await serve(platform.world, "alipay", name, request, run)
