"""SF's codes and what they mean to us: route codes (opCode) and order states (04-…). Data only."""

from __future__ import annotations

import re

from services.delivery.states import ShipmentStatus
from services.delivery.types import SignedAs

_CODES = {
    ShipmentStatus.PICKED_UP: "43 50 54 607",
    ShipmentStatus.IN_TRANSIT: "10 11 30 31 36 302 304 3036 99",
    ShipmentStatus.ARRIVED: "123 130",
    ShipmentStatus.OUT_FOR_DELIVERY: "44 204",
    ShipmentStatus.AWAITING_COLLECTION: "125 127 129 658 678 679",
    ShipmentStatus.DELIVERED: "80 8000 126 128 935",
    ShipmentStatus.EXCEPTION: "33 34 66 70 72 77 833",
    ShipmentStatus.RETURNING: "648 631",
}
STATUS_OF_CODE = {code: status for status, codes in _CODES.items() for code in codes.split()}
"""Source: 丰桥 路由查询接口, opCode 对照表."""

SIGNED_AS = {"126": SignedAs.LOCKER, "128": SignedAs.LOCKER}
NEW_NUMBER = frozenset(("648", "631"))
"""From here on the parcel goes back under another number; a node of 631 carries it."""
CANCELLED_REASON = ("70", "46")
"""Code and reason of a parcel that was cancelled; unconfirmed, so it takes a question of ours to count."""

_ASSIGNED, _COLLECTED, _CANCELLED = 40001, 40037, 40014
_FIRST, _LAST = 40001, 40037
_PREFIX = "04-"


def status_of_state(code: str) -> str:
    """Say what an order state means; "" where no table knows it. Source: 丰桥 订单状态推送接口, 状态码."""
    number = code.removeprefix(_PREFIX)
    if not re.fullmatch(r"[0-9]{5}", number) or not _FIRST <= int(number) <= _LAST:
        return ""
    known = {
        _ASSIGNED: ShipmentStatus.PICKUP_PENDING,
        _COLLECTED: ShipmentStatus.PICKED_UP,
        _CANCELLED: ShipmentStatus.CANCELLED,
    }
    return known.get(int(number), ShipmentStatus.EXCEPTION)
