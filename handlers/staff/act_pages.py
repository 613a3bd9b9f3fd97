"""The page on which an act on a case is confirmed, and its form: done once, then on to the case (303)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.staff.acts import Needs, PageAct, find_act
from handlers.staff.case_pages import pausing_procedures, published_item
from services.applications.types import CaseSummary

_ADDRESS = "/staff/cases/<application_no:str>/<act:str>"
MOST_LETTERS = 500
_MOST_DAYS, _LONGEST_NOTE = 365, 100


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """The confirmation: the version of the case that was looked at, a reason or procedure, and what else is asked."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    given: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    days: Annotated[str, msgspec.Meta(max_length=8)] = ""
    note: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    choice: Annotated[str, msgspec.Meta(max_length=16)] = ""


async def confirm(call: Call[None]) -> Reply:
    """Ask for confirmation of an act."""
    return await _form(call, find_act(call.path["act"]))


async def carry_out(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the form again with what was written."""
    act, form, number = find_act(call.path["act"]), call.body, call.path["application_no"]
    given = form.given.replace("\r\n", "\n").strip()
    try:
        _require_given(act, given)
        more = {"version": form.version, **extras_of(act, form)}
        said = (given,) if act.needs is not Needs.NOTHING else ()
        await act.use_case(call.house.applications.desk)(call.staff, number, *said, call.address, **more)
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _form(call, act, form, refusal)
    return see_other(f"/staff/cases/{number}?done={act.address}")


def extras_of(act: PageAct, form: ActForm) -> dict[str, Any]:
    """Read the further fields of an act, by the names that its use case gives them. Raises: InvalidRequest."""
    found: dict[str, Any] = {}
    for extra in act.extras:
        text = getattr(form, extra.field).strip()
        if not text and not extra.is_required:
            continue
        if extra.field == "days":
            if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_DAYS):
                raise InvalidRequest(faults=(FieldFault("days", f"请填写1至{_MOST_DAYS}的工作日数"),))
            found[extra.keyword] = int(text)
        elif extra.options and text not in dict(extra.options):
            raise InvalidRequest(faults=(FieldFault(extra.field, f"请选择{extra.label}"),))
        elif len(text) > _LONGEST_NOTE:
            raise InvalidRequest(faults=(FieldFault(extra.field, f"不能超过{_LONGEST_NOTE}字"),))
        else:
            found[extra.keyword] = text
    return found


async def _form(
    call: Call[Any], act: PageAct, form: ActForm | None = None, refusal: SanjinError | None = None
) -> Reply:
    case = await call.house.applications.desk.summary(call.staff, call.path["application_no"])
    return page(
        call,
        "staff/act.html",
        status=refusal.status if refusal else 200,
        here="cases",
        act=act,
        case=case,
        given=form.given.replace("\r\n", "\n").strip() if form else "",
        form=form,
        problem=refusal,
        procedures=await _procedures(call, case) if act.needs is Needs.PROCEDURE else [],
        most_letters=MOST_LETTERS,
    )


async def _procedures(call: Call[Any], case: CaseSummary) -> list[str]:
    item = await published_item(call, case.item_code)
    return pausing_procedures(item) if item else []


def _require_given(act: PageAct, given: str) -> None:
    if act.needs is Needs.NOTHING:
        return
    if not given:
        sentence = "请选择特别程序" if act.needs is Needs.PROCEDURE else f"请写明{act.given_text}"
        raise InvalidRequest(faults=(FieldFault("given", sentence),))
    if len(given) > MOST_LETTERS:
        sentence = f"{act.given_text}不能超过{MOST_LETTERS}字，现有{len(given)}字"
        raise InvalidRequest(faults=(FieldFault("given", sentence),))


ROUTES = (
    page_route(_ADDRESS, confirm, "确认办理操作"),
    form_route(_ADDRESS, carry_out, "办理操作", ActForm),
)
