"""Doors of staff about originals: what is awaited, receipt with its condition, brought, done without, asked again."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import expected_version, make_cursor, read_cursor
from services.delivery.mailing.types import AWAITED, MailingPage, MailingStatus, MailingView, Receipt

_TAG = "收取原件"
_ALL = "/api/staff/v1/mailings"
_ONE = f"{_ALL}/<application_no:str>"
Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
Words = Annotated[str, msgspec.Meta(min_length=2, max_length=200, pattern=r"^[^\x00]*\Z")]
StateName = Literal["awaited", "received", "done"]
STATES: dict[str, tuple[MailingStatus, ...]] = {
    "awaited": AWAITED,
    "received": (MailingStatus.RECEIVED, MailingStatus.BROUGHT),
    "done": (MailingStatus.WAIVED, MailingStatus.ENDED),
}


class MailingsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which mailings, oldest first."""

    state: StateName = "awaited"
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class SeenVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the caller has read."""

    version: Version | None = None


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act that needs no words."""


class WithReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why; the citizen may read it."""

    reason: Words
    version: Version | None = None


async def list_mailings(call: Call[None]) -> Reply:
    """List mailings in scope."""
    query: MailingsQuery = call.query
    found, following = await call.house.delivery.mailing.page(
        call.staff, STATES[query.state], read_cursor(query.cursor), query.limit
    )
    return Reply(MailingPage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_mailing(call: Call[None]) -> Reply:
    """Show the originals of a case."""
    return Reply(await call.house.applications.originals.of_case(call.staff, call.path["application_no"]))


async def receive(call: Call[Receipt]) -> Reply:
    """Confirm a receipt."""
    originals, number = call.house.applications.originals, call.path["application_no"]
    return Reply(await originals.receive(call.staff, number, call.body, call.address))


async def bring(call: Call[SeenVersion]) -> Reply:
    """Note that the originals were brought."""
    version = expected_version(call.request, call.body.version)
    originals, number = call.house.applications.originals, call.path["application_no"]
    return Reply(await originals.bring(call.staff, number, call.address, version=version))


async def waive(call: Call[WithReason]) -> Reply:
    """Do without the originals."""
    originals, number = call.house.applications.originals, call.path["application_no"]
    return Reply(await originals.waive(call.staff, number, call.body.reason, call.address, version=call.body.version))


async def ask_again(call: Call[WithReason]) -> Reply:
    """Ask once more."""
    originals, number = call.house.applications.originals, call.path["application_no"]
    return Reply(
        await originals.ask_again(call.staff, number, call.body.reason, call.address, version=call.body.version)
    )


async def give_back(call: Call[WithReason]) -> Reply:
    """Note that the originals were given back at the window."""
    originals, number = call.house.applications.originals, call.path["application_no"]
    return Reply(await originals.give_back(call.staff, number, call.body.reason, call.address))


async def send_back(call: Call[Nothing]) -> Reply:
    """Have the originals go back by parcel."""
    originals, number = call.house.applications.originals, call.path["application_no"]
    return Reply(await originals.send_back(call.staff, number, call.address))


ROUTES = (
    Route(
        "GET", _ALL, list_mailings, auth=Auth.STAFF, query=MailingsQuery, answer=MailingPage, summary="原件", tag=_TAG
    ),
    Route("GET", _ONE, get_mailing, auth=Auth.STAFF, answer=MailingView, summary="办件的材料原件", tag=_TAG),
    Route(
        "POST",
        f"{_ONE}/receipt",
        receive,
        auth=Auth.STAFF,
        body=Receipt,
        answer=MailingView,
        summary="确认收到原件",
        tag=_TAG,
        example={"condition": "INCOMPLETE", "note": "缺少户口簿首页"},
        limit_bytes=4096,
    ),
    Route(
        "POST",
        f"{_ONE}/brought",
        bring,
        auth=Auth.STAFF,
        body=SeenVersion,
        answer=MailingView,
        summary="现场提交原件",
        tag=_TAG,
        example={},
        limit_bytes=1024,
    ),
    Route(
        "POST",
        f"{_ONE}/parcel-back",
        send_back,
        auth=Auth.STAFF,
        body=Nothing,
        answer=MailingView,
        summary="寄回原件",
        tag=_TAG,
        example={},
        limit_bytes=1024,
    ),
    *(
        Route(
            "POST",
            f"{_ONE}/{name}",
            handler,
            auth=Auth.STAFF,
            body=WithReason,
            answer=MailingView,
            summary=summary,
            tag=_TAG,
            example={"reason": reason},
            limit_bytes=4096,
        )
        for name, handler, summary, reason in (
            ("waiver", waive, "无需提交原件", "已通过部门数据核验"),
            ("another-request", ask_again, "要求补寄原件", "请补寄户口簿首页"),
            ("return", give_back, "退还原件", "申请人到窗口取回"),
        )
    ),
)
