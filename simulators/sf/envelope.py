"""The two layers of a 丰桥 answer and the refusals of each. Pure; used by the SF simulator only."""

import json
import secrets
from typing import Any

_GATEWAY_MESSAGES = {
    "A1001": "必传参数不可为空",
    "A1002": "请求时效已过期",
    "A1004": "无对应服务权限",
    "A1005": "流量受控",
    "A1006": "数字签名无效",
    "A1007": "重复请求",
    "A1009": "目标服务异常",
    "A1099": "系统异常",
}


class GatewayRefusal(Exception):
    """The platform refused the call itself (outer layer, apiResultCode)."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message or _GATEWAY_MESSAGES.get(code, "系统异常")


class ServiceRefusal(Exception):
    """The service refused the business content (inner layer, errorCode)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _outer(code: str, message: str, result: str) -> str:
    response_id = f"{secrets.randbits(128):032X}"
    return _dumps(
        {"apiErrorMsg": message, "apiResponseID": response_id, "apiResultCode": code, "apiResultData": result}
    )


def success(msg_data: Any) -> str:
    """Wrap what a service answers; apiResultData is JSON as text. Source: 丰桥 API 响应报文规范."""
    inner = {"success": True, "errorCode": "S0000", "errorMsg": None, "msgData": msg_data}
    return _outer("A1000", "", _dumps(inner))


def bare_success(fields: dict[str, Any]) -> str:
    """Wrap the answer of a service that puts it beside `success`. Source: 丰桥 云打印面单 2.0 接口, 响应参数."""
    return _outer("A1000", "", _dumps({"success": True, "requestId": secrets.token_hex(8), **fields}))


def token(value: str, seconds: int) -> str:
    """Render a token. Source: 丰桥 OAuth2 认证, 响应参数."""
    return _dumps({"apiResultCode": "A1000", "accessToken": value, "expiresIn": seconds})


def service_refused(refusal: ServiceRefusal) -> str:
    """Wrap a service's refusal: the transport was fine, so the outer code stays A1000."""
    inner = {"success": False, "errorCode": refusal.code, "errorMsg": refusal.message, "msgData": None}
    return _outer("A1000", "", _dumps(inner))


def gateway_refused(refusal: GatewayRefusal) -> str:
    """Render a refusal of the platform itself."""
    return _outer(refusal.code, refusal.message, "")
