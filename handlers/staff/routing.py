"""Doors of routing: queues with their counts, taking and passing on cases, batches, handing to another body."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import msgspec

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route, act_route
from handlers.parsing import make_cursor, read_cursor
from services.applications.routing.types import (
    MOST_AT_ONCE,
    Assignments,
    BatchResults,
    CaseHold,
    QueueCounts,
    QueueFilter,
    QueueName,
    QueuePage,
)
from services.applications.types import Reason

_TAG = "办件分派"
_ONE = "/api/staff/v1/cases/<application_no:str>"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
Username = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=50, pattern=r"^[0-9A-Za-z]+$")]
OpenStatus = Literal[
    "", "SUBMITTED", "RETURNED", "RECEIVED", "CORRECTION", "ACCEPTED", "SUSPENDED", "APPROVED", "DENIED",
    "CERTIFYING", "DELIVERING", "CLOSED",
]  # fmt: skip


class QueueQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of a queue; `q` is a case number in full or a part of the item's name."""

    status: OpenStatus = ""
    item_code: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[0-9A-Z]*$")] = ""
    q: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00]*$")] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Taking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take a case, or put it back."""

    version: Version | None = None


class Assigning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who shall have the case."""

    username: Username
    version: Version | None = None


class Transferring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who shall have the case instead, and why."""

    username: Username
    reason: Reason
    version: Version | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cases to accept."""

    application_nos: Annotated[list[Number], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)]


class HandingOver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body that shall decide instead, and why."""

    division_code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$")]
    department_code: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{18}$")]
    reason: Reason
    version: Version | None = None


async def count_queues(call: Call[None]) -> Reply:
    """Count every queue."""
    return Reply(await call.house.applications.routing.counts(call.staff))


async def show_queue(call: Call[None]) -> Reply:
    """Show a page of one queue."""
    query: QueueQuery = call.query
    try:
        name = QueueName(call.path["name"])
    except ValueError:
        raise NotFound("没有此队列") from None
    wanted = QueueFilter(status=query.status, item_code=query.item_code, words=query.q.strip())
    found, following = await call.house.applications.routing.queue(
        call.staff, name, wanted, read_cursor(query.cursor), query.limit
    )
    return Reply(QueuePage(data=found, next_cursor=make_cursor(following) if following else None))


async def claim(call: Call[Taking]) -> Reply:
    """认领."""
    routing, number = call.house.applications.routing, call.path["application_no"]
    return Reply(await routing.claim(call.staff, number, call.address, version=call.body.version))


async def release(call: Call[Taking]) -> Reply:
    """退回待认领."""
    routing, number = call.house.applications.routing, call.path["application_no"]
    return Reply(await routing.release(call.staff, number, call.address, version=call.body.version))


async def assign(call: Call[Assigning]) -> Reply:
    """指派."""
    routing, number, body = call.house.applications.routing, call.path["application_no"], call.body
    to = await call.house.staff.colleague(body.username)
    return Reply(await routing.assign(call.staff, number, to, call.address, version=body.version))


async def transfer(call: Call[Transferring]) -> Reply:
    """转办."""
    routing, number, body = call.house.applications.routing, call.path["application_no"], call.body
    to = await call.house.staff.colleague(body.username)
    return Reply(await routing.transfer(call.staff, number, to, body.reason, call.address, version=body.version))


async def batch_accept(call: Call[Batch]) -> Reply:
    """批量受理."""
    routing = call.house.applications.routing
    return Reply(await routing.batch_accept(call.staff, call.body.application_nos, call.address))


async def hand_over_to(call: Call[HandingOver]) -> Reply:
    """移送其他机关."""
    handover, number, body = call.house.applications.handover, call.path["application_no"], call.body
    hold = await handover.hand_over(
        call.staff,
        number,
        body.division_code,
        body.department_code,
        body.reason,
        call.address,
        version=body.version,
    )
    return Reply(hold)


async def list_assignments(call: Call[None]) -> Reply:
    """Show every change of who has a case."""
    return Reply(await call.house.applications.routing.assignments(call.staff, call.path["application_no"]))


_change = partial(act_route, under=_ONE, answer=CaseHold, tag=_TAG)
_SEEN: dict[str, Any] = {"version": 2}
_COLLEAGUE: dict[str, Any] = {"username": "reviewer-xiaodian"}
ROUTES = (
    Route(
        "GET",
        "/api/staff/v1/queues",
        count_queues,
        auth=Auth.STAFF,
        answer=QueueCounts,
        summary="各队列件数",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/queues/<name:str>",
        show_queue,
        auth=Auth.STAFF,
        query=QueueQuery,
        answer=QueuePage,
        summary="队列中的办件",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/staff/v1/cases/batch-accept",
        batch_accept,
        auth=Auth.STAFF,
        body=Batch,
        answer=BatchResults,
        summary="批量受理",
        tag=_TAG,
        example={"application_nos": ["142026112200000001"]},
    ),
    _change("claim", claim, Taking, "认领", _SEEN),
    _change("release", release, Taking, "退回待认领", _SEEN),
    _change("assign", assign, Assigning, "指派", _COLLEAGUE | _SEEN),
    _change("transfer", transfer, Transferring, "转办", _COLLEAGUE | {"reason": "休假交接"}),
    _change(
        "hand-over-to",
        hand_over_to,
        HandingOver,
        "移送其他机关",
        {"division_code": "140702", "department_code": "11140702MB0001265T", "reason": "由户籍地公安机关办理"},
    ),
    Route(
        "GET",
        f"{_ONE}/assignments",
        list_assignments,
        auth=Auth.STAFF,
        answer=Assignments,
        summary="办件分派记录",
        tag=_TAG,
    ),
)
