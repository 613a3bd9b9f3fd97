"""What staff can do to a case from a page, as data: words, what must be given, and the use case behind it.

A new act is one row here; the pages, their addresses and their forms follow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.errors import NotFound
from services.applications.types import CaseSummary, Status


class Needs(StrEnum):
    """What an act must be given besides the case."""

    NOTHING = "nothing"
    REASON = "reason"
    PROCEDURE = "procedure"


@dataclass(frozen=True, slots=True)
class PageAct:
    """One act: button, what it means for the citizen, what is said afterwards, how it is done.

    Attributes:
        use_case: picks the use case of the applications' desk: (staff, application_no, [given,] address, version=).
        only_in: the status in which a page offers it, where the desk knows it under several.
    """

    name: str
    title: str
    meaning: str
    done: str
    use_case: Callable[[Any], Callable[..., Awaitable[CaseSummary]]]
    needs: Needs = Needs.NOTHING
    is_adverse: bool = False
    only_in: Status | None = None

    @property
    def address(self) -> str:
        """The last part of the page's address."""
        return self.name.replace("_", "-")


_LISTED = (
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
        "请一次写全需要补正的全部内容，申请人会立即收到通知并在30日内补正。",
        "已告知补正",
        lambda desk: desk.request_correction,
        Needs.REASON,
    ),
    PageAct(
        "not_accept",
        "不予受理",
        "办件就此办结，理由会连同救济途径告知申请人。",
        "已作出不予受理决定",
        lambda desk: desk.not_accept,
        Needs.REASON,
        is_adverse=True,
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
        "suspend",
        "进入特别程序",
        "暂停计算办理时限，直到特别程序结束。",
        "已暂停计时",
        lambda desk: desk.suspend,
        Needs.PROCEDURE,
    ),
    PageAct(
        "resume",
        "结束特别程序",
        "恢复计算办理时限，办结日期顺延。",
        "已恢复计时",
        lambda desk: desk.resume,
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
