"""Real-name levels (实名等级) as gates: who may apply, who may only look. Used by the service's `require_level`.

A level only rises, so one that sufficed is remembered for a minute and the everyday check asks nobody.
"""

from __future__ import annotations

import uuid

from app import clock
from app.errors import Forbidden, NotFound
from services.accounts import repository
from services.accounts.types import Level

_KEPT_SECONDS = 60.0
_MOST_KEPT = 20_000


class Levels:
    """The levels that this process has seen lately."""

    def __init__(self) -> None:
        self._seen: dict[uuid.UUID, tuple[str, float]] = {}

    async def require(self, citizen_id: uuid.UUID, least: Level) -> None:
        """Refuse a citizen below a level. Raises: Forbidden `phone_required` or `real_name_required`, NotFound."""
        level, until_seconds = self._seen.get(citizen_id, ("", 0.0))
        if level >= least and clock.monotonic() < until_seconds:
            return
        row = await repository.find_citizen(citizen_id)
        if row is None:
            raise NotFound("账号不存在")
        if row["real_name_level"] < least:
            raise _too_low(least)
        if len(self._seen) >= _MOST_KEPT:
            self._seen.clear()
        self._seen[citizen_id] = (row["real_name_level"], clock.monotonic() + _KEPT_SECONDS)


def _too_low(least: Level) -> Forbidden:
    if least == "L1":
        return Forbidden("请先绑定手机号", code="phone_required")
    return Forbidden("请先完成实名认证", code="real_name_required")
