"""The providers' clock: real time plus an offset that the control API moves; everything due follows it.

Used by every provider. Signatures must use `wire_*` (real time), or moving the clock would only break signatures.
"""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))


class Clock:
    """Business time (order times, expiry, retries, bills) with a movable offset, and wire time (signatures) without."""

    def __init__(self) -> None:
        self._offset_seconds = 0
        self._moved = asyncio.Event()

    @property
    def offset_seconds(self) -> int:
        """Seconds by which business time is ahead of real time."""
        return self._offset_seconds

    def move(self, offset_seconds: int) -> None:
        """Set the offset (absolute, not added) and wake every sleeper to look again."""
        self._offset_seconds = offset_seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """Return business time, aware UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._offset_seconds)

    def timestamp(self) -> float:
        """Return business time in seconds since 1970, for the state file."""
        return self.now().timestamp()

    def beijing(self) -> datetime:
        """Return business time in Asia/Shanghai."""
        return self.now().astimezone(BEIJING)

    def wire_timestamp(self) -> int:
        """Return real time in whole seconds: what signed headers carry and what signature windows compare with."""
        return int(datetime.now(UTC).timestamp())

    async def sleep(self, seconds: float) -> None:
        """Sleep until business time has advanced by `seconds`; returns early in real time when the clock is moved."""
        due_at = self.now() + timedelta(seconds=seconds)
        while (left := (due_at - self.now()).total_seconds()) > 0:
            moved = self._moved
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), left)
