"""Doors to one's inbox and to the permissions to be told on the platform's own screen."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from notify.types import NoticePage, ReadNotices, SubscriptionList, SubscriptionReport, SubscriptionView, UnreadCount

_TAG = "消息"


class NoticeQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of the inbox."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=128)] = ""


async def list_notices(call: Call[None]) -> Reply:
    """List the caller's notices, newest first."""
    query: NoticeQuery = call.query
    page, following, unread = await call.house.notify.inbox(call.caller, read_cursor(query.cursor), query.limit)
    cursor = make_cursor(following) if following else None
    return Reply(NoticePage(data=page, next_cursor=cursor, unread_count=unread))


async def read_notices(call: Call[ReadNotices]) -> Reply:
    """Mark notices as read."""
    return Reply(UnreadCount(unread_count=await call.house.notify.mark_read(call.caller, call.body)))


async def list_subscriptions(call: Call[None]) -> Reply:
    """List the permissions worth asking for."""
    return _listed(call, await call.house.notify.subscriptions(call.caller))


async def report_subscriptions(call: Call[SubscriptionReport]) -> Reply:
    """Take what the permission panel told the phone."""
    return _listed(call, await call.house.notify.report_subscriptions(call.caller, call.body.results))


def _listed(call: Call[Any], views: list[SubscriptionView]) -> Reply:
    return Reply(SubscriptionList(data=views, panels=call.house.notify.panels(call.caller, views)))


ROUTES = (
    Route(
        "GET",
        "/api/v1/notices",
        list_notices,
        auth=Auth.CITIZEN,
        query=NoticeQuery,
        answer=NoticePage,
        summary="我的消息",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/v1/notices/read",
        read_notices,
        auth=Auth.CITIZEN,
        body=ReadNotices,
        answer=UnreadCount,
        summary="标记消息已读",
        tag=_TAG,
        example={"all": True},
        limit_bytes=8192,
    ),
    Route(
        "GET",
        "/api/v1/subscriptions",
        list_subscriptions,
        auth=Auth.CITIZEN,
        answer=SubscriptionList,
        summary="可订阅的消息模板",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/v1/subscriptions",
        report_subscriptions,
        auth=Auth.CITIZEN,
        body=SubscriptionReport,
        answer=SubscriptionList,
        summary="上报订阅授权结果",
        tag=_TAG,
        example={"results": {"模板编号": "accept"}},
        limit_bytes=8192,
    ),
)
