"""How every move of a case is made: the edge from the table, the words for the citizen, the compare-and-set.

Called by the use cases of citizens, staff and the house itself. It decides nothing about permission.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import StaleVersion
from app.events import DomainEvent
from services.applications import forms, repository
from services.applications.ports import Audit
from services.applications.repository import Answers, Move
from services.applications.states import STATUS_TEXT, Act, Edge, next_edge
from services.applications.types import Actor, ActorKind
from services.catalogue.types import Item
from services.staff.types import Act as StaffAct

_FORM_COLUMN = "application.form"


class FormVault:
    """Parts answers for storage and puts them together again; the only place of the room that holds the key."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def close(self, answers: Mapping[str, Any], item: Item) -> Answers:
        """Make answers ready to be stored: masked text, and the sensitive ones encrypted as one."""
        shown, hidden = forms.part_sensitive(answers, item.sensitive)
        sealed = self._cipher.encrypt_json(_FORM_COLUMN, hidden) if hidden else None
        return Answers(msgspec.json.encode(shown).decode(), sealed)

    @staticmethod
    def shown(row: Row) -> dict[str, Any]:
        """Return the stored answers of a case, the sensitive ones masked; needs no key."""
        answers: dict[str, Any] = msgspec.json.decode(row["form"])
        return answers

    def open(self, row: Row) -> dict[str, Any]:
        """Return the whole answers of a stored case."""
        answers: dict[str, Any] = msgspec.json.decode(row["form"])
        if row["form_cipher"] is None:
            return answers
        return forms.join_sensitive(answers, self._cipher.decrypt_json(_FORM_COLUMN, row["form_cipher"]))

    def digests(self, row: Row) -> dict[str, str]:
        """Return keyed digests of every answer and material, to tell later what was handed in anew."""
        handed_in: dict[str, Any] = {f"form.{name}": value for name, value in self.open(row).items()}
        for part in msgspec.json.decode(row["materials"] or "[]"):
            handed_in.setdefault(f"materials.{part['material_code']}", []).append(part)
        return {target: self._digest(value) for target, value in handed_in.items()}

    def _digest(self, value: Any) -> str:
        text = msgspec.json.encode(value, order="deterministic").decode()
        return self._cipher.lookup("application.seen", text)[:16]


def planned(
    row: Row,
    act: Act,
    actor: Actor,
    *,
    told: str = "",
    facts: Mapping[str, Any] | None = None,
    sets: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    **pauses: Any,
) -> Move:
    """Plan an ordinary move. Raises: InvalidTransition when the table has no such edge."""
    return along(row, next_edge(row["status"], act), actor, told=told, facts=facts, sets=sets, at=at, **pauses)


def along(
    row: Row,
    edge: Edge,
    actor: Actor,
    *,
    told: str = "",
    facts: Mapping[str, Any] | None = None,
    sets: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    **extras: Any,
) -> Move:
    """Plan a move along a given edge, also a forced one. `sets` are further columns, `facts` go with the event."""
    outcome = {} if edge.outcome is None else {"outcome": str(edge.outcome)}
    event = DomainEvent(
        name=edge.emits,
        subject_no=row["application_no"],
        citizen_id=row["citizen_id"].hex,
        occurred_at=at or clock.now(),
        facts={"item_name": row["item_name"], **(facts or {})},
    )
    return Move(
        case_id=row["id"],
        from_status=row["status"],
        version=row["version"],
        to_status=edge.to.value,
        event=event,
        title=edge.title,
        told=told,
        actor=actor,
        sets=outcome | dict(sets or {}),
        **extras,
    )


async def make(move: Move, *, act: StaffAct | None = None, audit: Audit | None = None) -> Row:
    """Make a planned move; return the row as it is now. Raises: StaleVersion when somebody was faster."""
    row = await repository.advance(move, act=act, audit=audit)
    if row is None:
        now = await repository.find_case(move.event.subject_no)
        raise StaleVersion(current=current(now) if now else None)
    return row


def current(row: Row) -> dict[str, Any]:
    """Show where a case stands now, for whoever has seen an older version of it."""
    return {"version": row["version"], "status": row["status"], "status_text": STATUS_TEXT[row["status"]]}


def expect_version(row: Row, version: int | None) -> None:
    """Refuse a caller who has seen another version than the stored one. Raises: StaleVersion."""
    if version is not None and version != row["version"]:
        raise StaleVersion(current=current(row))


def citizen_actor(citizen_id: uuid.UUID) -> Actor:
    """Name the citizen as the one who acts; the timeline is theirs, so no name is needed."""
    return Actor(ActorKind.CITIZEN, citizen_id.hex, "申请人")


def material_codes(row: Row) -> frozenset[str]:
    """Return the codes of the materials that a case has files for."""
    listed = msgspec.json.decode(row["materials"] or "[]")
    return frozenset(part["material_code"] for part in listed)
