"""What silence leaves behind in the staff room: sessions long past their end. Wiring schedules it."""

from __future__ import annotations

from datetime import timedelta

from app import clock
from services.staff import session_repository as repository

_KEPT_AFTER_END = timedelta(days=180)
"""Sign-in traces are kept for at least six months (网络安全法 21)."""


async def forget_ended_sessions() -> None:
    """Delete sessions that ended more than six months ago. Idempotent."""
    await repository.forget_sessions(clock.now() - _KEPT_AFTER_END)
