"""Finds a case for the citizen who asks: their own by one indexed row, others' only for whoever may act for them.

Every use case of the citizens' door begins here. A case that is not theirs is not found.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.db import Row
from app.errors import NotFound
from app.tokens import Caller
from services.accounts.types import Acting
from services.applications import moves, repository
from services.applications.materials.owner import Owner
from services.applications.ports import People
from services.applications.types import Actor, ActorKind


@dataclass(frozen=True, slots=True)
class Held:
    """A case with the caller who may act in it, and how the timeline names them."""

    row: Row
    caller: Caller
    actor: Actor

    @property
    def owner(self) -> Owner:
        """Return whose archive the case may draw on."""
        return Owner.of(self.row, self.caller)


async def find(people: People, caller: Caller, application_no: str) -> Held:
    """Return a case that the caller may act in. Raises: NotFound."""
    row = await repository.find_own(caller.citizen_id, application_no)
    if row is not None and row["enterprise_id"] is None:
        return Held(row, caller, moves.citizen_actor(caller.citizen_id))
    # An enterprise's case is asked about also where the caller filed it: who represents it may have changed since.
    row = row or await repository.find_case(application_no)
    acting = await people.may_act_for(caller, row) if row is not None else None
    if row is None or acting is None:
        raise NotFound("未找到该办件")
    return Held(row, caller, actor_of(caller, acting))


def actor_of(caller: Caller, acting: Acting) -> Actor:
    """Name both persons: who acts, and for whom."""
    return Actor(ActorKind.CITIZEN, caller.citizen_id.hex, acting.shown[:64])
