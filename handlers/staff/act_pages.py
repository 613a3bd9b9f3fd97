"""The page on which an act on a case is confirmed, and its form: done once, then on to the case (303)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, SanjinError
from handlers.doors import FORM, Auth, Call, Reply, Route
from handlers.pages import page, see_other
from handlers.staff.acts import Needs, PageAct, find_act
from handlers.staff.case_pages import published_item
from services.applications.types import CaseSummary

_TAG = "工作台"
_ADDRESS = "/staff/cases/<application_no:str>/<act:str>"
MOST_LETTERS = 500


class ActForm(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The confirmation: the version of the case that was looked at, and a reason or procedure where one is needed."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    given: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    csrf_token: Annotated[str, msgspec.Meta(max_length=128)] = ""


async def confirm(call: Call[None]) -> Reply:
    """Ask for confirmation of an act."""
    return await _form(call, find_act(call.path["act"]))


async def carry_out(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the form again with what was written."""
    act, form, number = find_act(call.path["act"]), call.body, call.path["application_no"]
    given = form.given.replace("\r\n", "\n").strip()
    try:
        _require_given(act, given)
        said = (given,) if act.needs is not Needs.NOTHING else ()
        use_case = act.use_case(call.house.applications.desk)
        await use_case(call.staff, number, *said, call.address, version=form.version)
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _form(call, act, given, refusal)
    return see_other(f"/staff/cases/{number}?done={act.address}")


async def _form(call: Call[Any], act: PageAct, given: str = "", refusal: SanjinError | None = None) -> Reply:
    case = await call.house.applications.desk.summary(call.staff, call.path["application_no"])
    return page(
        call,
        "staff/act.html",
        status=refusal.status if refusal else 200,
        here="cases",
        act=act,
        case=case,
        given=given,
        problem=refusal,
        procedures=await _procedures(call, case) if act.needs is Needs.PROCEDURE else [],
        most_letters=MOST_LETTERS,
    )


async def _procedures(call: Call[Any], case: CaseSummary) -> list[str]:
    item = await published_item(call, case.item_code)
    return [procedure.name for procedure in item.record.special_procedures] if item else []


def _require_given(act: PageAct, given: str) -> None:
    if act.needs is Needs.NOTHING:
        return
    if not given:
        sentence = "请写明理由" if act.needs is Needs.REASON else "请选择特别程序"
        raise InvalidRequest(faults=(FieldFault("given", sentence),))
    if len(given) > MOST_LETTERS:
        sentence = f"理由不能超过{MOST_LETTERS}字，现有{len(given)}字"
        raise InvalidRequest(faults=(FieldFault("given", sentence),))


ROUTES = (
    Route("GET", _ADDRESS, confirm, Auth.STAFF, "确认办理操作", _TAG, page=True),
    Route(
        "POST",
        _ADDRESS,
        carry_out,
        Auth.STAFF,
        "办理操作",
        _TAG,
        body=ActForm,
        consumes=FORM,
        remembers=False,
        page=True,
    ),
)
