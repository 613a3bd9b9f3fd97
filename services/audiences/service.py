"""The door of the audiences room: how many people are meant, and which, page by page.

The campaigns' port is fulfilled over it by wiring; handlers call its `lists`. It builds no query and sends nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from app import clock
from app.crypto import FieldCipher
from services.audiences import people, repository
from services.audiences.lists import Lists
from services.audiences.ports import Audit, Places
from services.audiences.types import Criteria, Estimate

_PATIENCE_MS = 2_000


class AudienceService:
    """Sets of people, always within a scope of division prefixes.

    Args:
        audit: where acts on lists are recorded.
        places: the codes of divisions, by which ID numbers are checked.
    """

    def __init__(self, cipher: FieldCipher, audit: Audit, places: Places, patience_ms: int = _PATIENCE_MS) -> None:
        self.lists = Lists(cipher, audit, places)
        self._patience_ms = patience_ms

    async def estimate(self, criteria: Criteria, scope: Sequence[str]) -> Estimate:
        """Count who is meant; where that takes too long, the planner's expectation is told as such."""
        condition = people.condition(criteria, scope, _this_year())
        counted = await repository.count_people(condition, self._patience_ms)
        if counted is not None:
            return Estimate(counted, is_exact=True)
        return Estimate(await repository.guess_people(condition), is_exact=False)

    async def page(
        self, criteria: Criteria, scope: Sequence[str], after: uuid.UUID | None, limit: int
    ) -> list[uuid.UUID]:
        """Return the next people by id; fewer than `limit` are the last."""
        return await repository.list_people(people.condition(criteria, scope, _this_year()), after, limit)

    async def merged_since(
        self, criteria: Criteria, scope: Sequence[str], since: datetime, limit: int
    ) -> list[uuid.UUID]:
        """Return people of the audience into whom somebody was merged since a moment."""
        return await repository.list_merged_people(people.condition(criteria, scope, _this_year()), since, limit)


def _this_year() -> int:
    return clock.beijing_date().year
