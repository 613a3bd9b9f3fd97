"""One call to the fiscal platform: signature, region, content, signed answer. Every route is made by `method`.

Source: docs/providers/fiscal.md, Signatures and Calls (profile).
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulators.core import World
from simulators.exchange import Exchange, endpoint
from simulators.fiscal.fields import MESSAGES, Refusal
from simulators.fiscal.platform import SECTION, App, Platform, unknown_key
from simulators.fiscal.signing import WINDOW_SECONDS, answer_text, request_text, sign, verify
from simulators.json_input import parse_object

NONCES_KEPT = 5_000
STALE_SECONDS = 600


@dataclass(slots=True)
class Call:
    """A verified call: who asks, and for what."""

    world: World
    app: App
    content: dict[str, Any]
    exchange: Exchange

    @property
    def app_id(self) -> str:
        """Return the caller's id."""
        return self.app.config.app_id


Method = Callable[[Call], dict[str, Any]]


def method(platform: Platform, name: str, run: Method) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the aiohttp handler of one call; `run` answers the data of a success or raises Refusal."""

    async def handle(exchange: Exchange) -> web.Response:
        try:
            call = _authorize(platform, exchange)
            _strike(exchange)
            data = {"AdmDivCode": call.app.config.region, **run(call)}
        except Refusal as refusal:
            exchange.note(refusal.code)
            return _answer(platform, exchange, refusal.status, refusal.code, refusal.message, None)
        _lie(data, exchange)
        return _answer(platform, exchange, 200, "0000", "成功", data)

    return endpoint(platform.world, SECTION, name, handle)


def _authorize(platform: Platform, exchange: Exchange) -> Call:
    """Check app, time, signature, nonce, content and region, in this order. Raises: Refusal."""
    world, headers = platform.world, exchange.request.headers
    app_id, timestamp, nonce, signature = (
        headers.get(f"X-Fiscal-{part}", "") for part in ("App-Id", "Timestamp", "Nonce", "Signature")
    )
    app = platform.apps.get(app_id)
    if app is None:
        raise Refusal("NT0004")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(world.clock.wire_timestamp() - int(timestamp)) > (
        WINDOW_SECONDS
    ):
        raise Refusal("NT0003")
    text = request_text(exchange.request.raw_path, app_id, timestamp, nonce, exchange.body)
    if not re.fullmatch(r"[0-9A-Za-z]{16,64}", nonce) or not verify(app.public_key, text, signature):
        raise Refusal("NT0002")
    _check_nonce(world, f"{app_id}:{nonce}")
    content = parse_object(exchange.body)
    if content is None or exchange.request.content_type != "application/json":
        raise Refusal("NT0001", "请求体不是 JSON 对象")
    if content.get("AdmDivCode") != app.config.region:
        raise Refusal("NT0005")
    exchange.note(app_id=app_id)
    return Call(world, app, content, exchange)


def _check_nonce(world: World, nonce: str) -> None:
    seen = world.state.table(SECTION, "nonces")
    if nonce in seen:
        raise Refusal("NT0006")
    seen[nonce] = world.clock.wire_timestamp()
    while len(seen) > NONCES_KEPT:
        del seen[next(iter(seen))]


def _strike(exchange: Exchange) -> None:
    fault = exchange.fault
    if fault is not None and fault.kind == "error":
        code = fault.code or "NT9001"
        raise Refusal(code, fault.message or MESSAGES.get(code, ""))


def _lie(data: dict[str, Any], exchange: Exchange) -> None:
    """Make an answer contradict itself or the question: wrong_amount, wrong_merchant (another region)."""
    if exchange.struck("wrong_amount"):
        for part in (data, data.get("Receipt") or {}):
            part.update({name: f"1{part[name]}" for name in ("Amt", "PaidAmt") if name in part})
    if exchange.struck("wrong_merchant"):
        data["AdmDivCode"] = "610000"


def _answer(
    platform: Platform, exchange: Exchange, status: int, code: str, message: str, data: dict[str, Any] | None
) -> web.Response:
    outer: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        outer["data"] = data
    body = json.dumps(outer, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {} if exchange.struck("unsigned") else _signed_headers(platform, exchange, status, body)
    return web.Response(status=status, body=body, headers=headers, content_type="application/json", charset="utf-8")


def _signed_headers(platform: Platform, exchange: Exchange, status: int, body: bytes) -> dict[str, str]:
    request = exchange.request
    app_id, nonce = request.headers.get("X-Fiscal-App-Id", ""), request.headers.get("X-Fiscal-Nonce", "")
    if exchange.struck("wrong_app"):
        app_id = "ANOTHER"
    age_seconds = STALE_SECONDS if exchange.struck("stale") else 0
    timestamp = str(platform.world.clock.wire_timestamp() - age_seconds)
    text = answer_text(status, request.raw_path, app_id, timestamp, nonce, body)
    key = unknown_key() if exchange.struck("rotated_key") else platform.key
    return {
        "X-Fiscal-App-Id": app_id,
        "X-Fiscal-Timestamp": timestamp,
        "X-Fiscal-Nonce": nonce,
        "X-Fiscal-Signature": sign(key, b"another text" if exchange.struck("wrong_signature") else text),
    }
