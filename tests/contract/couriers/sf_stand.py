"""SF in the contract of couriers."""

from __future__ import annotations

from clients.couriers.sf.client import SfClient
from clients.couriers.sf.types import SfAccount
from clients.transport import Transport
from services.delivery.couriers.sf import SfCourier
from services.delivery.states import ShipmentStatus
from tests.contract.couriers.stand import Stand


class SfStand(Stand):
    """丰桥: what it pushes is proven by nothing but the address."""

    provider, carrier = "sf", "shunfeng"
    calls = {
        "book": "EXP_RECE_CREATE_ORDER",
        "find": "EXP_RECE_SEARCH_ORDER_RESP",
        "cancel": "EXP_RECE_UPDATE_ORDER",
        "reaches": "EXP_RECE_FILTER_ORDER_BSP",
        "label": "COM_RECE_CLOUD_PRINT_WAYBILLS",
        "estimate": "EXP_RECE_QUERY_DELIVERTM",
        "track": "EXP_RECE_SEARCH_ROUTES",
    }
    refused_for_good, refused_for_now, outcome_unknown = "1016", "A1005", "S0003"
    targets = {
        "picked_up": ShipmentStatus.PICKED_UP,
        "in_transit": ShipmentStatus.IN_TRANSIT,
        "arrived": ShipmentStatus.ARRIVED,
        "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
        "awaiting_collection": ShipmentStatus.AWAITING_COLLECTION,
        "delivered": ShipmentStatus.DELIVERED,
        "exception": ShipmentStatus.EXCEPTION,
        "returning": ShipmentStatus.RETURNING,
        "returned": ShipmentStatus.RETURNED,
    }
    code_table = {
        ShipmentStatus.PICKED_UP: "50 54 43 607",
        ShipmentStatus.IN_TRANSIT: "10 11 30 31 36 302 304 3036 99",
        ShipmentStatus.ARRIVED: "123 130",
        ShipmentStatus.OUT_FOR_DELIVERY: "44 204",
        ShipmentStatus.AWAITING_COLLECTION: "125 127 129 658 678 679",
        ShipmentStatus.DELIVERED: "80 8000 126 128 935",
        ShipmentStatus.EXCEPTION: "33 34 66 70 72 77 833",
        ShipmentStatus.RETURNING: "648 631",
    }

    follows_typed = True
    return_waybill_at, courier_phone_at = "returning", "pickup_pending"

    def make(self, transport: Transport, base: str) -> SfCourier:
        return SfCourier(SfClient(SfAccount("SJTTEST", "c" * 32, "7551234567", f"{base}/std/service"), transport))
