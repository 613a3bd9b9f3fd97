"""Pages of uploaded lists of people: send one, watch it being read, its report, and words for its people."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import Conflict, InvalidRequest, PayloadTooLarge, SanjinError, TooManyRequests
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff.addresses import turns
from handlers.staff.audience_lists import BODY_BYTES, MULTIPART, ListForm, list_id_of, taken
from services.audiences.types import MOST_BYTES, MOST_LINES, Tagging
from services.staff.types import Role

_LIST = "/staff/audience-lists"
_ONE = f"{_LIST}/<list_id:str>"
_PAGE_LENGTH = 20


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of lists."""

    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class DoneQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How many people just got or lost a word."""

    given: Annotated[str, msgspec.Meta(max_length=10)] = ""
    taken: Annotated[str, msgspec.Meta(max_length=10)] = ""


class TagForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A word for the people of a list, to be given or taken back."""

    tag: Annotated[str, msgspec.Meta(max_length=64)] = ""
    act: Annotated[str, msgspec.Meta(max_length=8)] = "give"


async def listed(call: Call[None]) -> Reply:
    """Show the lists and the form that sends one."""
    return await _listed(call, call.query.cursor)


async def upload(call: Call[ListForm]) -> Reply:
    """Take a list; a refusal shows the form again."""
    try:
        made = await taken(call)
    except (InvalidRequest, PayloadTooLarge, TooManyRequests) as refusal:
        return await _listed(call, "", refusal)
    return see_other(f"{_LIST}/{made.list_id}")


async def _listed(call: Call[Any], cursor: str, problem: SanjinError | None = None) -> Reply:
    rows, following = await call.house.audiences.lists.page(call.staff, read_cursor(cursor), _PAGE_LENGTH)
    return page(
        call,
        "staff/audience_lists.html",
        status=problem.status if problem else 200,
        here="audience_lists",
        rows=rows,
        problem=problem,
        may_upload=call.staff.may(Role.PUBLISHER),
        most_lines=MOST_LINES,
        most_mib=MOST_BYTES // 1_048_576,
        **turns(_LIST, cursor, following),
    )


async def show(call: Call[None]) -> Reply:
    """Show one list with its report."""
    return await _shown(call)


async def show_part(call: Call[None]) -> Reply:
    """Show what of one list changes."""
    shown = await call.house.audiences.lists.show(call.staff, list_id_of(call))
    return page(call, "staff/audience_list_part.html", shown=shown)


async def tag(call: Call[TagForm]) -> Reply:
    """Give the people of a list a word, or take it back."""
    form = call.body
    try:
        word = msgspec.convert({"tag": form.tag.strip()}, Tagging).tag
        give = form.act != "take"
        done = await call.house.audiences.lists.tag(call.staff, list_id_of(call), word, call.address, give=give)
    except msgspec.ValidationError:
        return await _shown(call, InvalidRequest("标签应为1至32个汉字、字母或数字"))
    except (InvalidRequest, Conflict) as refusal:
        return await _shown(call, refusal)
    return see_other(f"{_LIST}/{call.path['list_id']}?{'given' if give else 'taken'}={done.people}")


async def _shown(call: Call[Any], problem: SanjinError | None = None) -> Reply:
    shown = await call.house.audiences.lists.show(call.staff, list_id_of(call))
    query = call.query
    said = ""
    if query is not None and query.given:
        said = f"已为{query.given}人加上标签"
    if query is not None and query.taken:
        said = f"已从{query.taken}人收回标签"
    return page(
        call,
        "staff/audience_list.html",
        status=problem.status if problem else 200,
        here="audience_lists",
        shown=shown,
        said=said,
        problem=problem,
        may_tag=call.staff.may(Role.PUBLISHER) and shown.status == "READY",
    )


ROUTES = (
    page_route(_LIST, listed, "人员名单", PageQuery),
    form_route(_LIST, upload, "上传人员名单", ListForm, limit_bytes=BODY_BYTES, consumes=MULTIPART),
    page_route(_ONE, show, "名单读取报告", DoneQuery),
    page_route(f"{_ONE}/part", show_part, "名单读取进度（片段）"),
    form_route(f"{_ONE}/tags", tag, "名单标签", TagForm),
)  # fmt: skip
