"""Pages about refunds: what waits for a second person or for help, and the form on which an act is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, NotFound, SanjinError
from handlers.doors import Call, Reply
from handlers.pages import PageForm, form_route, page, page_route, see_other
from handlers.staff.payments import scope_of
from handlers.staff.refunds import DECIDERS, READERS, person_of
from services.staff.types import Role, StaffCaller

_LIST = "/staff/refunds"
_ACT = f"{_LIST}/<out_refund_no:str>/<act:str>"
MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class RefundAct:
    """One act: its name at the desk, its words, who may do it, and what must be written."""

    name: str
    title: str
    meaning: str
    done: str
    roles: tuple[Role, ...]
    note_label: str = ""
    note_required: bool = False
    is_adverse: bool = False


ACTS: Mapping[str, RefundAct] = {
    act.name: act
    for act in (
        RefundAct(
            "approve",
            "同意退款",
            "同意后立即向支付渠道发起退款，款项原路退回。",
            "已同意退款",
            DECIDERS,
            "审核意见（选填）",
        ),
        RefundAct(
            "refuse",
            "不同意退款",
            "退款申请就此终止，金额恢复为可退。",
            "已退回退款申请",
            DECIDERS,
            "理由",
            note_required=True,
            is_adverse=True,
        ),
        RefundAct(
            "retry",
            "重试退款",
            "先向支付渠道查询，仍未退的以同一退款单号重新发起；渠道已关闭的改用新单号。",
            "已重新发起",
            (Role.CASHIER,),
        ),
        RefundAct(
            "settle",
            "登记另行退还",
            "仅在款项已通过其他方式（银行转账、现金等）退给缴款人之后登记，登记后不再向支付渠道发起。",
            "已登记另行退还",
            (Role.CASHIER,),
            "退还方式和凭证号",
            note_required=True,
            is_adverse=True,
        ),
    )
}


class ListQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`done` names the act that has just been carried out."""

    done: Annotated[str, msgspec.Meta(max_length=32)] = ""


class ActForm(PageForm, forbid_unknown_fields=True, kw_only=True):
    """The confirmation of an act, with a note where one is needed."""

    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


async def work(call: Call[None]) -> Reply:
    """Show what a person must look at."""
    call.staff.require_role(*READERS)
    found = await call.house.payments.refunds.work(scope_of(call.staff))
    groups = (
        ("待审核", [each for each in found if each.needs_approval]),
        ("异常，需人工处理", [each for each in found if each.status == "ABNORMAL"]),
        ("近期被渠道关闭，款项未退，可重新申请", [each for each in found if each.status == "CLOSED"]),
    )
    act = ACTS.get(call.query.done)
    return page(
        call,
        "staff/refunds.html",
        here="refunds",
        groups=groups,
        offered={each.out_refund_no: _offered(call.staff, each.acts, each.requested_by) for each in found},
        done=act.done if act else "",
    )


async def confirm(call: Call[None]) -> Reply:
    """Ask for confirmation of an act."""
    act = _act_of(call)
    call.staff.require_role(*act.roles)
    return await _form(call, act)


async def carry_out(call: Call[ActForm]) -> Reply:
    """Carry an act out; a refusal shows the form again with what was written."""
    act, note = _act_of(call), call.body.note.replace("\r\n", "\n").strip()
    call.staff.require_role(*act.roles)
    try:
        _require_note(act, note)
        await _carry_out(call, act, note)
    except (InvalidRequest, Conflict, Forbidden) as refusal:
        return await _form(call, act, note, refusal)
    return see_other(f"{_LIST}?done={act.name}")


async def _carry_out(call: Call[ActForm], act: RefundAct, note: str) -> None:
    desk, person, number = call.house.payments.refunds, person_of(call), call.path["out_refund_no"]
    if act.name == "approve":
        await desk.approve(person, number, note)
    elif act.name == "refuse":
        await desk.refuse(person, number, note)
    elif act.name == "retry":
        await desk.retry(person, number)
    else:
        await desk.settle(person, number, note)


async def _form(call: Call[Any], act: RefundAct, note: str = "", refusal: SanjinError | None = None) -> Reply:
    refund = await call.house.payments.refunds.refund(scope_of(call.staff), call.path["out_refund_no"])
    return page(
        call,
        "staff/refund_act.html",
        status=refusal.status if refusal else 200,
        here="refunds",
        act=act,
        refund=refund,
        note=note,
        problem=refusal,
        most_letters=MOST_LETTERS,
    )


def _act_of(call: Call[Any]) -> RefundAct:
    act = ACTS.get(call.path["act"])
    if act is None:
        raise NotFound("地址不存在")
    return act


def _offered(staff: StaffCaller, acts: list[str], requested_by: str) -> list[RefundAct]:
    """Return the acts that a page offers: by role, and none of a second person's to whoever asked."""
    offered = [ACTS[name] for name in acts if staff.may(*ACTS[name].roles)]
    return [act for act in offered if act.name not in ("approve", "refuse") or requested_by != staff.username]


def _require_note(act: RefundAct, note: str) -> None:
    if act.note_required and not note:
        raise InvalidRequest(faults=(FieldFault("note", f"请填写{act.note_label}"),))
    if len(note) > MOST_LETTERS:
        raise InvalidRequest(faults=(FieldFault("note", f"不能超过{MOST_LETTERS}字，现有{len(note)}字"),))


ROUTES = (
    page_route(_LIST, work, "待处理退款", ListQuery),
    page_route(_ACT, confirm, "确认退款操作"),
    form_route(_ACT, carry_out, "退款操作", ActForm),
)
