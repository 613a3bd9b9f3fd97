"""Trades and refunds as Alipay keeps them: records, states, and which step is refused with which ACQ code.

Pure rules over JSON records; called by the trade methods, the bill and the control API. Knows no HTTP and no world.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NotRequired, TypedDict

from simulators.alipay.errors import AlipayError, business_failure
from simulators.alipay.wire import beijing, fen, from_beijing

_OUT_TRADE_NO = re.compile(r"[A-Za-z0-9_]{1,64}")
_TIMEOUT = re.compile(r"(\d{1,5})([mhd])")
_LONGEST = timedelta(days=15)
_REFUND_WINDOW = timedelta(days=365)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class DepositBack(TypedDict):
    """How the bank took a refund to a card (银行卡冲退): S done, F given back, P not yet known."""

    status: str
    amount_fen: int
    at: str


class Refund(TypedDict):
    """One refund request (退款请求); `at` is Beijing time with milliseconds."""

    out_request_no: str
    amount_fen: int
    reason: str
    at: str
    deposit_back: NotRequired[DepositBack]


class Trade(TypedDict):
    """One trade (交易). Times are Beijing time as text; an empty text means not yet."""

    trade_no: str
    out_trade_no: str
    app_id: str
    auth_app_id: NotRequired[str]
    seller_id: str
    amount_fen: int
    subject: str
    body: str
    passback_params: str
    person: str
    buyer_field: str
    buyer: str
    notify_url: str
    status: str
    gmt_create: str
    gmt_expire: str
    gmt_payment: str
    gmt_close: str
    content: str
    refunds: list[Refund]


def owner_of(trade: Trade) -> str:
    """Return the app in whose name the trade was made (auth_app_id); records of an earlier version name none."""
    return trade.get("auth_app_id") or trade["app_id"]


def invalid(field: str) -> AlipayError:
    """Refuse a field of the business content."""
    return business_failure("ACQ.INVALID_PARAMETER", f"参数无效：{field}")


def not_found() -> AlipayError:
    """Refuse a trade that Alipay has never seen."""
    return business_failure("ACQ.TRADE_NOT_EXIST", "交易不存在")


def amount_of(biz: Mapping[str, Any], field: str) -> int:
    """Read a required amount in yuan as fen. Raises: AlipayError."""
    try:
        return fen(biz.get(field))
    except ValueError:
        raise invalid(field) from None


def _text(biz: Mapping[str, Any], field: str, longest: int) -> str:
    value = biz.get(field, "")
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(field)
    return value


def expiry(biz: Mapping[str, Any], now: datetime) -> datetime:
    """Work out when an unpaid trade closes: time_expire wins over timeout_express, else 15 days.

    Source: 支付宝开放平台 alipay.trade.create 请求参数. Raises: AlipayError.
    """
    absolute, relative = _text(biz, "time_expire", 32), _text(biz, "timeout_express", 6)
    if absolute:
        try:
            moment = from_beijing(absolute)
        except ValueError:
            raise invalid("time_expire") from None
        if moment <= now:
            raise business_failure("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间")
        return moment
    found = _TIMEOUT.fullmatch(relative)
    if relative and not found:
        raise invalid("timeout_express")
    wait = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else _LONGEST
    if not timedelta(minutes=1) <= wait <= _LONGEST:
        raise invalid("timeout_express")
    return now + wait


def check_create(biz: Mapping[str, Any]) -> None:
    """Check the fields of alipay.trade.create that need no other record. Raises: AlipayError."""
    if not _OUT_TRADE_NO.fullmatch(_text(biz, "out_trade_no", 64)):
        raise invalid("out_trade_no")
    subject = _text(biz, "subject", 256)
    if not subject or set(subject) & set("/=&"):
        raise invalid("subject")
    if biz.get("product_code") != "JSAPI_PAY":
        raise business_failure("ACQ.BIZ_PRODUCT_NOT_ALLOWED", "当前商户未签约该产品")
    for field, longest in (("body", 128), ("passback_params", 512), ("op_app_id", 32)):
        _text(biz, field, longest)
    amount_of(biz, "total_amount")


def check_repeat(trade: Trade, content: str) -> None:
    """Refuse a second create unless the trade still waits and says the same. Raises: AlipayError."""
    if trade["gmt_payment"]:
        raise business_failure("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    if trade["status"] == "TRADE_CLOSED":
        raise business_failure("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if trade["content"] != content:
        raise business_failure("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")


def settle_due(trade: Trade, now: datetime) -> bool:
    """Close an unpaid trade whose time is over, finish a paid one after a year; tells whether it changed."""
    if trade["status"] == "WAIT_BUYER_PAY" and from_beijing(trade["gmt_expire"]) <= now:
        trade.update({"status": "TRADE_CLOSED", "gmt_close": trade["gmt_expire"]})
        return True
    if trade["status"] == "TRADE_SUCCESS" and from_beijing(trade["gmt_payment"]) + _REFUND_WINDOW <= now:
        trade["status"] = "TRADE_FINISHED"
        return True
    return False


def close(trade: Trade, now: datetime) -> None:
    """Close an unpaid trade (交易关闭). Raises: AlipayError when it is paid or closed."""
    if trade["status"] != "WAIT_BUYER_PAY":
        raise business_failure("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    trade.update({"status": "TRADE_CLOSED", "gmt_close": beijing(now)})


def refunded_fen(trade: Trade) -> int:
    """Add up what went back to the buyer, in fen."""
    return sum(refund["amount_fen"] for refund in trade["refunds"])


def find_refund(trade: Trade, out_request_no: str) -> Refund | None:
    """Find one refund request of the trade."""
    return next((refund for refund in trade["refunds"] if refund["out_request_no"] == out_request_no), None)


def refund(trade: Trade, out_request_no: str, amount_fen: int, reason: str, now: datetime) -> bool:
    """Give money back; false when the same request was already done.

    Idempotent: yes, by trade and out_request_no. Raises: AlipayError.
    Source: 支付宝开放平台 alipay.trade.refund 业务错误码.
    """
    earlier = find_refund(trade, out_request_no)
    if earlier:
        if earlier["amount_fen"] != amount_fen:
            raise business_failure("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
        return False
    if trade["status"] == "WAIT_BUYER_PAY":
        raise business_failure("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    if trade["status"] == "TRADE_FINISHED":
        raise business_failure("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    if trade["status"] == "TRADE_CLOSED":
        raise business_failure("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if refunded_fen(trade) + amount_fen > trade["amount_fen"]:
        raise business_failure("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
    milliseconds = f"{now.microsecond // 1000:03d}"
    at = f"{beijing(now)}.{milliseconds}"
    trade["refunds"].append(Refund(out_request_no=out_request_no, amount_fen=amount_fen, reason=reason, at=at))
    if refunded_fen(trade) == trade["amount_fen"]:
        trade.update({"status": "TRADE_CLOSED", "gmt_close": beijing(now)})
    return True


def take_to_bank(done: Refund, status: str, now: datetime) -> None:
    """Let the payer's bank say what became of a refund. Source: 支付宝开放平台 deposit_back_info 银行卡冲退信息."""
    done["deposit_back"] = DepositBack(status=status, amount_fen=done["amount_fen"], at=beijing(now))


def pay(trade: Trade, now: datetime) -> None:
    """Take the buyer's money. Raises: AlipayError when the trade does not wait for payment."""
    if trade["status"] != "WAIT_BUYER_PAY":
        raise business_failure("ALI38110", "交易状态不是等待付款，或其他用户正在付款")
    trade.update({"status": "TRADE_SUCCESS", "gmt_payment": beijing(now)})
