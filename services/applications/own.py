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
from services.applications.assistance.types import AssistedCaller
from services.applications.materials.owner import Owner
from services.applications.ports import People
from services.applications.types import Actor, ActorKind
from services.staff.types import Act


@dataclass(frozen=True, slots=True)
class Held:
    """A case with the caller who may act in it, and how the timeline names them."""

    row: Row
    caller: Caller
    actor: Actor
    acting: Acting | None = None

    @property
    def owner(self) -> Owner:
        """Return whose archive the case may draw on."""
        return Owner.of(self.row, self.caller)

    def trace(self, action: str) -> Act | None:
        """Return what the audit trail keeps of a move: both persons, where one acts for another."""
        return trace_of(self.caller, self.row["application_no"], action, self.acting)


async def find(people: People, caller: Caller, application_no: str) -> Held:
    """Return a case that the caller may act in. Raises: NotFound."""
    row, acting = await look(people, caller, application_no)
    return Held(row, caller, _plain_actor(caller) if acting is None else actor_of(caller, acting), acting)


async def look(people: People, caller: Caller, application_no: str) -> tuple[Row, Acting | None]:
    """Return a case that the caller may see, and for whom they act where it is not their own. Raises: NotFound."""
    row = await repository.find_own(caller.citizen_id, application_no)
    if row is not None and row["enterprise_id"] is None:
        return row, None
    # An enterprise's case is asked about also where the caller filed it: who represents it may have changed since.
    row = row or await repository.find_case(application_no)
    acting = await people.may_act_for(caller, row) if row is not None else None
    if row is None or acting is None:
        raise NotFound("未找到该办件")
    return row, acting


def actor_of(caller: Caller, acting: Acting) -> Actor:
    """Name both persons: who acts, and for whom."""
    return Actor(ActorKind.CITIZEN, caller.citizen_id.hex, acting.shown)


def trace_of(caller: Caller, application_no: str, action: str, acting: Acting | None = None) -> Act | None:
    """Return what the audit trail keeps of an act for somebody else, naming both; None for one's own."""
    name, kind = f"case.{action}", "application"
    if isinstance(caller, AssistedCaller):
        helped = {"citizen": caller.citizen_id.hex, "assistance_no": caller.assistance_no}
        return Act(caller.staff_username, name, kind, application_no, helped, caller.address)
    if acting is None:
        return None
    principal = {"citizen": acting.citizen_id.hex, "mandate_no": acting.mandate_no}
    if acting.enterprise_id is not None:
        principal["enterprise"] = acting.enterprise_id.hex
    return Act(f"citizen:{caller.citizen_id.hex}", name, kind, application_no, principal)


def _plain_actor(caller: Caller) -> Actor:
    return caller.actor if isinstance(caller, AssistedCaller) else moves.citizen_actor(caller.citizen_id)
