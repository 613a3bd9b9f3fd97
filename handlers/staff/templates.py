"""Doors of the staff to templates of notices: versions, drafts, previews, test sends, putting them in use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route
from notify.templating.types import (
    Act,
    Edit,
    Editor,
    NewVersion,
    Preview,
    TemplateList,
    TemplateView,
    Trial,
    TrialSent,
)
from services.staff.types import Role

_TAG = "消息模板"
_ALL = "/api/staff/v1/templates"
_ONE = f"{_ALL}/<code:str>/versions/<version:str>"
LOOKERS = (Role.PUBLISHER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
EDITORS = (Role.PUBLISHER, Role.ADMINISTRATOR)
CONFIRMERS = (Role.APPROVER, Role.ADMINISTRATOR)
_LIMIT_BYTES = 65_536
_CONTENT = {
    "title": "办理进度说明",
    "inbox_text": "关于您申请的“{item_name}”（编号{subject_no}）：{note}。",
    "channels": ["ALIPAY"],
    "bindings": {
        "ALIPAY": {
            "template_id": "f9833288305d32df5ce9fedd38fc7ef2",
            "fields": {
                "keyword1": "{item_name}",
                "keyword2": "进度说明",
                "keyword3": "{time}",
                "keyword4": "{subject_no}",
            },
        }
    },
    "variables": [
        {"name": "item_name", "title": "事项名称", "sample": "居民身份证补领"},
        {"name": "note", "title": "说明", "sample": "正在核对户籍信息"},
    ],
}
_LINE = {
    "code": "push.progress_note",
    "version": 2,
    "title": "办理进度说明",
    "used_for": "PUSH",
    "topic": "case",
    "channels": ["ALIPAY"],
    "statutory": False,
    "urgent": False,
    "status": "DRAFT",
    "edited_by": "publisher",
    "edited_at": "2026-11-22T10:30:00+08:00",
    "enabled_at": None,
    "edit": "20261122023000000000",
}
_VIEW = {"line": _LINE, "content": _CONTENT, "warnings": []}
_NEW = {"code": "push.progress_note", "used_for": "PUSH", "content": _CONTENT}


def editor_of(call: Call[Any]) -> Editor:
    """Return the caller in the words of the template desk."""
    staff = call.staff
    return Editor(
        username=staff.username,
        may_look=staff.may(*LOOKERS),
        may_edit=staff.may(*EDITORS),
        may_confirm=staff.may(*CONFIRMERS),
        address=call.address,
    )


def version_of(call: Call[Any]) -> int:
    """Return the version in the address. Raises: NotFound for what no version can be."""
    text = call.path["version"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound("模板版本不存在")
    return int(text)


async def list_templates(call: Call[None]) -> Reply:
    """List every version of every code."""
    return Reply(await call.house.templates.overview(editor_of(call)))


async def show(call: Call[None]) -> Reply:
    """Show one version."""
    return Reply(await call.house.templates.version(editor_of(call), call.path["code"], version_of(call)))


async def draft(call: Call[NewVersion]) -> Reply:
    """Make a draft."""
    new = call.body
    view = await call.house.templates.draft(editor_of(call), new.code, new.used_for, new.content)
    return Reply(view, status=201)


async def edit(call: Call[Edit]) -> Reply:
    """Change a draft."""
    code, version, body = call.path["code"], version_of(call), call.body
    return Reply(await call.house.templates.edit(editor_of(call), code, version, body.edit, body.content))


async def preview(call: Call[NewVersion]) -> Reply:
    """Show what phones would show."""
    new = call.body
    return Reply(await call.house.templates.preview(editor_of(call), new.code, new.used_for, new.content))


async def try_out(call: Call[Trial]) -> Reply:
    """Send a test."""
    code, version = call.path["code"], version_of(call)
    return Reply(await call.house.templates.try_out(editor_of(call), code, version, call.body.token))


def _acting(name: str) -> Callable[[Call[Act]], Awaitable[Reply]]:
    async def act(call: Call[Act]) -> Reply:
        carry_out = getattr(call.house.templates, name)
        return Reply(await carry_out(editor_of(call), call.path["code"], version_of(call), call.body.edit))

    return act


ROUTES = (
    Route(
        "GET",
        _ALL,
        list_templates,
        Auth.STAFF,
        "消息模板及其版本",
        _TAG,
        answer=TemplateList,
        answer_example={"data": [_LINE], "next_cursor": None},
    ),
    Route(
        "POST",
        _ALL,
        draft,
        Auth.STAFF,
        "新建模板草稿（新代码，或已有代码的新版本）",
        _TAG,
        body=NewVersion,
        answer=TemplateView,
        answer_example=_VIEW,
        status=201,
        example=_NEW,
        limit_bytes=_LIMIT_BYTES,
    ),
    Route(
        "POST",
        f"{_ALL}/preview",
        preview,
        Auth.STAFF,
        "预览各渠道在手机上的样子",
        _TAG,
        body=NewVersion,
        answer=Preview,
        example=_NEW,
        limit_bytes=_LIMIT_BYTES,
        remembers=False,
    ),
    Route("GET", _ONE, show, Auth.STAFF, "一个模板版本", _TAG, answer=TemplateView, answer_example=_VIEW),
    Route(
        "PUT",
        _ONE,
        edit,
        Auth.STAFF,
        "修改草稿",
        _TAG,
        body=Edit,
        answer=TemplateView,
        answer_example=_VIEW,
        example={"edit": "20261122103000000000", "content": _CONTENT},
        limit_bytes=_LIMIT_BYTES,
    ),
    *(
        Route(
            "POST",
            f"{_ONE}/{name}",
            _acting(name),
            Auth.STAFF,
            title,
            _TAG,
            body=Act,
            answer=TemplateView,
            answer_example=_VIEW,
            example={"edit": "20261122103000000000"},
        )
        for name, title in (("enable", "启用版本（法定告知须由另一人启用）"), ("retire", "停用版本或作废草稿"))
    ),
    Route(
        "POST",
        f"{_ONE}/test",
        try_out,
        Auth.STAFF,
        "发送测试消息给设置中的测试手机号",
        _TAG,
        body=Trial,
        answer=TrialSent,
        example={},
    ),
)
