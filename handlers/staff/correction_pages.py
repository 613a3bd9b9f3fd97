"""The editor of a correction notice (一次性告知补正): rows, phrases, a preview as the citizen will see it, sending."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app import clock
from app.errors import Conflict, Forbidden, InvalidRequest, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import form_route, page, page_route, see_other
from handlers.staff import correction_rows
from handlers.staff.acts import find_act
from handlers.staff.case_pages import published_item
from handlers.staff.correction_rows import Row, RowsForm
from services.applications.reviewing.types import CORRECTION_DAYS, MOST_POINTS

_ACT = "request-correction"
_ADDRESS = f"/staff/cases/<application_no:str>/{_ACT}"
_LIMIT_BYTES = 262_144
"""Thirty points of full length: a form writes a Chinese character in nine bytes."""


async def editor(call: Call[None]) -> Reply:
    """Show the editor with one empty row."""
    return await _page(call, [Row()])


async def edit(call: Call[Any]) -> Reply:
    """Change the rows, show the preview, or send the notice; a refusal shows the editor with what was written."""
    form = call.body
    if form.do not in ("preview", "send"):
        return await _page(call, correction_rows.after(form) or [Row()])
    rows, number = correction_rows.rows_of(form), call.path["application_no"]
    try:
        points = correction_rows.read(rows)
        if form.do == "preview":
            return await _page(call, rows, previews=True)
        desk = call.house.applications.desk
        await desk.request_correction(call.staff, number, "", call.address, points=points, version=form.version)
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _page(call, rows or [Row()], problem=refusal)
    return see_other(f"/staff/cases/{number}?done={_ACT}")


async def _page(
    call: Call[Any], rows: list[Row], *, previews: bool = False, problem: SanjinError | None = None
) -> Reply:
    case = await call.house.applications.desk.summary(call.staff, call.path["application_no"])
    item = await published_item(call, case.item_code)
    listed = correction_rows.targets(item)
    return page(
        call,
        "staff/correction.html",
        status=problem.status if problem else 200,
        here="cases",
        act=find_act(_ACT),
        case=case,
        rows=rows,
        targets=listed,
        names={target: name.partition("：")[2] for target, name in listed},
        phrases=correction_rows.phrases(item),
        most_rows=MOST_POINTS,
        longest=correction_rows.LONGEST_POINT,
        previews=previews,
        until=clock.beijing_date(clock.now() + timedelta(days=CORRECTION_DAYS)).isoformat(),
        problem=problem,
    )


ROUTES = (
    page_route(_ADDRESS, editor, "编写补正告知"),
    form_route(_ADDRESS, edit, "补正告知", RowsForm, limit_bytes=_LIMIT_BYTES),
)
