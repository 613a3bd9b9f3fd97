"""Pages of one version of an item: every element, what changed since another version, publishing and withdrawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.staff.item_pages import LIST
from handlers.staff.items import Number, version_of
from services.catalogue.publishing.types import VersionAct
from services.staff.types import Role

_ONE = f"{LIST}/<item_code:str>/versions/<version:str>"
_ACT = f"{_ONE}/<act:str>"
MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class PageAct:
    """One act: its button, what it means for citizens, what is said afterwards."""

    act: VersionAct
    title: str
    meaning: str
    done: str
    is_adverse: bool = False


ACTS: Mapping[str, PageAct] = {
    each.act.value: each
    for each in (
        PageAct(
            VersionAct.PUBLISH,
            "发布",
            "实施日期已到的，申请人立即看到新版本；未到的，在实施日期当天自动发布。已提交的办件仍按原版本办理。",
            "已发布；未到实施日期的将在当天自动发布",
        ),
        PageAct(
            VersionAct.WITHDRAW,
            "下架",
            "申请人不再看到该版本，也不能再提交；有较早的有效版本的，恢复为较早的版本。已提交的办件不受影响。",
            "已下架",
            is_adverse=True,
        ),
        PageAct(
            VersionAct.RESTORE,
            "重新上架",
            "该版本重新对申请人开放；有更新的有效版本的，仍以更新的版本为准。",
            "已重新上架",
        ),
    )
}


class AgainstQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The version to compare against."""

    against: Number


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """The confirmation of an act, with its reason."""

    reason: Annotated[str, msgspec.Meta(max_length=4 * MOST_LETTERS)] = ""


async def version(call: Call[None]) -> Reply:
    """Show every element of a version."""
    found = await call.house.publishing.version(call.staff, call.path["item_code"], version_of(call))
    done = ACTS.get(call.query.done)
    return page(
        call,
        "staff/item_version.html",
        here="items",
        version=found.version,
        elements=found.elements,
        follows=found.follows,
        acts=[ACTS[name] for name in found.version.acts],
        done=done.done if done else "",
    )


async def changes(call: Call[None]) -> Reply:
    """Show what changed since another version, element by element."""
    number, against = call.path["item_code"], call.query.against
    found = await call.house.publishing.compare(call.staff, number, version_of(call), against)
    return page(call, "staff/item_changes.html", here="items", found=found)


async def confirm(call: Call[None]) -> Reply:
    """Ask for confirmation of an act, with what it changes for citizens."""
    call.staff.require_role(Role.PUBLISHER)
    return await _confirmation(call)


async def carry_out(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the confirmation again with what was written."""
    act, number, which = _act(call), call.path["item_code"], version_of(call)
    reason = call.body.reason.replace("\r\n", "\n").strip()
    try:
        if not reason:
            raise InvalidRequest(faults=(FieldFault("reason", "请写明理由"),))
        if len(reason) > MOST_LETTERS:
            raise InvalidRequest(faults=(FieldFault("reason", f"不能超过{MOST_LETTERS}字，现有{len(reason)}字"),))
        await call.house.publishing.act(call.staff, number, which, act.act, call.address, reason)
    except (InvalidRequest, Conflict) as refusal:
        return await _confirmation(call, reason, refusal)
    call.house.catalogue.forget()
    return see_other(f"{LIST}/{number}/versions/{which}?done={act.act.value}")


async def _confirmation(call: Call[Any], reason: str = "", problem: SanjinError | None = None) -> Reply:
    act, number, which = _act(call), call.path["item_code"], version_of(call)
    found = await call.house.publishing.version(call.staff, number, which)
    shown = act.act is VersionAct.PUBLISH and found.follows
    compared = await call.house.publishing.compare(call.staff, number, which, found.follows) if shown else None
    return page(
        call,
        "staff/item_act.html",
        status=problem.status if problem else 200,
        here="items",
        version=found.version,
        act=act,
        found=compared,
        reason=reason,
        problem=problem,
        most_letters=MOST_LETTERS,
    )


def _act(call: Call[Any]) -> PageAct:
    found = ACTS.get(call.path["act"])
    if found is None:
        raise NotFound("地址不存在")
    return found


ROUTES = (
    page_route(_ONE, version, "事项版本", DoneQuery),
    page_route(f"{_ONE}/changes", changes, "两个版本的差异", AgainstQuery),
    page_route(_ACT, confirm, "确认发布、下架或重新上架"),
    form_route(_ACT, carry_out, "发布、下架或重新上架", ActForm),
)
