"""The staff's list of trouble with parcels (寄送异常): reading, taking up, noting, settling, declaring.

The delivery room shows it as `.tasks`. Handlers of the console call what changes the task alone; what changes a case or
a parcel goes through the applications room, which calls `require_open` and `settle`.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from app import clock, db
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from services.delivery.custody import moves
from services.delivery.custody import repository as custody_repository
from services.delivery.custody.states import Holder, holder_after
from services.delivery.ports import Announce, Audit
from services.delivery.states import TERMINAL, ShipmentStatus
from services.delivery.tasks import repository
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import open_task
from services.delivery.tasks.repository import Bounds
from services.delivery.tasks.states import (
    COMPLAINT_TIME,
    KIND_TEXT,
    LIGHT,
    OUTCOME_TEXT,
    SETTLED_WITH,
    Outcome,
    TaskKind,
)
from services.delivery.tasks.types import OutcomeView, TaskCount, TaskList, TaskView
from services.delivery.types import Leg
from services.staff.types import Act, Role, StaffCaller

READERS = (Role.DISPATCHER, Role.WINDOW, Role.REVIEWER, Role.ADMINISTRATOR)
WORKERS = (Role.DISPATCHER, Role.WINDOW, Role.REVIEWER)
_BY_WORDS = frozenset({Outcome.ANSWERED, Outcome.CONFIRMED, Outcome.REFUNDED})
"""Outcomes that are words alone: nothing else changes with them."""
_DECLARED = {TaskKind.LOST: "丢失", TaskKind.DAMAGED: "破损"}
_FEWEST_WORDS, _MOST_WORDS = 4, 300
_BEFORE_PICK_UP = (ShipmentStatus.REQUESTED, ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING)


class ParcelTasks:
    """Use cases of tasks. Out of scope is not found."""

    def __init__(self, audit: Audit, announce: Announce) -> None:
        self._audit, self._announce = audit, announce

    async def page(
        self,
        staff: StaffCaller,
        which: TaskList = TaskList.OPEN,
        kind: TaskKind | None = None,
        after: uuid.UUID | None = None,
        limit: int = 20,
    ) -> tuple[list[TaskView], uuid.UUID | None]:
        """Return a page of tasks in scope and where it goes on: open ones oldest first. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await repository.list_page(_bounds(staff), which, kind or "", after, limit + 1)
        return [_view(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def count(self, staff: StaffCaller) -> TaskCount:
        """Count what waits in scope. Raises: Forbidden."""
        staff.require_role(*READERS)
        found, overdue = await repository.count(_bounds(staff))
        return TaskCount(open=found, overdue=overdue)

    async def task(self, staff: StaffCaller, task_id: uuid.UUID) -> TaskView:
        """Return a task in scope. Raises: NotFound, Forbidden."""
        staff.require_role(*READERS)
        return _view(await _in_scope(staff, task_id))

    async def of_subject(self, subject_no: str) -> list[TaskView]:
        """Return the tasks of a case, newest first. Scope is the caller's business."""
        return [_view(row) for row in await repository.list_of_subject(subject_no)]

    async def of_parcel(self, shipment_no: str) -> list[TaskView]:
        """Return the tasks of a parcel, newest first. Scope is the caller's business."""
        return [_view(row) for row in await repository.list_of_parcel(shipment_no)]

    async def take_up(self, staff: StaffCaller, task_id: uuid.UUID, address: str) -> TaskView:
        """Take a task that nobody has. Raises: NotFound, Forbidden, Conflict `task_taken`."""
        staff.require_role(*WORKERS)
        row = await _in_scope(staff, task_id)
        act = _act(staff, row, "taken_up", address)
        if not await repository.take_up(task_id, staff.username, lambda tx: self._audit.record(act, tx)):
            raise _taken(await _in_scope(staff, task_id), staff)
        return await self._changed(staff, row)

    async def note(self, staff: StaffCaller, task_id: uuid.UUID, words: str, address: str) -> TaskView:
        """Write down how far it is; it replaces the former note. Raises: NotFound, Forbidden, InvalidRequest,
        Conflict `task_taken`."""
        staff.require_role(*WORKERS)
        row = await _in_scope(staff, task_id)
        act = _act(staff, row, "noted", address)
        said = _words(words)
        if not await repository.note(task_id, staff.username, said, lambda tx: self._audit.record(act, tx)):
            raise _taken(await _in_scope(staff, task_id), staff)
        return await self._changed(staff, row)

    async def settle_by_words(
        self, staff: StaffCaller, task_id: uuid.UUID, outcome: Outcome, words: str, address: str
    ) -> TaskView:
        """Settle a task where nothing but words is needed.

        Raises: NotFound, Forbidden, InvalidRequest, Conflict `outcome_not_offered`, `task_taken`.
        """
        row = await self._settleable(staff, task_id, outcome)
        if outcome not in _BY_WORDS:
            raise Conflict("该处理方式需在办件中办理", code="outcome_not_offered")
        if row["kind"] == TaskKind.RETURNED and await custody_repository.list_came_back(row["shipment_no"]):
            raise Conflict("退回的办理结果尚未安排，请选择重新寄送或窗口领取", code="outcome_not_offered")
        act, said = _act(staff, row, "settled", address, outcome=outcome.value), _words(words)
        await self._close(staff, row, outcome, said, act)
        return await self._changed(staff, row)

    async def require_open(self, staff: StaffCaller, task_id: uuid.UUID, outcome: Outcome) -> TaskView:
        """Return a task that the caller may settle in this way. Raises: as `settle_by_words`."""
        return _view(await self._settleable(staff, task_id, outcome))

    async def settle(self, staff: StaffCaller, task_id: uuid.UUID, outcome: Outcome, words: str) -> TaskView:
        """Close a task after what it asked for was done; the caller has written the audit. Idempotent: yes.

        Raises: NotFound, Conflict `task_taken`.
        """
        row = await _in_scope(staff, task_id)
        if row["outcome"] != outcome.value:
            await self._close(staff, row, outcome, words.strip()[:_MOST_WORDS], None)
        return await self._changed(staff, row)

    async def declare(
        self, staff: StaffCaller, shipment_no: str, kind: TaskKind, statement: str, address: str
    ) -> TaskView:
        """Declare a parcel lost or damaged on the courier's statement, where the courier's events do not say so.

        What lay in a lost parcel counts as lost from then on. Somebody else has the certificate made again.
        Raises: NotFound, Forbidden, InvalidRequest, Conflict `not_to_declare`, `task_open`.
        """
        staff.require_role(Role.WINDOW, Role.DISPATCHER)
        said, now = _words(statement), clock.now()
        async with db.transaction() as tx:
            row = await repository.find_parcel(tx, shipment_no)
            if row is None:
                raise NotFound("未找到该快递")
            staff.require_scope(row["division_code"], row["department_code"])
            _require_declarable(row, kind)
            parcel = Subject(
                shipment_id=row["id"],
                shipment_no=shipment_no,
                subject_no=row["subject_no"],
                division_code=row["division_code"],
                department_code=row["department_code"],
            )
            reason = f"窗口依快递公司说明登记{_DECLARED[kind]}"
            if not await open_task(tx, parcel, kind, reason, by=staff.username, note=said):
                raise Conflict("该快递已有同类待处理事项", code="task_open")
            if kind is TaskKind.LOST:
                await moves.move_parcel(tx, shipment_no, Holder.LOST, now, reason=reason, actor=staff.username)
            act = Act(staff.username, "shipment.declared", "shipment", shipment_no, {"kind": kind.value}, address)
            await self._audit.record(act, tx)
        await self._announce("shipments")
        (found, *_) = [task for task in await self.of_parcel(shipment_no) if task.kind == kind]
        return found

    async def _settleable(self, staff: StaffCaller, task_id: uuid.UUID, outcome: Outcome) -> Row:
        staff.require_role(*WORKERS)
        row = await _in_scope(staff, task_id)
        if outcome not in SETTLED_WITH[TaskKind(row["kind"])]:
            raise Conflict("该事项不能这样处理", code="outcome_not_offered")
        if outcome is Outcome.REISSUED:
            staff.require_role(Role.REVIEWER)
            if row["opened_by"] == staff.username:
                raise Conflict("登记人不能自行批准作废补发，须由另一人复核", code="second_person_needed")
        if row["closed_at"] is not None or row["officer"] not in ("", staff.username):
            raise _taken(row, staff)
        return row

    async def _close(self, staff: StaffCaller, row: Row, outcome: Outcome, words: str, act: Act | None) -> None:
        async def record(tx: db.Transaction) -> None:
            if row["kind"] == TaskKind.LOST and outcome is not Outcome.REISSUED:
                await _put_back(tx, row, staff.username)
            if act is not None:
                await self._audit.record(act, tx)

        if not await repository.settle(row["id"], staff.username, outcome.value, words, clock.now(), record):
            raise _taken(await _in_scope(staff, row["id"]), staff)

    async def _changed(self, staff: StaffCaller, row: Row) -> TaskView:
        await self._announce("shipments")
        await self._announce(f"shipment:{row['shipment_no']}")
        return _view(await _in_scope(staff, row["id"]))


async def _in_scope(staff: StaffCaller, task_id: uuid.UUID) -> Row:
    row = await repository.find(task_id)
    if row is None or not staff.covers(row["division_code"], row["department_code"]):
        raise NotFound("未找到该事项")
    return row


async def _put_back(tx: db.Transaction, task: Row, actor: str) -> None:
    """Give what was declared lost, and is not, the holder that its parcel's state says."""
    parcel = await repository.find_parcel(tx, task["shipment_no"])
    if parcel is None or parcel["status"] == ShipmentStatus.LOST:
        return
    status = ShipmentStatus(parcel["status"])
    to = holder_after(status, is_inbound=False, was_carried=True, was_handed_over=True)
    await moves.move_parcel(tx, task["shipment_no"], to, clock.now(), reason="快递公司已找到快件", actor=actor)


def _require_declarable(row: Row, kind: TaskKind) -> None:
    status = ShipmentStatus(row["status"])
    if row["leg"] != Leg.OUTBOUND or status in _BEFORE_PICK_UP:
        raise Conflict("快递尚未揽收或不是寄给申请人的，不能登记", code="not_to_declare")
    if kind is TaskKind.LOST and status in TERMINAL:
        raise Conflict("快递已有结果，不能登记丢失", code="not_to_declare")


def _taken(row: Row, staff: StaffCaller) -> Conflict:
    if row["closed_at"] is not None:
        how = OUTCOME_TEXT[row["outcome"]]
        return Conflict(f"该事项已处理：{how}", code="task_taken", current={"outcome": row["outcome"]})
    who = "您" if row["officer"] == staff.username else row["officer"]
    return Conflict(f"该事项正由{who}处理", code="task_taken", current={"officer": row["officer"]})


def _words(text: str) -> str:
    said = text.replace("\r\n", "\n").strip()
    if not _FEWEST_WORDS <= len(said) <= _MOST_WORDS:
        raise InvalidRequest(faults=(FieldFault("note", f"请写明情况，{_FEWEST_WORDS}至{_MOST_WORDS}字"),))
    return said


def _act(staff: StaffCaller, row: Row, what: str, address: str, **details: object) -> Act:
    seen = {"kind": row["kind"], "shipment_no": row["shipment_no"], **details}
    return Act(staff.username, f"shipment_task.{what}", "shipment_task", row["id"].hex, seen, address)


def _bounds(staff: StaffCaller) -> Bounds:
    return Bounds(staff.divisions, staff.departments, staff.username)


def _view(row: Row) -> TaskView:
    kind, due_at = TaskKind(row["kind"]), row["opened_at"] + COMPLAINT_TIME
    is_open = row["closed_at"] is None
    return TaskView(
        task_id=row["id"].hex,
        shipment_no=row["shipment_no"],
        application_no=row["subject_no"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        kind=kind,
        kind_text=KIND_TEXT[kind],
        reason=row["reason"],
        opened_at=clock.rfc3339(row["opened_at"]),
        opened_by=row["opened_by"],
        due_at=clock.rfc3339(due_at),
        is_overdue=is_open and kind not in LIGHT and _is_past(due_at),
        is_light=kind in LIGHT,
        officer=row["officer"],
        closed_at=clock.rfc3339_or_none(row["closed_at"]),
        closed_by=row["closed_by"],
        outcome=row["outcome"],
        outcome_text=OUTCOME_TEXT.get(row["outcome"], ""),
        note=row["note"],
        outcomes=[OutcomeView(outcome=one, text=OUTCOME_TEXT[one]) for one in SETTLED_WITH[kind]] if is_open else [],
    )


def _is_past(moment: datetime) -> bool:
    return moment < clock.now()
