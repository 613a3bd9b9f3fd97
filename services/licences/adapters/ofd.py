"""The converter behind the port `OfdConverter`: a service over HTTP. Where none is connected there is no adapter."""

from __future__ import annotations

from clients.ofd.client import OfdClient


class OfdAdapter:
    """Fulfils the port with the client; its errors are the house's already."""

    def __init__(self, client: OfdClient) -> None:
        self._client = client

    async def convert(self, pdf: bytes) -> bytes:
        """Return what the service makes of the PDF."""
        return await self._client.convert(pdf)
