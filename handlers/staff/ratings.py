"""Doors of the staff about low ratings: the list, the call, the answer, the call-back, what is left out."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Annotated, Any, Literal

import msgspec

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route, act_route
from handlers.parsing import make_cursor, read_cursor
from services.ratings.types import FollowUpLine, FollowUpPage, RaterContact

_TAG = "好差评"
_ALL = "/api/staff/v1/rating-follow-ups"
_ONE = f"{_ALL}/<follow_up_id:str>"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class FollowUpQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which follow-ups; no status = all that are under way."""

    status: Literal["", "OPEN", "CONTACTED", "ANSWERED", "APPEALED", "CLOSED", "EXCLUDED"] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Contacted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rater was called; a complex matter gets more days."""

    is_complex: bool = False
    version: Version | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was put right; the rater reads it."""

    answer: Words
    version: Version | None = None


class CalledBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The call-back and whether the rater is content now."""

    was_content: bool
    version: Version | None = None


class Exclusion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a rating is left out of the figures."""

    reason: Words
    version: Version | None = None


async def list_follow_ups(call: Call[None]) -> Reply:
    """List low ratings within the caller's scope."""
    query: FollowUpQuery = call.query
    found, following = await call.house.ratings.desk.follow_ups(
        call.staff, query.status, read_cursor(query.cursor), query.limit
    )
    return Reply(FollowUpPage(data=found, next_cursor=make_cursor(following) if following else None))


async def view_contact(call: Call[None]) -> Reply:
    """查看联系方式."""
    return Reply(await call.house.ratings.desk.contact(call.staff, follow_up_id(call), call.address))


async def note_contact(call: Call[Contacted]) -> Reply:
    """登记联系核实."""
    body = call.body
    return Reply(
        await call.house.ratings.desk.note_contact(
            call.staff, follow_up_id(call), is_complex=body.is_complex, version=body.version, address=call.address
        )
    )


async def answer(call: Call[Answer]) -> Reply:
    """整改反馈."""
    body = call.body
    return Reply(
        await call.house.ratings.desk.answer(
            call.staff, follow_up_id(call), body.answer, version=body.version, address=call.address
        )
    )


async def call_back(call: Call[CalledBack]) -> Reply:
    """登记回访."""
    body = call.body
    return Reply(
        await call.house.ratings.desk.call_back(
            call.staff, follow_up_id(call), was_content=body.was_content, version=body.version, address=call.address
        )
    )


async def exclude(call: Call[Exclusion]) -> Reply:
    """核实后不计入."""
    body = call.body
    return Reply(
        await call.house.ratings.desk.exclude(
            call.staff, follow_up_id(call), body.reason, version=body.version, address=call.address
        )
    )


def follow_up_id(call: Call[Any]) -> uuid.UUID:
    """Read the follow-up that an address names. Raises: NotFound."""
    try:
        return uuid.UUID(call.path["follow_up_id"])
    except ValueError as error:
        raise NotFound("未找到该差评") from error


_act = partial(act_route, under=_ONE, answer=FollowUpLine, tag=_TAG)
ROUTES = (
    Route(
        "GET",
        _ALL,
        list_follow_ups,
        auth=Auth.STAFF,
        query=FollowUpQuery,
        answer=FollowUpPage,
        summary="差评整改列表",
        tag=_TAG,
    ),
    Route(
        "GET",
        f"{_ONE}/contact",
        view_contact,
        auth=Auth.STAFF,
        answer=RaterContact,
        summary="查看评价人联系方式（留痕）",
        tag=_TAG,
    ),
    _act("contact", note_contact, Contacted, "登记联系核实", {"is_complex": False, "version": 1}),
    _act("answer", answer, Answer, "整改反馈", {"answer": "已增设窗口并向您致歉", "version": 2}),
    _act("call-back", call_back, CalledBack, "登记回访", {"was_content": True, "version": 3}),
    _act("exclude", exclude, Exclusion, "核实后不计入", {"reason": "经核实为误评", "version": 2}),
)
