"""Doors to one's bills and payments. The amount is never read from the request."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.errors import NotFound
from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import make_cursor, read_cursor
from payments.types import BillList, NewPayment, OpenedPayment, PaidPage, PaymentView

_TAG = "缴费"


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of the history."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def list_bills(call: Call[None]) -> Reply:
    """List the bills of one of the caller's applications."""
    await call.house.applications.require_own(call.caller, call.path["application_no"])
    return Reply(BillList(data=await call.house.payments.bills_of(call.path["application_no"])))


async def create_payment(call: Call[NewPayment]) -> Reply:
    """Open or continue a payment; the parameters go unchanged to the platform's cashier."""
    body, house = call.body, call.house
    try:
        opened = await house.payments.create(call.caller, body.bill_no, body.channel)
    except NotFound:
        opened = await house.applications.represented.paying.open(call.caller, body.bill_no, body.channel)
    return Reply(opened, status=201)


async def list_payments(call: Call[None]) -> Reply:
    """List what the caller has paid, with refunds and receipts, newest first."""
    query: HistoryQuery = call.query
    found, following = await call.house.payments.statements.own_history(
        call.caller, read_cursor(query.cursor), query.limit
    )
    return Reply(PaidPage(data=found, next_cursor=make_cursor(following) if following else None))


async def get_payment(call: Call[None]) -> Reply:
    """Show one payment; the phone asks here after the cashier closed."""
    number, house = call.path["out_trade_no"], call.house
    try:
        return Reply(await house.payments.own_payment(call.caller, number))
    except NotFound:
        return Reply(await house.applications.represented.paying.payment(call.caller, number))


ROUTES = (
    Route(
        "GET",
        "/api/v1/applications/<application_no:str>/bills",
        list_bills,
        auth=Auth.CITIZEN,
        answer=BillList,
        summary="办件的缴款单",
        tag=_TAG,
    ),
    Route(
        "GET",
        "/api/v1/payments",
        list_payments,
        auth=Auth.CITIZEN,
        query=HistoryQuery,
        answer=PaidPage,
        summary="我的缴费记录",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/api/v1/payments",
        create_payment,
        auth=Auth.CITIZEN,
        body=NewPayment,
        answer=OpenedPayment,
        status=201,
        summary="发起支付",
        tag=_TAG,
        example={"bill_no": "B20261121ABCDEFGHJK", "channel": "WECHAT"},
        limit_bytes=4096,
    ),
    Route(
        "GET",
        "/api/v1/payments/<out_trade_no:str>",
        get_payment,
        auth=Auth.CITIZEN,
        answer=PaymentView,
        summary="支付单详情",
        tag=_TAG,
    ),
)
