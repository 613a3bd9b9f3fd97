"""Pages of batches: what waits, one batch with its progress and files, the hand-over with a scanner.

The same use cases as the JSON doors in handlers/staff/dispatches.py. Scanning works without a script: a scanner types a
number and presses Enter, which sends the form.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app import clock
from app.errors import Conflict, FieldFault, InvalidRequest, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff.addresses import turns
from handlers.staff.days import day_of
from handlers.staff.dispatches import DispatchQuery
from services.delivery.dispatching.types import MOST_SCANS, OPEN, SENDERS, Closing, NewDispatch, Scanned

_LIST = "/staff/dispatches"
_ONE = f"{_LIST}/<dispatch_no:str>"
_HERE = "dispatches"
_PAGE_LENGTH = 20
_DONE = {
    "created": "批次已建立，正在生成面单",
    "labels": "正在重新生成面单",
    "close": "交接已结束",
    "cancel": "批次已取消，快递退回待交寄",
}
Text = Annotated[str, msgspec.Meta(max_length=64)]
Refusals = (InvalidRequest, Conflict)


class NewForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """What shall go: body and courier as one choice, and the day."""

    what: Annotated[str, msgspec.Meta(max_length=64)] = ""
    day: Annotated[str, msgspec.Meta(max_length=10)] = ""


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """An act on a batch; the other fields belong to closing it."""

    act: Annotated[str, msgspec.Meta(max_length=8)]
    collector: Text = ""
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class ScanForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Scanned numbers, one a line."""

    numbers: Annotated[str, msgspec.Meta(max_length=16_384)] = ""


async def listed(call: Call[None]) -> Reply:
    """Show what waits, the form of a new batch, and the batches."""
    return await _listed(call)


async def create(call: Call[NewForm]) -> Reply:
    """Make a batch; a refusal shows the list with it."""
    try:
        made = await call.house.delivery.dispatching.create(call.staff, _new(call.body), call.address)
    except Refusals as refusal:
        return await _listed(call, refusal)
    return see_other(f"{_LIST}/{made.dispatch_no}?done=created")


def _new(form: NewForm) -> NewDispatch:
    division, _, rest = form.what.partition("|")
    department, _, courier = rest.partition("|")
    if not division or not courier or len(department) > 18 or len(division) > 12 or len(courier) > 16:
        raise InvalidRequest(faults=(FieldFault("what", "请选择要交寄的机构和快递公司"),))
    day = day_of("day", form.day) if form.day else None
    return NewDispatch(division_code=division, department_code=department, courier=courier, day=day)


async def _listed(call: Call[Any], problem: SanjinError | None = None) -> Reply:
    desk = call.house.delivery.dispatching
    cursor = call.query.cursor if call.query else ""
    rows, following = await desk.page(call.staff, read_cursor(cursor), _PAGE_LENGTH)
    return page(
        call,
        "staff/dispatches.html",
        status=problem.status if problem else 200,
        here=_HERE,
        problem=problem,
        rows=rows,
        waiting=await desk.waiting(call.staff),
        names=await call.house.catalogue.department_names(),
        today=clock.beijing_date().isoformat(),
        may_send=call.staff.may(*SENDERS),
        **turns(_LIST, cursor, following),
    )


async def show(call: Call[None]) -> Reply:
    """Show one batch."""
    return await _shown(call)


async def show_part(call: Call[None]) -> Reply:
    """Show what of one batch changes."""
    return page(call, "staff/dispatch_part.html", **await _facts(call))


async def act(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the batch with it."""
    form, desk, number = call.body, call.house.delivery.dispatching, call.path["dispatch_no"]
    try:
        if form.act == "labels":
            await desk.repeat_labels(call.staff, number, call.address)
        elif form.act == "cancel":
            await desk.cancel(call.staff, number, call.address)
        elif form.act == "close":
            closing = Closing(collector=form.collector[:32], reason=form.reason)
            await desk.close(call.staff, number, closing, call.address)
        else:
            raise InvalidRequest("没有这个操作")
    except Refusals as refusal:
        return await _shown(call, refusal)
    return see_other(f"{_LIST}/{number}?done={form.act}")


async def _shown(call: Call[Any], problem: SanjinError | None = None) -> Reply:
    facts = await _facts(call)
    form = call.body if isinstance(call.body, ActForm) else ActForm(act="")
    return page(
        call,
        "staff/dispatch.html",
        status=problem.status if problem else 200,
        here=_HERE,
        problem=problem,
        form=form,
        done=_DONE.get(call.query.done, "") if call.query else "",
        **facts,
    )


async def _facts(call: Call[Any]) -> dict[str, Any]:
    shown = await call.house.delivery.dispatching.show(call.staff, call.path["dispatch_no"])
    names = await call.house.catalogue.department_names()
    return {
        "batch": shown.dispatch,
        "parcels": shown.parcels,
        "department": names.get(shown.dispatch.department_code, shown.dispatch.department_code),
        "is_open": shown.dispatch.status in OPEN,
        "may_send": call.staff.may(*SENDERS),
    }


async def scanning(call: Call[None]) -> Reply:
    """Show the page for a scanner."""
    return await _scanning(call)


async def scan(call: Call[ScanForm]) -> Reply:
    """Note parcels as handed over and show the page again, with what was found."""
    try:
        return await _scanning(call, await _scanned(call))
    except Refusals as refusal:
        return await _scanning(call, problem=refusal)


async def scan_part(call: Call[ScanForm]) -> Reply:
    """Note parcels as handed over; answer with what was found, for the page's script."""
    try:
        return page(call, "staff/dispatch_scanned.html", scanned=await _scanned(call), problem=None)
    except Refusals as refusal:
        return page(call, "staff/dispatch_scanned.html", scanned=None, problem=refusal)


async def _scanned(call: Call[ScanForm]) -> Scanned:
    numbers = [line for line in call.body.numbers.splitlines() if line.strip()]
    if not numbers:
        raise InvalidRequest("请扫描或填写运单号", faults=(FieldFault("numbers", "请扫描或填写运单号"),))
    if len(numbers) > MOST_SCANS:
        raise InvalidRequest(faults=(FieldFault("numbers", f"一次最多{MOST_SCANS}个号码"),))
    return await call.house.delivery.dispatching.scan(call.staff, call.path["dispatch_no"], numbers, call.address)


async def _scanning(call: Call[Any], scanned: Scanned | None = None, problem: SanjinError | None = None) -> Reply:
    call.staff.require_role(*SENDERS)
    shown = await call.house.delivery.dispatching.summary(call.staff, call.path["dispatch_no"])
    return page(
        call,
        "staff/dispatch_scan.html",
        status=problem.status if problem else 200,
        here=_HERE,
        batch=shown,
        is_open=shown.status in OPEN,
        scanned=scanned,
        problem=problem,
        most_scans=MOST_SCANS,
    )


async def left_part(call: Call[None]) -> Reply:
    """Show how many are left."""
    shown = await call.house.delivery.dispatching.summary(call.staff, call.path["dispatch_no"])
    return page(call, "staff/dispatch_left.html", batch=shown)


ROUTES = (
    page_route(_LIST, listed, "交寄批次", DispatchQuery),
    form_route(_LIST, create, "新建交寄批次", NewForm),
    page_route(_ONE, show, "交寄批次详情", DoneQuery),
    page_route(f"{_ONE}/part", show_part, "交寄批次（片段）"),
    form_route(f"{_ONE}/acts", act, "交寄批次操作", ActForm),
    page_route(f"{_ONE}/scan", scanning, "扫描交接"),
    page_route(f"{_ONE}/scan/part", left_part, "待交接件数（片段）"),
    form_route(f"{_ONE}/scan", scan, "提交扫描", ScanForm),
    form_route(f"{_ONE}/scan/part", scan_part, "提交扫描（片段）", ScanForm),
)  # fmt: skip
