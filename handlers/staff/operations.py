"""Doors of those who keep the house running: health of providers, the job queue. Administrators act, auditors look."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route
from services.operations.types import FailedJobs, ProviderDetail, ProviderList, QueueView, Requeued

_TAG = "运行"
_PROVIDERS = "/api/staff/v1/providers"
_JOBS = "/api/staff/v1/jobs"
_LARGEST = 9_223_372_036_854_775_807
JobName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]{0,64}$")]


class FailedQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which parked jobs to list."""

    job: JobName = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,9}$")] = ""


class KindOfJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All parked jobs of one kind."""

    job: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]{1,64}$")]


class Discard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a job is thrown away."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


async def providers(call: Call[None]) -> Reply:
    """Show how every provider is doing."""
    return Reply(await call.house.operations.providers(call.staff))


async def provider(call: Call[None]) -> Reply:
    """Show one provider with its last day."""
    return Reply(await call.house.operations.provider(call.staff, call.path["provider"]))


async def queue(call: Call[None]) -> Reply:
    """Show what the queue holds."""
    return Reply(await call.house.operations.queue(call.staff))


async def failed(call: Call[None]) -> Reply:
    """List parked jobs."""
    query: FailedQuery = call.query
    return Reply(await call.house.operations.failed(call.staff, query.job, int(query.cursor or 0), query.limit))


async def requeue(call: Call[None]) -> Reply:
    """Have a parked job tried again."""
    await call.house.operations.requeue(call.staff, job_id_of(call), call.address)
    return Reply(Requeued(requeued=1))


async def requeue_all(call: Call[KindOfJob]) -> Reply:
    """Have all parked jobs of one kind tried again."""
    count = await call.house.operations.requeue_all(call.staff, call.body.job, call.address)
    return Reply(Requeued(requeued=count))


async def discard(call: Call[Discard]) -> Reply:
    """Throw a parked job away."""
    await call.house.operations.discard(call.staff, job_id_of(call), call.body.reason, call.address)
    return Reply(status=204)


def job_id_of(call: Call[Any]) -> int:
    """Read the number of a job in an address. Raises: NotFound."""
    digits = call.path["job_id"]
    if not (digits.isascii() and digits.isdigit() and int(digits) <= _LARGEST):
        raise NotFound("没有这个失败的任务，或已重新执行")
    return int(digits)


ROUTES = (
    Route("GET", _PROVIDERS, providers, Auth.STAFF, "服务商状态", _TAG, answer=ProviderList),
    Route("GET", f"{_PROVIDERS}/<provider:str>", provider, Auth.STAFF, "一个服务商的状态", _TAG, answer=ProviderDetail),
    Route("GET", _JOBS, queue, Auth.STAFF, "任务队列", _TAG, answer=QueueView),
    Route("GET", f"{_JOBS}/failed", failed, Auth.STAFF, "失败的任务", _TAG, query=FailedQuery, answer=FailedJobs),
    Route(
        "POST",
        f"{_JOBS}/failed/requeue",
        requeue_all,
        Auth.STAFF,
        "重新执行一类失败的任务",
        _TAG,
        body=KindOfJob,
        answer=Requeued,
        example={"job": "notify.deliver"},
    ),
    Route("POST", f"{_JOBS}/<job_id:str>/requeue", requeue, Auth.STAFF, "重新执行失败的任务", _TAG, answer=Requeued),
    Route(
        "POST",
        f"{_JOBS}/<job_id:str>/discard",
        discard,
        Auth.STAFF,
        "放弃失败的任务",
        _TAG,
        body=Discard,
        status=204,
        example={"reason": "对应办件已人工处理"},
    ),
)
