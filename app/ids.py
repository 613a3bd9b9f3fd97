"""Numbers and identifiers that we make: time-ordered row ids and the numbers printed on paper."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import uuid
from datetime import datetime

from app.clock import to_beijing

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class _Ticks:
    """Milliseconds with 12 bits of a counter behind them; each is later than the one before."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        now = time.time_ns() // 1_000_000 << 12
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last


_ticks = _Ticks()


def new_id() -> uuid.UUID:
    """Make a time-ordered UUID (version 7), so that new rows sit together in the index.

    Of one process each is later than the one before, also within a millisecond: rows sort as they were made.
    """
    tick = _ticks.next()
    value = (tick >> 12 & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62
    # Not secrets.randbits, which takes as long again as the rest.
    return uuid.UUID(int=value | int.from_bytes(secrets.token_bytes(8)) >> 2)


def first_id(moment: datetime) -> uuid.UUID:
    """Return the id before all that `new_id` makes from a moment on."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def random_text(length: int) -> str:
    """Return `length` random characters out of 32 that cannot be misread."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def settled_text(content: bytes, length: int) -> str:
    """Return `length` (at most 51) of the same characters that are always the same for this content."""
    value = int.from_bytes(hashlib.sha256(content).digest())
    return "".join(_LETTERS[value >> 5 * place & 31] for place in range(length))


def dated_no(prefix: str, moment: datetime, length: int = 10) -> str:
    """Make a printed number: prefix, Beijing date, random tail (digits and capitals only, so it fits any URL path)."""
    return f"{prefix}{to_beijing(moment):%Y%m%d}{random_text(length)}"


def new_secret(byte_count: int = 32) -> str:
    """Make an opaque URL-safe secret."""
    return secrets.token_urlsafe(byte_count)
