"""快递100 in the contract of couriers."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

from clients.couriers.kuaidi100.client import Kuaidi100Client
from clients.couriers.kuaidi100.types import Kuaidi100Account
from clients.transport import Transport
from services.delivery.couriers.kuaidi100 import Kuaidi100Courier
from services.delivery.states import ShipmentStatus
from services.delivery.types import CourierEvent, Push
from tests.contract.couriers.stand import Stand, form

ACCOUNT = {"key": "KdKeyTest0000001", "customer": "A" * 32, "secret": "5" * 32}


class Kuaidi100Stand(Stand):
    """One account, a carrier that wants a phone's last digits; pushes are signed with a salt for each parcel."""

    provider, carrier = "kuaidi100", "zhongtong"
    calls = {
        "book": "bOrder",
        "find": "detail",
        "cancel": "cancel",
        "label": "printOld",
        "estimate": "price",
        "track": "query",
        "follow": "poll",
    }
    refused_for_good, refused_for_now, outcome_unknown = "600", "501", "500"
    targets = {
        "pickup_pending": ShipmentStatus.PICKUP_PENDING,
        "picked_up": ShipmentStatus.PICKED_UP,
        "in_transit": ShipmentStatus.IN_TRANSIT,
        "arrived": ShipmentStatus.ARRIVED,
        "out_for_delivery": ShipmentStatus.OUT_FOR_DELIVERY,
        "awaiting_collection": ShipmentStatus.AWAITING_COLLECTION,
        "delivered": ShipmentStatus.DELIVERED,
        "left_in_locker": ShipmentStatus.DELIVERED,
        "exception": ShipmentStatus.EXCEPTION,
        "rejected": ShipmentStatus.REJECTED,
        "returning": ShipmentStatus.RETURNING,
        "returned": ShipmentStatus.RETURNED,
    }
    code_table = {
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
    courier_phone_at = "picked_up"
    follows_typed = True

    def make(self, transport: Transport, base: str) -> Kuaidi100Courier:
        client = Kuaidi100Client(Kuaidi100Account(base=base, **ACCOUNT), transport)
        callbacks = f"{self.sim.sink.url}/callbacks/kuaidi100/kuaidi100-token"
        return Kuaidi100Courier(client, callbacks, "salt-key-of-tests", "60f6c17c7c223700131d8bc3")

    def events(self, pushes: list[Push]) -> list[CourierEvent]:
        """Leave out what order callbacks say: they bring no history, and no question answers with them."""
        return super().events([push for push in pushes if "kind" not in push.query])

    def forged(self, push: Push) -> list[Push]:
        fields = dict(parse_qsl(push.body.decode(), keep_blank_values=True))
        changed = fields | {"param": fields["param"].replace('"200"', '"201"')}
        bodies = [fields | {"sign": "0" * 32}, fields | {"sign": ""}, changed, {"param": fields["param"]}]
        elsewhere = {**push.query, "shipment": f"{push.query['shipment']}X"}
        strangers = [replace(push, query=elsewhere), replace(push, query={})]
        return [*(replace(push, body=form(body)) for body in bodies), *strangers]
