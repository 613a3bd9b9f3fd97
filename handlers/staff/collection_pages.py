"""Pages of results that are fetched (领取): what waits where, putting it there, handing it over against its code.

The same use cases as the JSON doors in handlers/staff/collections.py. No page ever shows a code.
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
from handlers.staff.collections import StateName
from services.delivery.collecting.types import COLLECTOR_TEXT, CollectionStatus, Collector, Deposit, Proof
from services.staff.types import Role

_LIST = "/staff/collections"
_ONE = f"{_LIST}/<application_no:str>"
_PAGE_LENGTH = 20
_TITLES = {"READY": "待领取", "PREPARING": "备件中", "COLLECTED": "已领取"}
VersionText = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,9}\Z")]


class CollectionsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of the list, or the number of a case."""

    state: StateName = "READY"
    q: Annotated[str, msgspec.Meta(max_length=50)] = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class DepositForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Where the result was put."""

    place_code: Annotated[str, msgspec.Meta(max_length=32)] = ""
    box: Annotated[str, msgspec.Meta(max_length=8)] = ""
    version: VersionText = ""


class HandOverForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """The code that was shown; without one who was identified, and why."""

    code: Annotated[str, msgspec.Meta(max_length=16)] = ""
    collector: Annotated[str, msgspec.Meta(max_length=8)] = "SELF"
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    version: VersionText = ""


async def collections(call: Call[None]) -> Reply:
    """Show the list, or go to the collection of a case."""
    number, problem = call.query.q.strip(), None
    if number:
        try:
            found = await call.house.applications.collections.of_case(call.staff, number)
            return see_other(f"{_LIST}/{found.application_no}")
        except NotFound as missing:
            problem = missing
    facts = await _listed(call)
    status = problem.status if problem else 200
    return page(
        call, "staff/collections.html", status=status, here="collections", problem=problem, number=number, **facts
    )


async def collections_part(call: Call[None]) -> Reply:
    """Show what of the list changes."""
    return page(call, "staff/collections_part.html", **await _listed(call))


async def collection(call: Call[None]) -> Reply:
    """Show one collection with what may be done."""
    return await _shown(call, done=call.query.done != "")


async def deposit(call: Call[DepositForm]) -> Reply:
    """Note that a result lies ready."""
    form, room = call.body, call.house.applications.collections
    where, version = Deposit(form.place_code, form.box.strip()), _version(form.version)
    return await _done(call, lambda number: room.deposit(call.staff, number, where, call.address, version=version))


async def hand_over(call: Call[HandOverForm]) -> Reply:
    """Hand a result over."""
    form, room = call.body, call.house.applications.collections
    collector = Collector(form.collector) if form.collector in tuple(Collector) else Collector.SELF
    proof, version = Proof(form.code.replace(" ", ""), collector, form.reason), _version(form.version)
    return await _done(call, lambda number: room.hand_over(call.staff, number, proof, call.address, version=version))


def _version(text: str) -> int | None:
    return int(text) if text else None


async def _listed(call: Call[None]) -> dict[str, Any]:
    query: CollectionsQuery = call.query
    rows, following = await call.house.delivery.collecting.page(
        call.staff, (CollectionStatus(query.state),), "", read_cursor(query.cursor), _PAGE_LENGTH
    )
    return {
        "rows": rows,
        "chosen": query.state,
        "states": _TITLES,
        "title": _TITLES[query.state],
        "fragment_address": address_of(f"{_LIST}/part", state=query.state, cursor=query.cursor),
        **turns(_LIST, query.cursor, following, state=query.state),
    }


async def _done(call: Call[Any], act: Callable[[str], Awaitable[object]]) -> Reply:
    number = call.path["application_no"]
    try:
        await act(number)
    except (Conflict, InvalidRequest) as refusal:
        return await _shown(call, problem=refusal)
    return see_other(f"{_LIST}/{number}?done=1")


async def _shown(call: Call[Any], *, done: bool = False, problem: Any = None) -> Reply:
    room, number = call.house.applications.collections, call.path["application_no"]
    view = await room.of_case(call.staff, number)
    return page(
        call,
        "staff/collection.html",
        status=problem.status if problem else 200,
        here="collections",
        view=view,
        done=done,
        problem=problem,
        places=await room.places_for(call.staff, number),
        collectors=COLLECTOR_TEXT,
        may_act=call.staff.may(Role.WINDOW, Role.DISPATCHER),
    )


ROUTES = (
    page_route(_LIST, collections, "领取", CollectionsQuery),
    page_route(f"{_LIST}/part", collections_part, "领取的内容", CollectionsQuery),
    page_route(_ONE, collection, "办件的领取", DoneQuery),
    form_route(f"{_ONE}/deposit", deposit, "放入自取点", DepositForm),
    form_route(f"{_ONE}/hand-over", hand_over, "交付办理结果", HandOverForm),
)
