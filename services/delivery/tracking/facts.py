"""What the events of a parcel tell those who react, above all its notices: no personal data, words in Chinese. Pure."""

from __future__ import annotations

from services.delivery.states import Derived
from services.delivery.tracking.news import Facts
from services.delivery.tracking.repository import Parcel


def facts_for(parcel: Parcel, derived: Derived, news: Facts, courier_name: str) -> dict[str, str]:
    """Return the facts of a change of state."""
    return {
        "shipment_no": parcel.shipment_no,
        "leg": parcel.leg,
        "courier_name": courier_name,
        "waybill_no": news.waybill_no or parcel.waybill_no,
        "status": derived.status.value,
    }
