"""Pages of those who keep the house running: health of providers with charts, and the job queue with parked jobs."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec

from app import clock
from app.errors import Conflict, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.staff.operations import JobName, job_id_of
from services.operations.types import ProviderHealthView
from services.staff.types import Role

_PROVIDERS = "/staff/providers"
_JOBS = "/staff/jobs"
_PAGE_LENGTH = 20
_NAMES = {
    "wechat": "微信小程序", "wechat_pay": "微信支付", "alipay": "支付宝", "sf": "顺丰", "sms": "短信", "ems": "邮政EMS",
    "fiscal": "财政非税平台", "seal": "电子印章", "ofd": "版式转换", "register": "登记核验", "department": "部门系统",
    "kuaidi100": "快递100", "kdniao": "快递鸟",
}  # fmt: skip
_BREAKERS = {"CLOSED": "正常", "OPEN": "已断开", "HALF_OPEN": "试探中"}
_CODES = {
    "timeout": "超时", "connect_error": "无法连接", "connection_lost": "连接中断", "server_error": "对方故障",
    "too_large": "应答过大",
}  # fmt: skip
_SAID = {"requeued": "已放回队列", "discarded": "任务已放弃"}


class JobsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which parked jobs to show; `done` names what has just been done."""

    job: JobName = ""
    cursor: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,9}$")] = ""
    done: Annotated[str, msgspec.Meta(max_length=16)] = ""


class RequeueForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """All parked jobs of a kind; none where one job stands in the address."""

    job: JobName = ""


class DiscardForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """Why a job is thrown away."""

    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


async def providers(call: Call[None]) -> Reply:
    """Show how every provider is doing."""
    return await _providers(call, "staff/providers.html")


async def providers_part(call: Call[None]) -> Reply:
    """Answer with the part of the page that changes."""
    return await _providers(call, "staff/providers_part.html")


async def provider(call: Call[None]) -> Reply:
    """Show one provider with its last day."""
    found = await call.house.operations.provider(call.staff, call.path["provider"])
    hours = [
        (f"{clock.to_beijing(clock.parse_rfc3339(hour.begins_at)):%H}时", [hour.succeeded, hour.failed, hour.refused])
        for hour in found.hours
    ]
    return page(call, "staff/provider.html", here="providers", row=found.health, hours=hours, **_words())


async def jobs(call: Call[None]) -> Reply:
    """Show the queue and its parked jobs."""
    return await _jobs(call, "staff/jobs.html", call.query)


async def jobs_part(call: Call[None]) -> Reply:
    """Answer with the part of the page that changes."""
    return page(call, "staff/jobs_part.html", queue=await call.house.operations.queue(call.staff), ago=_ago)


async def requeue(call: Call[RequeueForm]) -> Reply:
    """Have one parked job tried again."""
    try:
        await call.house.operations.requeue(call.staff, job_id_of(call), call.address)
    except (Conflict, NotFound) as refusal:
        return await _jobs(call, "staff/jobs.html", JobsQuery(), refusal)
    return see_other(f"{_JOBS}?done=requeued")


async def requeue_all(call: Call[RequeueForm]) -> Reply:
    """Have the parked jobs of one kind tried again."""
    try:
        await call.house.operations.requeue_all(call.staff, call.body.job, call.address)
    except (Conflict, NotFound) as refusal:
        return await _jobs(call, "staff/jobs.html", JobsQuery(), refusal)
    return see_other(f"{_JOBS}?done=requeued")


async def discard(call: Call[DiscardForm]) -> Reply:
    """Throw a parked job away."""
    try:
        await call.house.operations.discard(call.staff, job_id_of(call), call.body.reason, call.address)
    except (InvalidRequest, NotFound) as refusal:
        return await _jobs(call, "staff/jobs.html", JobsQuery(), refusal)
    return see_other(f"{_JOBS}?done=discarded")


async def _providers(call: Call[Any], template: str) -> Reply:
    rows = (await call.house.operations.providers(call.staff)).data
    rates = [(_NAMES.get(row.provider, row.provider), _percent(row), _rate(row)) for row in rows if row.calls_60]
    return page(call, template, here="providers", rows=rows, rates=rates, **_words())


async def _jobs(call: Call[Any], template: str, query: JobsQuery, refusal: SanjinError | None = None) -> Reply:
    room = call.house.operations
    found = await room.failed(call.staff, query.job, int(query.cursor or 0), _PAGE_LENGTH)
    following = {"job": query.job, "cursor": found.next_cursor or ""}
    return page(
        call,
        template,
        here="jobs",
        status=refusal.status if refusal else 200,
        queue=await room.queue(call.staff),
        failed=found.data,
        query=query,
        ago=_ago,
        may_act=call.staff.may(Role.ADMINISTRATOR),
        said=_SAID.get(query.done, ""),
        problem=refusal,
        next_address=f"{_JOBS}?{urlencode(following)}" if found.next_cursor else "",
        first_address=_JOBS if query.cursor or query.job else "",
    )


def _words() -> dict[str, Any]:
    return {"names": _NAMES, "breakers": _BREAKERS, "codes": _CODES, "rate": _rate}


def _percent(row: ProviderHealthView) -> float:
    return round(row.failed_60 * 100 / row.calls_60, 1)


def _rate(row: ProviderHealthView, minutes: int = 60) -> str:
    """Write an error rate with what it was counted from."""
    failed, calls = (row.failed_5, row.calls_5) if minutes == 5 else (row.failed_60, row.calls_60)
    return f"{failed * 100 / calls:.1f}%（{failed}/{calls}）" if calls else "—"


def _ago(seconds: int) -> str:
    """Write how long something has waited."""
    if seconds < 60:
        return f"{seconds}秒"
    if seconds < 3600:
        return f"{seconds // 60}分钟"
    return f"{seconds // 3600}小时" if seconds < 172_800 else f"{seconds // 86_400}天"


ROUTES = (
    page_route(_PROVIDERS, providers, "服务商状态"),
    page_route(f"{_PROVIDERS}/part", providers_part, "服务商状态（更新部分）"),
    page_route(f"{_PROVIDERS}/of/<provider:str>", provider, "一个服务商"),
    page_route(_JOBS, jobs, "任务队列", JobsQuery),
    page_route(f"{_JOBS}/part", jobs_part, "任务队列（更新部分）"),
    form_route(f"{_JOBS}/requeue", requeue_all, "重新执行一类失败的任务", RequeueForm),
    form_route(f"{_JOBS}/<job_id:str>/requeue", requeue, "重新执行失败的任务", RequeueForm),
    form_route(f"{_JOBS}/<job_id:str>/discard", discard, "放弃失败的任务", DiscardForm),
)
