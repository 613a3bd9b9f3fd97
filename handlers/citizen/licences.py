"""Doors of one's licences: list, look, download, copy for a purpose; present, and answer verifiers who ask."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec

from app.errors import NotFound
from handlers.citizen.uploads import PRIVATE_FILE
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.licences.types import AskedList, LicencePage, LicenceView, PresentationView

_TAG = "证照"
_ONE = "/api/v1/licences/<licence_no:str>"
_ASKED = "/api/v1/presentations"
PRINTED = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?!\n)"
"""Text with something to read in it, and nothing that a printer would stumble over."""
_PRESENT_RATE, _DRAW_RATE = "30/minute", "20/minute"


class LicenceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of one's licences."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class CopyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a copy is for; it stands across the copy."""

    purpose: Annotated[str, msgspec.Meta(min_length=2, max_length=30, pattern=PRINTED)]


class Presented(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a code is made: with consent to the least by showing it, or asking first whoever scans it."""

    asks_first: bool = False


class Consent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the holder lets the verifier learn; everything that was asked for where no list is given."""

    fields: Annotated[list[Annotated[str, msgspec.Meta(max_length=41)]], msgspec.Meta(max_length=30)] | None = None


async def list_licences(call: Call[None]) -> Reply:
    """List the caller's licences, newest first."""
    query: LicenceQuery = call.query
    found, following = await call.house.licences.list_own(
        call.caller.citizen_id, read_cursor(query.cursor), query.limit
    )
    return Reply(LicencePage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_licence(call: Call[None]) -> Reply:
    """Show one licence with its history and latest shows."""
    return Reply(await call.house.licences.licence(call.caller.citizen_id, call.path["licence_no"]))


async def download_licence(call: Call[None]) -> Reply:
    """Give the document as PDF."""
    content = await call.house.licences.document(call.caller.citizen_id, call.path["licence_no"])
    return Reply(content, content_type="application/pdf", headers=dict(PRIVATE_FILE))


async def download_ofd(call: Call[None]) -> Reply:
    """Give the document as OFD."""
    await call.house.limits.hit(_DRAW_RATE, "licence-ofd", call.caller.citizen_id.hex)
    content = await call.house.licences.ofd(call.caller.citizen_id, call.path["licence_no"])
    return Reply(content, content_type="application/ofd", headers=dict(PRIVATE_FILE))


async def copy_licence(call: Call[None]) -> Reply:
    """Give a copy for one purpose."""
    query: CopyQuery = call.query
    await call.house.limits.hit(_DRAW_RATE, "licence-copy", call.caller.citizen_id.hex)
    content = await call.house.licences.copy(call.caller.citizen_id, call.path["licence_no"], query.purpose.strip())
    return Reply(content, content_type="application/pdf", headers=dict(PRIVATE_FILE))


async def present_licence(call: Call[Presented]) -> Reply:
    """Make a one-time code."""
    await call.house.limits.hit(_PRESENT_RATE, "present", call.caller.citizen_id.hex)
    view = await call.house.licences.presenting.present(
        call.caller, call.path["licence_no"], asks_first=call.body.asks_first
    )
    return Reply(view, status=201)


async def list_asked(call: Call[None]) -> Reply:
    """List verifiers' requests that wait for the caller."""
    return Reply(await call.house.licences.presenting.asked(call.caller.citizen_id))


async def consent(call: Call[Consent]) -> Reply:
    """Let a verifier learn what they asked for, or some of it."""
    await call.house.licences.presenting.consent(call.caller.citizen_id, request_id(call), call.body.fields)
    return Reply(status=204)


async def refuse(call: Call[None]) -> Reply:
    """Let a verifier learn nothing."""
    await call.house.licences.presenting.refuse(call.caller.citizen_id, request_id(call))
    return Reply(status=204)


def request_id(call: Call[Any]) -> uuid.UUID:
    """Read a verifier's request's id from the path. Raises NotFound."""
    try:
        return uuid.UUID(call.path["presentation_id"])
    except ValueError:
        raise NotFound("未找到该核验请求") from None


ROUTES = (
    Route(
        "GET",
        "/api/v1/licences",
        list_licences,
        auth=Auth.CITIZEN,
        query=LicenceQuery,
        answer=LicencePage,
        summary="我的证照",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_licence, auth=Auth.CITIZEN, answer=LicenceView, summary="证照详情", tag=_TAG),
    Route("GET", f"{_ONE}/document", download_licence, auth=Auth.CITIZEN, summary="下载电子证照 PDF", tag=_TAG),
    Route("GET", f"{_ONE}/document.ofd", download_ofd, auth=Auth.CITIZEN, summary="下载电子证照 OFD", tag=_TAG),
    Route(
        "GET",
        f"{_ONE}/file",
        copy_licence,
        auth=Auth.CITIZEN,
        query=CopyQuery,
        summary="生成带用途水印的证照副本",
        tag=_TAG,
    ),
    Route(
        "POST",
        f"{_ONE}/presentations",
        present_licence,
        auth=Auth.CITIZEN,
        body=Presented,
        answer=PresentationView,
        status=201,
        summary="亮证：生成一次性亮证码",
        tag=_TAG,
        example={"asks_first": True},
        remembers=False,
    ),
    Route("GET", _ASKED, list_asked, auth=Auth.CITIZEN, answer=AskedList, summary="待我同意的核验请求", tag=_TAG),
    Route(
        "POST",
        f"{_ASKED}/<presentation_id:str>/consent",
        consent,
        auth=Auth.CITIZEN,
        body=Consent,
        status=204,
        summary="同意核验",
        tag=_TAG,
        example={"fields": ["name"]},
    ),
    Route(
        "POST",
        f"{_ASKED}/<presentation_id:str>/refuse",
        refuse,
        auth=Auth.CITIZEN,
        status=204,
        summary="拒绝核验",
        tag=_TAG,
    ),
)
