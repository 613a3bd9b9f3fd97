"""Doors of the staff to direct pushes: what may be pushed to a case, how it would look, sending it."""

from __future__ import annotations

from handlers.doors import Auth, Call, Reply, Route
from notify.pushing.types import PushPreview, PushRequest, PushResult, PushTemplates

_TAG = "个别推送"
_CASE = "/api/staff/v1/cases/<application_no:str>"
_EXAMPLE = {
    "template": "push.material_reminder",
    "variables": {"note": "请补充一张清晰的近期免冠照片", "until": "2026-12-20"},
}


async def list_templates(call: Call[None]) -> Reply:
    """List what may be pushed to a case."""
    _, found = await call.house.pushing.templates(call.staff, call.path["application_no"])
    return Reply(PushTemplates(data=found))


async def preview(call: Call[PushRequest]) -> Reply:
    """Show what the person would see."""
    return Reply(await call.house.pushing.preview(call.staff, call.path["application_no"], call.body))


async def push(call: Call[PushRequest]) -> Reply:
    """Send it."""
    sent = await call.house.pushing.push(call.staff, call.path["application_no"], call.body, call.address)
    return Reply(sent, status=201)


ROUTES = (
    Route("GET", f"{_CASE}/notice-templates", list_templates, Auth.STAFF, "可推送的模板", _TAG, answer=PushTemplates),
    Route(
        "POST",
        f"{_CASE}/notices/preview",
        preview,
        Auth.STAFF,
        "预览推送",
        _TAG,
        body=PushRequest,
        answer=PushPreview,
        example=_EXAMPLE,
        remembers=False,
    ),
    Route(
        "POST",
        f"{_CASE}/notices",
        push,
        Auth.STAFF,
        "向办件当事人推送一条消息（仅限模板）",
        _TAG,
        body=PushRequest,
        answer=PushResult,
        status=201,
        example=_EXAMPLE,
    ),
)
