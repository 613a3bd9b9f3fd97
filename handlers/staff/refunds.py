"""Doors of the staff about refunds: ask for one, decide as the second person, try again, settle, list."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route, act_route
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.payments import scope_of
from payments.types import StaffPerson, StaffRefundPage, StaffRefundView
from services.staff.types import Role

READERS = (Role.CASHIER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
DECIDERS = (Role.APPROVER, Role.CASHIER)
_TAG = "退款"
_ALL = "/api/staff/v1/refunds"
_ONE = f"{_ALL}/<out_refund_no:str>"
Note = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a payment goes back, and why; the payer sees the reason."""

    amount_fen: Annotated[int, msgspec.Meta(ge=1, le=100_000_000_000)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The second person's yes."""

    note: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Noted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act that must be explained."""

    note: Note


class Retry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing needs to be said."""


class RefundQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which refunds to list; `needs_approval` those that wait for a second person, or those that do not."""

    status: Literal["", "REQUESTED", "PROCESSING", "SUCCEEDED", "ABNORMAL", "CLOSED"] = ""
    needs_approval: bool | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def request_refund(call: Call[RefundRequest]) -> Reply:
    """Ask for a refund."""
    call.staff.require_role(Role.CASHIER)
    body, number, key = call.body, call.path["out_trade_no"], call.request.headers.get("idempotency-key", "")
    made = await call.house.payments.refunds.request(
        person_of(call), number, body.amount_fen, body.reason, request_key=key
    )
    return Reply(made, status=201)


async def list_refunds(call: Call[None]) -> Reply:
    """List refunds within the caller's scope."""
    call.staff.require_role(*READERS)
    query: RefundQuery = call.query
    found, following = await call.house.payments.refunds.refunds(
        scope_of(call.staff),
        status=query.status,
        needs_approval=query.needs_approval,
        after=read_cursor(query.cursor),
        limit=query.limit,
    )
    return Reply(StaffRefundPage(data=found, next_cursor=make_cursor(following) if following else None))


async def show(call: Call[None]) -> Reply:
    """Show one refund."""
    call.staff.require_role(*READERS)
    return Reply(await call.house.payments.refunds.refund(scope_of(call.staff), call.path["out_refund_no"]))


async def approve(call: Call[Approval]) -> Reply:
    """同意退款."""
    call.staff.require_role(*DECIDERS)
    desk, number = call.house.payments.refunds, call.path["out_refund_no"]
    return Reply(await desk.approve(person_of(call), number, call.body.note))


async def refuse(call: Call[Noted]) -> Reply:
    """不同意退款."""
    call.staff.require_role(*DECIDERS)
    desk, number = call.house.payments.refunds, call.path["out_refund_no"]
    return Reply(await desk.refuse(person_of(call), number, call.body.note))


async def retry(call: Call[Retry]) -> Reply:
    """重试退款."""
    call.staff.require_role(Role.CASHIER)
    return Reply(await call.house.payments.refunds.retry(person_of(call), call.path["out_refund_no"]))


async def settle(call: Call[Noted]) -> Reply:
    """登记另行退还."""
    call.staff.require_role(Role.CASHIER)
    desk, number = call.house.payments.refunds, call.path["out_refund_no"]
    return Reply(await desk.settle(person_of(call), number, call.body.note))


def person_of(call: Call[Any]) -> StaffPerson:
    """Return the caller in the words of the payments room."""
    return StaffPerson(call.staff.username, scope_of(call.staff), call.address)


_act = partial(act_route, under=_ONE, answer=StaffRefundView, tag=_TAG)
ROUTES = (
    Route(
        "POST",
        "/api/staff/v1/payments/<out_trade_no:str>/refunds",
        request_refund,
        auth=Auth.STAFF,
        body=RefundRequest,
        answer=StaffRefundView,
        status=201,
        summary="申请退款",
        tag=_TAG,
        example={"amount_fen": 500, "reason": "多缴"},
        limit_bytes=8192,
    ),
    Route("GET", _ALL, list_refunds, Auth.STAFF, "退款列表", _TAG, query=RefundQuery, answer=StaffRefundPage),
    Route("GET", _ONE, show, Auth.STAFF, "退款详情", _TAG, answer=StaffRefundView),
    _act("approve", approve, Approval, "同意退款（第二人）", {"note": "已核对缴款记录"}),
    _act("refuse", refuse, Noted, "不同意退款（第二人）", {"note": "收费有据，不符合退付条件"}),
    _act("retry", retry, Retry, "重试异常退款", {}),
    _act("settle", settle, Noted, "登记另行退还", {"note": "已通过银行转账退还，凭证号20261122001"}),
)
