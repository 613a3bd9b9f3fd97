"""What may be sent now: turns per app and second, rests after the word of a platform, and the daily share of a phone.

Shared by all processes through Redis. Delivery asks before it calls a channel. It must not know a vendor.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app import clock
from app.errors import TooManyRequests
from app.limits import RateLimits
from app.pacing import Pacing

_TEMPLATE_REST = timedelta(minutes=10)
MOST_WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Messages per second by channel, over all processes; and SMS per phone and day. 0 = without a bound."""

    per_second: Mapping[str, int] = field(default_factory=dict)
    sms_per_day: int = 0


class Allowances:
    """Says who may send what, and remembers what platforms forbade."""

    def __init__(
        self,
        pacing: Pacing | None = None,
        limits: RateLimits | None = None,
        rates: Rates | None = None,
        secret: bytes = b"",
    ) -> None:
        self._pacing = pacing or Pacing()
        self._limits = limits
        self._rates = rates or Rates()
        self._secret = secret

    async def turns(self, channel: str, app_id: str, count: int) -> tuple[float, float]:
        """Take turns for so many messages: seconds until the first (negative: it is due), and between two of them.

        Where the first is further away than MOST_WAIT_SECONDS nothing was taken: come again then.
        """
        rate = self._rates.per_second.get(channel, 0)
        if rate <= 0:
            return 0.0, 0.0
        return await self._pacing.reserve(f"notice:{channel}:{app_id}", rate, count, MOST_WAIT_SECONDS), 1.0 / rate

    async def resting(self, asked: Sequence[tuple[str, str, str]]) -> Mapping[tuple[str, str, str], datetime]:
        """Return which of (channel, app, template) rest, and until when; "" as template means the whole app."""
        names = {f"notice:{':'.join(key)}": key for key in asked}
        found = await self._pacing.resting(list(names))
        return {names[name]: until for name, until in found.items()}

    async def rest_of_day(self, channel: str, app_id: str) -> None:
        """Let an app's channel rest until the next midnight in Beijing, when the platform counts anew."""
        await self._pacing.rest(f"notice:{channel}:{app_id}:", next_midnight(clock.now()))

    async def rest_of_template(self, channel: str, app_id: str, template_id: str) -> None:
        """Let a template rest that cannot be sent until a person has looked at it; tried again after ten minutes."""
        await self._pacing.rest(f"notice:{channel}:{app_id}:{template_id}", clock.now() + _TEMPLATE_REST)

    async def take_sms(self, phone: str) -> bool:
        """Count one SMS of a phone; False when it had its share within a day."""
        if self._limits is None or self._rates.sms_per_day <= 0:
            return True
        name = hmac.new(self._secret, phone.encode(), hashlib.sha256).hexdigest()[:32]
        try:
            await self._limits.hit(f"{self._rates.sms_per_day}/day", "notice_sms", name)
        except TooManyRequests:
            return False
        return True


def next_midnight(moment: datetime) -> datetime:
    """Return the next midnight in Beijing, in UTC."""
    day = clock.to_beijing(moment).date() + timedelta(days=1)
    return clock.from_beijing(f"{day:%Y-%m-%d} 00:00:00")
