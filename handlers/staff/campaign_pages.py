"""Pages of mass pushes: the list, composing with a preview, one of them with its progress, the second person's.

The same use cases as the JSON doors in handlers/staff/campaigns.py.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any

import msgspec

from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import DoneQuery, PageForm, form_route, page, page_route, see_other
from handlers.parsing import read_cursor
from handlers.staff import campaign_forms as forms
from handlers.staff.addresses import address_of, turns
from handlers.staff.campaigns import Status, carry_out, officer_of
from notify.campaigns.types import Acting, AudienceSize, CampaignEdit, CampaignView, ChannelPreview

_LIST = "/staff/campaigns"
_ONE = f"{_LIST}/<campaign_no:str>"
_HERE = "campaigns"
_PAGE_LENGTH = 20
_LISTS = 100
STATUSES = {
    "": "全部",
    "DRAFT": "草稿",
    "WAITING": "待审核",
    "APPROVED": "待发送",
    "EXPANDING": "生成名单中",
    "SENDING": "发送中",
    "PAUSED": "已暂停",
    "FINISHED": "已完成",
    "CANCELLED": "已取消",
}
DONE = {
    "saved": "草稿已保存，受众人数已估算",
    "submit": "已提交",
    "withdraw": "已撤回，可以继续修改",
    "approve": "已同意",
    "refuse": "已退回",
    "start": "已开始，正在生成名单",
    "pause": "已暂停",
    "resume": "已继续",
    "cancel": "已取消，未发送的消息不再发送",
    "resend": "已安排重发",
    "estimate": "受众人数已重新估算",
}
TEXT = {
    "submit": "提交",
    "withdraw": "撤回修改",
    "start": "立即开始",
    "pause": "暂停",
    "resume": "继续",
    "cancel": "取消群发",
}
Form = dict[str, Annotated[str, msgspec.Meta(max_length=2000)]]
Refusals = (InvalidRequest, Conflict, Forbidden)


class ListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which campaigns to list."""

    status: Status = ""
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class NewQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """With which template a new one begins."""

    template: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """One act as a browser sends it; `version` is the one its page showed."""

    act: Annotated[str, msgspec.Meta(max_length=16)]
    version: Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)]
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


async def listed(call: Call[None]) -> Reply:
    """Show a page of campaigns."""
    return page(call, "staff/campaigns.html", here=_HERE, **await _listed(call))


async def listed_part(call: Call[None]) -> Reply:
    """Show what of the list changes."""
    return page(call, "staff/campaigns_part.html", **await _listed(call))


async def _listed(call: Call[None]) -> dict[str, Any]:
    query: ListQuery = call.query
    desk = call.house.campaigns.service
    rows, following = await desk.page(officer_of(call), query.status, read_cursor(query.cursor), _PAGE_LENGTH)
    return {
        "rows": rows,
        "statuses": STATUSES,
        "chosen": query.status,
        "may_compose": officer_of(call).may_compose,
        "fragment_address": address_of(f"{_LIST}/part", status=query.status, cursor=query.cursor),
        **turns(_LIST, query.cursor, following, status=query.status),
    }


async def compose(call: Call[None]) -> Reply:
    """Show the form of a new campaign."""
    return await _form(call, {"template_code": call.query.template, "rate_per_second": "100"})


async def create(call: Call[Form]) -> Reply:
    """Save a new draft; the buttons for preview and estimate show the form again with them."""
    return await _saved(call, "")


async def edit(call: Call[None]) -> Reply:
    """Show the form of a draft."""
    campaign = await _campaign(call)
    return await _form(call, forms.form_of(campaign), campaign=campaign)


async def change(call: Call[Form]) -> Reply:
    """Save a changed draft."""
    return await _saved(call, call.path["campaign_no"])


async def _saved(call: Call[Form], number: str) -> Reply:
    form, desk, officer = call.body, call.house.campaigns.service, officer_of(call)
    campaign = await _campaign(call) if number else None
    size: AudienceSize | None = None
    try:
        if form.get("act") == "estimate":
            size = await desk.size(officer, forms.audience_of(form), form.get("template_code", ""))
        if form.get("act") in ("estimate", "preview"):
            return await _form(call, form, campaign=campaign, size=size)
        draft = forms.draft_of(form)
        if campaign is not None:
            version = form.get("version", "")
            changed = CampaignEdit(
                **msgspec.structs.asdict(draft), version=int(version) if version.isdigit() and len(version) < 10 else 1
            )
            shown = await desk.edit(officer, number, changed)
        else:
            shown = await desk.create(officer, draft)
    except Refusals as refusal:
        return await _form(call, form, campaign=campaign, problem=refusal)
    return see_other(f"{_LIST}/{shown.campaign_no}?done=saved")


async def preview(call: Call[Form]) -> Reply:
    """Show how what is written so far looks, and how many are meant; for the form's script."""
    form = call.body
    if form.get("act") == "estimate":
        try:
            desk = call.house.campaigns.service
            size = await desk.size(officer_of(call), forms.audience_of(form), form.get("template_code", ""))
        except (InvalidRequest, Conflict) as refusal:
            return page(call, "staff/campaign_size.html", size=None, problem=refusal)
        return page(call, "staff/campaign_size.html", size=size, problem=None)
    return page(call, "staff/campaign_preview.html", previews=await _previews(call, form))


async def _previews(call: Call[Any], form: Form) -> list[ChannelPreview]:
    desk = call.house.campaigns.service
    try:
        return await desk.preview(officer_of(call), form.get("template_code", ""), forms.variables_of(form))
    except InvalidRequest:
        return []


async def _form(
    call: Call[Any],
    form: Form,
    *,
    campaign: CampaignView | None = None,
    size: AudienceSize | None = None,
    problem: SanjinError | None = None,
) -> Reply:
    officer = officer_of(call)
    if not officer.may_compose:
        raise Forbidden(code="role_required")
    choices = await call.house.campaigns.service.choices(officer)
    chosen = next((one for one in choices if one.code == form.get("template_code")), None)
    lists, _ = await call.house.audiences.lists.page(call.staff, None, _LISTS)
    return page(
        call,
        "staff/campaign_form.html",
        status=problem.status if problem else 200,
        here=_HERE,
        form=defaultdict(str, form),
        campaign=campaign,
        choices=choices,
        chosen=chosen,
        lists=[one for one in lists if one.status == "READY"],
        levels=forms.LEVELS,
        states=forms.CASE_STATES,
        previews=await _previews(call, form) if chosen else [],
        size=size,
        problem=problem,
        faulty={fault.path.removeprefix("audience.") for fault in problem.faults} if problem else set(),
    )


async def show(call: Call[None]) -> Reply:
    """Show one campaign."""
    return await _shown(call)


async def show_part(call: Call[None]) -> Reply:
    """Show what of one campaign changes."""
    campaign = await _campaign(call)
    return page(call, "staff/campaign_live.html", act_text=TEXT, **await _facts(call, campaign))


async def act(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the campaign with it."""
    form = call.body
    try:
        await _carry_out(call, form)
    except Refusals as refusal:
        return await _shown(call, refusal)
    return see_other(f"{_LIST}/{call.path['campaign_no']}?done={form.act}")


async def _carry_out(call: Call[ActForm], form: ActForm) -> None:
    desk, officer, number = call.house.campaigns.service, officer_of(call), call.path["campaign_no"]
    if form.act == "resend":
        await desk.resend(officer, number, form.reason)
    elif form.act == "estimate":
        await desk.estimate(officer, number)
    elif form.act in (*TEXT, "approve", "refuse"):
        reason = form.reason.replace("\r\n", "\n")
        await carry_out(call, form.act, Acting(version=form.version, reason=reason))
    else:
        raise NotFound("地址不存在")


async def approval(call: Call[None]) -> Reply:
    """Show the second person everything there is to decide on."""
    campaign = await _campaign(call)
    if "approve" not in campaign.acts:
        return see_other(f"{_LIST}/{campaign.campaign_no}")
    return page(call, "staff/campaign_approval.html", here=_HERE, problem=None, **await _facts(call, campaign))


async def _shown(call: Call[Any], problem: SanjinError | None = None) -> Reply:
    campaign = await _campaign(call)
    is_decision = problem is not None and isinstance(call.body, ActForm) and call.body.act in ("approve", "refuse")
    template = "staff/campaign_approval.html" if is_decision and "approve" in campaign.acts else "staff/campaign.html"
    return page(
        call,
        template,
        status=problem.status if problem else 200,
        here=_HERE,
        problem=problem,
        done=DONE.get(call.query.done, "") if call.query else "",
        act_text=TEXT,
        **await _facts(call, campaign),
    )


async def _facts(call: Call[Any], campaign: CampaignView) -> dict[str, Any]:
    names = {}
    if campaign.audience.list_id:
        found, _ = await call.house.audiences.lists.page(call.staff, None, _LISTS)
        names = {one.list_id: one.name for one in found}
    return {
        "campaign": campaign,
        "audience": forms.described(campaign.audience, names),
        "previews": await call.house.campaigns.service.previewed(officer_of(call), campaign.campaign_no),
    }


async def _campaign(call: Call[Any]) -> CampaignView:
    return await call.house.campaigns.service.show(officer_of(call), call.path["campaign_no"])


ROUTES = (
    page_route(_LIST, listed, "群发任务", ListQuery),
    page_route(f"{_LIST}/part", listed_part, "群发任务（片段）", ListQuery),
    page_route(f"{_LIST}/new", compose, "新建群发", NewQuery),
    form_route(f"{_LIST}/new", create, "保存新群发", Form),
    form_route(f"{_LIST}/preview", preview, "群发预览与估算（片段）", Form),
    page_route(_ONE, show, "群发任务详情", DoneQuery),
    page_route(f"{_ONE}/part", show_part, "群发进度（片段）"),
    page_route(f"{_ONE}/edit", edit, "修改群发"),
    form_route(f"{_ONE}/edit", change, "保存群发", Form),
    page_route(f"{_ONE}/approval", approval, "审核群发"),
    form_route(f"{_ONE}/acts", act, "群发操作", ActForm),
)  # fmt: skip
