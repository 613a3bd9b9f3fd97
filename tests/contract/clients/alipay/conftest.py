"""The vector file's keys as an AlipayApp, and a gateway on a real port that signs with the vector's Alipay key."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.alipay import keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.transport import Transport

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "alipay.json").read_text())
NOW = datetime(2026, 1, 15, 1, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return VECTORS


@pytest.fixture(scope="session")
def app() -> AlipayApp:
    """The vectors' application in public-key mode."""
    given = VECTORS["keys"]
    return AlipayApp(
        app_id=given["app_id"],
        seller_id=given["seller_id"],
        private_key=keys.load_private_key(given["app_private_pkcs8"]),
        alipay_public_keys=(keys.load_public_key(given["alipay_public"]),),
        aes_key=keys.load_aes_key(given["aes_key_base64"]),
    )


@pytest.fixture
def certificate_app(app: AlipayApp) -> AlipayApp:
    """The same application in certificate mode, with the vectors' Alipay certificate pinned."""
    certificates = {each["id"]: x509.load_pem_x509_certificate(each["pem"].encode()) for each in _certs()}
    return replace(
        app,
        alipay_public_keys=(),
        app_cert_sn=keys.certificate_sn(certificates["app"]),
        root_cert_sn=VECTORS["cert_sn"]["roots"][0]["sn"],
        pinned_certificates={keys.certificate_sn(certificates["alipay"]): certificates["alipay"]},
    )


def _certs() -> list[dict[str, Any]]:
    return VECTORS["cert_sn"]["certs"]


@dataclass
class Call:
    """One request that reached the gateway, decoded."""

    query: dict[str, str]
    form: dict[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        return self.query | self.form

    def content(self) -> Any:
        return json.loads(self.form["biz_content"])


Script = Callable[[Call], dict[str, Any] | bytes | web.Response]


@dataclass
class FakeGateway:
    """Answers each call by `script`: a dict becomes the signed node, bytes go out as they are."""

    private_key: Any
    script: Script = lambda call: {"code": "10000", "msg": "Success"}
    calls: list[Call] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def signed(self, method: str, node: dict[str, Any] | str, **members: str) -> bytes:
        content = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        sign = base64.b64encode(self.private_key.sign(content.encode(), PKCS1v15(), SHA256())).decode()
        further = "".join(f',"{name}":"{value}"' for name, value in members.items())
        return f'{{"{method.replace(".", "_")}_response":{content}{further},"sign":"{sign}"}}'.encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            found = self.files.get(request.path)
            return web.Response(body=found) if found is not None else web.Response(status=404)
        assert request.content_type == "application/x-www-form-urlencoded"
        call = Call(dict(request.query), dict(parse_qsl((await request.read()).decode(), keep_blank_values=True)))
        self.calls.append(call)
        answer = self.script(call)
        if isinstance(answer, web.Response):
            return answer
        body = answer if isinstance(answer, bytes) else self.signed(call.query["method"], answer)
        return web.Response(body=body, content_type="text/html")


@dataclass
class Wired:
    """A gateway client together with the fake gateway it talks to."""

    fake: FakeGateway
    gateway: AlipayGateway
    base_url: str


@pytest.fixture
async def wire() -> AsyncIterator[Callable[[AlipayApp], Any]]:
    """Return a function that connects an application to a fake gateway on a free port."""
    runners: list[web.AppRunner] = []
    async with aiohttp.ClientSession() as session:

        async def connect(app: AlipayApp) -> Wired:
            fake = FakeGateway(load_pem_private_key(VECTORS["keys"]["alipay_private_pkcs1"].encode(), None))
            site_app = web.Application()
            site_app.router.add_route("*", "/{path:.*}", fake.answer)
            runner = web.AppRunner(site_app)
            await runner.setup()
            runners.append(runner)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            wired_app = replace(app, gateway_url=f"{base_url}/gateway.do")
            return Wired(fake, AlipayGateway(wired_app, Transport(session, "alipay"), now=lambda: NOW), base_url)

        yield connect
        for runner in runners:
            await runner.cleanup()
