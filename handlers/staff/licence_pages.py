"""Pages of licences: one by its number with its history, and the change of its status by the issuing body.

The same use cases as the JSON doors in handlers/staff/licences.py and cases.py.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from services.licences.types import CHANGE_TEXT, Change
from services.staff.types import Role

_LIST = "/staff/licences"
_ONE = f"{_LIST}/<licence_no:str>"
_READERS = (Role.WINDOW, Role.REVIEWER)
MOST_LETTERS = 500


class SearchQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The number of a licence."""

    q: Annotated[str, msgspec.Meta(max_length=128)] = ""


class ChangeForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """What becomes of the licence, and why."""

    change: Annotated[str, msgspec.Meta(max_length=16)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=4 * MOST_LETTERS)] = ""


async def search(call: Call[None]) -> Reply:
    """Show the form that asks for a number, and the licence that was found."""
    call.staff.require_role(*_READERS)
    number, found = call.query.q.strip(), None
    if number:
        try:
            found = await call.house.applications.aftercare.licence(call.staff, number)
        except NotFound:
            found = None
    return page(call, "staff/licences.html", here="licences", number=number, found=found)


async def licence(call: Call[None]) -> Reply:
    """Show a licence with its history."""
    done = call.query.done
    return await _shown(call, done=f"已{CHANGE_TEXT[done]}，持证人会收到通知" if done in set(Change) else "")


async def change(call: Call[ChangeForm]) -> Reply:
    """Change the status of a licence; a refusal shows the page again with what was written."""
    care, number, form = call.house.applications.aftercare, call.path["licence_no"], call.body
    reason = form.reason.replace("\r\n", "\n").strip()
    try:
        if form.change not in set(Change):
            raise InvalidRequest(faults=(FieldFault("change", "请选择变更事项"),))
        if not reason or len(reason) > MOST_LETTERS:
            raise InvalidRequest(faults=(FieldFault("reason", f"请写明理由，最多{MOST_LETTERS}字"),))
        await care.change_licence(call.staff, number, Change(form.change), reason, call.address)
    except (InvalidRequest, Conflict) as refusal:
        return await _shown(call, problem=refusal, form=form)
    return see_other(f"{_LIST}/{number}?done={form.change}")


async def _shown(
    call: Call[Any], *, done: str = "", problem: SanjinError | None = None, form: ChangeForm | None = None
) -> Reply:
    found = await call.house.applications.aftercare.licence(call.staff, call.path["licence_no"])
    return page(
        call,
        "staff/licence.html",
        status=problem.status if problem else 200,
        here="licences",
        licence=found,
        words=CHANGE_TEXT,
        may_change=call.staff.may(Role.REVIEWER),
        done=done,
        problem=problem,
        form=form,
        most_letters=MOST_LETTERS,
    )


ROUTES = (
    page_route(_LIST, search, "查询证照", SearchQuery),
    page_route(_ONE, licence, "证照", DoneQuery),
    form_route(f"{_ONE}/status", change, "变更证照状态", ChangeForm),
)
