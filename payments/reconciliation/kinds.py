"""Every kind of difference (差错) that a run can find: its name, what is done by itself, what is left to staff.

One table, read by the comparison, the repairs, the doors and the documentation. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What differs. "There" is the channel's bill file, "here" our own books."""

    PAID_THERE_NOT_HERE = "PAID_THERE_NOT_HERE"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    PAID_HERE_NOT_THERE = "PAID_HERE_NOT_THERE"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    CLOSED_BUT_PAID = "CLOSED_BUT_PAID"
    DOUBLE = "DOUBLE"
    REFUND_THERE_NOT_HERE = "REFUND_THERE_NOT_HERE"
    REFUND_MISSING = "REFUND_MISSING"
    REFUND_AMOUNT_DIFFERS = "REFUND_AMOUNT_DIFFERS"
    FISCAL_MISSING = "FISCAL_MISSING"
    FISCAL_FOREIGN = "FISCAL_FOREIGN"
    FISCAL_AMOUNT_DIFFERS = "FISCAL_AMOUNT_DIFFERS"
    FLOW_DIFFERS = "FLOW_DIFFERS"
    LEDGER_MISSING = "LEDGER_MISSING"


class Repair(StrEnum):
    """What the room can do about a difference without a person's judgement. None of them can do harm twice."""

    NONE = ""
    ASK_ORDER = "ASK_ORDER"
    """The provider is asked about the order; its answer is checked and booked exactly like a callback."""
    ASK_REFUND = "ASK_REFUND"
    """The provider is asked about the refund; its answer is booked exactly like a callback."""
    REFUND_EXTRA = "REFUND_EXTRA"
    """Money that came twice goes back, as after a second success."""
    CONFIRM_BILL = "CONFIRM_BILL"
    """The payment is confirmed at the fiscal platform again."""


class DiscrepancyStatus(StrEnum):
    """Where a difference stands: open for repair or staff, repaired (also by itself), or settled by staff."""

    OPEN = "OPEN"
    REPAIRED = "REPAIRED"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a kind is told and treated.

    Attributes:
        text: Chinese name for staff.
        repair: what can be done about it.
        is_automatic: whether that is tried by itself after the run; otherwise staff may start it.
        staff_action: Chinese: what a cashier does when it stays open.
    """

    text: str
    repair: Repair
    is_automatic: bool
    staff_action: str


KINDS: Mapping[Kind, Rule] = {
    Kind.PAID_THERE_NOT_HERE: Rule(
        "渠道已收款，本地未入账", Repair.ASK_ORDER, True, "渠道查询仍未确认时，联系渠道核实后登记处理结果"
    ),
    Kind.UNKNOWN_ORDER: Rule(
        "渠道账单中的订单号不属于本系统", Repair.NONE, False, "核对该商户号是否另有系统收款；确属误收的，线下退款后登记"
    ),
    Kind.PAID_HERE_NOT_THERE: Rule(
        "本地已入账，渠道账单中没有", Repair.ASK_ORDER, False, "向渠道查询；渠道确认已收款的，请渠道补正账单"
    ),
    Kind.AMOUNT_DIFFERS: Rule("金额不一致", Repair.NONE, False, "以渠道实收为准核对，差额退还或补缴后登记"),
    Kind.CLOSED_BUT_PAID: Rule(
        "本地已关闭的订单在渠道已付款", Repair.ASK_ORDER, True, "渠道查询仍未确认时，联系渠道核实后登记处理结果"
    ),
    Kind.DOUBLE: Rule("同一缴款单重复缴费未退", Repair.REFUND_EXTRA, True, "自动退款异常时，在退款管理中处理"),
    Kind.REFUND_THERE_NOT_HERE: Rule(
        "渠道已退款，本地未记账", Repair.ASK_REFUND, True, "核对是否有人在商户平台直接退款，补登记后办结"
    ),
    Kind.REFUND_MISSING: Rule(
        "本地已退款，渠道账单中没有", Repair.ASK_REFUND, True, "渠道不承认该退款的，联系渠道并告知缴款人"
    ),
    Kind.REFUND_AMOUNT_DIFFERS: Rule("退款金额不一致", Repair.NONE, False, "核对商户平台退款记录，差额处理后登记"),
    Kind.FISCAL_MISSING: Rule(
        "已收款，财政平台未确认", Repair.CONFIRM_BILL, True, "财政平台拒绝确认的，与财政部门核对缴款码状态"
    ),
    Kind.FISCAL_FOREIGN: Rule("财政清单中的记录不属于本系统", Repair.NONE, False, "与财政部门核对该缴款码的来源"),
    Kind.FISCAL_AMOUNT_DIFFERS: Rule(
        "财政确认金额与实收不一致", Repair.NONE, False, "与财政部门核对，更正确认或冲红重开"
    ),
    Kind.FLOW_DIFFERS: Rule("资金账单与交易账单净额不一致", Repair.NONE, False, "逐笔核对商户平台资金流水"),
    Kind.LEDGER_MISSING: Rule("已收款或已退款但缺少分录", Repair.NONE, False, "立即报告系统管理员，检查账目"),
}

REPAIR_TEXT: Mapping[Repair, str] = {
    Repair.NONE: "",
    Repair.ASK_ORDER: "向渠道查询订单并按查询结果入账",
    Repair.ASK_REFUND: "向渠道查询退款并按查询结果记账",
    Repair.REFUND_EXTRA: "自动原路退还重复缴纳的款项",
    Repair.CONFIRM_BILL: "重新向财政平台确认",
}

AUTOMATIC: tuple[str, ...] = tuple(str(kind) for kind, rule in KINDS.items() if rule.is_automatic)
"""Kinds whose repair is tried by itself."""
