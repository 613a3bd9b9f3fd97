"""One call: a PDF out, an OFD file back. The adapter services/licences/adapters/ofd.py calls it."""

from __future__ import annotations

from app.errors import ProviderProtocolError, ProviderRejected
from clients.transport import Transport

PROVIDER = "ofd"
_ZIP = b"PK\x03\x04"


class OfdClient:
    """A converter inside the house's own network; it keeps nothing and asks for no account."""

    def __init__(self, url: str, transport: Transport, *, timeout_seconds: float = 20.0) -> None:
        self._url, self._transport, self._timeout_seconds = url, transport, timeout_seconds

    async def convert(self, pdf: bytes) -> bytes:
        """Return the OFD file (a ZIP container) of a PDF. A repeat makes the same.

        Raises: ProviderUnavailable, ProviderRejected, ProviderProtocolError when the answer is no OFD.
        Source: docs/providers/seal.md, OFD; GB/T 33190-2016, 6 (an OFD file is a ZIP container).
        """
        answer = await self._transport.send(
            "convert",
            "POST",
            self._url,
            body=pdf,
            headers={"Content-Type": "application/pdf", "Accept": "application/ofd"},
            timeout_seconds=self._timeout_seconds,
            repeatable=True,
        )
        if answer.status != 200:
            raise ProviderRejected(provider=PROVIDER, provider_code=str(answer.status), call="convert")
        if not answer.body.startswith(_ZIP):
            raise ProviderProtocolError(provider=PROVIDER, call="convert", reason="no_ofd")
        return answer.body
