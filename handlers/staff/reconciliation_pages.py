"""Pages of the reconciliation: the days compared, the differences they left, and the form that closes one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.payments import scope_of
from handlers.staff.refunds import person_of
from handlers.staff.statements import CHANNELS, ROLES
from services.staff.types import Role

_RUNS, _LIST = "/staff/reconciliations", "/staff/discrepancies"
_ACT = f"{_LIST}/<discrepancy_id:str>/<act:str>"
_PAGE_LENGTH = 20
MOST_LETTERS = 200
_STATUSES = {"OPEN": "待处理", "REPAIRED": "已修复", "RESOLVED": "已登记处理"}
_RUN_STATUSES = {"RUNNING": "进行中", "DONE": "已完成", "FAILED": "未完成"}
Text = Annotated[str, msgspec.Meta(max_length=64)]


@dataclass(frozen=True, slots=True)
class DiscrepancyAct:
    """One act on a difference: its words, and what must be written."""

    name: str
    title: str
    meaning: str
    done: str
    note_label: str = ""
    note_required: bool = True
    is_adverse: bool = False


ACTS: Mapping[str, DiscrepancyAct] = {
    act.name: act
    for act in (
        DiscrepancyAct("repair", "自动处理", "系统在后台处理，稍后刷新查看结果；重复处理不会重复记账。", "已开始处理"),
        DiscrepancyAct(
            "resolve",
            "登记处理结果",
            "仅在核实并处理完毕之后登记，登记后该差异不再提示。系统不会据此变动任何款项。",
            "已登记处理结果",
            "处理结果",
        ),
    )
}


class RunsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of runs."""

    cursor: Text = ""


class ListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which differences; `done` names the act that has just been carried out."""

    status: Literal["", "OPEN", "REPAIRED", "RESOLVED"] = "OPEN"
    cursor: Text = ""
    done: Text = ""


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """The confirmation of an act, with a note where one is needed."""

    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


async def runs(call: Call[None]) -> Reply:
    """Show a page of the days that were compared."""
    call.staff.require_role(*ROLES)
    cursor = call.query.cursor
    found, following = await call.house.payments.reconciliation.runs(read_cursor(cursor), _PAGE_LENGTH)
    return page(
        call,
        "staff/reconciliations.html",
        here="reconciliations",
        rows=found,
        channels=CHANNELS,
        statuses=_RUN_STATUSES,
        next_address=f"{_RUNS}?cursor={make_cursor(following)}" if following else "",
        first_address=_RUNS if cursor else "",
    )


async def discrepancies(call: Call[None]) -> Reply:
    """Show a page of differences."""
    call.staff.require_role(*ROLES)
    query: ListQuery = call.query
    found, following = await call.house.payments.reconciliation.discrepancies(
        scope_of(call.staff), status=query.status, after=read_cursor(query.cursor), limit=_PAGE_LENGTH
    )
    act = ACTS.get(query.done)
    first = f"{_LIST}?status={query.status}"
    return page(
        call,
        "staff/discrepancies.html",
        here="discrepancies",
        rows=found,
        chosen=query.status,
        statuses=_STATUSES,
        acts=ACTS if call.staff.may(Role.CASHIER) else {},
        done=act.done if act else "",
        next_address=f"{first}&cursor={make_cursor(following)}" if following else "",
        first_address=first if query.cursor else "",
    )


async def confirm(call: Call[None]) -> Reply:
    """Ask for confirmation of an act."""
    call.staff.require_role(Role.CASHIER)
    return await _form(call, _act_of(call))


async def carry_out(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the form again with what was written."""
    call.staff.require_role(Role.CASHIER)
    act, note = _act_of(call), call.body.note.replace("\r\n", "\n").strip()
    office, person, discrepancy_id = call.house.payments.reconciliation, person_of(call), _id_of(call)
    try:
        if len(note) > MOST_LETTERS:
            raise InvalidRequest(faults=(FieldFault("note", f"不能超过{MOST_LETTERS}字，现有{len(note)}字"),))
        if act.name == "repair":
            await office.repair(person, discrepancy_id)
        else:
            await office.resolve(person, discrepancy_id, note)
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _form(call, act, note, refusal)
    return see_other(f"{_LIST}?done={act.name}")


async def _form(call: Call[Any], act: DiscrepancyAct, note: str = "", refusal: SanjinError | None = None) -> Reply:
    found = await call.house.payments.reconciliation.discrepancy(scope_of(call.staff), _id_of(call))
    return page(
        call,
        "staff/discrepancy_act.html",
        status=refusal.status if refusal else 200,
        here="discrepancies",
        act=act,
        found=found,
        note=note,
        problem=refusal,
        most_letters=MOST_LETTERS,
    )


def _act_of(call: Call[Any]) -> DiscrepancyAct:
    act = ACTS.get(call.path["act"])
    if act is None:
        raise NotFound("地址不存在")
    return act


def _id_of(call: Call[Any]) -> uuid.UUID:
    try:
        return uuid.UUID(hex=call.path["discrepancy_id"])
    except ValueError:
        raise NotFound("未找到该差异") from None


ROUTES = (
    page_route(_RUNS, runs, "对账结果", RunsQuery),
    page_route(_LIST, discrepancies, "对账差异", ListQuery),
    page_route(_ACT, confirm, "确认差异处理"),
    form_route(_ACT, carry_out, "差异处理", ActForm),
)
