"""The shapes of 快递100's answers. Pure; used by its simulator only."""

import json
from typing import Any

_MESSAGES = {
    "200": "提交成功",
    "201": "单号不存在或者已经过期",
    "400": "提交的数据不完整，或者出发地、目的地无法识别",
    "500": "服务器错误",
    "501": "重复订阅",
    "502": "服务器繁忙",
    "503": "验证签名失败",
    "600": "您不是合法的订阅者（即授权Key出错）",
    "601": "KEY已过期",
    "700": "订阅的参数无效：单号、快递公司或回调地址错误",
    "701": "快递公司拒绝订阅",
    "702": "识别不到该单号对应的快递公司",
}


class Refusal(Exception):
    """快递100 says no: a returnCode and its message."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message or _MESSAGES.get(code, "操作失败")


def dumps(value: Any) -> str:
    """Print JSON as the vendor does, with Chinese unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def accepted(data: Any = None) -> str:
    """Answer a call that was done. Source: 快递100 返回结果 result, returnCode, message, data."""
    body = {"result": True, "returnCode": "200", "message": _MESSAGES["200"]}
    return dumps(body if data is None else body | {"data": data})


def refused(refusal: Refusal) -> str:
    """Answer a call that was refused."""
    return dumps({"result": False, "returnCode": refusal.code, "message": refusal.message})


def text(data: dict[str, Any], name: str) -> str:
    """Return a text or a whole number of a parsed body as text; "" for all else."""
    value = data.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
