"""What a line of a statement may turn out to be, and what may become of a statement; pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Difference(StrEnum):
    """What is wrong with a line; a line as we have it has none. The first that holds counts, in this order."""

    UNKNOWN_WAYBILL = "UNKNOWN_WAYBILL"
    DOUBLE_LINE = "DOUBLE_LINE"
    CANCELLED_CHARGED = "CANCELLED_CHARGED"
    PAID_BY_CITIZEN = "PAID_BY_CITIZEN"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    WEIGHT_DIFFERS = "WEIGHT_DIFFERS"
    NOT_CHARGED = "NOT_CHARGED"


DIFFERENCE_TEXT: Mapping[str, str] = {
    Difference.UNKNOWN_WAYBILL: "我方无此运单",
    Difference.DOUBLE_LINE: "重复计费",
    Difference.CANCELLED_CHARGED: "已取消仍计费",
    Difference.PAID_BY_CITIZEN: "到付或自寄件不应计费",
    Difference.AMOUNT_DIFFERS: "金额不符",
    Difference.WEIGHT_DIFFERS: "计费重量偏大",
    Difference.NOT_CHARGED: "我方有、对账单无",
}


class StatementStatus(StrEnum):
    """READING and COMPARING wait for a job; COMPARED counts; REPLACED gave way to a later file; FAULTY is none."""

    READING = "READING"
    COMPARING = "COMPARING"
    FAULTY = "FAULTY"
    COMPARED = "COMPARED"
    REPLACED = "REPLACED"


AT_WORK = (StatementStatus.READING, StatementStatus.COMPARING)
"""A job is about to change it."""
STATUS_TEXT: Mapping[str, str] = {
    StatementStatus.READING: "读取中",
    StatementStatus.COMPARING: "比对中",
    StatementStatus.FAULTY: "无法读取",
    StatementStatus.COMPARED: "已比对",
    StatementStatus.REPLACED: "已被新文件替代",
}
