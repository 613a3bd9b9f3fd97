"""Doors of the staff about consultations (咨询): the queue, a thread, claim, answer, hand on, end."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.consultations.types import Reason, StaffQueue, StaffThread, Words

_TAG = "咨询"
_ALL = "/api/staff/v1/consultations"
_ONE = f"{_ALL}/<consultation_no:str>"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]


class QueueQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which threads; no status = all that go on."""

    status: Literal["", "OPEN", "ANSWERED", "CLOSED"] = ""
    mine: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act that needs no words; `version` as it was read."""

    version: Version | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person reads."""

    text: Words
    version: Version | None = None


class Routing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose staff shall answer; the person reads the reason."""

    division_code: Annotated[str, msgspec.Meta(pattern="^[0-9]{6}$")]
    department_code: Annotated[str, msgspec.Meta(pattern="^([0-9A-Z]{18})?$")] = ""
    reason: Reason = ""
    version: Version | None = None


async def list_consultations(call: Call[None]) -> Reply:
    """List threads within the caller's scope."""
    query: QueueQuery = call.query
    found, following = await call.house.consultations.desk.queue(
        call.staff, query.status, mine=query.mine, after=read_cursor(query.cursor), limit=query.limit
    )
    return Reply(StaffQueue(data=found, next_cursor=make_cursor(following) if following else None))


async def get_consultation(call: Call[None]) -> Reply:
    """Show a thread."""
    return Reply(await call.house.consultations.desk.thread(call.staff, _number(call), call.address))


async def claim(call: Call[Step]) -> Reply:
    """认领."""
    version, address = call.body.version, call.address
    return Reply(await call.house.consultations.desk.claim(call.staff, _number(call), version=version, address=address))


async def answer(call: Call[Answer]) -> Reply:
    """回复."""
    body, desk = call.body, call.house.consultations.desk
    return Reply(
        await desk.answer(call.staff, _number(call), body.text, version=body.version, address=call.address), status=201
    )


async def route(call: Call[Routing]) -> Reply:
    """转办."""
    body = call.body
    await call.house.consultations.desk.route(
        call.staff,
        _number(call),
        body.division_code,
        body.department_code,
        body.reason,
        version=body.version,
        address=call.address,
    )
    return Reply(status=204)


async def close(call: Call[Step]) -> Reply:
    """结束."""
    version, address = call.body.version, call.address
    return Reply(await call.house.consultations.desk.close(call.staff, _number(call), version=version, address=address))


def _number(call: Call[Any]) -> str:
    return call.path["consultation_no"]


ROUTES = (
    Route(
        "GET",
        _ALL,
        list_consultations,
        auth=Auth.STAFF,
        query=QueueQuery,
        answer=StaffQueue,
        summary="咨询列表",
        tag=_TAG,
    ),
    Route(
        "GET",
        _ONE,
        get_consultation,
        auth=Auth.STAFF,
        answer=StaffThread,
        summary="咨询详情（留痕）",
        tag=_TAG,
    ),
    Route(
        "POST",
        f"{_ONE}/claim",
        claim,
        auth=Auth.STAFF,
        body=Step,
        answer=StaffThread,
        summary="认领咨询",
        tag=_TAG,
        example={"version": 1},
    ),
    Route(
        "POST",
        f"{_ONE}/answer",
        answer,
        auth=Auth.STAFF,
        body=Answer,
        answer=StaffThread,
        status=201,
        summary="回复咨询",
        tag=_TAG,
        example={"text": "请携带户口簿到小店区政务大厅办理，也可在线提交。", "version": 1},
        limit_bytes=16_384,
    ),
    Route(
        "POST",
        f"{_ONE}/route",
        route,
        auth=Auth.STAFF,
        body=Routing,
        status=204,
        summary="转办咨询",
        tag=_TAG,
        example={"division_code": "140105", "department_code": "", "reason": "属区级事项", "version": 1},
    ),
    Route(
        "POST",
        f"{_ONE}/close",
        close,
        auth=Auth.STAFF,
        body=Step,
        answer=StaffThread,
        summary="结束咨询",
        tag=_TAG,
        example={"version": 1},
    ),
)
