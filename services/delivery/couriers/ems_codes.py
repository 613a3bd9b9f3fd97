"""EMS's event codes as tables: what each says in our words, and what it takes back. Pure data and rules.

Source: 中国邮政协议客户开放平台 数据字典, 轨迹操作码, 妥投代码, 未妥投代码.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.delivery.states import ShipmentStatus
from services.delivery.types import SignedAs

_DELIVERED, _NOT_DELIVERED = "704", "705"
_CODES = {
    ShipmentStatus.CREATED: "764",
    ShipmentStatus.PICKED_UP: "203 208 O_001",
    ShipmentStatus.IN_TRANSIT: (
        "303 305 336 345 356 357 358 359 360 361 362 363 364 365 366 367 368 369 370 371 372 373 374 375 376 377 378 "
        "379 389 394 396 399 404 893 911 912 913 914 915 916 931 932 933 934 935 936 937 950 954 991 V_398 V_954"
    ),
    ShipmentStatus.ARRIVED: "713",
    ShipmentStatus.OUT_FOR_DELIVERY: "702 749",
    ShipmentStatus.AWAITING_COLLECTION: "747 723",
    ShipmentStatus.DELIVERED: "704 748 463",
    ShipmentStatus.EXCEPTION: "705 651 751 534 756 802 803",
    ShipmentStatus.RETURNING: "013 708 312 326 405 447 482 741 750",
    ShipmentStatus.RETURNED: "711 O_011",
    ShipmentStatus.CANCELLED: "801",
    ShipmentStatus.LOST: "987 988",
}
STATUS_OF_CODE = {code: status for status, codes in _CODES.items() for code in codes.split()}
_ATTEMPTS = {
    ShipmentStatus.REJECTED: "7",
    ShipmentStatus.AWAITING_COLLECTION: "8 9 14",
    ShipmentStatus.RETURNING: "10 15",
    ShipmentStatus.LOST: "13",
}
STATUS_OF_ATTEMPT = {code: status for status, codes in _ATTEMPTS.items() for code in codes.split()}
"""未妥投代码 that say more than 异常; the others (1–6 地址或不在, 11, 12 改址, 16 其他) stay an exception."""

UNDOES = {
    "207": ("203",),
    "212": ("208",),
    "304": ("303", "336", "345"),
    "424": ("423",),
    "448": ("447",),
    "472": ("404",),
    "474": ("405",),
    "483": ("482",),
    "492": (),
    "742": ("702",),
    "743": ("704",),
    "744": ("705",),
}
"""撤销 codes; of 492 it is not published what it takes back, so it changes nothing."""

PICKUP_TAKEN_BACK = frozenset(("207", "212"))
"""撤销收寄, 撤销交接: they take back a pick-up, and where there was none they stand for a withdrawal (撤单)."""

_SIGNED_AS = {
    "10": SignedAs.SELF,
    "20": SignedAs.AGENT,
    "30": SignedAs.STATION,
    "50": SignedAs.LOCKER,
    "60": SignedAs.DESK,
    "70": SignedAs.DESK,
}
_PLACES_TO_COLLECT = (SignedAs.STATION, SignedAs.LOCKER)
_SETTLED_AS_DAMAGE = "180"


@dataclass(frozen=True, slots=True)
class EmsMeaning:
    """What an event means: a status or what it takes back; `is_known` is false where no table has the code."""

    status: str = ""
    undoes: tuple[str, ...] = ()
    signed_as: SignedAs = SignedAs.UNKNOWN
    is_known: bool = True


def meaning_of(op_code: str, deliver_code: str = "", attempt_code: str = "") -> EmsMeaning:
    """Say what an event means by its 操作码, and by its 妥投代码 or 未妥投代码 where it has one.

    207 and 212 also stand for a withdrawal before pick-up. Which of both is meant shows only in what follows, so by
    themselves they end nothing: EMS's own 801 ends an order, and staff are asked where nothing follows.
    """
    if op_code in UNDOES:
        return EmsMeaning(undoes=UNDOES[op_code])
    if op_code == _DELIVERED:
        return _delivered(deliver_code)
    if op_code == _NOT_DELIVERED:
        return EmsMeaning(STATUS_OF_ATTEMPT.get(attempt_code.lstrip("0"), ShipmentStatus.EXCEPTION))
    status = STATUS_OF_CODE.get(op_code, "")
    return EmsMeaning(status, is_known=bool(status))


def _delivered(deliver_code: str) -> EmsMeaning:
    if deliver_code == _SETTLED_AS_DAMAGE:
        return EmsMeaning(ShipmentStatus.EXCEPTION)
    signed_as = _SIGNED_AS.get(deliver_code, SignedAs.OTHER if deliver_code else SignedAs.UNKNOWN)
    waits = signed_as in _PLACES_TO_COLLECT
    return EmsMeaning(ShipmentStatus.AWAITING_COLLECTION if waits else ShipmentStatus.DELIVERED, signed_as=signed_as)
