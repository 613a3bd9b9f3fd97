"""Who may hold a document, in which words, and whom a parcel's state makes its holder. Pure.

A document has one holder at any time; VOID is the end of a copy that was made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from services.delivery.states import ON_THE_ROAD, ShipmentStatus


class Holder(StrEnum):
    """Who holds a document: HANDED_OVER is given to the courier against a scan, which has not confirmed it yet."""

    WINDOW = "WINDOW"
    HANDED_OVER = "HANDED_OVER"
    COURIER = "COURIER"
    POINT = "POINT"
    CITIZEN = "CITIZEN"
    RETURNED = "RETURNED"
    LOST = "LOST"
    VOID = "VOID"


class PieceKind(StrEnum):
    """RESULT goes to the citizen, ORIGINAL was sent in by them."""

    RESULT = "RESULT"
    ORIGINAL = "ORIGINAL"


HOLDER_TEXT: Mapping[str, str] = {
    Holder.WINDOW: "窗口",
    Holder.HANDED_OVER: "已交快递员，待揽收确认",
    Holder.COURIER: "快递公司",
    Holder.POINT: "自取点",
    Holder.CITIZEN: "申请人",
    Holder.RETURNED: "已退回窗口",
    Holder.LOST: "已丢失",
    Holder.VOID: "已作废",
}
KIND_TEXT: Mapping[str, str] = {PieceKind.RESULT: "办理结果", PieceKind.ORIGINAL: "申请材料原件"}
CARRIED = ON_THE_ROAD | {ShipmentStatus.LOST}
"""States that only a parcel can reach which the courier has had."""
GIVEN_OUT = frozenset({Holder.WINDOW, Holder.POINT, Holder.CITIZEN})
"""Whoever takes a document by hand takes it out of its parcel: what is told of the parcel later moves it no more."""


def holder_after(status: ShipmentStatus, *, is_inbound: bool, was_carried: bool, was_handed_over: bool) -> Holder:
    """Return who holds what lies in a parcel of this state.

    An inbound parcel that was signed for stays the courier's until the window confirms its receipt. Trouble and
    cancellation say nothing of where the parcel is: only what was carried is with the courier then.

    Args:
        was_carried: whether the courier ever told that it had the parcel.
        was_handed_over: whether our side gave it away against a scan.
    """
    if status is ShipmentStatus.LOST:
        return Holder.LOST
    if status is ShipmentStatus.DELIVERED:
        return Holder.COURIER if is_inbound else Holder.CITIZEN
    if status is ShipmentStatus.RETURNED:
        return Holder.CITIZEN if is_inbound else Holder.RETURNED
    is_unclear = status in (ShipmentStatus.EXCEPTION, ShipmentStatus.CANCELLED)
    if status in CARRIED or (is_unclear and was_carried):
        return Holder.COURIER
    if is_inbound:
        return Holder.CITIZEN
    return Holder.HANDED_OVER if was_handed_over and status is not ShipmentStatus.CANCELLED else Holder.WINDOW
