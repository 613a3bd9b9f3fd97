"""Reads the content of a call strictly: every value is a text of a known shape. Refuses with NT0001 in Chinese."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from simulators.clock import BEIJING

_YUAN = re.compile(r"(0|[1-9][0-9]{0,11})\.[0-9]{2}")
MESSAGES = {
    "NT0001": "请求参数有误",
    "NT0002": "签名验证失败",
    "NT0003": "请求时间超出允许范围",
    "NT0004": "应用未授权",
    "NT0005": "行政区划与应用不符",
    "NT0006": "请求重复",
    "NT1001": "缴款码不存在",
    "NT1002": "同一业务号的内容与首次不一致",
    "NT1003": "金额与应缴金额不一致",
    "NT1004": "该缴款码已由其他订单缴款",
    "NT1005": "该缴款通知已作废",
    "NT1006": "该缴款通知已缴款，不能作废",
    "NT1007": "该缴款码尚未缴款",
    "NT1008": "缴款确认处理中，请稍后再试",
    "NT1009": "红冲金额超过可冲金额",
    "NT9001": "系统日终处理中，请稍后再试",
    "NT9999": "系统错误",
}
STATUS_OF_CODE = {"NT0001": 400, "NT0002": 401, "NT0003": 401, "NT0004": 401, "NT0005": 403, "NT0006": 401}


class Refusal(Exception):
    """A plain no with the platform's code; `status` is the HTTP status that goes with it."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or MESSAGES.get(code, "业务处理失败"))
        self.code, self.message = code, str(self)
        self.status = STATUS_OF_CODE.get(code, 200)


def need_text(content: Mapping[str, Any], name: str, most: int, least: int = 1) -> str:
    """Return a text of allowed length; an absent one counts as empty. Raises: Refusal NT0001."""
    value = content.get(name, "")
    if not isinstance(value, str) or not least <= len(value) <= most or any(ord(sign) < 32 for sign in value):
        raise Refusal("NT0001", f"参数 {name} 有误")
    return value


def need_fen(content: Mapping[str, Any], name: str) -> int:
    """Return a positive amount of yuan with two decimals as fen. Raises: Refusal NT0001."""
    text = need_text(content, name, 15)
    if not _YUAN.fullmatch(text) or not int(text.replace(".", "")):
        raise Refusal("NT0001", f"参数 {name} 应为两位小数的金额")
    return int(text.replace(".", ""))


def need_date(content: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    """Return a date as its text YYYY-MM-DD. Raises: Refusal NT0001."""
    text = need_text(content, name, 10, 0 if optional else 10)
    if text:
        _parsed(name, text, "%Y-%m-%d")
    return text


def need_time(content: Mapping[str, Any], name: str) -> datetime:
    """Return a time of Beijing, aware. Raises: Refusal NT0001."""
    text = need_text(content, name, 19, 19)
    return _parsed(name, text, "%Y-%m-%d %H:%M:%S")


def yuan(amount_fen: int) -> str:
    """Print fen as yuan with two decimals."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def time_text(timestamp: float) -> str:
    """Print a moment as Beijing's time."""
    return datetime.fromtimestamp(timestamp, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def day_of(timestamp: float) -> date:
    """Return Beijing's day of a moment."""
    return datetime.fromtimestamp(timestamp, BEIJING).date()


def _parsed(name: str, text: str, pattern: str) -> datetime:
    try:
        parsed = datetime.strptime(text, pattern).replace(tzinfo=BEIJING)
    except ValueError:
        raise Refusal("NT0001", f"参数 {name} 不是有效日期") from None
    if parsed.strftime(pattern) != text or parsed.year < 2000:
        raise Refusal("NT0001", f"参数 {name} 不是有效日期")
    return parsed
