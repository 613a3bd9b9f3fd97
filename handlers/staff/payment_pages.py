"""Pages of the cashier: one payment with all that stands beside it and the form that asks for a refund, and genuine
callbacks that contradict our records, side by side with what was expected."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec

from app import money
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.parsing import make_cursor, read_cursor
from handlers.staff.payment_list_pages import STATUSES
from handlers.staff.payments import ROLES, scope_of
from handlers.staff.refunds import person_of
from handlers.staff.statements import CHANNELS
from services.staff.types import Role

_LIST = "/staff/payments"
_ONE = f"{_LIST}/<out_trade_no:str>"
_ADDRESS = f"{_LIST}/quarantined"
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
    "case_ended": "办件结束后才缴费，请核对是否退款",
    "unreadable_content": "内容无法读取",
    "unreadable_value": "内容无法读取",
    "incomplete": "内容不完整",
    "amount_differs": "财政平台金额不符",
    "paid_by_another": "缴款码已由他人缴费",
    "already_void": "缴款码已作废",
    "unknown_code": "财政平台没有此缴款码",
    "content_differs": "与财政平台登记内容不符",
    "other": "财政平台未受理",
    "paid_elsewhere": "作废的缴款码已在柜台缴费",
    "receipt_differs": "票据金额不符",
}
_PROVIDERS = {"wechat_pay": "微信支付", "alipay": "支付宝", "fiscal": "财政平台", "payments": "本系统"}
_OUTCOMES = {"APPLIED": "已入账", "NOTED": "已记录，随后向渠道查询", "QUARANTINED": "与本地记录不符，待核对"}
MOST_LETTERS = 200
_REFUNDABLE = ("PAID", "CONFIRMED", "REFUNDING")


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A page of a list."""

    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""


class PaymentPageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`done` names the refund that has just been asked for."""

    done: Annotated[str, msgspec.Meta(max_length=64)] = ""


class RefundForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """A refund as a browser asks for it: yuan as people write it, and how many refunds the page showed."""

    amount: Annotated[str, msgspec.Meta(max_length=20)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=400)] = ""
    seen: Annotated[int, msgspec.Meta(ge=0, le=1000)]


class QuarantinedQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """A page of contradicting callbacks; `done` after one has been put away."""

    done: Annotated[str, msgspec.Meta(max_length=1)] = ""


class ResolutionForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """What was done about a contradicting callback."""

    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


async def detail(call: Call[None]) -> Reply:
    """Show one payment with its refunds."""
    call.staff.require_role(*ROLES)
    return await _detail(call)


async def request_refund(call: Call[RefundForm]) -> Reply:
    """Ask for a refund; a refusal shows the form again with what was written."""
    call.staff.require_role(Role.CASHIER)
    form, number = call.body, call.path["out_trade_no"]
    try:
        made = await call.house.payments.refunds.request(
            person_of(call), number, _fen_of(form.amount), form.reason, seen_count=form.seen
        )
    except (InvalidRequest, Conflict) as refusal:
        return await _detail(call, form, refusal)
    return see_other(f"{_LIST}/{number}?done={made.out_refund_no}")


async def _detail(call: Call[Any], form: RefundForm | None = None, refusal: SanjinError | None = None) -> Reply:
    scope, cashier = scope_of(call.staff), call.house.payments.cashier
    shown = await cashier.payment(scope, call.path["out_trade_no"])
    gone_fen = sum(refund.amount_fen for refund in shown.refunds if refund.status != "CLOSED")
    return page(
        call,
        "staff/payment.html",
        status=refusal.status if refusal else 200,
        here="payments",
        payment=shown,
        trail=await cashier.trail(scope, shown.out_trade_no),
        providers=_PROVIDERS,
        outcomes=_OUTCOMES,
        channels=CHANNELS,
        statuses=STATUSES,
        left_fen=shown.amount_fen - gone_fen,
        may_refund=call.staff.may(Role.CASHIER) and shown.status == "SUCCEEDED" and shown.bill_status in _REFUNDABLE,
        form=form,
        done=call.query.done if call.query else "",
        problem=refusal,
    )


def _fen_of(amount: str) -> int:
    try:
        return money.parse_yuan(amount.strip())
    except ValueError:
        raise InvalidRequest(faults=(FieldFault("amount", "退款金额应为元，最多两位小数，如 12.50"),)) from None


async def quarantined(call: Call[None]) -> Reply:
    """Show a page of quarantined callbacks."""
    call.staff.require_role(*ROLES)
    return await _quarantined(call, call.query.cursor, done=call.query.done != "")


async def resolve_quarantined(call: Call[ResolutionForm]) -> Reply:
    """Put a contradicting callback away with what was done about it; a refusal shows the list again."""
    call.staff.require_role(Role.CASHIER)
    note = call.body.note.replace("\r\n", "\n").strip()
    try:
        if len(note) > MOST_LETTERS:
            raise InvalidRequest(f"处理结果不能超过{MOST_LETTERS}字，现有{len(note)}字")
        quarantined_id = uuid.UUID(hex=call.path["quarantined_id"])
        await call.house.payments.reconciliation.resolve_quarantined(person_of(call), quarantined_id, note)
    except ValueError:
        raise NotFound("未找到该回调") from None
    except (InvalidRequest, Conflict) as refusal:
        return await _quarantined(call, problem=refusal)
    return see_other(f"{_ADDRESS}?done=1")


async def _quarantined(
    call: Call[Any], cursor: str = "", *, done: bool = False, problem: SanjinError | None = None
) -> Reply:
    rows, following = await call.house.payments.quarantined(scope_of(call.staff), read_cursor(cursor), _PAGE_LENGTH)
    return page(
        call,
        "staff/quarantined.html",
        status=problem.status if problem else 200,
        here="quarantined",
        done=done,
        problem=problem,
        may_resolve=call.staff.may(Role.CASHIER),
        most_letters=MOST_LETTERS,
        rows=rows,
        reasons=_REASONS,
        providers=_PROVIDERS,
        next_address=f"{_ADDRESS}?cursor={make_cursor(following)}" if following else "",
        first_address=_ADDRESS if cursor else "",
    )


ROUTES = (
    page_route(_ADDRESS, quarantined, "待核对的支付回调", QuarantinedQuery),
    form_route(f"{_ADDRESS}/<quarantined_id:str>", resolve_quarantined, "登记不符回调的处理结果", ResolutionForm),
    page_route(_ONE, detail, "支付单", PaymentPageQuery),
    form_route(f"{_ONE}/refunds", request_refund, "申请退款", RefundForm),
)
