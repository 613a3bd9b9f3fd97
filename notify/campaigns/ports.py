"""What campaigns need from outside: sets of people, the audit of staff, and somebody who hears of progress."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.db import Transaction
from notify.campaigns.types import Audience, AudienceSize, Officer, People

Announce = Callable[[str], Awaitable[None]]


class Audiences(Protocol):
    """Knows which people are meant, always within a scope of division prefixes.

    `topic` is what people can switch off, "" where they cannot; those who did are nobody's audience. Only people whose
    account is alive belong to one; somebody who was merged is represented by the person that stays.
    """

    async def check(self, audience: Audience, scope: Sequence[str]) -> None:
        """Refuse an audience that names something unknown or outside of the scope. Raises: InvalidRequest."""
        ...

    async def estimate(self, audience: Audience, scope: Sequence[str], topic: str) -> AudienceSize:
        """Say how many people are meant, within seconds whatever it takes."""
        ...

    async def page(
        self,
        audience: Audience,
        scope: Sequence[str],
        topic: str,
        after: uuid.UUID | None,
        limit: int,
        merged_since: datetime | None = None,
    ) -> People:
        """Return the next people in the order of their ids; fewer than `limit` are the last.

        With `merged_since` only those into whom somebody was merged since: they may stand behind a cursor.
        """
        ...


class Audit(Protocol):
    """Records acts of staff. Called last in the transaction of the act itself."""

    async def record(
        self, officer: Officer, action: str, campaign_no: str, details: Mapping[str, Any], tx: Transaction
    ) -> None:
        """Append one act; it commits or is rolled back with the transaction."""
        ...
