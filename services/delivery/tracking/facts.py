"""What the events of a parcel tell those who react, above all its notices: words in Chinese, no personal data. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from services.delivery.mailing.carriers import CARRIERS
from services.delivery.mailing.going_back import goes_back
from services.delivery.states import Derived, ShipmentStatus
from services.delivery.tracking.news import Facts
from services.delivery.tracking.repository import Parcel
from services.delivery.tracking.timeline import promise_text, signed_text
from services.delivery.types import Leg

_WHAT: Mapping[str, str] = {Leg.OUTBOUND: "您的办理结果", Leg.INBOUND: "您寄给窗口的材料"}
_BACK = "您邮寄的原件"
_PROBLEM: Mapping[ShipmentStatus, str] = {
    ShipmentStatus.EXCEPTION: "派送遇到问题",
    ShipmentStatus.REJECTED: "被拒收",
    ShipmentStatus.RETURNED: "已退回",
    ShipmentStatus.CANCELLED: "已取消寄送",
    ShipmentStatus.LOST: "已丢失",
}
_FOLLOW_UP: Mapping[ShipmentStatus, tuple[str, str]] = {
    ShipmentStatus.REJECTED: ("工作人员会与您联系", "窗口会与您联系"),
    ShipmentStatus.RETURNING: ("请在三晋通中核对收件地址", "请留意退回的材料"),
    ShipmentStatus.RETURNED: ("工作人员会与您联系重新寄送或到窗口领取", "请重新寄送或到窗口递交"),
    ShipmentStatus.CANCELLED: ("工作人员会重新安排", "如仍需寄送请重新预约"),
    ShipmentStatus.LOST: ("我们将为您免费补发", "窗口会与您联系"),
}
"""What happens then, for a result and for originals."""
_GOES_ON = ("我们正在跟进", "我们正在跟进")


def carrier_name(carrier: str, courier_name: str) -> str:
    """Name who carries a parcel, for people; an aggregator's name says little to them."""
    return CARRIERS.get(carrier, courier_name)


def facts_for(parcel: Parcel, derived: Derived, news: Facts, courier_name: str) -> dict[str, str]:
    """Return the facts of a change of state; none is "", so that a notice has no gap."""
    status, is_inbound = derived.status, parcel.leg == Leg.INBOUND
    is_back = goes_back(parcel.leg, parcel.cargo)
    # What is lost on its way back nobody can make again.
    by_hand = is_inbound or (is_back and status is ShipmentStatus.LOST)
    phone = news.courier_phone_shown or parcel.courier_phone_shown
    problem = _PROBLEM.get(status, "运输有变化")
    waybill_no = news.waybill_no or parcel.waybill_no
    if status is ShipmentStatus.EXCEPTION and not waybill_no:
        problem = "未能由快递公司接单"
    return {
        "shipment_no": parcel.shipment_no,
        "leg": parcel.leg,
        "courier_name": carrier_name(news.carrier or parcel.carrier, courier_name),
        "waybill_no": waybill_no or parcel.shipment_no,
        "status": status.value,
        "what": _BACK if is_back else _WHAT[parcel.leg],
        "promise": promise_text(status, news.promised_at or parcel.promised_at) or "送达时间可在快递进度中查看",
        "contact": f"派送员电话{phone}" if phone else "请保持电话畅通",
        "place": news.collect_hint or parcel.collect_hint or "代收点或快递柜",
        "collector": "窗口会前往领取" if is_inbound else "请及时领取",
        "signer": signed_text(status, parcel.leg, derived.signed_as) or "已签收",
        "problem": problem,
        "follow_up": _FOLLOW_UP.get(status, _GOES_ON)[by_hand],
    }
