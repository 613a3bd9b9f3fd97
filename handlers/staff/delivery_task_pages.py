"""Pages of trouble with parcels (寄送异常): the list, one with its acts; and where a document is (证照流转).

The same use cases as the JSON doors in handlers/staff/delivery_tasks.py.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff.addresses import address_of, turns
from handlers.staff.delivery_tasks import KindName, ListName, task_id_of
from services.delivery.tasks.types import KIND_TEXT, LIST_TEXT, Outcome, TaskKind, TaskList, TaskView
from services.staff.types import Role

_LIST = "/staff/delivery-tasks"
_ONE = f"{_LIST}/<task_id:str>"
_CUSTODY = "/staff/custody"
_DECLARE = "/staff/deliveries/<shipment_no:str>/declare"
_PAGE_LENGTH = 20
MOST_LETTERS = 300
_WORKERS = (Role.WINDOW, Role.DISPATCHER, Role.REVIEWER)
_DECLARERS = (Role.WINDOW, Role.DISPATCHER)
_SHORT = Annotated[str, msgspec.Meta(max_length=24)]
_WORDS = Annotated[str, msgspec.Meta(max_length=4 * MOST_LETTERS)]
_DONE = {"taken": "已认领", "noted": "已记录", "settled": "已处理", "declared": "已登记"}


class TasksQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of a list of tasks."""

    list: ListName = "OPEN"
    kind: KindName = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class TaskQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`done` names the act that was just done."""

    done: _SHORT = ""


class TaskForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """What is done with a task; `outcome` with a settlement only."""

    outcome: _SHORT = ""
    note: _WORDS = ""


class DeclareForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """What happened to a parcel, by the courier's statement."""

    kind: _SHORT = ""
    statement: _WORDS = ""


class CustodyQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The number of a case, a licence or a parcel."""

    q: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def tasks(call: Call[None]) -> Reply:
    """Show a list of tasks."""
    return page(call, "staff/delivery_tasks.html", here="delivery_tasks", **await _tasks(call))


async def tasks_part(call: Call[None]) -> Reply:
    """Show what of the list changes."""
    return page(call, "staff/delivery_tasks_part.html", **await _tasks(call))


async def task(call: Call[None]) -> Reply:
    """Show one task."""
    return await _task(call, done=_DONE.get(call.query.done, ""))


async def take_up(call: Call[TaskForm]) -> Reply:
    """Take a task; a refusal shows it with who was faster."""
    try:
        await call.house.delivery.tasks.take_up(call.staff, task_id_of(call), call.address)
    except Conflict as refusal:
        return await _task(call, problem=refusal)
    return _done(call, "taken")


async def note(call: Call[TaskForm]) -> Reply:
    """Write down how far it is."""
    try:
        await call.house.delivery.tasks.note(call.staff, task_id_of(call), call.body.note, call.address)
    except (Conflict, InvalidRequest) as refusal:
        return await _task(call, problem=refusal, form=call.body)
    return _done(call, "noted")


async def settle(call: Call[TaskForm]) -> Reply:
    """Settle a task, with what follows for its cases."""
    form = call.body
    try:
        if form.outcome not in set(Outcome):
            raise InvalidRequest(faults=(FieldFault("outcome", "请选择处理结果"),))
        await call.house.applications.remedies.settle(
            call.staff, task_id_of(call), Outcome(form.outcome), form.note, call.address
        )
    except (Conflict, InvalidRequest) as refusal:
        return await _task(call, problem=refusal, form=form)
    return _done(call, "settled")


async def declaration(call: Call[None]) -> Reply:
    """Show the form that declares a parcel lost or damaged."""
    return await _declaration(call)


async def declare(call: Call[DeclareForm]) -> Reply:
    """Declare a parcel lost or damaged; leads to the task."""
    form = call.body
    try:
        if form.kind not in (TaskKind.LOST, TaskKind.DAMAGED):
            raise InvalidRequest(faults=(FieldFault("kind", "请选择丢失或破损"),))
        found = await call.house.delivery.tasks.declare(
            call.staff, call.path["shipment_no"], TaskKind(form.kind), form.statement, call.address
        )
    except InvalidRequest as refusal:
        faults = tuple(FieldFault(fault.path.replace("note", "statement"), fault.message) for fault in refusal.faults)
        return await _declaration(call, problem=InvalidRequest(faults=faults), form=form)
    except Conflict as refusal:
        return await _declaration(call, problem=refusal, form=form)
    return see_other(f"{_LIST}/{found.task_id}?done=declared")


async def custody(call: Call[None]) -> Reply:
    """Show who holds the documents of a number and how they came there."""
    number, pieces = call.query.q.strip(), None
    holders = call.house.applications.holders
    holders.require_reader(call.staff)
    if number:
        try:
            pieces = (await holders.find(call.staff, number)).data
        except NotFound:
            pieces = []
    return page(call, "staff/custody.html", here="custody", number=number, pieces=pieces)


async def _tasks(call: Call[None]) -> dict[str, Any]:
    query: TasksQuery = call.query
    desk, which = call.house.delivery.tasks, TaskList(query.list)
    kind = TaskKind(query.kind) if query.kind else None
    rows, following = await desk.page(call.staff, which, kind, read_cursor(query.cursor), _PAGE_LENGTH)
    chosen = {"list": query.list, "kind": query.kind}
    return {
        "rows": rows,
        "count": await desk.count(call.staff),
        "lists": LIST_TEXT,
        "kinds": KIND_TEXT,
        "chosen": chosen,
        "fragment_address": address_of(f"{_LIST}/part", **chosen, cursor=query.cursor),
        **turns(_LIST, query.cursor, following, **chosen),
    }


async def _task(
    call: Call[Any], *, done: str = "", problem: SanjinError | None = None, form: TaskForm | None = None
) -> Reply:
    found = await call.house.delivery.tasks.task(call.staff, task_id_of(call))
    is_mine = found.officer in ("", call.staff.username)
    return page(
        call,
        "staff/delivery_task.html",
        status=problem.status if problem else 200,
        here="delivery_tasks",
        task=found,
        done=done,
        problem=problem,
        form=form,
        may_take=found.closed_at is None and not found.officer and call.staff.may(*_WORKERS),
        may_work=found.closed_at is None and is_mine and call.staff.may(*_WORKERS),
        outcomes=[one for one in found.outcomes if _may_settle(call, found, one.outcome)],
        may_open_case=call.staff.may(Role.WINDOW, Role.REVIEWER, Role.ADMINISTRATOR),
        most_letters=MOST_LETTERS,
    )


async def _declaration(
    call: Call[Any], *, problem: SanjinError | None = None, form: DeclareForm | None = None
) -> Reply:
    call.staff.require_role(*_DECLARERS)
    found = await call.house.applications.aftercare.shipment(call.staff, call.path["shipment_no"])
    return page(
        call,
        "staff/delivery_declare.html",
        status=problem.status if problem else 200,
        here="deliveries",
        parcel=found,
        problem=problem,
        form=form,
        most_letters=MOST_LETTERS,
    )


def _may_settle(call: Call[Any], found: TaskView, outcome: str) -> bool:
    second = call.staff.may(Role.REVIEWER) and found.opened_by != call.staff.username
    return outcome != Outcome.REISSUED or second


def _done(call: Call[Any], what: str) -> Reply:
    return see_other(f"{_LIST}/{call.path['task_id']}?done={what}")


ROUTES = (
    page_route(_LIST, tasks, "寄送异常", TasksQuery),
    page_route(f"{_LIST}/part", tasks_part, "寄送异常的内容", TasksQuery),
    page_route(_ONE, task, "一件寄送异常", TaskQuery),
    form_route(f"{_ONE}/take-up", take_up, "认领寄送异常", TaskForm),
    form_route(f"{_ONE}/note", note, "记录寄送异常进展", TaskForm),
    form_route(f"{_ONE}/settle", settle, "处理寄送异常", TaskForm),
    page_route(_DECLARE, declaration, "登记丢失或破损"),
    form_route(_DECLARE, declare, "登记丢失或破损", DeclareForm),
    page_route(_CUSTODY, custody, "证照流转", CustodyQuery),
)
