"""The other side of the department systems: have one pull, read, push or forge. Mounted under /control/department/."""

import hashlib
import json
import secrets
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from simulators.config import DepartmentSystem
from simulators.control import ControlError, answer, need_text, read_json
from simulators.core import World
from simulators.department.events import SECTION, find_system, received
from simulators.department.signing import HEADERS, sign, text

_TIMEOUT = aiohttp.ClientTimeout(total=20)
_CASES = "/integration/v1/cases"


def control(world: World) -> list[web.RouteDef]:
    """Return the routes, relative to /control/department."""

    async def events(request: web.Request) -> web.Response:
        system = _system(world, request)
        return answer(list(received(world, system.code).values()))

    async def call(request: web.Request) -> web.Response:
        """Send any signed call: {"method", "path", "body", "forge"}; answers what came back."""
        system, body = _system(world, request), await read_json(request)
        content = body.get("body")
        raw = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        forged = body.get("forge")
        found = await _send(
            world, system, str(body.get("method", "GET")), need_text(body, "path"), raw,
            forged if isinstance(forged, dict) else {},
        )  # fmt: skip
        return answer(found)

    async def pull(request: web.Request) -> web.Response:
        """Read on in the list of changed cases, to its end; the cursor is remembered."""
        system = _system(world, request)
        cursors, cases = world.state.table(SECTION, "cursors"), []
        while True:
            page = await _send(world, system, "GET", f"{_CASES}?limit=100&cursor={cursors.get(system.code, '')}")
            if page["status"] != 200:
                return answer(page)
            cases += page["body"]["data"]
            cursors[system.code] = page["body"]["next_cursor"]
            world.state.touch()
            if not page["body"]["has_more"]:
                return answer({"status": 200, "cases": cases})

    async def fetch(request: web.Request) -> web.Response:
        """Read one case with all its files, whose digests are compared."""
        system, number = _system(world, request), need_text(await read_json(request), "application_no")
        case = await _send(world, system, "GET", f"{_CASES}/{number}")
        files = []
        for material in case["body"].get("materials", ()) if case["status"] == 200 else ():
            if material["upload_id"]:
                file = await _send(world, system, "GET", f"{_CASES}/{number}/materials/{material['upload_id']}")
                files.append({"status": file["status"], "fits": file["sha256"] == material["sha256"]})
        return answer(case | {"files": files})

    async def push(request: web.Request) -> web.Response:
        """Push a message: {"application_no", "kind", "version", "content"}; `message_no` is made up where not given."""
        system, body = _system(world, request), await read_json(request)
        message = {"message_no": f"{system.code}-{secrets.token_hex(8)}"} | body
        raw = json.dumps(message, ensure_ascii=False).encode()
        found = await _send(world, system, "POST", "/integration/v1/messages", raw)
        return answer(found | {"message_no": message["message_no"]})

    return [
        web.get("/systems/{code}/events", events),
        web.post("/systems/{code}/call", call),
        web.post("/systems/{code}/pull", pull),
        web.post("/systems/{code}/case", fetch),
        web.post("/systems/{code}/push", push),
    ]


def _system(world: World, request: web.Request) -> DepartmentSystem:
    found = find_system(world, request.match_info["code"])
    if found is None:
        raise ControlError("no such system", 404)
    return found


async def _send(
    world: World,
    system: DepartmentSystem,
    method: str,
    target: str,
    body: bytes = b"",
    forged: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Send a call as the system. `forged` may hold other headers, or the age of the timestamp in `age_seconds`."""
    other = forged or {}
    timestamp = str(world.clock.wire_timestamp() - int(other.get("age_seconds", 0)))
    nonce = str(other.get("nonce") or secrets.token_hex(16))
    signed = text(system.algorithm, system.key_id, timestamp, nonce, method, target, body)
    signature = sign(system.algorithm, bytes.fromhex(system.secret), signed)
    headers = dict(zip(HEADERS, (system.key_id, timestamp, nonce, signature), strict=True))
    headers |= {str(name): str(value) for name, value in other.get("headers", {}).items()}
    if body:
        headers["Content-Type"] = "application/json"
    address = URL(world.config.public_url + str(other.get("target", target)), encoded=True)
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(method, address, data=body, headers=headers, allow_redirects=False) as response,
        ):
            content = await response.read()
            return _shown(response.status, response.content_type, content)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ControlError(f"no answer: {type(error).__name__}") from error


def _shown(status: int, content_type: str, content: bytes) -> dict[str, Any]:
    body = json.loads(content) if content and content_type.endswith("json") else {}
    return {"status": status, "body": body, "sha256": hashlib.sha256(content).hexdigest()}
