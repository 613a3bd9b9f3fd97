"""Tells staff's open pages of a campaign's progress, at most once a second and campaign per process."""

from __future__ import annotations

from app import clock
from notify.campaigns.ports import Announce

_SECONDS = 1.0


class Announcer:
    """Publishes the topics `campaign:<no>` and `campaigns`."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._last: dict[str, float] = {}

    async def changed(self, campaign_no: str) -> None:
        """Tell of counters that went on; silent where that was told within the last second."""
        moment = clock.monotonic()
        if moment - self._last.get(campaign_no, 0.0) < _SECONDS:
            return
        self._last[campaign_no] = moment
        await self._announce(f"campaign:{campaign_no}")

    async def moved(self, campaign_no: str) -> None:
        """Tell of a new state, always."""
        self._last.pop(campaign_no, None)
        await self._announce(f"campaign:{campaign_no}")
        await self._announce("campaigns")
