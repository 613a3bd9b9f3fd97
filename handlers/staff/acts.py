"""What staff can do to a case from a page, as data: words, what must be given, and the use case behind it.

A new act is one row here; the pages, their addresses and their forms follow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.errors import NotFound
from services.applications.reviewing.types import ReviewAction
from services.applications.types import CaseSummary, Status
from services.staff.types import StaffCaller


class Needs(StrEnum):
    """What an act must be given besides the case."""

    NOTHING = "nothing"
    REASON = "reason"
    POINTS = "points"  # has an editor of its own
    PROCEDURE = "procedure"


@dataclass(frozen=True, slots=True)
class Extra:
    """One more field of an act's form.

    Attributes:
        field: its name in the form: days, note or choice.
        keyword: what the use case calls it.
        options: what to choose from, value and text; empty for a field to write in.
    """

    field: str
    keyword: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class PageAct:
    """One act: button, what it means for the citizen, what is said afterwards, how it is done.

    Attributes:
        use_case: picks the use case of the applications' desk: (staff, application_no, [given,] address, version=).
        only_in: the status in which a page offers it, where the desk knows it under several.
        given_text: what the reason is called where it is something else.
        extras: further fields, handed to the use case by keyword.
    """

    name: str
    title: str
    meaning: str
    done: str
    use_case: Callable[[Any], Callable[..., Awaitable[CaseSummary]]]
    needs: Needs = Needs.NOTHING
    is_adverse: bool = False
    only_in: Status | None = None
    given_text: str = "理由"
    extras: tuple[Extra, ...] = ()

    @property
    def address(self) -> str:
        """The last part of the page's address."""
        return self.name.replace("_", "-")


def _extend(desk: Any) -> Callable[..., Awaitable[CaseSummary]]:
    async def extend(staff: StaffCaller, number: str, reason: str, address: str, **more: Any) -> CaseSummary:
        summary: CaseSummary = await desk.extend(staff, number, more["days"], reason, address, version=more["version"])
        return summary

    return extend


def _review(desk: Any) -> Callable[..., Awaitable[CaseSummary]]:
    async def review(staff: StaffCaller, number: str, opinion: str, address: str, **more: Any) -> CaseSummary:
        action = ReviewAction(more["action"])
        await desk.review(staff, number, more["step"], action, opinion, address, version=more["version"])
        summary: CaseSummary = await desk.summary(staff, number)
        return summary

    return review


_STEPS = tuple((step, step) for step in ("审查", "审核", "现场勘验", "延长意见"))
_ACTIONS = ((ReviewAction.PASS.value, "通过"), (ReviewAction.RETURN.value, "退回"), (ReviewAction.OTHER.value, "其他"))
_LISTED = (
    PageAct(
        "receive",
        "预审通过并收件",
        "向申请人出具收件凭证；5个工作日的受理期限仍自提交之日起计算；须交原件的，自窗口收到原件之日起计算。",
        "已收件",
        lambda desk: desk.receive,
    ),
    PageAct(
        "return",
        "预审退回",
        "申请人会立即收到通知，可在30日内修改后重新提交。",
        "已退回",
        lambda desk: desk.return_to_citizen,
        Needs.REASON,
    ),
    PageAct(
        "accept",
        "受理",
        "从今日起计算办理时限；需缴费的事项会向申请人发出缴款通知。",
        "已受理",
        lambda desk: desk.accept,
    ),
    PageAct(
        "request_correction",
        "一次性告知补正",
        "请一次写全需要补正的全部内容，申请人会立即收到通知并在30日内补正；再次告知只能针对首次告知的或新提交的内容。",
        "已告知补正",
        lambda desk: desk.request_correction,
        Needs.POINTS,
        given_text="需要补正的全部内容",
    ),
    PageAct(
        "not_accept",
        "不予受理",
        "办件就此办结，理由会连同救济途径告知申请人。",
        "已作出不予受理决定",
        lambda desk: desk.not_accept,
        Needs.REASON,
        is_adverse=True,
        extras=(Extra("note", "right_body", "应当向其申请的机关（不属于本机关职权时填写）"),),
    ),
    PageAct(
        "approve",
        "准予",
        "随即制发电子证照，并按申请人所选方式送达。",
        "已准予",
        lambda desk: desk.approve,
    ),
    PageAct(
        "deny",
        "不予批准",
        "理由会连同救济途径告知申请人。",
        "已作出不予批准决定",
        lambda desk: desk.deny,
        Needs.REASON,
        is_adverse=True,
    ),
    PageAct(
        "review",
        "记录审查意见",
        "意见随办件留存，不改变办理状态。",
        "已记录意见",
        _review,
        Needs.REASON,
        given_text="意见",
        extras=(
            Extra("note", "step", "环节", _STEPS, is_required=True),
            Extra("choice", "action", "结论", _ACTIONS, is_required=True),
        ),
    ),
    PageAct(
        "extend",
        "批准延长",
        "经负责人批准可延长一次，最多10个工作日；理由会书面告知申请人。",
        "已批准延长",
        _extend,
        Needs.REASON,
        extras=(Extra("days", "days", "延长的工作日数", is_required=True),),
    ),
    PageAct(
        "explain_overdue",
        "超期说明",
        "办件已超过承诺期限，原因会告知申请人。",
        "已说明原因",
        lambda desk: desk.explain_overdue,
        Needs.REASON,
    ),
    PageAct(
        "suspend",
        "进入特别程序",
        "暂停计算办理时限，直到特别程序结束。",
        "已暂停计时",
        lambda desk: desk.suspend,
        Needs.PROCEDURE,
        extras=(Extra("days", "expected_days", "预计工作日数（不填则按事项规定）"), Extra("note", "reason", "原因")),
    ),
    PageAct(
        "resume",
        "结束特别程序",
        "恢复计算办理时限，办结日期顺延。",
        "已恢复计时",
        lambda desk: desk.resume,
        extras=(Extra("note", "result", "特别程序的结果"),),
    ),
    PageAct(
        "terminate",
        "终止办理",
        "申请人死亡、法人终止等不能再作出决定时使用；办件就此办结，理由会书面告知。",
        "已终止",
        lambda desk: desk.terminate,
        Needs.REASON,
        is_adverse=True,
    ),
    PageAct(
        "close",
        "窗口已领取",
        "申请人已在窗口领取办理结果，办件就此办结。",
        "已办结",
        lambda desk: desk.hand_over,
        only_in=Status.DELIVERING,
    ),
)
_BY_ADDRESS: Mapping[str, PageAct] = {act.address: act for act in _LISTED}


def find_act(address: str) -> PageAct:
    """Return the act of a page's address. Raises NotFound."""
    act = _BY_ADDRESS.get(address)
    if act is None:
        raise NotFound("地址不存在")
    return act


def done_text(address: str) -> str:
    """Return what to say after an act; empty where there was none."""
    act = _BY_ADDRESS.get(address)
    return act.done if act else ""


def offered(names: list[str], status: str, *, has_procedures: bool) -> list[PageAct]:
    """Return the acts that a page shows for a case, in the order of the table.

    Args:
        names: what the desk allows.
        has_procedures: whether the case's item lists special procedures.
    """
    return [
        act
        for act in _LISTED
        if act.name in names and act.only_in in (None, status) and (has_procedures or act.needs is not Needs.PROCEDURE)
    ]
