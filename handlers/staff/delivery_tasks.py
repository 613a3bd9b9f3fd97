"""Doors of the staff about trouble with parcels (寄送异常), and about who holds a document (证照流转)."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

import msgspec

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.delivery.custody.types import PieceList
from services.delivery.tasks.types import Outcome, TaskCount, TaskKind, TaskList, TaskPage, TaskView, Words

_TAG = "寄送"
_ALL = "/api/staff/v1/shipment-tasks"
_ONE = f"{_ALL}/<task_id:str>"
ListName = Literal["OPEN", "OVERDUE", "MINE", "CLOSED"]
KindName = Literal[
    "", "EXCEPTION", "REJECTED", "RETURNED", "LOST", "DAMAGED", "SILENT", "SIGNED_BY_OTHER", "BOOKING_REFUSED",
    "UNDELIVERABLE", "PAID_NOT_SENT", "STATEMENT", "ORIGINALS", "UNCOLLECTED", "NO_ADDRESS", "POSTAGE_NOT_BACK",
]  # fmt: skip


class TaskQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tasks."""

    list: ListName = "OPEN"
    kind: KindName = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class TaskNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far it is."""

    note: Words


class TaskSettling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it ended, and what was found."""

    outcome: Outcome
    note: Words = ""


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened to a parcel, by the courier's statement."""

    kind: Literal["LOST", "DAMAGED"]
    statement: Words


async def list_tasks(call: Call[None]) -> Reply:
    """List tasks within the caller's scope."""
    query: TaskQuery = call.query
    kind = TaskKind(query.kind) if query.kind else None
    found, following = await call.house.delivery.tasks.page(
        call.staff, TaskList(query.list), kind, read_cursor(query.cursor), query.limit
    )
    return Reply(TaskPage(data=found, next_cursor=make_cursor(following) if following else None))


async def count_tasks(call: Call[None]) -> Reply:
    """Count what waits."""
    return Reply(await call.house.delivery.tasks.count(call.staff))


async def get_task(call: Call[None]) -> Reply:
    """Show a task."""
    return Reply(await call.house.delivery.tasks.task(call.staff, task_id_of(call)))


async def take_up(call: Call[None]) -> Reply:
    """Take a task."""
    return Reply(await call.house.delivery.tasks.take_up(call.staff, task_id_of(call), call.address))


async def note(call: Call[TaskNote]) -> Reply:
    """Write down how far it is."""
    return Reply(await call.house.delivery.tasks.note(call.staff, task_id_of(call), call.body.note, call.address))


async def settle(call: Call[TaskSettling]) -> Reply:
    """Settle a task with what follows for its cases."""
    body = call.body
    return Reply(
        await call.house.applications.remedies.settle(
            call.staff, task_id_of(call), body.outcome, body.note, call.address
        )
    )


async def declare(call: Call[Declaration]) -> Reply:
    """Declare a parcel lost or damaged."""
    body, number = call.body, call.path["shipment_no"]
    found = await call.house.delivery.tasks.declare(
        call.staff, number, TaskKind(body.kind), body.statement, call.address
    )
    return Reply(found, status=201)


async def custody_of_case(call: Call[None]) -> Reply:
    """Show the documents of a case and who holds them."""
    return Reply(await call.house.applications.holders.of_case(call.staff, call.path["application_no"]))


async def custody_of_licence(call: Call[None]) -> Reply:
    """Show the physical copy of a licence and who holds it."""
    return Reply(await call.house.applications.holders.of_licence(call.staff, call.path["licence_no"]))


async def custody_of_parcel(call: Call[None]) -> Reply:
    """Show what lies, or lay, in a parcel."""
    return Reply(await call.house.applications.holders.of_parcel(call.staff, call.path["shipment_no"]))


def task_id_of(call: Call[Any]) -> uuid.UUID:
    """Return the task of the address. Raises: NotFound for what is no id."""
    try:
        return uuid.UUID(hex=call.path["task_id"])
    except ValueError:
        raise NotFound("未找到该事项") from None


_SETTLE_EXAMPLE = {"outcome": "REISSUED", "note": "快递公司书面确认丢失，同意作废补发"}
_STATEMENT_EXAMPLE = {"kind": "LOST", "statement": "顺丰速运2026年12月1日书面确认快件丢失"}
ROUTES = (
    Route("GET", _ALL, list_tasks, auth=Auth.STAFF, query=TaskQuery, answer=TaskPage, summary="寄送异常", tag=_TAG),
    Route(
        "GET",
        "/api/staff/v1/shipment-task-counts",
        count_tasks,
        auth=Auth.STAFF,
        answer=TaskCount,
        summary="待处理寄送异常数",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_task, auth=Auth.STAFF, answer=TaskView, summary="寄送异常详情", tag=_TAG),
    Route("POST", f"{_ONE}/take-up", take_up, auth=Auth.STAFF, answer=TaskView, summary="认领寄送异常", tag=_TAG),
    Route(
        "POST",
        f"{_ONE}/note",
        note,
        auth=Auth.STAFF,
        body=TaskNote,
        answer=TaskView,
        summary="记录寄送异常进展",
        tag=_TAG,
        example={"note": "已致电快递公司，三日内答复"},
    ),
    Route(
        "POST",
        f"{_ONE}/settle",
        settle,
        auth=Auth.STAFF,
        body=TaskSettling,
        answer=TaskView,
        summary="处理寄送异常",
        tag=_TAG,
        example=_SETTLE_EXAMPLE,
    ),
    Route(
        "POST",
        "/api/staff/v1/shipments/<shipment_no:str>/declare",
        declare,
        auth=Auth.STAFF,
        body=Declaration,
        answer=TaskView,
        summary="登记快件丢失或破损",
        tag=_TAG,
        example=_STATEMENT_EXAMPLE,
        status=201,
    ),
    Route(
        "GET",
        "/api/staff/v1/cases/<application_no:str>/custody",
        custody_of_case,
        auth=Auth.STAFF,
        answer=PieceList,
        summary="办件证照流转",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/licences/<licence_no:str>/custody",
        custody_of_licence,
        auth=Auth.STAFF,
        answer=PieceList,
        summary="证照流转",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/shipments/<shipment_no:str>/custody",
        custody_of_parcel,
        auth=Auth.STAFF,
        answer=PieceList,
        summary="快递内证照流转",
        tag=_TAG,
    ),
)
