"""One JSON line a request: route (never the address with its numbers), status, time, request id.

Lines are gathered and written together, so that logging costs a request microseconds.
"""

from __future__ import annotations

import sys
import time

_FLUSH_BYTES = 16_384
_FLUSH_SECONDS = 0.5


class AccessLog:
    """Gathers lines of one process."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._flushed = time.monotonic()

    def write(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """Note one request."""
        line = (
            f'{{"event":"request","at":{time.time():.3f},"method":"{method}","route":"{route}",'
            f'"status":{status},"ms":{seconds * 1000:.2f},"request_id":"{request_id}"}}\n'
        )
        self._lines.append(line)
        self._size += len(line)
        if self._size > _FLUSH_BYTES or time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._lines:
            sys.stdout.write("".join(self._lines))
            sys.stdout.flush()
        self._lines.clear()
        self._size = 0
        self._flushed = time.monotonic()


_log = AccessLog()
write = _log.write
flush = _log.flush
