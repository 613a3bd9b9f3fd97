"""The register's one call: signature, comparison with the made-up enterprises, signed answer; and its control API.

Source: docs/providers/register.md (profile).
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from simulators.config import Enterprise
from simulators.control import ControlError, answer, need_text, read_json
from simulators.core import World
from simulators.exchange import Exchange, endpoint
from simulators.json_input import parse_object

SECTION = "register"
_WINDOW_SECONDS = 300
_NONCES_KEPT = 5_000
_FIELDS = ("uscc", "name", "representative_name", "representative_id_number")


class Refusal(Exception):
    """The register refused the call itself."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def enterprises(world: World) -> dict[str, Enterprise]:
    """Return every enterprise by its credit code: those configured, overlaid with those set by the control API."""
    changed = {key: Enterprise(**row) for key, row in world.state.table(SECTION, "enterprises").items()}
    return {row.uscc: row for row in world.config.register.enterprises} | changed


def check(world: World) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of the call."""

    async def handle(exchange: Exchange) -> web.Response:
        try:
            content = _authorized(world, exchange)
            body = {"code": "OK", "message": "", **_compared(world, content)}
            exchange.note(uscc=content["uscc"], result=body["result"])
            return _signed(world, exchange, 200, body)
        except Refusal as refusal:
            exchange.note(refusal.code)
            return _signed(world, exchange, refusal.status, {"code": refusal.code, "message": refusal.message})

    return endpoint(world, SECTION, "representative_check", handle)


def _secret(world: World, app_id: str) -> str:
    return next((app.secret for app in world.config.register.apps if app.app_id == app_id), "")


def _signature(secret: str, *lines: str) -> str:
    return hmac.new(secret.encode(), "".join(f"{line}\n" for line in lines).encode(), hashlib.sha256).hexdigest()


def _authorized(world: World, exchange: Exchange) -> dict[str, str]:
    """Check app, time, signature, nonce and content, in this order. Raises: Refusal."""
    request, digest = exchange.request, hashlib.sha256(exchange.body).hexdigest()
    app_id, timestamp, nonce, given = (
        request.headers.get(f"X-Register-{part}", "") for part in ("App-Id", "Timestamp", "Nonce", "Signature")
    )
    secret = _secret(world, app_id)
    if not secret:
        raise Refusal(401, "RG0001", "应用不存在")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or (
        abs(world.clock.wire_timestamp() - int(timestamp)) > _WINDOW_SECONDS
    ):
        raise Refusal(401, "RG0002", "时间戳超出范围")
    expected = _signature(secret, request.method, request.raw_path, app_id, timestamp, nonce, digest)
    if not re.fullmatch(r"[0-9a-f]{32}", nonce) or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Refusal(401, "RG0003", "签名错误")
    _check_nonce(world, f"{app_id}:{nonce}")
    content = parse_object(exchange.body)
    if content is None or any(not isinstance(content.get(name), str) or not content[name] for name in _FIELDS):
        raise Refusal(400, "RG0005", "请求内容不完整")
    if exchange.fault is not None and exchange.fault.kind == "error":
        raise Refusal(400, exchange.fault.code or "RG9001", exchange.fault.message or "系统异常")
    return content


def _check_nonce(world: World, nonce: str) -> None:
    seen = world.state.table(SECTION, "nonces")
    if nonce in seen:
        raise Refusal(401, "RG0004", "重复请求")
    seen[nonce] = world.clock.wire_timestamp()
    while len(seen) > _NONCES_KEPT:
        del seen[next(iter(seen))]


def _compared(world: World, content: dict[str, str]) -> dict[str, str]:
    found = enterprises(world).get(content["uscc"])
    if found is None:
        return {"result": "UNKNOWN", "address": ""}
    if found.status != "OPEN":
        return {"result": "CLOSED", "address": ""}
    person = world.people.find(found.legal_representative)
    matches = (
        found.name == content["name"]
        and person is not None
        and (person.name, person.id_number) == (content["representative_name"], content["representative_id_number"])
    )
    return {"result": "MATCH", "address": found.address} if matches else {"result": "MISMATCH", "address": ""}


def _signed(world: World, exchange: Exchange, status: int, content: dict[str, Any]) -> web.Response:
    request, body = exchange.request, json.dumps(content, ensure_ascii=False).encode()
    secret = _secret(world, request.headers.get("X-Register-App-Id", "")) or "nobody"
    nonce = request.headers.get("X-Register-Nonce", "")
    if exchange.struck("wrong_signature"):
        secret += "!"
    made = _signature(secret, str(status), request.raw_path, nonce, hashlib.sha256(body).hexdigest())
    headers = {} if exchange.struck("unsigned") else {"X-Register-Signature": made}
    return web.Response(status=status, body=body, headers=headers, content_type="application/json", charset="utf-8")


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/register."""

    async def list_enterprises(_: web.Request) -> web.Response:
        return answer([asdict(row) for row in enterprises(world).values()])

    async def put_enterprise(request: web.Request) -> web.Response:
        """Register an enterprise, change its representative, or close it."""
        body = await read_json(request)
        status = str(body.get("status", "OPEN"))
        if status not in ("OPEN", "CLOSED"):
            raise ControlError("status: OPEN or CLOSED")
        uscc, name, person = (need_text(body, field) for field in ("uscc", "name", "legal_representative"))
        row = Enterprise(uscc, name, person, str(body.get("address", "")), status)
        world.state.table(SECTION, "enterprises")[row.uscc] = asdict(row)
        world.state.touch()
        return answer(asdict(row))

    return [web.get("/enterprises", list_enterprises), web.put("/enterprises", put_enterprise)]
