"""The progress of a parcel in words for a phone: steps, promise, who signed, what comes next; pure, no map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

import msgspec

from app import clock
from services.delivery.states import MEANINGS, TERMINAL, ShipmentStatus, Sighting
from services.delivery.types import Leg, SignedAs, StepState, StepView

_STAGES: Sequence[tuple[str, tuple[ShipmentStatus, ...]]] = (
    ("已下单", (ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING)),
    ("已揽收", (ShipmentStatus.PICKED_UP,)),
    ("运输中", (ShipmentStatus.IN_TRANSIT, ShipmentStatus.ARRIVED)),
    ("派送中", (ShipmentStatus.OUT_FOR_DELIVERY, ShipmentStatus.AWAITING_COLLECTION)),
    ("已签收", (ShipmentStatus.DELIVERED,)),
)
_STAGE_OF = {status: place for place, (_, statuses) in enumerate(_STAGES) for status in statuses}
_TROUBLE = frozenset(set(ShipmentStatus) - _STAGE_OF.keys() - {ShipmentStatus.REQUESTED})
_NEXT: Mapping[ShipmentStatus, str] = {
    ShipmentStatus.REQUESTED: "等待向快递公司下单",
    ShipmentStatus.CREATED: "等待快递员揽收",
    ShipmentStatus.PICKUP_PENDING: "快递员即将上门揽收",
    ShipmentStatus.PICKED_UP: "即将发往派件城市",
    ShipmentStatus.IN_TRANSIT: "正在发往派件城市",
    ShipmentStatus.ARRIVED: "即将安排派送",
    ShipmentStatus.OUT_FOR_DELIVERY: "即将送达，请保持电话畅通",
    ShipmentStatus.AWAITING_COLLECTION: "请尽快领取",
    ShipmentStatus.EXCEPTION: "工作人员正在与快递公司核实",
    ShipmentStatus.REJECTED: "等待退回，工作人员会与您联系",
    ShipmentStatus.RETURNING: "退回后工作人员会与您联系",
    ShipmentStatus.RETURNED: "工作人员会与您联系重新寄送或到窗口领取",
    ShipmentStatus.LOST: "我们将为您免费补发",
}
_NEXT_INBOUND: Mapping[ShipmentStatus, str] = {
    ShipmentStatus.OUT_FOR_DELIVERY: "即将送达窗口",
    ShipmentStatus.AWAITING_COLLECTION: "等待窗口领取",
    ShipmentStatus.DELIVERED: "等待窗口清点确认",
    ShipmentStatus.RETURNED: "请重新寄送或到窗口递交",
    ShipmentStatus.LOST: "窗口会与您联系",
}
_OWN_TEXT = "已登记运单号"
_OWN_NEXT = "等待快递公司更新物流信息"
_NO_HOUR = (time(0), time(23, 59, 59))
_FARTHEST = timedelta(days=30)
"""No parcel within the country is under way longer; the words name no year."""
SIGNED_TEXT: Mapping[SignedAs, str] = {
    SignedAs.SELF: "本人签收",
    SignedAs.AGENT: "他人代收，请核对",
    SignedAs.LOCKER: "已放入快递柜，请核对",
    SignedAs.STATION: "驿站代收，请核对",
    SignedAs.DESK: "收发室或物业代收，请核对",
    SignedAs.OTHER: "其他方式签收，请核对",
    SignedAs.UNKNOWN: "已签收",
}


def status_text(status: ShipmentStatus, *, is_own: bool = False) -> str:
    """Name a state; who carries a parcel of which only the number was typed was given no order by us."""
    return _OWN_TEXT if is_own and status is ShipmentStatus.CREATED else MEANINGS[status].text


def steps(
    status: ShipmentStatus, standing: Sequence[Sighting], booked_at: datetime | None, *, is_own: bool = False
) -> list[StepView]:
    """Return the five steps of a parcel with the moments at which they began, as far as it has come.

    A parcel in trouble shows it in place of the step that it did not reach.

    Args:
        standing: its events that no reversal takes back, oldest first.
    """
    began: dict[int, datetime] = {}
    for each in standing:
        place = _STAGE_OF.get(ShipmentStatus(each.status))
        if place is not None:
            began.setdefault(place, each.occurred_at)
    if booked_at is not None:
        began[0] = booked_at
    is_in_trouble = status in _TROUBLE
    reached = max(began, default=-1) if is_in_trouble else _STAGE_OF.get(status, -1)
    reached = min(reached, len(_STAGES) - 2) if is_in_trouble else reached
    shown = [_step(place, reached, began.get(place), status) for place in range(len(_STAGES))]
    if is_own:
        shown[0] = msgspec.structs.replace(shown[0], title=_OWN_TEXT)
    if is_in_trouble:
        at = next((each.occurred_at for each in reversed(standing) if each.status == status), None)
        trouble = StepView(title=MEANINGS[status].text, state=StepState.TROUBLE, at=clock.rfc3339_or_none(at))
        shown[reached + 1 :] = [trouble]
    return shown


def _step(place: int, reached: int, began: datetime | None, status: ShipmentStatus) -> StepView:
    if place > reached:
        return StepView(title=_STAGES[place][0], state=StepState.NEXT)
    is_now = place == reached and status not in TERMINAL and status not in _TROUBLE
    return StepView(
        title=MEANINGS[status].text if is_now else _STAGES[place][0],
        state=StepState.NOW if is_now else StepState.DONE,
        at=clock.rfc3339_or_none(began),
    )


def next_text(status: ShipmentStatus, leg: str, *, is_own: bool = False, is_back: bool = False) -> str:
    """Say what comes next; "" where nothing does."""
    if is_own and status is ShipmentStatus.CREATED:
        return _OWN_NEXT
    if is_back and status is ShipmentStatus.LOST:
        return _NEXT_INBOUND[status]
    inbound = _NEXT_INBOUND.get(status) if leg == Leg.INBOUND else None
    return inbound if inbound is not None else _NEXT.get(status, "")


def promise_text(status: ShipmentStatus, promised_at: datetime | None) -> str:
    """Say when it shall arrive; "" where the courier does not say, or what nobody would believe, where that moment is
    over, or the parcel turned round."""
    if promised_at is None or status in TERMINAL or status in (ShipmentStatus.REJECTED, ShipmentStatus.RETURNING):
        return ""
    moment, now = clock.to_beijing(promised_at), clock.now()
    is_a_day = moment.time() in _NO_HOUR
    if promised_at - now > _FARTHEST or moment.date() < clock.beijing_date(now) or (promised_at < now and not is_a_day):
        return ""
    hour = "" if is_a_day else f"{moment:%H:%M}前"
    return f"预计{moment.month}月{moment.day}日{hour}送达"


def signed_text(status: ShipmentStatus, leg: str, signed_as: str) -> str:
    """Say who took a delivered parcel; whatever is not the person is worth checking."""
    if status is not ShipmentStatus.DELIVERED:
        return ""
    return "窗口已签收" if leg == Leg.INBOUND else SIGNED_TEXT[SignedAs(signed_as)]
