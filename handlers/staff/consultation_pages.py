"""Pages about consultations: the queue, a thread that renews itself, and the forms of its acts."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec

from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.parsing import make_cursor, read_cursor
from services.consultations.types import StaffLine

_LIST = "/staff/consultations"
_ONE = f"{_LIST}/<consultation_no:str>"
_STATUSES = (("", "进行中"), ("OPEN", "待回复"), ("ANSWERED", "已回复"), ("CLOSED", "已结束"))
_DONE = {"answer": "回复已提交", "claim": "已认领", "route": "已转办", "close": "咨询已结束"}
MOST_LETTERS = 1000


class QueueQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which threads to show, and what has just been done."""

    status: Literal["", "OPEN", "ANSWERED", "CLOSED"] = ""
    mine: Literal["", "1"] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""
    done: Annotated[str, msgspec.Meta(max_length=16)] = ""


class ThreadQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has just been done."""

    done: Annotated[str, msgspec.Meta(max_length=16)] = ""


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Any of the forms on a thread's page."""

    text: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    division_code: Annotated[str, msgspec.Meta(max_length=12)] = ""
    department_code: Annotated[str, msgspec.Meta(max_length=18)] = ""
    version: Annotated[int, msgspec.Meta(ge=0, le=2_000_000_000)] = 0


async def queue(call: Call[None]) -> Reply:
    """Show the threads in scope."""
    lines, following = await _lines(call)
    return page(
        call,
        "staff/consultations.html",
        here="consultations",
        lines=lines,
        statuses=_STATUSES,
        query=call.query,
        done=_DONE.get(call.query.done, ""),
        part_address=f"{_LIST}/part?{_kept(call.query, cursor=call.query.cursor)}",
        next_address=f"{_LIST}?{_kept(call.query, cursor=following)}" if following else "",
        first_address=f"{_LIST}?{_kept(call.query)}" if call.query.cursor else "",
    )


async def queue_part(call: Call[None]) -> Reply:
    """Answer the list alone, for a page that renews itself."""
    lines, _ = await _lines(call)
    return page(call, "staff/consultation_lines.html", lines=lines)


async def thread(call: Call[None]) -> Reply:
    """Show one thread; the look is audited."""
    found = await call.house.consultations.desk.thread(call.staff, call.path["consultation_no"], call.address)
    return _shown(call, found, done=_DONE.get(call.query.done, ""))


async def thread_part(call: Call[None]) -> Reply:
    """Answer the messages alone, for a page that renews itself."""
    found = await call.house.consultations.desk.peek(call.staff, call.path["consultation_no"])
    return page(call, "staff/consultation_messages.html", thread=found)


async def act(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the page again with what was written."""
    number, name = call.path["consultation_no"], call.path["act"]
    if name not in _DONE:
        raise NotFound("地址不存在")
    try:
        await _carry_out(call, number, name)
    except (InvalidRequest, Conflict) as refusal:
        found = await call.house.consultations.desk.peek(call.staff, number)
        return _shown(call, found, form=call.body, refusal=refusal)
    if name == "route":
        return see_other(f"{_LIST}?done=route")
    return see_other(f"{_LIST}/{number}?done={name}")


async def _carry_out(call: Call[ActForm], number: str, name: str) -> None:
    form, desk = call.body, call.house.consultations.desk
    text = form.text.replace("\r\n", "\n").strip()
    version = form.version or None
    if name == "answer":
        _require_words(text)
        # An answer counts also where the person has written another line meanwhile: it shows on the page.
        await desk.answer(call.staff, number, text, address=call.address)
    elif name == "claim":
        await desk.claim(call.staff, number, version=version, address=call.address)
    elif name == "close":
        await desk.close(call.staff, number, version=version, address=call.address)
    else:
        await desk.route(
            call.staff,
            number,
            form.division_code.strip(),
            form.department_code.strip(),
            text[:200],
            version=version,
            address=call.address,
        )


async def _lines(call: Call[None]) -> tuple[list[StaffLine], str]:
    query: QueueQuery = call.query
    lines, following = await call.house.consultations.desk.queue(
        call.staff, query.status, mine=bool(query.mine), after=read_cursor(query.cursor)
    )
    return lines, make_cursor(following) if following else ""


def _shown(
    call: Call[Any], found: Any, *, done: str = "", form: ActForm | None = None, refusal: SanjinError | None = None
) -> Reply:
    return page(
        call,
        "staff/consultation.html",
        status=refusal.status if refusal else 200,
        here="consultations",
        thread=found,
        done=done,
        form=form or ActForm(),
        problem=refusal,
        most_letters=MOST_LETTERS,
    )


def _kept(query: QueueQuery, **more: str) -> str:
    kept = {"status": query.status, "mine": query.mine, **more}
    return urlencode({name: value for name, value in kept.items() if value})


def _require_words(text: str) -> None:
    if not text:
        raise InvalidRequest(faults=(FieldFault("text", "请填写回复内容"),))
    if len(text) > MOST_LETTERS:
        raise InvalidRequest(faults=(FieldFault("text", f"不能超过{MOST_LETTERS}字，现有{len(text)}字"),))


ROUTES = (
    page_route(_LIST, queue, "咨询", QueueQuery),
    page_route(f"{_LIST}/part", queue_part, "咨询列表（局部）", QueueQuery),
    page_route(_ONE, thread, "咨询详情", ThreadQuery),
    page_route(f"{_ONE}/part", thread_part, "咨询消息（局部）"),
    form_route(f"{_ONE}/<act:str>", act, "咨询操作", ActForm),
)
