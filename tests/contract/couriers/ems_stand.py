"""EMS in the contract of couriers."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import replace

from clients.couriers.ems.client import EmsClient
from clients.couriers.ems.encryption import SignKey
from clients.couriers.ems.types import EmsAccount
from clients.transport import Transport
from services.delivery.couriers.ems import EmsCourier
from services.delivery.states import ShipmentStatus
from services.delivery.types import Push
from tests.contract.couriers.stand import Stand

KEY = "ABEiM0RVZneImaq7zN3u/w=="
SENDER_NO = "1100000000000"


class EmsStand(Stand):
    """协议客户开放平台: what decrypts under our key comes from EMS."""

    provider, carrier = "ems", "ems"
    calls = {
        "book": "020003",
        "find": "050001",
        "cancel": "020006",
        "label": "010004",
        "reaches": "060002",
        "estimate": "050005",
        "track": "040001",
    }
    refused_for_good, refused_for_now, outcome_unknown = "A00002", "S00005", "S00099"
    targets = {
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
        "lost": ShipmentStatus.LOST,
    }
    code_table = {
        ShipmentStatus.CREATED: "764",
        ShipmentStatus.PICKED_UP: "203 208 O_001",
        ShipmentStatus.IN_TRANSIT: "303 305 336 345 356 360 367 379 389 394 396 399 404 893 911 916 931 937 950 954 "
        "991 V_398 V_954",
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
    reversals = {
        "207": "203",
        "212": "208",
        "304": "303 336 345",
        "424": "423",
        "448": "447",
        "472": "404",
        "474": "405",
        "483": "482",
        "492": "",
        "742": "702",
        "743": "704",
        "744": "705",
    }
    courier_phone_at = "out_for_delivery"

    def make(self, transport: Transport, base: str) -> EmsCourier:
        account = EmsAccount(SENDER_NO, "throw-away-code", SignKey(KEY), f"{base}/amp-prod-api/f/amp/api/open")
        return EmsCourier(EmsClient(account, transport))

    def forged(self, push: Push) -> list[Push]:
        """The same events sealed with another key, not sealed at all, and for another customer."""
        outer = json.loads(push.body)
        events = SignKey(KEY).open(outer["logitcsInterface"])
        another = SignKey(base64.b64encode(secrets.token_bytes(16)).decode())
        lies = (
            {"logitcsInterface": another.seal(events)},
            {"logitcsInterface": events},
            {"logitcsInterface": "|$4|" + base64.b64encode(events.encode()).decode()},
            {"senderNo": "1100999999999"},
        )
        return [replace(push, body=json.dumps(outer | lie).encode()) for lie in lies]
