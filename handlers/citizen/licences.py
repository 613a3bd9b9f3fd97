"""Doors of one's licences: list, look, download, present; and the public door that verifies a presented code."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.citizen.uploads import PRIVATE_FILE
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.licences.types import LicencePage, LicenceView, PresentationView, VerifiedLicence

_TAG = "证照"
_ONE = "/api/v1/licences/<licence_no:str>"
_PRESENT_RATE, _VERIFY_RATE = "30/minute", "60/minute"


class LicenceQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of one's licences."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class PresentedCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that a holder showed (亮证码)."""

    code: Annotated[str, msgspec.Meta(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


async def list_licences(call: Call[None]) -> Reply:
    """List the caller's licences, newest first."""
    query: LicenceQuery = call.query
    found, following = await call.house.licences.list_own(
        call.caller.citizen_id, read_cursor(query.cursor), query.limit
    )
    return Reply(LicencePage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_licence(call: Call[None]) -> Reply:
    """Show one licence with its latest shows."""
    return Reply(await call.house.licences.licence(call.caller.citizen_id, call.path["licence_no"]))


async def download_licence(call: Call[None]) -> Reply:
    """Give the document as PDF."""
    content = await call.house.licences.document(call.caller.citizen_id, call.path["licence_no"])
    return Reply(content, content_type="application/pdf", headers=dict(PRIVATE_FILE))


async def present_licence(call: Call[None]) -> Reply:
    """Make a one-time code."""
    await call.house.limits.hit(_PRESENT_RATE, "present", call.caller.citizen_id.hex)
    view = await call.house.licences.present(call.caller.citizen_id, call.path["licence_no"])
    return Reply(view, status=201)


async def verify_presentation(call: Call[PresentedCode]) -> Reply:
    """Exchange a presented code for the least that proves the licence."""
    await call.house.limits.hit(_VERIFY_RATE, "verify", call.address)
    return Reply(await call.house.licences.verify(call.body.code, "现场核验"))


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
    Route(
        "POST",
        f"{_ONE}/presentations",
        present_licence,
        auth=Auth.CITIZEN,
        answer=PresentationView,
        status=201,
        summary="亮证：生成一次性亮证码",
        tag=_TAG,
        remembers=False,
    ),
    Route(
        "POST",
        "/api/v1/presentations/verify",
        verify_presentation,
        auth=Auth.PUBLIC,
        body=PresentedCode,
        answer=VerifiedLicence,
        summary="核验亮证码",
        tag=_TAG,
        example={"code": "0123456789abcdefABCDEF_-"},
        remembers=False,
    ),
)
