"""Access tokens of mini-programs: the plain and the stable family, their lifetimes and the check on every call.

Source: WeChat mini-program server API, 获取接口调用凭据 and 获取稳定版接口调用凭据, 2026-07.
"""

import secrets
from typing import Any

from simulators.core import World
from simulators.exchange import Exchange
from simulators.wechat.wire import PROVIDER, WeChatError, check_app, read_body, text_of

LIFETIME_SECONDS = 7_200
RENEW_SECONDS = 300
FORCED_GAP_SECONDS = 30
FORCED_PER_DAY = 20
DAY_SECONDS = 86_400


def get_token(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer GET /cgi-bin/token: always a new token; the one before lives five minutes more."""
    query = exchange.request.query
    app_id = query.get("appid", "")
    exchange.note(app_id=app_id)
    if query.get("grant_type") != "client_credential":
        raise WeChatError(40002, "invalid grant_type")
    check_app(world, app_id, query.get("secret", ""))
    current = world.state.table(PROVIDER, "current_tokens")
    _shorten(world, current.get(f"plain:{app_id}"), RENEW_SECONDS)
    token = _issue(world, app_id, "plain")
    return {"access_token": token, "expires_in": LIFETIME_SECONDS}


def stable_token(world: World, exchange: Exchange) -> dict[str, Any]:
    """Answer POST /cgi-bin/stable_token: the same token until five minutes before its end, or a forced new one."""
    body = read_body(exchange)
    app_id = text_of(body, "appid")
    forced = body.get("force_refresh", False) is True
    exchange.note(app_id=app_id, force_refresh=forced)
    if text_of(body, "grant_type") != "client_credential":
        raise WeChatError(40002, "invalid grant_type")
    check_app(world, app_id, text_of(body, "secret"))
    token = world.state.table(PROVIDER, "current_tokens").get(f"stable:{app_id}")
    left = _seconds_left(world, token)
    if forced and _may_force(world, app_id):
        _shorten(world, token, 0)
        left = 0
    if token is None or left <= RENEW_SECONDS:
        token, left = _issue(world, app_id, "stable"), LIFETIME_SECONDS
    return {"access_token": token, "expires_in": int(left)}


def app_of_token(world: World, exchange: Exchange) -> str:
    """Return the app_id that the access_token of the query belongs to.

    Raises: WeChatError 41001, 40001, 42001.
    """
    token = exchange.request.query.get("access_token", "")
    if not token:
        raise WeChatError(41001, "access_token missing")
    row = world.state.table(PROVIDER, "tokens").get(token)
    if row is None:
        raise WeChatError(40001, "invalid credential, access_token is invalid or not latest")
    if row["expires_at"] <= world.clock.timestamp():
        raise WeChatError(42001, "access_token expired")
    app_id = str(row["app_id"])
    exchange.note(app_id=app_id)
    return app_id


def revoke_tokens(world: World, app_id: str) -> int:
    """Forget all tokens of an app, as when somebody resets its secret; later calls get 40001. Return how many."""
    tokens = world.state.table(PROVIDER, "tokens")
    gone = [token for token, row in tokens.items() if row["app_id"] == app_id]
    for token in gone:
        del tokens[token]
    world.state.touch()
    return len(gone)


def _issue(world: World, app_id: str, family: str) -> str:
    now = world.clock.timestamp()
    tokens = world.state.table(PROVIDER, "tokens")
    for old in [token for token, row in tokens.items() if row["expires_at"] < now - DAY_SECONDS]:
        del tokens[old]
    token = f"{len(tokens) % 90 + 10}_{secrets.token_urlsafe(100)}"
    tokens[token] = {"app_id": app_id, "expires_at": now + LIFETIME_SECONDS}
    world.state.table(PROVIDER, "current_tokens")[f"{family}:{app_id}"] = token
    world.state.touch()
    return token


def _shorten(world: World, token: str | None, seconds: float) -> None:
    row = world.state.table(PROVIDER, "tokens").get(token or "")
    if row is not None:
        row["expires_at"] = min(row["expires_at"], world.clock.timestamp() + seconds)


def _seconds_left(world: World, token: str | None) -> float:
    row = world.state.table(PROVIDER, "tokens").get(token or "")
    return float(row["expires_at"] - world.clock.timestamp()) if row is not None else 0


def _may_force(world: World, app_id: str) -> bool:
    """Count a forced refresh; within 30 s of the last one it is treated as an ordinary call.

    Raises: WeChatError 45009 after 20 in a day.
    """
    now = world.clock.timestamp()
    table = world.state.table(PROVIDER, "forced_refreshes")
    recent = [at for at in table.get(app_id, []) if at > now - DAY_SECONDS]
    if recent and recent[-1] > now - FORCED_GAP_SECONDS:
        return False
    if len(recent) >= FORCED_PER_DAY:
        raise WeChatError(45009, "reach max api daily quota limit")
    table[app_id] = [*recent, now]
    return True
