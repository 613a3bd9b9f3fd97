"""What Alipay sends by itself: trade notifications (异步通知) and application-gateway messages (应用网关).

Called after payments, refunds and by the control API. Builds and signs; sending and repeating is the core's.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from simulators.alipay import signing, trades, wire
from simulators.alipay.bills import yuan
from simulators.alipay.platform import App, Platform
from simulators.alipay.trades import Trade
from simulators.callbacks import Delivery, Message

KINDS = (
    "normal", "none", "duplicate", "late", "reordered", "wrong_amount", "wrong_signature", "stale",
    "unknown_serial", "wrong_merchant", "wrong_app", "other_currency",
)  # fmt: skip
LATE_SECONDS = 3.0
_MINUTE, _HOUR = 60, 3600
TRADE_SCHEDULE = (4 * _MINUTE, 10 * _MINUTE, 10 * _MINUTE, _HOUR, 2 * _HOUR, 6 * _HOUR, 15 * _HOUR)
GATEWAY_SCHEDULE = (2 * _MINUTE, 10 * _MINUTE, 10 * _MINUTE, _HOUR, 2 * _HOUR, 6 * _HOUR, 15 * _HOUR)
_FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "Mozilla/4.0"}


@dataclass(frozen=True)
class TradeEvent:
    """One thing to tell about a trade; `fields` is what only this event carries. The id is stable across repeats."""

    status: str
    fields: dict[str, str] = field(default_factory=dict)
    notify_id: str = field(default_factory=lambda: f"{secrets.randbelow(10**34):034d}")


def payment_event(trade: Trade, status: str = "TRADE_SUCCESS") -> TradeEvent:
    """Tell that the trade was paid, or came into another state."""
    fields = {"gmt_close": trade["gmt_close"]} if status == "TRADE_CLOSED" and trade["gmt_close"] else {}
    return TradeEvent(status, fields)


def refund_event(trade: Trade, out_request_no: str) -> TradeEvent:
    """Tell about a refund; refund_fee is the cumulative sum, and a full refund closes the trade."""
    done = trades.find_refund(trade, out_request_no)
    fields = {"out_biz_no": out_request_no, "refund_fee": yuan(trades.refunded_fen(trade))}
    if done:
        fields["gmt_refund"] = done["at"]
    if trade["status"] == "TRADE_CLOSED":
        fields["gmt_close"] = trade["gmt_close"]
    return TradeEvent(trade["status"], fields)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _trade_fields(platform: Platform, trade: Trade, event: TradeEvent) -> dict[str, str]:
    """Collect the parameters. Source: 支付宝开放平台 JSAPI支付 异步通知 通知参数说明."""
    amount = yuan(trade["amount_fen"])
    fields = {
        "notify_time": wire.beijing(platform.world.clock.now()),
        "notify_type": "trade_status_sync",
        "notify_id": event.notify_id,
        "app_id": trade["app_id"],
        "auth_app_id": trades.owner_of(trade),
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        trade["buyer_field"]: trade["buyer"],
        "buyer_logon_id": platform.logon_id(trade["person"]),
        "seller_id": trade["seller_id"],
        "trade_status": event.status,
        "total_amount": amount,
        "subject": trade["subject"],
        "gmt_create": trade["gmt_create"],
    }
    if trade["gmt_payment"] and event.status != "WAIT_BUYER_PAY":
        fields |= {"gmt_payment": trade["gmt_payment"], "point_amount": "0.00"}
        fields |= dict.fromkeys(("receipt_amount", "buyer_pay_amount", "invoice_amount"), amount)
        fields["fund_bill_list"] = _compact([{"amount": amount, "fundChannel": "ALIPAYACCOUNT"}])
    optional = {"body": trade["body"], "passback_params": trade["passback_params"]}
    return fields | {name: value for name, value in optional.items() if value} | event.fields


def _lie(fields: dict[str, str], kind: str, platform: Platform) -> None:
    """Change what a lying notification says before it is (validly) signed."""
    if kind == "wrong_amount":
        fields |= dict.fromkeys(("total_amount", "receipt_amount", "buyer_pay_amount", "invoice_amount"), "0.01")
    elif kind == "wrong_merchant":
        fields["seller_id"] = "2088000000000009"
    elif kind == "wrong_app":
        fields |= {"app_id": "2021999999999999", "auth_app_id": "2021999999999999"}
    elif kind == "other_currency":
        fields |= {"trans_currency": "USD", "settle_currency": "USD"}
    elif kind == "stale":
        fields["notify_time"] = wire.beijing(platform.world.clock.now() - timedelta(days=2))


def _signed(platform: Platform, fields: dict[str, str], content: str, kind: str, charset: str = "utf-8") -> bytes:
    key = platform.stranger_key if kind == "unknown_serial" else platform.key
    signature = signing.sign_rsa2(key, content.encode(charset))
    fields["sign"] = wire.spoil(signature) if kind == "wrong_signature" else signature
    return wire.render_form(fields, charset)


def send(
    platform: Platform, trade: Trade, event: TradeEvent, *, kind: str = "normal", delay_seconds: float = 0
) -> Delivery | None:
    """Send one event to the trade's notify_url and repeat it until the answer is exactly `success`.

    Source: 支付宝开放平台 异步通知: 4m, 10m, 10m, 1h, 2h, 6h, 15h. None when the trade has no notify_url.
    """
    if not trade["notify_url"]:
        return None

    def build() -> Message:
        fields = _trade_fields(platform, trade, event)
        _lie(fields, kind, platform)
        body = _signed(platform, fields, signing.notification_content(fields), kind)
        return Message(trade["notify_url"], body, _FORM_HEADERS)

    return _deliver(platform, f"trade:{event.status}", build, TRADE_SCHEDULE, delay_seconds)


def send_kind(
    platform: Platform, trade: Trade, event: TradeEvent, kind: str, delay_seconds: float = 0
) -> list[Delivery]:
    """Send an event in one of KINDS: none at all, twice at once, late, or after a younger one."""
    if kind == "none":
        return []
    delay_seconds = delay_seconds or (LATE_SECONDS if kind == "late" else 0)
    deliveries = [send(platform, trade, event, kind=kind, delay_seconds=delay_seconds)]
    if kind == "duplicate":
        deliveries.append(send(platform, trade, event, delay_seconds=delay_seconds))
    if kind == "reordered":
        earlier = TradeEvent("WAIT_BUYER_PAY")
        deliveries.append(send(platform, trade, earlier, delay_seconds=delay_seconds + 0.2))
    return [delivery for delivery in deliveries if delivery]


def _deliver(
    platform: Platform, kind: str, build: Callable[[], Message], schedule: tuple[int, ...], delay_seconds: float = 0
) -> Delivery:
    return platform.world.callbacks.send(
        "alipay",
        kind,
        build,
        accepted=lambda status, text: status == 200 and text == "success",
        schedule=schedule,
        delay_seconds=delay_seconds,
    )


def gateway_url(platform: Platform, app: App) -> str:
    """Return the application gateway (应用网关) that the developer entered in the console."""
    return f"{platform.world.config.public_url}/callbacks/alipay/{app.app_id}/gateway"


def send_message(
    platform: Platform, app: App, msg_method: str, biz: Mapping[str, object], kind: str = "normal"
) -> Delivery:
    """Send a From蚂蚁 message, signed under V1. Source: 支付宝开放平台 消息服务 From蚂蚁消息."""
    notify_id = f"{secrets.randbelow(10**34):034d}"

    def build() -> Message:
        fields = {
            "notify_id": notify_id,
            "utc_timestamp": str(int(platform.world.clock.timestamp() * 1000)),
            "msg_method": msg_method,
            "app_id": app.app_id,
            "version": "1.1",
            "biz_content": _compact(biz),
            "charset": "UTF-8",
            "sign_type": "RSA2",
        }
        body = _signed(platform, fields, signing.notification_content(fields), kind)
        return Message(gateway_url(platform, app), body, _FORM_HEADERS)

    return _deliver(platform, msg_method, build, GATEWAY_SCHEDULE)


def send_older_message(
    platform: Platform, app: App, notify_type: str, more: Mapping[str, str], kind: str = "normal"
) -> Delivery:
    """Send an event of the older open platform, signed under V2. Source: 支付宝开放平台 应用通知."""
    fixed = {
        "notify_id": f"{secrets.randbelow(10**34):034d}",
        "notify_time": wire.beijing(platform.world.clock.now()),
        "notify_type": notify_type,
        "app_id": app.app_id,
        "charset": "UTF-8",
        "sign_type": "RSA2",
    }

    def build() -> Message:
        fields = dict(more) | fixed
        return Message(
            gateway_url(platform, app),
            _signed(platform, fields, signing.service_message_content(fields), kind),
            _FORM_HEADERS,
        )

    return _deliver(platform, notify_type, build, GATEWAY_SCHEDULE)


def service_check(platform: Platform, app: App, kind: str = "normal") -> tuple[Delivery, list[str]]:
    """Probe the application gateway once, signed under V2 in GBK; the list receives the whole answer.

    Source: 支付宝开放平台 应用网关 激活 (verifygw).
    """
    replies: list[str] = []

    def accepted(status: int, text: str) -> bool:
        replies.append(text)
        return status == 200

    millis = int(platform.world.clock.timestamp() * 1000)
    empty = "".join(f"<{name}><![CDATA[]]></{name}>" for name in ("ActionParam", "AgreementId", "AccountNo"))
    xml = (
        f'<?xml version="1.0" encoding="gbk"?><XML><AppId><![CDATA[{app.app_id}]]></AppId>'
        f"<FromUserId><![CDATA[]]></FromUserId><CreateTime>{millis}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<EventType><![CDATA[verifygw]]></EventType>{empty}</XML>"
    )
    fields = {"service": "alipay.service.check", "charset": "GBK", "sign_type": "RSA2", "biz_content": xml}
    body = _signed(platform, fields, signing.service_message_content(fields), kind, "gbk")
    message = Message(gateway_url(platform, app), body, _FORM_HEADERS)
    delivery = platform.world.callbacks.send("alipay", "alipay.service.check", lambda: message, accepted=accepted)
    return delivery, replies


def check_reply_is_signed(app: App, reply: str) -> bool:
    """Verify the app's answer to alipay.service.check over the exact text inside <response>."""
    _, _, rest = reply.partition("<response>")
    inner, closed, rest = rest.partition("</response>")
    _, _, rest = rest.partition("<sign>")
    signature = rest.partition("</sign>")[0].strip()
    content = inner.encode("gbk", "replace")
    if not closed or "<success>true</success>" not in inner:
        return False
    return signing.verify_rsa2(app.public_key, signature, content)
