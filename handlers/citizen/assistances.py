"""Doors of citizens who are helped to file (帮办): look at the offer, consent or decline, watch, end at any time."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.applications.assistance.types import AssistanceOffer, AssistancePage, AssistanceView, Code

_TAG = "帮办"
_ALL = "/api/v1/assistances"
_ONE = f"{_ALL}/<assistance_no:str>"
_CODE_RATE = "30/hour"
_CODE: dict[str, Any] = {"code": "40817265"}


class ShownCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that the member of staff shows. It stands in the body: an address is kept in many places."""

    code: Code


class Consent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code, and the digest of the wording that the citizen chose."""

    code: Code
    text_sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class AssistanceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def look(call: Call[ShownCode]) -> Reply:
    """Show who offers what."""
    await _limit(call)
    offer = await call.house.applications.assistances.look(call.body.code)
    return Reply(offer, headers={"Cache-Control": "no-store"})


async def consent(call: Call[Consent]) -> Reply:
    """Consent."""
    await _limit(call)
    body = call.body
    return Reply(
        await call.house.applications.assistances.consent(call.caller, body.code, body.text_sha256, call.address)
    )


async def decline(call: Call[ShownCode]) -> Reply:
    """Decline."""
    await _limit(call)
    await call.house.applications.assistances.decline(call.caller, call.body.code, call.address)
    return Reply(status=204)


async def list_assistances(call: Call[None]) -> Reply:
    """List one's own, newest first."""
    query: AssistanceQuery = call.query
    found, following = await call.house.applications.assistances.list_own(
        call.caller, read_cursor(query.cursor), query.limit
    )
    return Reply(AssistancePage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_assistance(call: Call[None]) -> Reply:
    """Show one."""
    return Reply(await call.house.applications.assistances.show(call.caller, call.path["assistance_no"]))


async def end_assistance(call: Call[None]) -> Reply:
    """End one."""
    number = call.path["assistance_no"]
    return Reply(await call.house.applications.assistances.end_own(call.caller, number, call.address))


async def _limit(call: Call[Any]) -> None:
    # A code has eight digits: nobody may try many.
    await call.house.limits.hit(_CODE_RATE, "assistance-code", call.caller.citizen_id.hex)


ROUTES = (
    Route(
        "POST",
        f"{_ALL}/look",
        look,
        auth=Auth.CITIZEN,
        body=ShownCode,
        answer=AssistanceOffer,
        summary="查看帮办邀请（工作人员、事项与同意书）",
        tag=_TAG,
        example=_CODE,
        remembers=False,
    ),
    Route(
        "POST",
        f"{_ALL}/consent",
        consent,
        auth=Auth.CITIZEN,
        body=Consent,
        answer=AssistanceView,
        summary="同意帮办",
        tag=_TAG,
        example=_CODE | {"text_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    ),
    Route(
        "POST",
        f"{_ALL}/decline",
        decline,
        auth=Auth.CITIZEN,
        body=ShownCode,
        status=204,
        summary="不同意帮办",
        tag=_TAG,
        example=_CODE,
    ),
    Route(
        "GET",
        _ALL,
        list_assistances,
        auth=Auth.CITIZEN,
        query=AssistanceQuery,
        answer=AssistancePage,
        summary="我的帮办记录",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_assistance, auth=Auth.CITIZEN, answer=AssistanceView, summary="帮办详情", tag=_TAG),
    Route(
        "POST", f"{_ONE}/end", end_assistance, auth=Auth.CITIZEN, answer=AssistanceView, summary="结束帮办", tag=_TAG
    ),
)
