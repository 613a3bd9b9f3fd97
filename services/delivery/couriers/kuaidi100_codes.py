"""快递100's states and order statuses in the house's words. Data and pure rules only; the adapter calls it."""

from __future__ import annotations

from collections.abc import Mapping

from services.delivery.states import ShipmentStatus
from services.delivery.types import SignedAs

_TRACK = {
    ShipmentStatus.CREATED: "101",
    ShipmentStatus.PICKUP_PENDING: "102",
    ShipmentStatus.PICKED_UP: "1 103",
    ShipmentStatus.IN_TRANSIT: "0 1002 1003 7 8 10 11 12",
    ShipmentStatus.ARRIVED: "1001",
    ShipmentStatus.OUT_FOR_DELIVERY: "5",
    ShipmentStatus.AWAITING_COLLECTION: "501 205",
    ShipmentStatus.DELIVERED: "3 301 302 303 304",
    ShipmentStatus.EXCEPTION: "2 201 202 204 206 207 208 209 13",
    ShipmentStatus.REJECTED: "203 14",
    ShipmentStatus.RETURNING: "6",
    ShipmentStatus.RETURNED: "4",
    ShipmentStatus.CANCELLED: "210 401",
}
TRACK_STATUS: Mapping[str, ShipmentStatus] = {
    code: status for status, codes in _TRACK.items() for code in codes.split()
}
"""Source: 快递100 快递信息推送服务, state 与 statusCode 对照表 (基础与高级状态)."""

_ORDER = {
    ShipmentStatus.CREATED: "0",
    ShipmentStatus.PICKUP_PENDING: "1 2",
    ShipmentStatus.PICKED_UP: "10",
    ShipmentStatus.IN_TRANSIT: "101",
    ShipmentStatus.DELIVERED: "13 14",
    ShipmentStatus.RETURNED: "12",
    ShipmentStatus.CANCELLED: "9 99",
    ShipmentStatus.EXCEPTION: "610 11",
}
ORDER_STATUS: Mapping[str, ShipmentStatus] = {
    code: status for status, codes in _ORDER.items() for code in codes.split()
}
"""Source: 快递100 商家寄件, 下单回调接口, status 订单状态."""

SETTLED, REWEIGHED = "15", "155"
"""They change no state: what an order costs, and what it weighs."""
ONLY_THE_ORDER_TELLS = frozenset(("9", "99", "610", "11"))
"""No track shows these: an order that ended before it was collected."""
COLLECTED_STATUSES = frozenset(("10", "101", "12", "13", "14", SETTLED, REWEIGHED))
WITHDRAWN = ONLY_THE_ORDER_TELLS
"""Nothing is left to withdraw: the order was cancelled, or it failed (下单失败, 揽货失败) and must be placed again."""
AT_A_PLACE = frozenset(("304", "501", "205"))
"""The parcel lies in a locker or a station: the words say which."""

_SIGNED = {"301": SignedAs.SELF, "303": SignedAs.OTHER, "304": SignedAs.LOCKER}


def signed_as(code: str) -> SignedAs:
    """Say who took the parcel by a track code; 代签 (303) does not say whether that was agreed."""
    return _SIGNED.get(code, SignedAs.UNKNOWN)
