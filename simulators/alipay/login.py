"""alipay.system.oauth.token: auth codes and tokens. Called by the gateway; the control API makes the codes."""

import secrets
from typing import Any

from simulators.alipay.call import Call
from simulators.alipay.errors import AlipayError, invalid_argument
from simulators.alipay.platform import Platform
from simulators.alipay.wire import beijing
from simulators.people import alipay_open_id_of

CODE_SECONDS = 300
_ACCESS_SECONDS = 1_296_000
_REFRESH_SECONDS = 2_592_000
DEMO_PREFIX = "demo-"


def new_auth_code(platform: Platform, person_key: str, app_id: str) -> str:
    """Make the one-time code that my.getAuthCode would give; good for 5 minutes."""
    code = secrets.token_hex(16)
    expires_at = platform.world.clock.timestamp() + CODE_SECONDS
    row = {"person": person_key, "app_id": app_id, "expires_at": expires_at}
    platform.put_short_lived("auth_codes", code, row)
    return code


def _code_refused() -> AlipayError:
    return invalid_argument("isv.code-invalid", "授权码code无效")


def _take_code(call: Call, code: str) -> str:
    """Return the person a code belongs to; a one-time code is gone afterwards. Raises: AlipayError."""
    if code.startswith(DEMO_PREFIX):
        person = call.platform.world.people.find(code.removeprefix(DEMO_PREFIX))
        if person is None:
            raise _code_refused()
        return person.key
    row = call.platform.table("auth_codes").pop(code, None)
    if not row or row["app_id"] != call.app.app_id or row["expires_at"] < call.platform.world.clock.timestamp():
        raise _code_refused()
    return str(row["person"])


def _take_refresh_token(call: Call, token: str) -> dict[str, Any]:
    """Return the grant behind a refresh token and mark it used. Raises: AlipayError."""
    row = call.platform.table("refresh_tokens").get(token)
    if not row:
        raise invalid_argument("isv.refresh-token-invalid", "刷新令牌refresh_token无效")
    if row["app_id"] != call.app.app_id:
        raise invalid_argument("isv.unmatched-app-id", "应用ID不匹配")
    if row["refreshed"]:
        raise invalid_argument("isv.refreshed-token-invalid", "刷新令牌refresh_token已失效")
    if row["expires_at"] < call.platform.world.clock.timestamp():
        raise invalid_argument("isv.refresh-token-time-out", "刷新令牌refresh_token已过期")
    row["refreshed"] = True
    return dict(row)


def _grant(call: Call, person_key: str, expires_at: float) -> dict[str, Any]:
    refresh_token = f"authusrB{secrets.token_hex(16)}X01"
    row = {"person": person_key, "app_id": call.app.app_id, "expires_at": expires_at, "refreshed": False}
    call.platform.put_short_lived("refresh_tokens", refresh_token, row)
    return {
        "access_token": f"authusrB{secrets.token_hex(16)}X01",
        "auth_start": beijing(call.now),
        "expires_in": _ACCESS_SECONDS,
        "re_expires_in": int(expires_at - call.platform.world.clock.timestamp()),
        "refresh_token": refresh_token,
        "open_id": alipay_open_id_of(call.app.app_id, person_key),
    }


def oauth_token(call: Call) -> dict[str, Any]:
    """Exchange a code or a refresh token; a success carries neither code nor msg.

    Source: 支付宝开放平台 alipay.system.oauth.token 换取授权访问令牌. Raises: AlipayError.
    """
    grant_type = call.params.get("grant_type")
    if grant_type == "authorization_code":
        person_key = _take_code(call, call.params.get("code", ""))
        expires_at = call.platform.world.clock.timestamp() + _REFRESH_SECONDS
    elif grant_type == "refresh_token":
        row = _take_refresh_token(call, call.params.get("refresh_token", ""))
        person_key, expires_at = row["person"], row["expires_at"]
    else:
        raise invalid_argument("isv.grant-type-invalid", "授权类型grant_type无效")
    return _grant(call, person_key, expires_at)
