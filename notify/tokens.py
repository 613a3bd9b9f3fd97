"""Tokens of forms that send something once: time-ordered ids, whose moment is part of a notice's dedupe key.

Used where staff send by hand: the same form sent twice is one notice, whatever process takes it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from app import clock
from app.errors import FieldFault, InvalidRequest

_LIFETIME = timedelta(hours=24)
_SLACK = timedelta(minutes=5)


def moment_of(token: str) -> datetime:
    """Return when a token was made. Raises: InvalidRequest for one that is malformed, older than a day, or not yet."""
    try:
        given = uuid.UUID(hex=token)
        made_at = datetime.fromtimestamp((given.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _stale() from error
    if given.version != 7 or not -_SLACK <= clock.now() - made_at <= _LIFETIME:
        raise _stale()
    return made_at


def _stale() -> InvalidRequest:
    return InvalidRequest("页面已过期，请刷新后重新填写", faults=(FieldFault("token", "页面已过期，请刷新"),))
