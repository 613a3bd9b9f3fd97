"""Kinds of trouble with a parcel, what ends each by itself, and the outcomes a person may settle it with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from services.delivery.states import ShipmentStatus

COMPLAINT_TIME = timedelta(days=7)
"""A courier answers a complaint within seven days. Source: 快递暂行条例 第二十八条."""


class TaskKind(StrEnum):
    """What is wrong with a parcel."""

    EXCEPTION = "EXCEPTION"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    LOST = "LOST"
    DAMAGED = "DAMAGED"
    SILENT = "SILENT"
    SIGNED_BY_OTHER = "SIGNED_BY_OTHER"
    BOOKING_REFUSED = "BOOKING_REFUSED"
    UNDELIVERABLE = "UNDELIVERABLE"
    PAID_NOT_SENT = "PAID_NOT_SENT"
    STATEMENT = "STATEMENT"
    ORIGINALS = "ORIGINALS"
    UNCOLLECTED = "UNCOLLECTED"
    NO_ADDRESS = "NO_ADDRESS"
    POSTAGE_NOT_BACK = "POSTAGE_NOT_BACK"


class Outcome(StrEnum):
    """How a task ended; WENT_ON is the parcel's own course."""

    WENT_ON = "WENT_ON"
    REDELIVERED = "REDELIVERED"
    TO_COLLECT = "TO_COLLECT"
    REISSUED = "REISSUED"
    CONFIRMED = "CONFIRMED"
    ANSWERED = "ANSWERED"
    REBOOKED = "REBOOKED"
    REFUNDED = "REFUNDED"


KIND_TEXT: Mapping[str, str] = {
    TaskKind.EXCEPTION: "派送异常",
    TaskKind.REJECTED: "收件人拒收",
    TaskKind.RETURNED: "已退回",
    TaskKind.LOST: "丢失",
    TaskKind.DAMAGED: "破损",
    TaskKind.SILENT: "长时间无消息",
    TaskKind.SIGNED_BY_OTHER: "非本人签收",
    TaskKind.BOOKING_REFUSED: "快递未接单或未揽收",
    TaskKind.UNDELIVERABLE: "无法投递",
    TaskKind.PAID_NOT_SENT: "已付邮费未寄出",
    TaskKind.STATEMENT: "对账差异",
    TaskKind.ORIGINALS: "材料原件待处理",
    TaskKind.UNCOLLECTED: "逾期未领取",
    TaskKind.NO_ADDRESS: "补发后缺少收件地址",
    TaskKind.POSTAGE_NOT_BACK: "邮费尚未退还",
}
OUTCOME_TEXT: Mapping[str, str] = {
    "": "",
    Outcome.WENT_ON: "快递已恢复正常",
    Outcome.REDELIVERED: "重新寄送",
    Outcome.TO_COLLECT: "改为窗口领取",
    Outcome.REISSUED: "作废并补发",
    Outcome.CONFIRMED: "已与申请人核对无误",
    Outcome.ANSWERED: "快递公司已答复处理",
    Outcome.REBOOKED: "重新下单",
    Outcome.REFUNDED: "已退邮费",
}
SETTLED_ELSEWHERE = (
    TaskKind.RETURNED,
    TaskKind.REJECTED,
    TaskKind.EXCEPTION,
    TaskKind.SILENT,
    TaskKind.UNDELIVERABLE,
    TaskKind.BOOKING_REFUSED,
    TaskKind.NO_ADDRESS,
)
"""What is settled about a parcel whose documents go another way: in a parcel of their own, or by hand."""
_TALKED = (Outcome.ANSWERED, Outcome.CONFIRMED)
_BACK = (Outcome.REDELIVERED, Outcome.TO_COLLECT)
SETTLED_WITH: Mapping[TaskKind, tuple[Outcome, ...]] = {
    TaskKind.EXCEPTION: _TALKED,
    TaskKind.REJECTED: _TALKED,
    TaskKind.RETURNED: (*_BACK, Outcome.ANSWERED),
    TaskKind.LOST: (Outcome.REISSUED, Outcome.ANSWERED),
    TaskKind.DAMAGED: (Outcome.REISSUED, Outcome.CONFIRMED),
    TaskKind.SILENT: _TALKED,
    TaskKind.SIGNED_BY_OTHER: _TALKED,
    TaskKind.BOOKING_REFUSED: (Outcome.REBOOKED, Outcome.ANSWERED),
    TaskKind.UNDELIVERABLE: _TALKED,
    TaskKind.PAID_NOT_SENT: (Outcome.REFUNDED, Outcome.ANSWERED),
    TaskKind.STATEMENT: (Outcome.ANSWERED,),
    TaskKind.ORIGINALS: _TALKED,
    TaskKind.UNCOLLECTED: (Outcome.CONFIRMED,),
    TaskKind.NO_ADDRESS: (Outcome.TO_COLLECT,),
    TaskKind.POSTAGE_NOT_BACK: (Outcome.REFUNDED, Outcome.ANSWERED),
}
"""What a person may settle each kind with; words alone only where nothing that came back waits for a way."""
LIGHT = frozenset({TaskKind.SIGNED_BY_OTHER, TaskKind.STATEMENT})
"""Kinds of low weight: they stand below the others."""

OPENED_BY: Mapping[ShipmentStatus, TaskKind] = {
    ShipmentStatus.EXCEPTION: TaskKind.EXCEPTION,
    ShipmentStatus.REJECTED: TaskKind.REJECTED,
    ShipmentStatus.RETURNED: TaskKind.RETURNED,
    ShipmentStatus.LOST: TaskKind.LOST,
}
"""The task that a state of its own opens."""
_UNDER_WAY = frozenset(
    {
        ShipmentStatus.PICKED_UP,
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.ARRIVED,
        ShipmentStatus.OUT_FOR_DELIVERY,
        ShipmentStatus.AWAITING_COLLECTION,
    }
)
_ANY_NEWS = frozenset({TaskKind.SILENT, TaskKind.BOOKING_REFUSED})
_MENDED = _ANY_NEWS | {TaskKind.EXCEPTION, TaskKind.REJECTED, TaskKind.UNDELIVERABLE, TaskKind.LOST, TaskKind.RETURNED}


def closed_by(status: ShipmentStatus) -> frozenset[TaskKind]:
    """Return the kinds that reaching a state ends by itself, because the parcel goes on.

    Damage, a signature by somebody else and money do not mend themselves.
    """
    if status in _UNDER_WAY or status is ShipmentStatus.DELIVERED:
        return _MENDED
    if status in (ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING):
        return frozenset({TaskKind.BOOKING_REFUSED, TaskKind.EXCEPTION})
    if status is ShipmentStatus.RETURNING:
        return _ANY_NEWS | {TaskKind.LOST, TaskKind.RETURNED}
    if status is ShipmentStatus.CANCELLED:
        return _MENDED - {TaskKind.LOST}
    if status in OPENED_BY:
        return (_MENDED | {TaskKind.SILENT}) - {OPENED_BY[status]}
    return frozenset()
