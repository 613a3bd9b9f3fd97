"""Pages of queues: how many cases wait where, claiming them, accepting several at once, passing one on."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec

from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.parsing import make_cursor, read_cursor
from services.applications.routing.types import BatchResult, QueueFilter, QueueName
from services.applications.types import STATUS_TEXT, Status

_ALL = "/staff/queues"
_HOLD = "/staff/cases/<application_no:str>/hold"
_PAGE_LENGTH = 20
_OpenStatus = Literal[
    "", "SUBMITTED", "RETURNED", "RECEIVED", "CORRECTION", "ACCEPTED", "SUSPENDED", "APPROVED", "DENIED",
    "CERTIFYING", "DELIVERING",
]  # fmt: skip
_DONE = {"claim": "已认领", "release": "已退回待认领", "assign": "已指派", "transfer": "已转办"}
_Text = Annotated[str, msgspec.Meta(max_length=1000)]


class QueuePageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of a queue; `done` names what has just been done."""

    status: _OpenStatus = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""
    done: Annotated[str, msgspec.Meta(max_length=16)] = ""


class CountsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which queue the page shows."""

    chosen: Annotated[str, msgspec.Meta(max_length=16)] = ""


class HoldForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Who shall have a case; `back` is the queue to return to."""

    do: Literal["claim", "release", "assign", "transfer"]
    version: Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
    username: Annotated[str, msgspec.Meta(max_length=64)] = ""
    reason: _Text = ""
    back: Annotated[str, msgspec.Meta(max_length=16)] = ""


_Number = Annotated[str, msgspec.Meta(max_length=50, pattern=r"^[0-9A-Za-z]*$")]
BatchForm = msgspec.defstruct(
    "BatchForm",
    [
        *((f"case_{place}", _Number, "") for place in range(_PAGE_LENGTH)),
        ("csrf_token", Annotated[str, msgspec.Meta(max_length=128)], ""),
    ],
    forbid_unknown_fields=True,
    kw_only=True,
    module=__name__,
)
"""The cases of a page that were ticked."""


async def first_queue(call: Call[None]) -> Reply:
    """Show what nobody has claimed."""
    return await _queue_page(call, QueueName.UNCLAIMED, call.query)


async def queue(call: Call[None]) -> Reply:
    """Show a page of one queue."""
    return await _queue_page(call, _name(call), call.query)


async def counts(call: Call[None]) -> Reply:
    """Show the counts alone, for a page that keeps them fresh."""
    found = await call.house.applications.routing.counts(call.staff)
    return page(call, "staff/queue_counts.html", counts=found.data, chosen=call.query.chosen)


async def batch_accept(call: Call[Any]) -> Reply:
    """Accept the ticked cases, each on its own, and say what became of each."""
    name = _name(call)
    values = (getattr(call.body, f"case_{place}") for place in range(_PAGE_LENGTH))
    ticked = [number for number in values if number]
    if not ticked:
        refusal = InvalidRequest("请勾选要受理的办件")
        return await _queue_page(call, name, QueuePageQuery(), problem=refusal)
    results = await call.house.applications.routing.batch_accept(call.staff, ticked, call.address)
    await call.house.announcements.publish("cases")
    return await _queue_page(call, name, QueuePageQuery(), results=results.data)


async def hold(call: Call[None]) -> Reply:
    """Show who has a case, every change of that, and what the caller may do about it."""
    return await _hold_page(call, done=_DONE.get(call.query.done, ""))


async def change_hold(call: Call[HoldForm]) -> Reply:
    """Claim, release, assign or transfer; a refusal shows the page of the case's hold with what was written."""
    form, number = call.body, call.path["application_no"]
    try:
        await _carry_out(call, form, number)
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _hold_page(call, form=form, problem=refusal)
    for topic in ("cases", f"case:{number}"):
        await call.house.announcements.publish(topic)
    back = f"{_ALL}/{form.back}" if form.back in set(QueueName) else f"/staff/cases/{number}/hold"
    return see_other(f"{back}?done={form.do}")


async def _carry_out(call: Call[HoldForm], form: HoldForm, number: str) -> None:
    routing, staff = call.house.applications.routing, call.staff
    if form.do == "claim":
        await routing.claim(staff, number, call.address, version=form.version)
        return
    if form.do == "release":
        await routing.release(staff, number, call.address, version=form.version)
        return
    if not form.username.strip():
        raise InvalidRequest(faults=(FieldFault("username", "请填写接收人的用户名"),))
    reason = form.reason.strip()
    if form.do == "transfer" and not 1 <= len(reason) <= 500:
        raise InvalidRequest(faults=(FieldFault("reason", "请填写转办理由，最多500字"),))
    to = await call.house.staff.colleague(form.username.strip())
    if form.do == "assign":
        await routing.assign(staff, number, to, call.address, version=form.version)
    else:
        await routing.transfer(staff, number, to, reason, call.address, version=form.version)


async def _queue_page(
    call: Call[Any],
    name: QueueName,
    query: QueuePageQuery,
    *,
    results: list[BatchResult] | None = None,
    problem: SanjinError | None = None,
) -> Reply:
    routing = call.house.applications.routing
    found = await routing.counts(call.staff)
    cases, following = await routing.queue(
        call.staff, name, QueueFilter(status=query.status), read_cursor(query.cursor), _PAGE_LENGTH
    )
    return page(
        call,
        "staff/queues.html",
        status=problem.status if problem else 200,
        here="queues",
        counts=found.data,
        chosen=name.value,
        title=next(count.title for count in found.data if count.name == name),
        cases=cases,
        query=query,
        statuses=[
            (status.value, STATUS_TEXT[status]) for status in Status if status not in (Status.DRAFT, Status.CLOSED)
        ],
        results=results or [],
        done=_DONE.get(query.done, ""),
        problem=problem,
        next_address=_address(name, query.status, make_cursor(following)) if following else "",
        first_address=_address(name, query.status) if query.cursor else "",
    )


async def _hold_page(
    call: Call[Any], *, form: HoldForm | None = None, problem: SanjinError | None = None, done: str = ""
) -> Reply:
    number = call.path["application_no"]
    return page(
        call,
        "staff/hold.html",
        status=problem.status if problem else 200,
        here="queues",
        case=await call.house.applications.desk.summary(call.staff, number),
        history=(await call.house.applications.routing.assignments(call.staff, number)).data,
        form=form,
        problem=problem,
        done=done,
    )


def _name(call: Call[Any]) -> QueueName:
    try:
        return QueueName(call.path["name"])
    except ValueError:
        raise NotFound("没有此队列") from None


def _address(name: QueueName, status: str, cursor: str = "") -> str:
    given = {key: value for key, value in (("status", status), ("cursor", cursor)) if value}
    return f"{_ALL}/{name.value}?{urlencode(given)}" if given else f"{_ALL}/{name.value}"


ROUTES = (
    page_route(_ALL, first_queue, "待认领的办件", QueuePageQuery),
    page_route(f"{_ALL}/<name:str>", queue, "队列", QueuePageQuery),
    page_route("/staff/queue-counts", counts, "各队列件数", CountsQuery),
    form_route(f"{_ALL}/<name:str>/accept", batch_accept, "批量受理", BatchForm),
    page_route(_HOLD, hold, "认领与转办", DoneQuery),
    form_route(_HOLD, change_hold, "认领、退回、指派或转办", HoldForm),
)
