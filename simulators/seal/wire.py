"""One call to the seal authority: HMAC, time, nonce, content, signed answer. Every route is made by `method`.

Source: docs/providers/seal.md, Signatures and Calls (profile).
"""

import functools
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from simulators import key_files
from simulators.config import ConfigError, SealApp
from simulators.core import World
from simulators.exchange import Exchange, endpoint
from simulators.json_input import parse_object

SECTION = "seal"
WINDOW_SECONDS = 300
STALE_SECONDS = 600
NONCES_KEPT = 5_000
MESSAGES = {
    "SE0001": "请求参数有误",
    "SE0002": "签名验证失败",
    "SE0003": "请求时间超出允许范围",
    "SE0004": "应用未授权",
    "SE0006": "请求重复",
    "SE1001": "业务编号不存在",
    "SE1002": "同一业务编号已用于其他文件",
    "SE1003": "该单位没有可用的电子印章",
    "SE9001": "系统繁忙，请稍后再试",
    "SE9999": "系统错误",
}
STATUS_OF_CODE = {"SE0001": 400, "SE0002": 401, "SE0003": 401, "SE0004": 401, "SE0006": 401}


class Refusal(Exception):
    """A plain no with the authority's code."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or MESSAGES.get(code, "业务处理失败"))
        self.code, self.message = code, str(self)
        self.status = STATUS_OF_CODE.get(code, 200)


class Platform:
    """The apps that may call, and the key that statements are signed with."""

    def __init__(self, world: World) -> None:
        settings = world.config.seal
        self.world = world
        self.apps = {row.app_id: row for row in settings.apps}
        self._key = key_files.private_key(world, settings.private_key_file) if settings.private_key_file else None
        if self.apps and self._key is None:
            raise ConfigError("seal: apps without private_key_file")

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """Return the signing key (a throw-away one while nothing is configured)."""
        return self._key or unknown_key()


@functools.cache
def unknown_key() -> rsa.RSAPrivateKey:
    """Return a key that nobody knows, for wrongly signed statements."""
    return rsa.generate_private_key(65537, 2048)


@dataclass(slots=True)
class Call:
    """A verified call: who asks, for what, and the key that signs the answer's statement."""

    world: World
    app: SealApp
    content: dict[str, Any]
    key: rsa.RSAPrivateKey
    exchange: Exchange

    @property
    def app_id(self) -> str:
        """Return the caller's id."""
        return self.app.app_id


Method = Callable[[Call], dict[str, Any]]


def method(platform: Platform, name: str, run: Method) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the aiohttp handler of one call; `run` answers the data of a success or raises Refusal."""

    async def handle(exchange: Exchange) -> web.Response:
        try:
            call = _authorize(platform, exchange)
            if exchange.fault is not None and exchange.fault.kind == "error":
                raise Refusal(exchange.fault.code or "SE9001", exchange.fault.message)
            data = run(call)
        except Refusal as refusal:
            exchange.note(refusal.code)
            return _answer(platform, exchange, refusal.status, {"code": refusal.code, "message": refusal.message})
        if exchange.struck("wrong_amount"):
            data["DocumentSha256"] = "0" * 64
        return _answer(platform, exchange, 200, {"code": "0000", "message": "成功", "data": data})

    return endpoint(platform.world, SECTION, name, handle)


def _authorize(platform: Platform, exchange: Exchange) -> Call:
    """Check app, time, signature, nonce and content, in this order. Raises: Refusal."""
    world, headers, path = platform.world, exchange.request.headers, exchange.request.raw_path
    app_id, timestamp, nonce, signature = (
        headers.get(f"X-Seal-{part}", "") for part in ("App-Id", "Timestamp", "Nonce", "Signature")
    )
    app = platform.apps.get(app_id)
    if app is None:
        raise Refusal("SE0004")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(world.clock.wire_timestamp() - int(timestamp)) > (
        WINDOW_SECONDS
    ):
        raise Refusal("SE0003")
    expected = mac(app.secret, "POST", path, app_id, timestamp, nonce, exchange.body)
    if not re.fullmatch(r"[0-9A-Za-z]{16,64}", nonce) or not hmac.compare_digest(
        expected.encode(), signature.encode(errors="replace")
    ):
        raise Refusal("SE0002")
    _check_nonce(world, f"{app_id}:{nonce}")
    content = parse_object(exchange.body)
    if content is None or exchange.request.content_type != "application/json":
        raise Refusal("SE0001", "请求体不是 JSON 对象")
    key = unknown_key() if exchange.struck("rotated_key") else platform.key
    return Call(world, app, content, key, exchange)


def _check_nonce(world: World, nonce: str) -> None:
    seen = world.state.table(SECTION, "nonces")
    if nonce in seen:
        raise Refusal("SE0006")
    seen[nonce] = world.clock.wire_timestamp()
    while len(seen) > NONCES_KEPT:
        del seen[next(iter(seen))]


def mac(secret: str, first: str, path: str, app_id: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Return the hex HMAC-SHA256 over six lines; `first` is POST, or the status of an answer."""
    text = f"{first}\n{path}\n{app_id}\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n"
    return hmac.digest(secret.encode(), text.encode(errors="replace"), "sha256").hex()


def _answer(platform: Platform, exchange: Exchange, status: int, outer: dict[str, Any]) -> web.Response:
    body = json.dumps(outer, ensure_ascii=False, separators=(",", ":")).encode()
    request = exchange.request
    app_id, nonce = request.headers.get("X-Seal-App-Id", ""), request.headers.get("X-Seal-Nonce", "")
    app = platform.apps.get(app_id)
    headers = {}
    if app is not None and not exchange.struck("unsigned"):
        timestamp = str(platform.world.clock.wire_timestamp() - (STALE_SECONDS if exchange.struck("stale") else 0))
        secret = "another" if exchange.struck("wrong_signature") else app.secret
        headers = {
            "X-Seal-Timestamp": timestamp,
            "X-Seal-Nonce": nonce,
            "X-Seal-Signature": mac(secret, str(status), request.raw_path, app_id, timestamp, nonce, body),
        }
    return web.Response(status=status, body=body, headers=headers, content_type="application/json", charset="utf-8")
