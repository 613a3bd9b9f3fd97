"""The converter of formats over HTTP: an OFD back, or an error of the house's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.ofd.client import OfdClient
from clients.transport import Transport
from services.licences.adapters.ofd import OfdAdapter

pytestmark = pytest.mark.anyio
PDF = b"%PDF-1.4 made up"


@dataclass
class Converter:
    """A converter that answers as a test says, and keeps what it was sent."""

    status: int = 200
    answer: bytes = b"PK\x03\x04 an OFD"
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    adapter: OfdAdapter = field(init=False)

    async def convert(self, request: web.Request) -> web.Response:
        self.sent.append((request.headers["Content-Type"], await request.read()))
        return web.Response(status=self.status, body=self.answer, content_type="application/ofd")


@pytest.fixture
async def converter() -> AsyncIterator[Converter]:
    found, app = Converter(), web.Application()
    app.router.add_post("/convert", found.convert)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        found.adapter = OfdAdapter(OfdClient(f"http://127.0.0.1:{port}/convert", Transport(session, "ofd")))
        yield found
    await runner.cleanup()


async def test_pdf_becomes_an_ofd(converter: Converter) -> None:
    assert await converter.adapter.convert(PDF) == converter.answer
    assert converter.sent == [("application/pdf", PDF)]


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (500, b"", ProviderUnavailable),
        (422, b"", ProviderRejected),
        (200, b"<html>", ProviderProtocolError),
        (200, b"", ProviderProtocolError),
    ],
)
async def test_what_is_no_ofd_is_an_error_of_ours(
    converter: Converter, status: int, answer: bytes, error: type[Exception]
) -> None:
    converter.status, converter.answer = status, answer
    with pytest.raises(error):
        await converter.adapter.convert(PDF)
