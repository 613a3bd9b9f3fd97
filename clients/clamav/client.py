"""Asks clamd about bytes over its INSTREAM command, with the daemon's own Python client, in a thread.

Called by the files' scanner adapter. Source: clamd(8), section COMMANDS, INSTREAM.
"""

from __future__ import annotations

import asyncio
import io
from urllib.parse import urlsplit

from app.errors import ProviderProtocolError, ProviderUnavailable

_PORT = 3310


class ClamAv:
    """One daemon.

    Args:
        address: tcp://host:port or unix:///path of its socket.
        patience_seconds: how long one scan may take.
    """

    def __init__(self, address: str, patience_seconds: int = 20) -> None:
        self._address, self._patience_seconds = urlsplit(address), patience_seconds

    async def scan(self, content: bytes) -> str:
        """Return the signature that was found, "" for none.

        Raises: ProviderUnavailable (away, silent, out of its limits), ProviderProtocolError.
        """
        return await asyncio.to_thread(self._ask, content)

    def _ask(self, content: bytes) -> str:
        # Loaded with the first scan: most houses have no daemon.
        from clamav_client.clamd import ClamdError, ClamdNetworkSocket, ClamdUnixSocket

        daemon = (
            ClamdUnixSocket(self._address.path, self._patience_seconds)
            if self._address.scheme == "unix"
            else ClamdNetworkSocket(
                self._address.hostname or "127.0.0.1", self._address.port or _PORT, self._patience_seconds
            )
        )
        try:
            answer = daemon.instream(io.BytesIO(content))
        except (ClamdError, OSError) as error:
            raise ProviderUnavailable("文件安全检查暂时不可用，请稍后再试", cause=type(error).__name__) from error
        verdict, found = answer.get("stream", ("", None))
        if verdict == "OK":
            return ""
        if verdict == "FOUND":
            return str(found)
        raise ProviderProtocolError("文件安全检查应答异常，请稍后再试", verdict=verdict)
