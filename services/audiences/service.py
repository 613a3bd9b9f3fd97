"""The door of the audiences room: how many people are meant, and which, page by page.

The campaigns' port is fulfilled over it by wiring; handlers call its `lists`. It builds no query and sends nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from app import clock
from app.crypto import FieldCipher
from app.errors import FieldFault, InvalidRequest
from services.audiences import people, repository
from services.audiences.lists import Lists
from services.audiences.ports import Audit, Places
from services.audiences.types import Criteria, Estimate, People

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

    async def check(self, criteria: Criteria, scope: Sequence[str]) -> None:
        """Refuse criteria that name a list or a place that the scope does not reach. Raises: InvalidRequest."""
        if criteria.divisions and not people.narrowed(criteria.divisions, scope):
            raise InvalidRequest(faults=(FieldFault("audience.divisions", "所选区划不在您的管辖范围内"),))
        if criteria.list_id:
            await self.lists.require_ready(criteria.list_id, scope)

    async def estimate(self, criteria: Criteria, scope: Sequence[str]) -> Estimate:
        """Count who is meant; where that takes too long, the planner's expectation is told as such."""
        condition = people.condition(criteria, scope, _this_year())
        counted = await repository.count_people(condition, self._patience_ms)
        if counted is not None:
            return Estimate(counted, is_exact=True)
        return Estimate(await repository.guess_people(condition), is_exact=False)

    async def page(
        self,
        criteria: Criteria,
        scope: Sequence[str],
        after: uuid.UUID | None,
        limit: int,
        merged_since: datetime | None = None,
    ) -> People:
        """Return the next people by id; fewer than `limit` are the last.

        Args:
            merged_since: only people into whom somebody was merged since this moment.
        """
        condition = people.condition(criteria, scope, _this_year())
        return await repository.list_people(condition, after, limit, merged_since)


def _this_year() -> int:
    return clock.beijing_date().year
