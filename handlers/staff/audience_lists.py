"""Doors of staff about uploaded lists of people: send one, look at its report, give its people a word."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec

from app.errors import FieldFault, InvalidRequest, NotFound
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from services.audiences.types import MOST_BYTES, ListPage, ListView, Tagged, Tagging

MULTIPART = "multipart/form-data"
BODY_BYTES = MOST_BYTES + 65_536
_TAG = "群发"
_ALL = "/api/staff/v1/audience-lists"
_ONE = f"{_ALL}/<list_id:str>"
_RATE = "30/hour"


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of lists."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ListForm(msgspec.Struct, frozen=True, kw_only=True):
    """The two parts of the multipart form."""

    file: bytes
    name: str


async def upload(call: Call[ListForm]) -> Reply:
    """Take a list; it is read beside the request."""
    return Reply(await taken(call), status=202)


async def taken(call: Call[Any]) -> ListView:
    """Take the list of a multipart form. Raises: InvalidRequest, Forbidden, TooManyRequests."""
    request = call.request
    files = [part.body for part in request.files.getlist("file", [])] if request.files else []
    if len(files) != 1:
        raise InvalidRequest(faults=(FieldFault("file", "请上传一个文件"),))
    name = str((request.form.get("name") if request.form else "") or "").strip()
    if any(ord(sign) < 32 for sign in name):
        raise InvalidRequest(faults=(FieldFault("name", "包含不允许的字符"),))
    await call.house.limits.hit(_RATE, "audience_list", call.staff.staff_id.hex)
    return await call.house.audiences.lists.upload(call.staff, name, files[0], call.address)


async def list_lists(call: Call[None]) -> Reply:
    """List the lists within the caller's scope."""
    query: ListQuery = call.query
    found, following = await call.house.audiences.lists.page(call.staff, read_cursor(query.cursor), query.limit)
    return Reply(ListPage(data=found, next_cursor=make_cursor(following) if following else None))


async def show(call: Call[None]) -> Reply:
    """Show one list with its report."""
    return Reply(await call.house.audiences.lists.show(call.staff, list_id_of(call)))


async def tag(call: Call[Tagging]) -> Reply:
    """Give the people of a list a word."""
    desk = call.house.audiences.lists
    return Reply(await desk.tag(call.staff, list_id_of(call), call.body.tag, call.address, give=True))


async def untag(call: Call[Tagging]) -> Reply:
    """Take a word back from the people of a list."""
    desk = call.house.audiences.lists
    return Reply(await desk.tag(call.staff, list_id_of(call), call.body.tag, call.address, give=False))


def list_id_of(call: Call[Any]) -> uuid.UUID:
    """Read the list's id from the address. Raises NotFound."""
    try:
        return uuid.UUID(hex=call.path["list_id"])
    except ValueError:
        raise NotFound("未找到该名单") from None


_EXAMPLE = {"tag": "退役军人"}
ROUTES = (
    Route(
        "POST", _ALL, upload, Auth.STAFF, "上传名单（CSV 或 XLSX，一列身份证号或手机号）", _TAG,
        body=ListForm, answer=ListView, status=202, consumes=MULTIPART, limit_bytes=BODY_BYTES,
    ),
    Route("GET", _ALL, list_lists, Auth.STAFF, "名单列表", _TAG, query=ListQuery, answer=ListPage),
    Route("GET", _ONE, show, Auth.STAFF, "名单及读取报告", _TAG, answer=ListView),
    Route(
        "POST", f"{_ONE}/tag", tag, Auth.STAFF, "为名单人员加标签", _TAG,
        body=Tagging, answer=Tagged, example=_EXAMPLE,
    ),
    Route(
        "POST", f"{_ONE}/untag", untag, Auth.STAFF, "收回名单人员的标签", _TAG,
        body=Tagging, answer=Tagged, example=_EXAMPLE,
    ),
)  # fmt: skip
