"""The vector file's keys as merchants, and a small signing server that stands for WeChat on a real port."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.wechat.config import PayMerchant
from clients.wechat.pay_keys import KeyStore, VerificationKey, certificate_from_pem, public_key_from_pem

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())
KEYS, IDS = VECTORS["keys"], VECTORS["identities"]
NOW = datetime.fromtimestamp(VECTORS["about"]["fixed_now"], UTC)
Handler = Callable[[web.Request, bytes], Awaitable[web.Response]]


def private_key(role: str) -> Any:
    """The vectors' private key of this role."""
    return load_pem_private_key(KEYS[role]["private_key_pem"].encode(), None)


def all_keys() -> list[VerificationKey]:
    """Every key of the vectors, the expired certificate too: refusing it is the verifier's business."""
    public = KEYS["wechatpay_public"]
    roles = ("platform_cert_a", "platform_cert_b", "platform_cert_expired")
    certificates = [certificate_from_pem(KEYS[role]["cert_pem"].encode()) for role in roles]
    return [public_key_from_pem(public["public_key_id"], public["public_key_pem"].encode()), *certificates]


@pytest.fixture
def vectors() -> dict[str, Any]:
    """The whole vector file."""
    return VECTORS


@pytest.fixture
def now() -> datetime:
    """The moment all vectors were made for."""
    return NOW


@pytest.fixture(scope="session")
def keys() -> KeyStore:
    """All verification keys of the vectors."""
    return KeyStore(all_keys())


@pytest.fixture(scope="session")
def merchant() -> PayMerchant:
    """The vectors' direct merchant."""
    return PayMerchant(IDS["mchid"], KEYS["merchant"]["serial_no"], private_key("merchant"), IDS["apiv3_key"])


@dataclass
class Desk:
    """What the stand-in server answers and what it was asked."""

    base_url: str = ""
    routes: dict[tuple[str, str], Handler] = field(default_factory=dict)
    asked: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)

    def on(self, method: str, path: str, handler: Handler) -> None:
        """Answer this path so; the handler gets the request and its raw body."""
        self.routes[method, path] = handler

    def says(self, method: str, path: str, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer this path with fixed bytes."""

        async def fixed(request: web.Request, received: bytes) -> web.Response:
            return web.Response(status=status, body=body, headers=headers)

        self.on(method, path, fixed)

    def signs(self, method: str, path: str, status: int, body: bytes) -> None:
        """Answer this path with bytes signed by the 微信支付公钥's private half, at the vectors' time."""
        self.says(method, path, status, body, signed_headers(body))

    async def answer(self, request: web.Request) -> web.Response:
        received = await request.read()
        self.asked.append((request.method, request.raw_path, request.headers, received))
        handler = self.routes.get((request.method, request.path))
        return await handler(request, received) if handler else web.json_response({"code": "NOT_FOUND"}, status=404)


def signed_headers(body: bytes, role: str = "wechatpay_public", at: datetime = NOW) -> dict[str, str]:
    """Sign as WeChat Pay would."""
    nonce = secrets.token_hex(8)
    timestamp = str(int(at.timestamp()))
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = private_key(role).sign(message, PKCS1v15(), SHA256())
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": KEYS[role].get("public_key_id") or KEYS[role]["serial_no"],
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
    }


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A server on a free port."""
    made = Desk()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session as wiring opens it."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened
