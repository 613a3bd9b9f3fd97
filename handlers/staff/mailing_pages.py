"""Pages of originals that windows wait for (待收原件): the list, a parcel's number, one mailing with its receipt form.

The same use cases as the JSON doors in handlers/staff/mailings.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from app.errors import Conflict, InvalidRequest, NotFound
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff.addresses import address_of, turns
from handlers.staff.mailings import STATES, StateName
from services.delivery.mailing.types import CONDITION_TEXT, Condition, Receipt
from services.staff.types import Role

_LIST = "/staff/mailings"
_ONE = f"{_LIST}/<application_no:str>"
_PAGE_LENGTH = 20
_TITLES = {"awaited": "待收原件", "received": "已收原件", "done": "无需或已结束"}
_RECEIVERS = (Role.WINDOW, Role.REVIEWER, Role.DISPATCHER)
Words = Annotated[str, msgspec.Meta(max_length=300)]
VersionText = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,9}\Z")]


class MailingsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of the list, or the number on a parcel that lies on the table."""

    state: StateName = "awaited"
    q: Annotated[str, msgspec.Meta(max_length=64)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ReceiptForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """In which condition everything came."""

    condition: Annotated[str, msgspec.Meta(max_length=12)] = ""
    note: Words = ""
    version: VersionText = ""


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Another act, with a reason where it needs one."""

    reason: Words = ""
    version: VersionText = ""


async def mailings(call: Call[None]) -> Reply:
    """Show the list, or go to the mailing of a number."""
    query: MailingsQuery = call.query
    number = query.q.strip()
    problem = None
    if number:
        try:
            found = await call.house.applications.originals.find_for_receipt(call.staff, number)
            return see_other(f"{_LIST}/{found}")
        except NotFound as missing:
            problem = missing
    facts = await _listed(call)
    status = problem.status if problem else 200
    return page(call, "staff/mailings.html", status=status, here="mailings", problem=problem, number=number, **facts)


async def mailings_part(call: Call[None]) -> Reply:
    """Show what of the list changes."""
    return page(call, "staff/mailings_part.html", **await _listed(call))


async def mailing(call: Call[None]) -> Reply:
    """Show one mailing with what may be done."""
    return await _shown(call, done=call.query.done != "")


async def receive(call: Call[ReceiptForm]) -> Reply:
    """Confirm a receipt."""
    form = call.body

    async def act(number: str) -> object:
        if form.condition not in tuple(Condition):
            raise InvalidRequest("请选择收到的原件情况")
        receipt = Receipt(condition=Condition(form.condition), note=form.note.strip(), version=_version(form.version))
        return await call.house.applications.originals.receive(call.staff, number, receipt, call.address)

    return await _done(call, act, note=form.note)


async def bring(call: Call[ActForm]) -> Reply:
    """Note that the originals were brought."""
    originals, version = call.house.applications.originals, _version(call.body.version)
    return await _done(call, lambda no: originals.bring(call.staff, no, call.address, version=version))


async def waive(call: Call[ActForm]) -> Reply:
    """Do without the originals."""
    originals, reason, version = call.house.applications.originals, call.body.reason, _version(call.body.version)
    return await _done(call, lambda no: originals.waive(call.staff, no, reason, call.address, version=version))


async def ask_again(call: Call[ActForm]) -> Reply:
    """Ask once more."""
    originals, reason, version = call.house.applications.originals, call.body.reason, _version(call.body.version)
    return await _done(call, lambda no: originals.ask_again(call.staff, no, reason, call.address, version=version))


async def give_back(call: Call[ActForm]) -> Reply:
    """Note that the originals were given back."""
    originals, reason = call.house.applications.originals, call.body.reason
    return await _done(call, lambda no: originals.give_back(call.staff, no, reason, call.address))


async def send_back(call: Call[ActForm]) -> Reply:
    """Have the originals go back by parcel."""
    originals = call.house.applications.originals
    return await _done(call, lambda no: originals.send_back(call.staff, no, call.address))


def _version(text: str) -> int | None:
    return int(text) if text else None


async def _listed(call: Call[None]) -> dict[str, Any]:
    query: MailingsQuery = call.query
    rows, following = await call.house.delivery.mailing.page(
        call.staff, STATES[query.state], read_cursor(query.cursor), _PAGE_LENGTH
    )
    return {
        "rows": rows,
        "chosen": query.state,
        "states": _TITLES,
        "title": _TITLES[query.state],
        "fragment_address": address_of(f"{_LIST}/part", state=query.state, cursor=query.cursor),
        **turns(_LIST, query.cursor, following, state=query.state),
    }


async def _done(call: Call[Any], act: Callable[[str], Awaitable[object]], note: str = "") -> Reply:
    number = call.path["application_no"]
    try:
        await act(number)
    except (Conflict, InvalidRequest) as refusal:
        return await _shown(call, problem=refusal, note=note)
    return see_other(f"{_LIST}/{number}?done=1")


async def _shown(call: Call[Any], *, done: bool = False, problem: Any = None, note: str = "") -> Reply:
    view = await call.house.applications.originals.of_case(call.staff, call.path["application_no"])
    return page(
        call,
        "staff/mailing.html",
        status=problem.status if problem else 200,
        here="mailings",
        view=view,
        done=done,
        problem=problem,
        note=note,
        conditions=CONDITION_TEXT,
        awaited=view.status in STATES["awaited"],
        may_act=call.staff.may(*_RECEIVERS),
        may_decide=call.staff.may(Role.WINDOW, Role.REVIEWER),
        may_open_case=call.staff.may(Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.ADMINISTRATOR),
    )


ROUTES = (
    page_route(_LIST, mailings, "待收原件", MailingsQuery),
    page_route(f"{_LIST}/part", mailings_part, "待收原件的内容", MailingsQuery),
    page_route(_ONE, mailing, "办件的原件", DoneQuery),
    form_route(f"{_ONE}/receipt", receive, "确认收到原件", ReceiptForm),
    form_route(f"{_ONE}/brought", bring, "现场提交原件", ActForm),
    form_route(f"{_ONE}/waiver", waive, "无需提交原件", ActForm),
    form_route(f"{_ONE}/another-request", ask_again, "要求补寄原件", ActForm),
    form_route(f"{_ONE}/parcel-back", send_back, "寄回原件", ActForm),
    form_route(f"{_ONE}/return", give_back, "退还原件", ActForm),
)
