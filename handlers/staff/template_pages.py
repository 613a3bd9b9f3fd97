"""Pages about templates of notices: the list, one with its versions and what differs, the editor with a preview.

The same use cases as the JSON doors in handlers/staff/templates.py.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, NotFound, SanjinError
from app.ids import new_id
from handlers.doors import Call, Reply
from handlers.pages import form_route, page, page_route, see_other
from handlers.staff.template_forms import Form, content_of_form, form_of_content, placed
from handlers.staff.templates import editor_of, version_of
from notify.templating.types import (
    CHANNELS,
    ON_UNKNOWN,
    STATUSES,
    TOPICS,
    USES,
    ChannelPreview,
    Code,
    TemplateView,
    Use,
)

_LIST = "/staff/templates"
_ONE = f"{_LIST}/<code:str>"
_VERSION = f"{_ONE}/versions/<version:str>"
_LIMIT_BYTES = 131_072
_DONE = {"saved": "草稿已保存", "enable": "已启用", "retire": "已停用", "test": "测试消息已发出"}
_WORDS: dict[str, Any] = {
    "uses": USES,
    "topics": TOPICS,
    "statuses": STATUSES,
    "channels": CHANNELS,
    "unknowns": ON_UNKNOWN,
}
_NEW = {"topic": "case", "on_unknown": "REPEAT", "used_for": "PUSH", "lifetime_hours": "168"}


class ListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which use."""

    use: Annotated[str, msgspec.Meta(max_length=16)] = ""


class OneQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which version, and what was just done."""

    version: Annotated[int, msgspec.Meta(ge=1, le=999_999_999)] | None = None
    done: Annotated[str, msgspec.Meta(max_length=16)] = ""


async def overview(call: Call[None]) -> Reply:
    """List the codes with their newest and their enabled version."""
    listed = (await call.house.templates.overview(editor_of(call))).data
    codes: dict[str, list[Any]] = {}
    for line in listed:
        if call.query.use in ("", line.used_for):
            codes.setdefault(line.code, []).append(line)
    return page(
        call,
        "staff/templates.html",
        here="templates",
        codes=codes,
        use=call.query.use,
        editor=editor_of(call),
        **_WORDS,
    )


async def one(call: Call[None]) -> Reply:
    """Show the versions of a code, and one of them against the one in use."""
    return await _one(call, call.query.version, done=_DONE.get(call.query.done, ""))


async def act(call: Call[Form]) -> Reply:
    """Enable, retire or test a version; a refusal shows the page again."""
    code, version, name = call.path["code"], version_of(call), call.path["act"]
    desk, editor, edit = call.house.templates, editor_of(call), call.body.get("edit", "")
    try:
        if name == "enable":
            await desk.enable(editor, code, version, edit)
        elif name == "retire":
            await desk.retire(editor, code, version, edit)
        elif name == "test":
            await desk.try_out(editor, code, version, call.body.get("token", ""))
        else:
            raise NotFound
    except (Conflict, Forbidden, InvalidRequest) as refusal:
        return await _one(call, version, problem=refusal)
    return see_other(f"{_LIST}/{code}?version={version}&done={name}")


async def new_form(call: Call[None]) -> Reply:
    """Show the empty editor, or that of the next version of a code."""
    code = call.path.get("code", "")
    form = dict(_NEW)
    if code:
        newest = (await call.house.templates.versions(editor_of(call), code))[0]
        form = form_of_content(newest.content) | {"code": code, "used_for": newest.line.used_for}
    elif not editor_of(call).may_look:
        raise Forbidden(code="role_required")
    return await _editor(call, form, is_new=not code)


async def make(call: Call[Form]) -> Reply:
    """Make a draft, or show the preview of what was written."""
    form, is_new = dict(call.body), "code" not in call.path
    if not is_new:
        newest = (await call.house.templates.versions(editor_of(call), call.path["code"]))[0]
        form |= {"code": newest.line.code, "used_for": newest.line.used_for}
    if form.get("act") == "preview":
        return await _editor(call, form, is_new=is_new)
    try:
        content = content_of_form(form)
        code, use = _named(form)
        view = await call.house.templates.draft(editor_of(call), code, use, content)
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _editor(call, form, is_new=is_new, problem=refusal)
    return see_other(f"{_LIST}/{view.line.code}?version={view.line.version}&done=saved")


async def edit_form(call: Call[None]) -> Reply:
    """Show the editor of a draft."""
    view = await call.house.templates.version(editor_of(call), call.path["code"], version_of(call))
    return await _editor(call, _form_of(view), view=view)


async def edit(call: Call[Form]) -> Reply:
    """Save a draft, or show the preview of what was written."""
    code, version, editor = call.path["code"], version_of(call), editor_of(call)
    view = await call.house.templates.version(editor, code, version)
    form = dict(call.body) | {"code": code, "used_for": view.line.used_for}
    if form.get("act") == "preview":
        return await _editor(call, form, view=view)
    try:
        await call.house.templates.edit(editor, code, version, form.get("edit", ""), content_of_form(form))
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _editor(call, form, view=view, problem=refusal)
    return see_other(f"{_LIST}/{code}?version={version}&done=saved")


async def preview(call: Call[Form]) -> Reply:
    """Answer the preview alone, for the script that shows it while somebody writes."""
    if not editor_of(call).may_look:
        raise Forbidden(code="role_required")
    shown, problem = await _previewed(call, call.body)
    return page(call, "staff/template_preview.html", previews=shown, unshown=problem)


async def _one(call: Call[Any], version: int | None, *, done: str = "", problem: SanjinError | None = None) -> Reply:
    editor = editor_of(call)
    views = await call.house.templates.versions(editor, call.path["code"])
    chosen = next((view for view in views if view.line.version == version), None if version else views[0])
    if chosen is None:
        raise NotFound("模板版本不存在")
    older = [view for view in views if view.line.version < chosen.line.version]
    enabled = next((view for view in views if view.line.status == "ENABLED" and view is not chosen), None)
    against = enabled or (older[0] if older else None)
    shown = await call.house.templates.preview(editor, chosen.line.code, chosen.line.used_for, chosen.content)
    return page(
        call,
        "staff/template.html",
        status=problem.status if problem else 200,
        here="templates",
        views=views,
        chosen=chosen,
        against=against,
        changes=_changes(against, chosen) if against else [],
        previews=shown.data,
        unshown="",
        editor=editor,
        token=new_id().hex,
        done=done,
        problem=problem,
        **_WORDS,
    )


async def _editor(
    call: Call[Any],
    form: dict[str, str],
    *,
    is_new: bool = False,
    view: TemplateView | None = None,
    problem: SanjinError | None = None,
) -> Reply:
    shown, unshown = await _previewed(call, form)
    return page(
        call,
        "staff/template_form.html",
        status=problem.status if problem else 200,
        here="templates",
        form=defaultdict(str, form),
        is_new=is_new,
        view=view,
        previews=shown,
        unshown=unshown,
        problem=placed(problem) if isinstance(problem, InvalidRequest) else problem,
        **_WORDS,
    )


async def _previewed(call: Call[Any], form: dict[str, str]) -> tuple[list[ChannelPreview], str]:
    try:
        content = content_of_form(form)
        code, use = _named(form)
        return (await call.house.templates.preview(editor_of(call), code, use, content)).data, ""
    except InvalidRequest as refusal:
        return [], "；".join(fault.message for fault in refusal.faults) or refusal.detail


def _named(form: dict[str, str]) -> tuple[str, Use]:
    try:
        return msgspec.convert(form.get("code", "").strip(), Code), msgspec.convert(form.get("used_for", ""), Use)
    except msgspec.ValidationError as error:
        fault = FieldFault("code", "代码应为小写字母的两段，如 push.reminder")
        raise InvalidRequest("请按提示修改", faults=(fault,)) from error


def _form_of(view: TemplateView) -> dict[str, str]:
    line = view.line
    return form_of_content(view.content) | {"code": line.code, "used_for": line.used_for, "edit": line.edit}


def _changes(before: TemplateView, after: TemplateView) -> list[tuple[str, str, str]]:
    """Return (field, before, after) of what differs."""
    old, new = form_of_content(before.content), form_of_content(after.content)
    return [
        (name, old.get(name, ""), new.get(name, ""))
        for name in dict.fromkeys((*old, *new))
        if old.get(name, "") != new.get(name, "")
    ]


ROUTES = (
    page_route(_LIST, overview, "消息模板", ListQuery),
    page_route(f"{_LIST}/new", new_form, "新建消息模板"),
    form_route(f"{_LIST}/new", make, "新建消息模板", Form, limit_bytes=_LIMIT_BYTES),
    form_route(f"{_LIST}/preview", preview, "消息模板预览", Form, limit_bytes=_LIMIT_BYTES),
    page_route(_ONE, one, "消息模板的版本", OneQuery),
    page_route(f"{_ONE}/new", new_form, "消息模板新版本"),
    form_route(f"{_ONE}/new", make, "消息模板新版本", Form, limit_bytes=_LIMIT_BYTES),
    page_route(f"{_VERSION}/edit", edit_form, "修改消息模板草稿"),
    form_route(f"{_VERSION}/edit", edit, "修改消息模板草稿", Form, limit_bytes=_LIMIT_BYTES),
    form_route(f"{_VERSION}/<act:str>", act, "启用、停用、测试消息模板", Form, limit_bytes=_LIMIT_BYTES),
)
