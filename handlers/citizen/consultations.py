"""Doors of consultations (咨询) for citizens: ask, read, add words, note as read, end."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.consultations.types import ConsultationList, ConsultationView, NewConsultation, NewMessage

_TAG = "咨询"
_ALL = "/api/v1/consultations"
_ONE = f"{_ALL}/<consultation_no:str>"
_WORDS_LIMIT = 16_384


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of own threads."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def list_consultations(call: Call[None]) -> Reply:
    """List own threads, also those begun in the platform's chat."""
    query: ListQuery = call.query
    found, following = await call.house.consultations.list_own(call.caller, read_cursor(query.cursor), query.limit)
    return Reply(ConsultationList(data=found, next_cursor=make_cursor(following) if following else None))


async def start(call: Call[NewConsultation]) -> Reply:
    """Ask something."""
    return Reply(await call.house.consultations.start(call.caller, call.body), status=201)


async def get_consultation(call: Call[None]) -> Reply:
    """Show an own thread."""
    return Reply(await call.house.consultations.own(call.caller, call.path["consultation_no"]))


async def write(call: Call[NewMessage]) -> Reply:
    """Add words."""
    return Reply(await call.house.consultations.write(call.caller, call.path["consultation_no"], call.body), status=201)


async def mark_read(call: Call[None]) -> Reply:
    """Note that the answers were seen."""
    await call.house.consultations.mark_read(call.caller, call.path["consultation_no"])
    return Reply(status=204)


async def close(call: Call[None]) -> Reply:
    """End an own thread."""
    return Reply(await call.house.consultations.close(call.caller, call.path["consultation_no"]))


ROUTES = (
    Route(
        "GET",
        _ALL,
        list_consultations,
        auth=Auth.CITIZEN,
        query=ListQuery,
        answer=ConsultationList,
        summary="我的咨询",
        tag=_TAG,
    ),
    Route(
        "POST",
        _ALL,
        start,
        auth=Auth.CITIZEN,
        body=NewConsultation,
        answer=ConsultationView,
        status=201,
        summary="发起咨询",
        tag=_TAG,
        example={"text": "请问身份证补领需要带什么材料？", "item_code": "11140105MB0001177F4140709012000"},
        limit_bytes=_WORDS_LIMIT,
    ),
    Route("GET", _ONE, get_consultation, auth=Auth.CITIZEN, answer=ConsultationView, summary="咨询详情", tag=_TAG),
    Route(
        "POST",
        f"{_ONE}/messages",
        write,
        auth=Auth.CITIZEN,
        body=NewMessage,
        answer=ConsultationView,
        status=201,
        summary="继续咨询",
        tag=_TAG,
        example={"text": "好的，需要本人到场吗？"},
        limit_bytes=_WORDS_LIMIT,
    ),
    Route("POST", f"{_ONE}/read", mark_read, auth=Auth.CITIZEN, status=204, summary="咨询回复已读", tag=_TAG),
    Route("POST", f"{_ONE}/close", close, auth=Auth.CITIZEN, answer=ConsultationView, summary="结束咨询", tag=_TAG),
)
