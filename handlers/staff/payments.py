"""Doors of the cashier: search payments, look at one, see what contradicts our records."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from payments.types import PaymentFilter, PaymentTrail, QuarantinedPage, StaffPaymentPage, StaffPaymentView, StaffScope
from services.staff.types import Role, StaffCaller

_TAG = "收银"
ROLES = (Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
Limit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Text = Annotated[str, msgspec.Meta(max_length=128)]


class PaymentQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search by any number that stands on a payment, by status, channel, department, and the Beijing days on which it
    was made (both included)."""

    q: Text = ""
    status: Literal["", "CREATED", "AWAITING", "SUCCEEDED", "CLOSED"] = ""
    channel: Literal["", "WECHAT", "ALIPAY"] = ""
    department: Annotated[str, msgspec.Meta(max_length=18)] = ""
    first_on: date | None = None
    until: date | None = None
    limit: Limit = 20
    cursor: Text = ""


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of a list."""

    limit: Limit = 20
    cursor: Text = ""


async def search(call: Call[None]) -> Reply:
    """Search payments within the caller's scope."""
    call.staff.require_role(*ROLES)
    query: PaymentQuery = call.query
    chosen = PaymentFilter(
        number=query.q.strip(),
        status=query.status,
        channel=query.channel,
        department_code=query.department,
        first_on=query.first_on,
        until=query.until,
    )
    found, following = await call.house.payments.cashier.payments(
        scope_of(call.staff), chosen, read_cursor(query.cursor), query.limit
    )
    return Reply(StaffPaymentPage(data=found, next_cursor=make_cursor(following) if following else None))


async def detail(call: Call[None]) -> Reply:
    """Show one payment with its refunds."""
    call.staff.require_role(*ROLES)
    return Reply(await call.house.payments.cashier.payment(scope_of(call.staff), call.path["out_trade_no"]))


async def trail(call: Call[None]) -> Reply:
    """Show what stands beside one payment: its bill's orders, ledger, messages of providers, differences."""
    call.staff.require_role(*ROLES)
    return Reply(await call.house.payments.cashier.trail(scope_of(call.staff), call.path["out_trade_no"]))


async def quarantined(call: Call[None]) -> Reply:
    """List genuine callbacks that contradict our records, beside what was expected."""
    call.staff.require_role(*ROLES)
    query: PageQuery = call.query
    found, following = await call.house.payments.quarantined(
        scope_of(call.staff), read_cursor(query.cursor), query.limit
    )
    return Reply(QuarantinedPage(data=found, next_cursor=make_cursor(following) if following else None))


def scope_of(staff: StaffCaller) -> StaffScope:
    """Return the caller's scope in the words of the payments room."""
    return StaffScope(staff.divisions, staff.departments)


ROUTES = (
    Route(
        "GET",
        "/api/staff/v1/payments",
        search,
        auth=Auth.STAFF,
        query=PaymentQuery,
        answer=StaffPaymentPage,
        summary="查询支付单",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/payments/quarantined",
        quarantined,
        auth=Auth.STAFF,
        query=PageQuery,
        answer=QuarantinedPage,
        summary="与本地记录不符的回调",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/payments/<out_trade_no:str>",
        detail,
        auth=Auth.STAFF,
        answer=StaffPaymentView,
        summary="支付单详情",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/staff/v1/payments/<out_trade_no:str>/trail",
        trail,
        auth=Auth.STAFF,
        answer=PaymentTrail,
        summary="支付单的订单、分录、渠道消息与差异",
        tag=_TAG,
    ),
)
