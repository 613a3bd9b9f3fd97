"""ClamAV as virus scanner (port services.applications.files.ports.VirusScan)."""

from __future__ import annotations

from app.errors import ProviderProtocolError, ProviderUnavailable, ServiceUnavailable
from clients.clamav.client import ClamAv


class ClamAvScan:
    """Scans by one clamd."""

    def __init__(self, client: ClamAv) -> None:
        self._client = client

    async def find(self, content: bytes) -> str:
        """Return the name of what was found. Raises: ServiceUnavailable `scan_unavailable`."""
        try:
            return await self._client.scan(content)
        except (ProviderUnavailable, ProviderProtocolError) as error:
            raise ServiceUnavailable(error.detail, code="scan_unavailable") from error
