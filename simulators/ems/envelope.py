"""The answers of EMS's platform and its refusals. Pure; used by the EMS simulator only."""

import json
import secrets
from typing import Any

from simulators.clock import Clock


class Refusal(Exception):
    """The platform or a service refused. Only the code of a success is published; these codes are made up."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def answer(clock: Clock, body: Any, refusal: Refusal | None = None) -> str:
    """Render an answer; the body is JSON as text, unless it is a text itself.

    Source: 中国邮政协议客户开放平台 接口规范, 公共返回参数.
    """
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    rendered = {
        "success": refusal is None,
        "retCode": refusal.code if refusal else "00000",
        "retMsg": refusal.message if refusal else "成功",
        "retBody": "" if refusal else text,
        "retDate": clock.beijing().strftime("%Y-%m-%d %H:%M:%S"),
        "serialNo": f"{secrets.randbits(128):032X}",
    }
    return json.dumps(rendered, ensure_ascii=False)
