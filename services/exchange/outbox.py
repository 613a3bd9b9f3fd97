"""Writes the events that department systems are told, in the order of the case's own timeline. Called by the reaction.

A case's steps commit with its moves, so whatever order the jobs run in, no event is missed or overtakes another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app import clock
from app.db import Row
from app.ids import settled_text
from services.exchange import case_repository, event_repository
from services.exchange.event_repository import NewEvent
from services.exchange.messages import ACCEPTANCE_ACTS, RESULT_EVENTS
from services.exchange.types import Kind

Render = Callable[[Row, Kind], Awaitable[Any]]
_ROOM = "application."
_UNTOLD = frozenset({"application.draft_expiring"})
_SPARE = timedelta(minutes=1)
"""A step carries the moment at which its request began; the system may have been added meanwhile."""


class Outbox:
    """Use case of the reaction to every event of a case."""

    def __init__(self, render: Render) -> None:
        self._render = render

    async def tell(self, application_no: str) -> None:
        """Write what the systems in charge of a case have not been told yet. Idempotent: yes, by the event numbers."""
        case = await case_repository.find_any(application_no)
        if case is None or case["status"] == "DRAFT":
            return
        listeners = await event_repository.list_listeners(case["department_code"], case["item_code"])
        told = {system["id"]: (system, None) for system in listeners}
        for body in await case_repository.list_former_bodies(case):
            for system in await event_repository.list_former_listeners(body["department_code"], application_no):
                told.setdefault(system["id"], (system, body["left_at"]))
        if not told:
            return
        steps = [step for step in await case_repository.list_steps(case["id"]) if _is_told(step)]
        for system, left_at in told.values():
            await self._tell(system, case, steps, left_at)

    async def _tell(self, system: Row, case: Row, steps: Sequence[Row], left_at: datetime | None) -> None:
        """Write what one system has not been told.

        Args:
            left_at: when its body handed the case over, of which it still hears; what follows is another's business.
        """
        since = system["created_at"] - _SPARE
        known = await event_repository.known_events(system["id"], case["application_no"])
        new = [
            await self._event(case, step, number, event_no, in_charge=left_at is None)
            for number, step in enumerate(steps, 1)
            if step["occurred_at"] >= since
            and (left_at is None or step["occurred_at"] <= left_at)
            and (event_no := _event_no(system, step)) not in known
        ]
        if new:
            await event_repository.add_events(system["id"], new, clock.now())

    async def _event(self, case: Row, step: Row, number: int, event_no: str, *, in_charge: bool) -> NewEvent:
        # A message tells how the case stands now, which is nothing for those who have handed it over.
        kind = _message_of(step["event"]) if in_charge else None
        message = await self._render(case, kind) if kind is not None else None
        content = {
            "event_no": event_no,
            "event": step["event"],
            "sequence": number,
            "occurred_at": clock.rfc3339(step["occurred_at"]),
            "application_no": case["application_no"],
            "item_code": case["item_code"],
            "item_name": case["item_name"],
            "division_code": case["division_code"],
            "department_code": case["department_code"],
            "status": step["to_status"],
            "message_kind": kind,
            "message": message,
        }
        encoded = msgspec.json.encode(content).decode()
        return NewEvent(event_no, step["event"], case["application_no"], encoded, step["occurred_at"])


def _is_told(step: Row) -> bool:
    return step["event"].startswith(_ROOM) and step["event"] not in _UNTOLD


def _event_no(system: Row, step: Row) -> str:
    """Return the number of a step's event for a system: always the same one."""
    return "EV" + settled_text(system["id"].bytes + step["id"].bytes, 30)


def _message_of(event: str) -> Kind | None:
    """Tell which of the three messages an event brings along."""
    if event in ACCEPTANCE_ACTS:
        return Kind.ACCEPTANCE
    if event in RESULT_EVENTS:
        return Kind.RESULT
    return None if event == "application.submitted" else Kind.PROCESS
