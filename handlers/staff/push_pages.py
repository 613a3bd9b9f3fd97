"""The page on which staff push a notice to the person of a case: choose a template, fill it in, see it, send it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from app.errors import FieldFault, InvalidRequest, SanjinError
from app.ids import new_id
from handlers.doors import Call, Reply
from handlers.pages import form_route, page, page_route, see_other
from notify.pushing.types import PushRequest
from notify.templating.types import ChannelPreview

_PAGE = "/staff/cases/<application_no:str>/push"
_BEGIN = "var_"
Form = dict[str, Annotated[str, msgspec.Meta(max_length=2000)]]


class PushQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which template; `done` after one was sent."""

    template: Annotated[str, msgspec.Meta(max_length=64)] = ""
    done: Annotated[str, msgspec.Meta(max_length=4)] = ""


async def form(call: Call[None]) -> Reply:
    """Show the templates, and the form of the chosen one."""
    return await _form(call, {"template": call.query.template, "token": new_id().hex}, done=bool(call.query.done))


async def send(call: Call[Form]) -> Reply:
    """Send, or show what the person would see; a refusal shows the form again."""
    written = dict(call.body)
    if written.get("act") == "preview":
        return await _form(call, written)
    try:
        await call.house.pushing.push(call.staff, call.path["application_no"], _request(written), call.address)
    except InvalidRequest as refusal:
        if any(fault.path == "token" for fault in refusal.faults):
            written["token"] = new_id().hex
        return await _form(call, written, problem=refusal)
    return see_other(f"/staff/cases/{call.path['application_no']}/push?done=1")


async def preview(call: Call[Form]) -> Reply:
    """Answer the preview alone, for the script that shows it while somebody writes."""
    shown, unshown = await _previewed(call, call.body)
    return page(call, "staff/template_preview.html", previews=shown, unshown=unshown)


async def _form(
    call: Call[Any], written: dict[str, str], *, done: bool = False, problem: SanjinError | None = None
) -> Reply:
    case, templates = await call.house.pushing.templates(call.staff, call.path["application_no"])
    chosen = next((each for each in templates if each.code == written.get("template")), None)
    shown, unshown = await _previewed(call, written) if chosen and written.get("act") else ([], "")
    return page(
        call,
        "staff/case_push.html",
        status=problem.status if problem else 200,
        here="cases",
        case=case,
        templates=templates,
        chosen=chosen,
        written=defaultdict(str, written),
        previews=shown,
        unshown=unshown,
        done=done,
        problem=_placed(problem),
    )


async def _previewed(call: Call[Any], written: Mapping[str, str]) -> tuple[list[ChannelPreview], str]:
    try:
        found = await call.house.pushing.preview(call.staff, call.path["application_no"], _request(written))
    except InvalidRequest as refusal:
        return [], "；".join(dict.fromkeys(fault.message for fault in refusal.faults)) or refusal.detail
    return found.data, ""


def _request(written: Mapping[str, str]) -> PushRequest:
    made = {
        "template": written.get("template", ""),
        "token": written.get("token", ""),
        "variables": {
            name.removeprefix(_BEGIN): text.replace("\r\n", "\n")
            for name, text in written.items()
            if name.startswith(_BEGIN)
        },
    }
    try:
        return msgspec.convert(made, PushRequest)
    except msgspec.ValidationError as error:
        raise InvalidRequest("请按提示修改", faults=(FieldFault("template", "请选择模板，内容最多500字"),)) from error


def _placed(problem: SanjinError | None) -> SanjinError | None:
    if not isinstance(problem, InvalidRequest):
        return problem
    moved = [FieldFault(fault.path.replace("variables.", _BEGIN), fault.message) for fault in problem.faults]
    return InvalidRequest(problem.detail, faults=tuple(moved))


ROUTES = (
    page_route(_PAGE, form, "向当事人推送消息", PushQuery),
    form_route(_PAGE, send, "向当事人推送消息", Form),
    form_route(f"{_PAGE}/preview", preview, "推送消息预览", Form),
)
