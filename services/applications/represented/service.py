"""The door of cases for others: what a caller may see as agent or representative today, and a case's parties.

A list shows exactly what `own.find` would open: it asks the accounts room once and looks at every line.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence

from app.db import Row
from app.errors import NotFound
from app.tokens import Caller
from services.accounts.types import Represented
from services.applications.parts import Parts
from services.applications.represented import repository
from services.applications.represented.paying import PayingForOthers
from services.applications.represented.types import PartiesView, RepresentedSummary
from services.applications.views import application_summary
from services.staff.types import Act, StaffCaller

_MOST_READ = 1_000
"""So many lines are read for one page; a scope that leaves out more than that ends the page early."""
Reader = Callable[[uuid.UUID | None, int], Awaitable[Sequence[Row]]]


class RepresentedCases:
    """Lists for agents and representatives."""

    def __init__(self, parts: Parts, kept_days: int) -> None:
        self._people, self._audit, self._kept_days = parts.people, parts.audit, kept_days
        self.paying = PayingForOthers(parts)

    async def list_for(
        self, caller: Caller, enterprise_id: uuid.UUID | None, after: uuid.UUID | None, limit: int
    ) -> tuple[list[RepresentedSummary], uuid.UUID | None]:
        """Return a page of cases for one enterprise, or of those filed for people, and the id to continue after.

        Raises: NotFound for an enterprise that the caller may not act for today.
        """
        allowed = [one for one in await self._people.represented(caller) if one.enterprise_id == enterprise_id]
        if enterprise_id is not None:
            if not allowed:
                raise NotFound("未找到该企业")
            enterprise = enterprise_id
            return await self._page(
                lambda start, n: repository.list_of_enterprise(enterprise, start, n), allowed, after, limit
            )
        principals = [one.citizen_id for one in allowed if one.citizen_id is not None]
        return await self._page(
            lambda start, n: repository.list_of_agent(caller.citizen_id, principals, start, n), allowed, after, limit
        )

    async def parties(self, staff: StaffCaller, application_no: str, address: str) -> PartiesView:
        """Name everybody who has a part in a case that the caller has been let see; audited. Raises: NotFound."""
        row = await repository.find_parties(application_no)
        if row is None:
            raise NotFound("未找到该办件")
        await self._audit.record(Act(staff.username, "case.parties_viewed", "application", application_no, {}, address))
        return PartiesView(
            application_no=row["application_no"],
            applicant_shown=row["applicant_shown"],
            enterprise_name=row["enterprise_name"],
            enterprise_uscc=row["enterprise_uscc"],
            agent_shown=row["agent_shown"],
            mandate_no=row["mandate_no"],
            mandate_until_on=row["until_on"].isoformat() if row["until_on"] else None,
            assisted_by=row["assisted_by"],
        )

    async def _page(
        self, read: Reader, allowed: Sequence[Represented], after: uuid.UUID | None, limit: int
    ) -> tuple[list[RepresentedSummary], uuid.UUID | None]:
        shown: list[RepresentedSummary] = []
        seen = 0
        while seen < _MOST_READ:
            rows = await read(after, limit)
            for row in rows:
                after, seen = row["id"], seen + 1
                if _covered(allowed, row):
                    shown.append(self._line(row))
                if len(shown) == limit:
                    return shown, after
            if len(rows) < limit:
                return shown, None
        return shown, after

    def _line(self, row: Row) -> RepresentedSummary:
        return RepresentedSummary(
            application=application_summary(row, self._kept_days),
            principal_shown=row["principal_shown"],
            enterprise_uscc=row["enterprise_uscc"],
            agent_shown=row["agent_shown"],
        )


def _covered(allowed: Sequence[Represented], row: Row) -> bool:
    return any(
        one.covers(row["item_code"]) and (one.citizen_id is None or one.citizen_id == row["citizen_id"])
        for one in allowed
    )
