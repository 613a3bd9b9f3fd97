"""Doors of staff about mass pushes: compose, estimate, hand in, decide, start, stop, try again, look."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from handlers.doors import Auth, Call, Handler, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from notify.campaigns.types import (
    Acting,
    Audience,
    AudienceSize,
    CampaignDraft,
    CampaignEdit,
    CampaignPage,
    CampaignView,
    ChannelPreview,
    Choice,
    Officer,
    Resending,
)
from services.staff.types import Role

LOOKERS = (Role.PUBLISHER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
STOPPERS = (Role.PUBLISHER, Role.APPROVER, Role.ADMINISTRATOR)
_TAG = "群发"
_ALL = "/api/staff/v1/campaigns"
_ONE = f"{_ALL}/<campaign_no:str>"
_AUDIENCE = {"divisions": ["140105"], "age_from": 60, "tag": "退役军人"}
_DRAFT = {
    "title": "养老补贴申领提醒",
    "template_code": "campaign.policy",
    "variables": {
        "policy": "高龄津贴",
        "summary": "年满80周岁的可在线申领",
        "issuer": "太原市小店区民政局",
        "page_code": "ZC20261101",
    },
    "audience": _AUDIENCE,
    "rate_per_second": 200,
}
Status = Literal["", "DRAFT", "WAITING", "APPROVED", "EXPANDING", "SENDING", "PAUSED", "FINISHED", "CANCELLED"]


class CampaignQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which campaigns to list."""

    status: Status = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class SizeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An audience to be estimated; the template says what people may have switched off."""

    template_code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    audience: Audience = Audience()


class ChoiceList(msgspec.Struct, frozen=True, kw_only=True):
    """The templates that may be pushed."""

    data: list[Choice]
    next_cursor: str | None = None


class PreviewList(msgspec.Struct, frozen=True, kw_only=True):
    """What people see, channel by channel."""

    data: list[ChannelPreview]
    next_cursor: str | None = None


def officer_of(call: Call[Any]) -> Officer:
    """Return the caller in the words of campaigns."""
    staff = call.staff
    return Officer(
        username=staff.username,
        divisions=staff.divisions,
        address=call.address,
        may_look=staff.may(*LOOKERS),
        may_compose=staff.may(Role.PUBLISHER),
        may_approve=staff.may(Role.APPROVER),
        may_stop=staff.may(*STOPPERS),
    )


async def list_campaigns(call: Call[None]) -> Reply:
    """List campaigns within the caller's scope."""
    query: CampaignQuery = call.query
    desk = call.house.campaigns.service
    found, following = await desk.page(officer_of(call), query.status, read_cursor(query.cursor), query.limit)
    return Reply(CampaignPage(data=found, next_cursor=make_cursor(following) if following else None))


async def list_templates(call: Call[None]) -> Reply:
    """List the templates that may be pushed."""
    return Reply(ChoiceList(data=await call.house.campaigns.service.choices(officer_of(call))))


async def size(call: Call[SizeRequest]) -> Reply:
    """Estimate an audience."""
    body = call.body
    return Reply(await call.house.campaigns.service.size(officer_of(call), body.audience, body.template_code))


async def create(call: Call[CampaignDraft]) -> Reply:
    """Write a draft."""
    return Reply(await call.house.campaigns.service.create(officer_of(call), call.body), status=201)


async def edit(call: Call[CampaignEdit]) -> Reply:
    """Change a draft."""
    return Reply(await call.house.campaigns.service.edit(officer_of(call), call.path["campaign_no"], call.body))


async def show(call: Call[None]) -> Reply:
    """Show a campaign with its counters."""
    return Reply(await call.house.campaigns.service.show(officer_of(call), call.path["campaign_no"]))


async def preview(call: Call[None]) -> Reply:
    """Show what people see."""
    shown = await call.house.campaigns.service.previewed(officer_of(call), call.path["campaign_no"])
    return Reply(PreviewList(data=shown))


async def estimate(call: Call[None]) -> Reply:
    """Estimate a draft anew."""
    return Reply(await call.house.campaigns.service.estimate(officer_of(call), call.path["campaign_no"]))


async def resend(call: Call[Resending]) -> Reply:
    """Try failed notices again."""
    desk = call.house.campaigns.service
    return Reply(await desk.resend(officer_of(call), call.path["campaign_no"], call.body.reason))


async def carry_out(call: Call[Any], act: str, acting: Acting) -> CampaignView:
    """Carry out one of the acts that take nothing but a version and a reason."""
    desk, officer, number = call.house.campaigns.service, officer_of(call), call.path["campaign_no"]
    acts = {
        "submit": desk.submit,
        "withdraw": desk.withdraw,
        "approve": desk.approve,
        "refuse": desk.refuse,
        "start": desk.start,
        "pause": desk.pause,
        "resume": desk.resume,
        "cancel": desk.cancel,
    }
    return await acts[act](officer, number, acting)


def _acting(act: str) -> Handler:
    async def handle(call: Call[Acting]) -> Reply:
        return Reply(await carry_out(call, act, call.body))

    return handle


def _act(name: str, summary: str, example: dict[str, Any]) -> Route:
    return Route(
        "POST",
        f"{_ONE}/{name}",
        _acting(name),
        Auth.STAFF,
        summary,
        _TAG,
        body=Acting,
        answer=CampaignView,
        example=example,
        limit_bytes=8192,
    )


ROUTES = (
    Route("GET", _ALL, list_campaigns, Auth.STAFF, "群发任务列表", _TAG, query=CampaignQuery, answer=CampaignPage),
    Route("GET", "/api/staff/v1/campaign-templates", list_templates, Auth.STAFF, "群发模板", _TAG, answer=ChoiceList),
    Route(
        "POST", "/api/staff/v1/campaign-estimates", size, Auth.STAFF, "估算受众人数", _TAG,
        body=SizeRequest, answer=AudienceSize, example={"template_code": "campaign.policy", "audience": _AUDIENCE},
    ),
    Route(
        "POST", _ALL, create, Auth.STAFF, "起草群发任务", _TAG,
        body=CampaignDraft, answer=CampaignView, status=201, example=_DRAFT,
    ),
    Route("GET", _ONE, show, Auth.STAFF, "群发任务详情", _TAG, answer=CampaignView),
    Route(
        "PUT", _ONE, edit, Auth.STAFF, "修改群发任务", _TAG,
        body=CampaignEdit, answer=CampaignView, example=_DRAFT | {"version": 1},
    ),
    Route("GET", f"{_ONE}/preview", preview, Auth.STAFF, "各渠道预览", _TAG, answer=PreviewList),
    Route("POST", f"{_ONE}/estimate", estimate, Auth.STAFF, "重新估算受众人数", _TAG, answer=CampaignView),
    _act("submit", "提交群发任务", {"version": 1}),
    _act("withdraw", "撤回群发任务", {}),
    _act("approve", "同意群发（第二人）", {"version": 2}),
    _act("refuse", "不同意群发（第二人）", {"reason": "受众范围过大，请按街道分批发送"}),
    _act("start", "开始群发", {}),
    _act("pause", "暂停群发", {}),
    _act("resume", "继续群发", {}),
    _act("cancel", "取消群发（仅未发送的）", {"reason": "内容有误"}),
    Route(
        "POST", f"{_ONE}/resend", resend, Auth.STAFF, "按原因重发", _TAG,
        body=Resending, answer=CampaignView, example={"reason": "outage"}, limit_bytes=8192,
    ),
)  # fmt: skip
