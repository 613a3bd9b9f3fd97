"""What may become of a batch, and what a scan may find; pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from services.delivery.states import ShipmentStatus


class DispatchStatus(StrEnum):
    """PREPARING while labels are made, READY to be handed over; the other two are ends."""

    PREPARING = "PREPARING"
    READY = "READY"
    HANDED_OVER = "HANDED_OVER"
    CANCELLED = "CANCELLED"


DISPATCH_TEXT: Mapping[str, str] = {
    DispatchStatus.PREPARING: "正在生成面单",
    DispatchStatus.READY: "待交寄",
    DispatchStatus.HANDED_OVER: "已交寄",
    DispatchStatus.CANCELLED: "已取消",
}
OPEN = (DispatchStatus.PREPARING, DispatchStatus.READY)
"""A batch that can still be changed."""
AT_OUR_END = (ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING, ShipmentStatus.EXCEPTION)
"""A booked parcel in these states has not left; in the last the courier could not fetch it."""
TO_SEND = (ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING)
"""What goes into a batch."""


class Scan(StrEnum):
    """What a scanned number turned out to be."""

    HANDED_OVER = "HANDED_OVER"
    TWICE = "TWICE"
    OTHER_BATCH = "OTHER_BATCH"
    NO_BATCH = "NO_BATCH"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


SCAN_TEXT: Mapping[Scan, str] = {
    Scan.HANDED_OVER: "已交接",
    Scan.TWICE: "重复扫描，此件已交接",
    Scan.OTHER_BATCH: "不属于本批次，请勿交给揽收员",
    Scan.NO_BATCH: "未列入任何批次，请勿交给揽收员",
    Scan.CANCELLED: "寄送已取消，请取出留存",
    Scan.UNKNOWN: "查无此号",
}
