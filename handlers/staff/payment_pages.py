"""Pages of the cashier: genuine callbacks that contradict our records, side by side with what was expected."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.pages import page
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.payments import scope_of
from services.staff.types import Role

_ADDRESS = "/staff/payments/quarantined"
_ROLES = (Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
_PAGE_LENGTH = 20
_REASONS = {
    "unknown_number": "本地没有此单号",
    "wrong_merchant": "商户号不符",
    "wrong_app": "应用不符",
    "wrong_amount": "金额不符",
    "other_currency": "币种不符",
    "other_payer": "付款人不符",
    "other_trade": "同一订单有另一笔交易号",
    "wrong_order": "退款所属订单不符",
    "refund_finished": "退款已有另一结果",
    "unreadable_content": "内容无法读取",
}
_PROVIDERS = {"wechat_pay": "微信支付", "alipay": "支付宝"}


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of a list."""

    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def quarantined(call: Call[None]) -> Reply:
    """Show a page of quarantined callbacks."""
    call.staff.require_role(*_ROLES)
    cursor = call.query.cursor
    rows, following = await call.house.payments.quarantined(scope_of(call.staff), read_cursor(cursor), _PAGE_LENGTH)
    return page(
        call,
        "staff/quarantined.html",
        here="quarantined",
        rows=rows,
        reasons=_REASONS,
        providers=_PROVIDERS,
        next_address=f"{_ADDRESS}?cursor={make_cursor(following)}" if following else "",
        first_address=_ADDRESS if cursor else "",
    )


ROUTES = (Route("GET", _ADDRESS, quarantined, Auth.STAFF, "待核对的支付回调", "工作台", query=PageQuery, page=True),)
