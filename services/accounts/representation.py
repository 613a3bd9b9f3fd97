"""Who may act for whom (代办): the one place where roles, mandates, scope, dates and levels come together.

The accounts service offers it to the applications room; it reads only.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from app import clock
from app.db import Row
from app.errors import Forbidden, NotFound
from app.tokens import Caller
from services.accounts import repository
from services.accounts.enterprises.service import EnterpriseService
from services.accounts.mandates.scope import covers, is_live, names_item, terms_of
from services.accounts.mandates.service import MandateService
from services.accounts.types import Acting, OnBehalfOf, Represented


class Representation:
    """Answers two questions: may this caller begin a case for somebody, and may they go on with one."""

    def __init__(self, enterprises: EnterpriseService, mandates: MandateService) -> None:
        self._enterprises, self._mandates = enterprises, mandates

    async def acting(self, caller: Caller, on_behalf_of: OnBehalfOf, item_code: str) -> Acting:
        """Say for whom the caller may begin a case of an item.

        Raises: NotFound where they hold no such role or mandate; Forbidden `mandate_not_live` (not begun, run out,
        ended) or `mandate_scope` (another item).
        """
        if on_behalf_of.enterprise_id is not None:
            enterprise = await self._enterprises.require_role(caller.citizen_id, on_behalf_of.enterprise_id)
            return await self._as_representative(caller, enterprise)
        row = await self._mandates.held(caller, on_behalf_of.mandate_no)
        terms = terms_of(row)
        if not is_live(terms, clock.beijing_date()):
            raise Forbidden("授权尚未生效、已到期或已撤销", code="mandate_not_live")
        if not names_item(terms.item_codes, item_code):
            raise Forbidden("该事项不在授权范围内", code="mandate_scope")
        return await self._as_agent(caller, row)

    async def may_act_for(self, caller: Caller, case: Mapping[str, Any]) -> Acting | None:
        """Say how the caller may act in a case that is not plainly their own; None where they may not.

        A case of an enterprise is open to its representative, and to its agents within their scope. A case of a person
        is open to the agent who filed it, as long as a mandate of that person covers its item.

        Args:
            case: its citizen_id, enterprise_id, agent_id and item_code.
        """
        enterprise_id: uuid.UUID | None = case["enterprise_id"]
        if enterprise_id is not None:
            enterprise = await self._enterprises.role(caller.citizen_id, enterprise_id)
            if enterprise is not None:
                return await self._as_representative(caller, enterprise)
        elif case["agent_id"] != caller.citizen_id:
            return None
        found = await self._mandates.usable(caller.citizen_id, case["citizen_id"], enterprise_id)
        today = clock.beijing_date()
        row = next((one for one in found if covers(terms_of(one), case["item_code"], today)), None)
        return None if row is None else await self._as_agent(caller, row)

    async def represented(self, caller: Caller) -> Sequence[Represented]:
        """List for whom the caller may act today, and in which items."""
        today = clock.beijing_date()
        own = [Represented(enterprise_id=each) for each in await self._enterprises.represented_ids(caller.citizen_id)]
        held = [(row, terms_of(row)) for row in await self._mandates.all_usable(caller.citizen_id)]
        return own + [
            Represented(
                enterprise_id=row["principal_enterprise_id"],
                citizen_id=row["principal_citizen_id"],
                item_codes=terms.item_codes,
            )
            for row, terms in held
            if is_live(terms, today)
        ]

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Give roles and mandates of a merged citizen to the survivor. Idempotent."""
        await self._enterprises.take_over(from_citizen_id, into_citizen_id)
        await self._mandates.take_over(from_citizen_id, into_citizen_id)

    async def _as_representative(self, caller: Caller, enterprise: Row) -> Acting:
        return Acting(
            citizen_id=caller.citizen_id,
            enterprise_id=enterprise["id"],
            caller_shown=await _masked_name(caller.citizen_id),
            principal_shown=enterprise["name"],
        )

    async def _as_agent(self, caller: Caller, row: Row) -> Acting:
        for_enterprise = row["principal_enterprise_id"] is not None
        return Acting(
            citizen_id=caller.citizen_id if for_enterprise else row["principal_citizen_id"],
            enterprise_id=row["principal_enterprise_id"],
            agent_id=caller.citizen_id,
            mandate_id=row["id"],
            mandate_no=row["mandate_no"],
            caller_shown=await _masked_name(caller.citizen_id),
            principal_shown=(row["enterprise_name"] if for_enterprise else row["principal_name"]) or "",
        )


async def _masked_name(citizen_id: uuid.UUID) -> str:
    row = await repository.find_citizen(citizen_id)
    if row is None:
        raise NotFound("账号不存在")
    return str(row["name_masked"])
