"""快递鸟 in the contract of couriers."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from clients.couriers.kdniao.client import KdniaoClient
from clients.couriers.kdniao.signing import data_sign
from clients.couriers.kdniao.types import KdniaoAccount
from clients.transport import Transport
from services.delivery.couriers.kdniao import KdniaoCourier
from services.delivery.states import ShipmentStatus
from services.delivery.types import Push
from tests.contract.couriers.stand import Stand

BUSINESS_ID, APP_KEY = "1000001", "n" * 36


class KdniaoStand(Stand):
    """An aggregator that signs its pushes with the app key."""

    provider, carrier = "kdniao", "shunfeng"
    calls = {"book": "1001", "find": "1002", "cancel": "1004", "track": "8001", "follow": "8008"}
    refused_for_good, refused_for_now, outcome_unknown = "104", "105-busy", "105-unknown"
    targets = {
        "pickup_pending": ShipmentStatus.PICKUP_PENDING,
        "picked_up": ShipmentStatus.PICKED_UP,
        "in_transit": ShipmentStatus.IN_TRANSIT,
        "arrived": ShipmentStatus.ARRIVED,
        "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
        "awaiting_collection": ShipmentStatus.AWAITING_COLLECTION,
        "delivered": ShipmentStatus.DELIVERED,
        "exception": ShipmentStatus.EXCEPTION,
        "rejected": ShipmentStatus.REJECTED,
        "returning": ShipmentStatus.RETURNING,
        "returned": ShipmentStatus.RETURNED,
    }
    code_table = {
        ShipmentStatus.CREATED: "0",
        ShipmentStatus.PICKUP_PENDING: "10",
        ShipmentStatus.PICKED_UP: "1",
        ShipmentStatus.IN_TRANSIT: "2",
        ShipmentStatus.ARRIVED: "201",
        ShipmentStatus.OUT_FOR_DELIVERY: "202",
        ShipmentStatus.AWAITING_COLLECTION: "211 412",
        ShipmentStatus.DELIVERED: "3 301 302 304 311",
        ShipmentStatus.EXCEPTION: "4 401 402 403 405",
        ShipmentStatus.REJECTED: "404",
        ShipmentStatus.RETURNED: "406",
        ShipmentStatus.RETURNING: "407 413",
    }
    courier_phone_at, follows_typed = "out_for_delivery", True

    def make(self, transport: Transport, base: str) -> KdniaoCourier:
        return KdniaoCourier(KdniaoClient(KdniaoAccount(BUSINESS_ID, APP_KEY, base), transport))

    def forged(self, push: Push) -> list[Push]:
        fields = dict(parse_qsl(push.body.decode()))
        data = fields["RequestData"]
        made = (
            fields | {"RequestData": data.replace("太原市", "大同市")},
            fields | {"DataSign": data_sign(data, "m" * 36)},
            fields | {"DataSign": ""},
            {name: value for name, value in fields.items() if name != "DataSign"},
            fields | {"EBusinessID": "1000002"},
            fields | {"RequestType": "103"},
        )
        return [replace(push, body=urlencode(each).encode()) for each in made]
