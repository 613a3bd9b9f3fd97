"""Doors of the staff about versions of items: list, compare, publish, withdraw, restore, the consistency report."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from app.errors import NotFound
from handlers.doors import Auth, Call, Handler, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.catalogue.publishing.types import (
    ChangeList,
    ItemReport,
    VersionAct,
    VersionList,
    VersionPage,
    VersionView,
)

_TAG = "事项管理"
_ALL = "/api/staff/v1/items"
_VERSIONS = f"{_ALL}/<item_code:str>/versions"
_ONE = f"{_VERSIONS}/<version:str>"
Number = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]


class VersionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which versions; no status = those that wait or are published."""

    status: Literal["", "DRAFT", "PUBLISHED", "WITHDRAWN"] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class CompareQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version to compare against."""

    against: Number


class VersionStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a version is published, withdrawn or restored."""

    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


async def list_items(call: Call[None]) -> Reply:
    """List versions within the caller's scope."""
    query: VersionQuery = call.query
    found, following = await call.house.publishing.page(
        call.staff, query.status, read_cursor(query.cursor), query.limit
    )
    return Reply(VersionPage(data=found, next_cursor=make_cursor(following) if following else None))


async def list_versions(call: Call[None]) -> Reply:
    """List all versions of an item."""
    return Reply(await call.house.publishing.versions(call.staff, call.path["item_code"]))


async def compare(call: Call[None]) -> Reply:
    """Show what changed between two versions."""
    query: CompareQuery = call.query
    number = call.path["item_code"]
    return Reply(await call.house.publishing.compare(call.staff, number, version_of(call), query.against))


async def report(call: Call[None]) -> Reply:
    """Check the items in scope against the rules."""
    return Reply(await call.house.publishing.report(call.staff))


async def publish(call: Call[VersionStep]) -> Reply:
    """发布."""
    return await _act(call, VersionAct.PUBLISH)


async def withdraw(call: Call[VersionStep]) -> Reply:
    """下架."""
    return await _act(call, VersionAct.WITHDRAW)


async def restore(call: Call[VersionStep]) -> Reply:
    """重新上架."""
    return await _act(call, VersionAct.RESTORE)


async def _act(call: Call[VersionStep], act: VersionAct) -> Reply:
    view = await call.house.publishing.act(
        call.staff, call.path["item_code"], version_of(call), act, call.address, call.body.reason
    )
    call.house.catalogue.forget()
    return Reply(view)


def version_of(call: Call[Any]) -> int:
    """Read the version that an address names. Raises: NotFound."""
    text = call.path["version"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound("未找到该事项版本")
    return int(text)


def _step(path: str, handler: Handler, summary: str) -> Route:
    return Route(
        "POST",
        f"{_ONE}/{path}",
        handler,
        auth=Auth.STAFF,
        body=VersionStep,
        answer=VersionView,
        summary=summary,
        tag=_TAG,
        example={"reason": "按新规定实施"},
        limit_bytes=4096,
    )


ROUTES = (
    Route(
        "GET", _ALL, list_items, auth=Auth.STAFF, query=VersionQuery, answer=VersionPage, summary="事项版本", tag=_TAG
    ),
    Route(
        "GET",
        "/api/staff/v1/item-report",
        report,
        auth=Auth.STAFF,
        answer=ItemReport,
        summary="事项要素检查报告",
        tag=_TAG,
    ),
    Route("GET", _VERSIONS, list_versions, auth=Auth.STAFF, answer=VersionList, summary="一个事项的版本", tag=_TAG),
    Route(
        "GET",
        f"{_ONE}/changes",
        compare,
        auth=Auth.STAFF,
        query=CompareQuery,
        answer=ChangeList,
        summary="两个版本的差异",
        tag=_TAG,
    ),
    _step("publish", publish, "发布事项版本"),
    _step("withdraw", withdraw, "下架事项版本"),
    _step("restore", restore, "重新上架事项版本"),
)
