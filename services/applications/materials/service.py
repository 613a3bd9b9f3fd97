"""Materials of a case after they were named: promises shown and withdrawn, later supply, the staff's list.

The citizens' door calls it, the desk asks it for its list and before a decision, jobs and sweeps for what is due.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from app.events import DomainEvent
from services.applications import moves
from services.applications import repository as cases
from services.applications.documents import letters
from services.applications.drafts.repository import owned_uploads
from services.applications.materials import promises, repository, rules
from services.applications.materials.owner import Owner
from services.applications.materials.types import PromiseView, Source
from services.applications.parts import Parts
from services.applications.states import STATUS_TEXT, Act, Status
from services.applications.types import Actor, ActorKind
from services.catalogue.types import Item, Material

SUPPLY_OPEN = frozenset({Status.SUBMITTED, Status.RECEIVED, Status.ACCEPTED, Status.SUSPENDED})
"""Where a material may be handed in late, or a promise taken back; before, the case itself is edited."""
_CLOCK_RUNS = frozenset({Status.ACCEPTED, Status.SUSPENDED})


class CaseMaterials:
    """Use cases of materials.

    Args:
        later_days: working days after acceptance within which deferred materials come in.
    """

    def __init__(self, parts: Parts, *, later_days: int) -> None:
        self._catalogue, self._calendar, self._later_days = parts.catalogue, parts.calendar, later_days

    async def promise(self, item: Item, material_code: str, source: Source) -> PromiseView:
        """Show the words that stand in for a material. Raises: NotFound, Conflict `promise_not_offered`."""
        material = item.material(material_code)
        if material is None:
            raise NotFound("该事项没有此项材料")
        if not rules.allows(material, source):
            raise Conflict(f"《{material.name}》不适用此方式，请上传", code="promise_not_offered")
        return promises.shown(item.record, material, source, self._later_days)

    async def supply(
        self, owner: Owner, row: Row, material_code: str, upload_ids: Sequence[uuid.UUID], actor: Actor
    ) -> Row:
        """Hand in an awaited material (容缺补交). Raises: NotFound, InvalidTransition, InvalidRequest, StaleVersion."""
        material = await self._awaited(row, material_code, Source.LATER, "该材料不需要补交")
        content_types = await owned_uploads(owner.people, upload_ids)
        faults = [
            rules.file_fault(f"upload_ids[{n}]", material, each, content_types) for n, each in enumerate(upload_ids)
        ]
        if len(upload_ids) > material.max_files:
            faults.append(FieldFault("upload_ids", f"《{material.name}》最多上传{material.max_files}个文件"))
        if found := tuple(FieldFault(f.path.removesuffix(".upload_id"), f.message) for f in faults if f):
            raise InvalidRequest(faults=found)
        step = _step(
            row, "application.material_supplied", f"补交材料《{material.name}》"[:64], "", actor, material_code
        )
        return await _done(row, await repository.supply(step, (material_code, material.name), upload_ids))

    async def withdraw_promise(self, row: Row, material_code: str, actor: Actor) -> Row:
        """Take a promise back before the decision: the material is to be handed in instead.

        Raises: NotFound, InvalidTransition, StaleVersion.
        """
        material = await self._awaited(row, material_code, Source.PROMISE, "该材料没有作出承诺")
        due_on = self._due_on(clock.beijing_date()) if row["status"] in _CLOCK_RUNS else None
        told = f"您已撤回关于《{material.name}》的承诺，请" + (
            f"于{due_on.isoformat()}前补交该材料" if due_on else "尽快补交该材料"
        )
        title = f"撤回告知承诺《{material.name}》"[:64]
        step = _step(row, "application.promise_withdrawn", title, told, actor, material_code)
        return await _done(row, await repository.withdraw_promise(step, material_code, due_on))

    async def start_later(self, application_no: str) -> None:
        """Say by when the awaited materials of a case are due, now that it is accepted. Idempotent."""
        row = await cases.find_case(application_no)
        if row is not None and row["status"] in _CLOCK_RUNS and row["accepted_at"] is not None:
            await repository.set_due(row["id"], self._due_on(clock.beijing_date(row["accepted_at"])))

    async def lapse(self, application_no: str) -> None:
        """End a case whose promised materials did not come in time: it counts as withdrawn. Idempotent."""
        row = await cases.find_case(application_no)
        if row is None or row["status"] not in _CLOCK_RUNS:
            return
        today = clock.beijing_date().isoformat()
        awaited = [part for part in rules.listed(row) if part["source"] == Source.LATER]
        overdue = [part["material_name"] for part in awaited if part["due_on"] and part["due_on"] < today]
        if not overdue:
            return
        told = "承诺补交的材料逾期未交，视为撤回申请，您可以重新申请"
        move = moves.planned(
            row,
            Act.LAPSE,
            Actor(ActorKind.SYSTEM),
            told=told,
            facts={"reason": told, "outcome": "WITHDRAWN"},
            sets={"reason": told, "closed_at": clock.now()},
            pause_ends=row["status"] == Status.SUSPENDED,
            document=letters.lapsed(overdue),
        )
        await cases.advance(move)

    def _due_on(self, start: date) -> date:
        return self._calendar.add_working_days(start, self._later_days).on

    async def _awaited(self, row: Row, code: str, source: Source, otherwise: str) -> Material:
        if row["status"] not in SUPPLY_OPEN:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，不能进行此操作")
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        material = item.material(code)
        listed = {part["material_code"]: part["source"] for part in rules.listed(row)}
        if material is None or code not in listed:
            raise NotFound("办件没有此项材料")
        if listed[code] != source:
            raise InvalidTransition(otherwise)
        return material


def _step(row: Row, name: str, title: str, told: str, actor: Actor, code: str) -> repository.Step:
    event = DomainEvent(
        name=name,
        subject_no=row["application_no"],
        citizen_id=row["citizen_id"].hex,
        part=code,
        facts={"item_name": row["item_name"], "material_code": code},
    )
    return repository.Step(subject=row, event=event, title=title, told=told, actor=actor)


async def _done(row: Row, changed: Row | None) -> Row:
    if changed is None:
        now = await cases.find_case(row["application_no"])
        raise StaleVersion(current=moves.current(now) if now else None)
    return changed
