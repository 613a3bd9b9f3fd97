"""Pages of low ratings: the list with its clock, one of them with what may be done about it, the list as a file.

The same use cases as the JSON doors in handlers/staff/ratings.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from app import clock
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff.addresses import address_of, turns
from handlers.staff.ratings import follow_up_id
from handlers.staff.sheets import PAGE_LENGTH, Column, Format, Kind, export, paged
from services.ratings.types import STATUS_TEXT, FollowUpLine, RaterContact

_LIST = "/staff/ratings"
_ONE = f"{_LIST}/<follow_up_id:str>"
_PAGE_LENGTH = 20
MOST_LETTERS = 500
_DONE = {
    "contact": "已登记联系核实",
    "answer": "已反馈，评价人会收到通知",
    "call_back": "已登记回访，本次整改结束",
    "exclude": "已从评价统计中剔除",
}
_COLUMNS = (
    Column("事项", width=30),
    Column("区划代码"),
    Column("部门代码", width=22),
    Column("评价"),
    Column("标签", width=24),
    Column("评价内容", width=40),
    Column("追加内容", width=40),
    Column("评价时间", Kind.MOMENT, 20),
    Column("状态"),
    Column("联系期限"),
    Column("整改期限"),
    Column("是否逾期"),
    Column("承办人"),
    Column("整改反馈", width=40),
    Column("回访结果"),
)
Status = Literal["", "OPEN", "CONTACTED", "ANSWERED", "APPEALED", "CLOSED", "EXCLUDED"]
Long = Annotated[str, msgspec.Meta(max_length=4 * MOST_LETTERS)]


class RatingQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which low ratings: all under way, one status, only those whose next step is late."""

    status: Status = ""
    late: Literal["", "1"] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ExportQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which low ratings, as what."""

    status: Status = ""
    late: Literal["", "1"] = ""
    format: Format = "csv"


class RatingForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """What an act is given, as a browser sends it, and the version that the page showed."""

    is_complex: Literal["", "1"] = ""
    was_content: Literal["", "yes", "no"] = ""
    given: Long = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]


class ContactForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A form with nothing to fill in."""


async def low_ratings(call: Call[None]) -> Reply:
    """Show a page of low ratings."""
    query: RatingQuery = call.query
    desk = call.house.ratings.desk
    rows, following = await desk.follow_ups(
        call.staff, query.status, read_cursor(query.cursor), _PAGE_LENGTH, only_late=query.late != ""
    )
    chosen = {"status": query.status, "late": query.late}
    return page(
        call,
        "staff/ratings.html",
        here="ratings",
        tally=await desk.tally(call.staff),
        rows=rows,
        chosen=query.status,
        late=query.late,
        statuses=STATUS_TEXT,
        export_address=address_of(f"{_LIST}/export", **chosen),
        **turns(_LIST, query.cursor, following, **chosen),
    )


async def ratings_export(call: Call[None]) -> Reply:
    """Send low ratings as a file; who has rated is not in it."""
    query: ExportQuery = call.query
    desk, late = call.house.ratings.desk, query.late != ""
    rows = paged(lambda after: desk.follow_ups(call.staff, query.status, after, PAGE_LENGTH, only_late=late), _row)
    filters = {"status": query.status, "late": query.late}
    name = f"差评整改_{clock.beijing_date()}"
    return await export(call, "ratings", name, _COLUMNS, rows, query.format, title="差评整改", filters=filters)


async def low_rating(call: Call[None]) -> Reply:
    """Show one low rating."""
    return await _shown(call, done=_DONE.get(call.query.done, ""))


async def view_contact(call: Call[ContactForm]) -> Reply:
    """Show how the rater is reached; the look is audited by the use case."""
    contact = await call.house.ratings.desk.contact(call.staff, follow_up_id(call), call.address)
    return await _shown(call, contact=contact)


async def act(call: Call[RatingForm]) -> Reply:
    """Take a step; a refusal shows the page again with what was written."""
    name = call.path["act"]
    do = _ACTS.get(name)
    if do is None:
        raise NotFound("地址不存在")
    number = follow_up_id(call)
    try:
        await do(call, number)
    except (InvalidRequest, Conflict) as refusal:
        return await _shown(call, problem=refusal, tried=name)
    return see_other(f"{_LIST}/{number}?done={name}")


async def _note_contact(call: Call[RatingForm], number: uuid.UUID) -> None:
    is_complex = call.body.is_complex != ""
    await call.house.ratings.desk.note_contact(
        call.staff, number, is_complex=is_complex, version=call.body.version, address=call.address
    )


async def _answer(call: Call[RatingForm], number: uuid.UUID) -> None:
    words = _words(call.body, "请写明整改情况")
    await call.house.ratings.desk.answer(call.staff, number, words, version=call.body.version, address=call.address)


async def _call_back(call: Call[RatingForm], number: uuid.UUID) -> None:
    if not call.body.was_content:
        raise InvalidRequest(faults=(FieldFault("was_content", "请选择评价人是否满意"),))
    was_content = call.body.was_content == "yes"
    await call.house.ratings.desk.call_back(
        call.staff, number, was_content=was_content, version=call.body.version, address=call.address
    )


async def _exclude(call: Call[RatingForm], number: uuid.UUID) -> None:
    words = _words(call.body, "请写明核实情况")
    await call.house.ratings.desk.exclude(call.staff, number, words, version=call.body.version, address=call.address)


_ACTS: Mapping[str, Callable[[Call[RatingForm], uuid.UUID], Awaitable[None]]] = {
    "contact": _note_contact,
    "answer": _answer,
    "call_back": _call_back,
    "exclude": _exclude,
}


def _words(form: RatingForm, missing: str) -> str:
    words = form.given.replace("\r\n", "\n").strip()
    if not words:
        raise InvalidRequest(faults=(FieldFault("given", missing),))
    if len(words) > MOST_LETTERS:
        raise InvalidRequest(faults=(FieldFault("given", f"不能超过{MOST_LETTERS}字，现有{len(words)}字"),))
    return words


async def _shown(
    call: Call[Any],
    *,
    done: str = "",
    contact: RaterContact | None = None,
    problem: SanjinError | None = None,
    tried: str = "",
) -> Reply:
    return page(
        call,
        "staff/rating.html",
        status=problem.status if problem else 200,
        here="ratings",
        rating=await call.house.ratings.desk.follow_up(call.staff, follow_up_id(call)),
        done=done,
        contact=contact,
        problem=problem,
        tried=tried,
        given=call.body.given if tried else "",
        most_letters=MOST_LETTERS,
    )


def _row(line: FollowUpLine) -> list[object]:
    return [
        line.item_name,
        line.division_code,
        line.department_code,
        line.grade_text,
        "、".join(line.tags),
        line.comment,
        line.supplement,
        clock.parse_rfc3339(line.rated_at),
        line.status_text,
        line.contact_due_on,
        line.correct_due_on,
        "是" if line.is_overdue else "",
        line.handler,
        line.answer,
        "" if line.was_content is None else "满意" if line.was_content else "不满意",
    ]


ROUTES = (
    page_route(_LIST, low_ratings, "差评整改", RatingQuery),
    page_route(f"{_LIST}/export", ratings_export, "导出差评", ExportQuery),
    page_route(_ONE, low_rating, "差评", DoneQuery),
    form_route(f"{_ONE}/rater", view_contact, "查看评价人联系方式", ContactForm),
    form_route(f"{_ONE}/<act:str>", act, "差评整改操作", RatingForm),
)
