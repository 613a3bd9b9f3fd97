"""Doors of the cashier about the reconciliation (对账): runs, their differences, quarantined callbacks put away."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.payments import scope_of
from handlers.staff.refunds import person_of
from payments.types import (
    DiscrepancyPage,
    DiscrepancyView,
    QuarantinedView,
    ReconciliationDetail,
    ReconciliationPage,
)
from services.staff.types import Role

READERS = (Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
_TAG = "对账"
_RUNS = "/api/staff/v1/reconciliations"
_DIFFERENCES = "/api/staff/v1/discrepancies"
Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Text = Annotated[str, msgspec.Meta(max_length=64)]


class RunQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of runs."""

    limit: Limit = 20
    cursor: Text = ""


class DiscrepancyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which differences to list."""

    status: Literal["", "OPEN", "REPAIRED", "RESOLVED"] = ""
    kind: Annotated[str, msgspec.Meta(max_length=24)] = ""
    limit: Limit = 20
    cursor: Text = ""


class Repair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing needs to be said."""


class Resolution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done about it."""

    note: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


async def list_runs(call: Call[None]) -> Reply:
    """List the compared days, newest first."""
    call.staff.require_role(*READERS)
    query: RunQuery = call.query
    found, following = await call.house.payments.reconciliation.runs(read_cursor(query.cursor), query.limit)
    return Reply(ReconciliationPage(data=found, next_cursor=make_cursor(following) if following else None))


async def show_run(call: Call[None]) -> Reply:
    """Show one compared day of one merchant account."""
    call.staff.require_role(*READERS)
    try:
        business_on = date.fromisoformat(call.path["date"])
    except ValueError:
        raise NotFound("该日尚未对账") from None
    run, kinds = await call.house.payments.reconciliation.one(business_on, call.path["account"])
    return Reply(ReconciliationDetail(run=run, kinds=kinds))


async def list_discrepancies(call: Call[None]) -> Reply:
    """List differences within the caller's scope."""
    call.staff.require_role(*READERS)
    query: DiscrepancyQuery = call.query
    found, following = await call.house.payments.reconciliation.discrepancies(
        scope_of(call.staff),
        status=query.status,
        kind=query.kind,
        after=read_cursor(query.cursor),
        limit=query.limit,
    )
    return Reply(DiscrepancyPage(data=found, next_cursor=make_cursor(following) if following else None))


async def repair(call: Call[Repair]) -> Reply:
    """Have a difference repaired by a job."""
    call.staff.require_role(Role.CASHIER)
    office = call.house.payments.reconciliation
    return Reply(await office.repair(person_of(call), _id(call, "未找到该差异")), status=202)


async def resolve(call: Call[Resolution]) -> Reply:
    """Close a difference with what was done about it."""
    call.staff.require_role(Role.CASHIER)
    office = call.house.payments.reconciliation
    return Reply(await office.resolve(person_of(call), _id(call, "未找到该差异"), call.body.note))


async def resolve_quarantined(call: Call[Resolution]) -> Reply:
    """Close a callback that contradicts our records with what was done about it."""
    call.staff.require_role(Role.CASHIER)
    office = call.house.payments.reconciliation
    return Reply(await office.resolve_quarantined(person_of(call), _id(call, "未找到该回调"), call.body.note))


def _id(call: Call[Any], missing: str) -> uuid.UUID:
    try:
        return uuid.UUID(hex=call.path["id"])
    except ValueError:
        raise NotFound(missing) from None


ROUTES = (
    Route(
        "GET",
        _RUNS,
        list_runs,
        auth=Auth.STAFF,
        query=RunQuery,
        answer=ReconciliationPage,
        summary="对账批次",
        tag=_TAG,
    ),
    Route(
        "GET",
        f"{_RUNS}/<date:str>/<account:str>",
        show_run,
        auth=Auth.STAFF,
        answer=ReconciliationDetail,
        summary="对账批次详情",
        tag=_TAG,
    ),
    Route(
        "GET",
        _DIFFERENCES,
        list_discrepancies,
        auth=Auth.STAFF,
        query=DiscrepancyQuery,
        answer=DiscrepancyPage,
        summary="对账差异",
        tag=_TAG,
    ),
    Route(
        "POST",
        f"{_DIFFERENCES}/<id:str>/repair",
        repair,
        auth=Auth.STAFF,
        body=Repair,
        answer=DiscrepancyView,
        status=202,
        summary="自动处理差异",
        tag=_TAG,
        example={},
        limit_bytes=8192,
    ),
    Route(
        "POST",
        f"{_DIFFERENCES}/<id:str>/resolve",
        resolve,
        auth=Auth.STAFF,
        body=Resolution,
        answer=DiscrepancyView,
        summary="登记差异处理结果",
        tag=_TAG,
        example={"note": "已与渠道核实，线下退还"},
        limit_bytes=8192,
    ),
    Route(
        "POST",
        "/api/staff/v1/quarantined/<id:str>/resolve",
        resolve_quarantined,
        auth=Auth.STAFF,
        body=Resolution,
        answer=QuarantinedView,
        summary="登记不符回调的处理结果",
        tag=_TAG,
        example={"note": "已核实为渠道测试通知"},
        limit_bytes=8192,
    ),
)
