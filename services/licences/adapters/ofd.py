"""Converters behind the port `OfdConverter`: a service over HTTP, or none."""

from __future__ import annotations

from app.errors import Conflict
from clients.ofd.client import OfdClient


class NoOfd:
    """No service is connected: the PDF is the only form."""

    async def convert(self, pdf: bytes) -> bytes:
        """Refuse. Raises: Conflict `ofd_unavailable`."""
        raise Conflict("暂不提供 OFD 版式文件，请下载 PDF", code="ofd_unavailable")


class HttpOfd:
    """The connected service."""

    def __init__(self, client: OfdClient) -> None:
        self._client = client

    async def convert(self, pdf: bytes) -> bytes:
        """Return what the service makes of the PDF."""
        return await self._client.convert(pdf)
