"""SF Express (顺丰) as a Courier: its words, codes and errors become the port's. Touches no table."""

from __future__ import annotations

import hashlib

from app import metrics
from app.errors import ProviderRejected, ProviderUnavailable
from clients.couriers.sf.client import SfClient
from clients.couriers.sf.codes import SfProblem, problem_of
from clients.couriers.sf.push import ACCEPTED, REFUSED, read_route_push
from clients.couriers.sf.types import FilterResult, PayMethod, SfContact, SfOrder, SfPlacedOrder, SfRouteEvent
from services.delivery.ports import Ability
from services.delivery.states import ShipmentStatus
from services.delivery.types import (
    Booking,
    Contact,
    CourierEvent,
    CourierOrder,
    Estimate,
    Freight,
    ParcelRef,
    Push,
    Reach,
    Report,
)

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


_CARRIER = "shunfeng"
_REACH = {FilterResult.SERVED: Reach.YES, FilterResult.NOT_SERVED: Reach.NO, FilterResult.ADDRESS_UNCLEAR: Reach.NO}
_PAY_METHODS = {
    Freight.ACCOUNT: PayMethod.SENDER,
    Freight.RECEIVER: PayMethod.RECEIVER,
    Freight.SENDER: PayMethod.SENDER,
}


class SfCourier:
    """The Courier port over 丰桥."""

    code = "SF"
    name = "顺丰速运"
    abilities = frozenset((Ability.ORDER, Ability.CANCEL, Ability.REACH, Ability.ESTIMATE))
    signs_pushes = False

    def __init__(self, client: SfClient) -> None:
        self._client = client

    async def book(self, order: CourierOrder) -> Booking:
        """Place the order; see the port."""
        placed = await self._client.create_order(
            SfOrder(
                order_id=order.shipment_no,
                sender=_contact(order.sender),
                receiver=_contact(order.receiver),
                cargo_name=order.cargo,
                pay_method=_PAY_METHODS[order.freight],
            )
        )
        return _booking(placed)

    async def find(self, parcel: ParcelRef) -> Booking | None:
        """Ask by our number; see the port."""
        try:
            return _booking(await self._client.search_order(parcel.shipment_no))
        except ProviderRejected as error:
            if problem_of(error.provider_code) is SfProblem.NOT_FOUND:
                return None
            raise

    async def cancel(self, parcel: ParcelRef, reason: str) -> None:
        """Withdraw an order; see the port."""
        await self._client.cancel_order(parcel.shipment_no)

    async def label(self, parcel: ParcelRef) -> bytes | None:
        """Leave the drawing to us; see the port."""
        return None

    async def reaches(self, sender: Contact, receiver: Contact, carrier: str) -> Reach:
        """Ask by the filter service; see the port."""
        reach = await self._client.check_reach(_contact(sender), _contact(receiver))
        return _REACH.get(reach.result, Reach.UNKNOWN)

    async def estimate(self, order: CourierOrder) -> Estimate:
        """Say nothing yet; see the port."""
        return Estimate()

    async def track(self, parcel: ParcelRef) -> Report:
        """Ask for the road; see the port."""
        nodes = await self._client.routes_of_order(parcel.shipment_no)
        return Report(events=tuple(_event(node, parcel.shipment_no) for node in nodes))

    async def follow(self, parcel: ParcelRef) -> None:
        """Do nothing: orders placed by us are pushed by themselves; see the port."""

    def parse_push(self, push: Push) -> Report:
        """Read a RoutePushService body; see the port."""
        return Report(events=tuple(_event(node, node.order_id) for node in read_route_push(push.body)))

    def acknowledge(self, push: Push, accepted: bool) -> bytes:
        """Return SF's own words."""
        return ACCEPTED if accepted else REFUSED


def _booking(placed: SfPlacedOrder) -> Booking:
    if placed.filter_result in (FilterResult.NOT_SERVED, FilterResult.ADDRESS_UNCLEAR):
        raise ProviderRejected(
            provider="sf", provider_code=f"filter_{int(placed.filter_result)}", provider_message=placed.remark
        )
    if not placed.waybill_no:
        # 人工筛单: SF looks at the addresses by hand and gives a waybill later, so we come and ask again.
        raise ProviderUnavailable(provider="sf", reason="manual_check")
    return Booking(shipment_no=placed.order_id, waybill_no=placed.waybill_no, carrier=_CARRIER)


def _contact(contact: Contact) -> SfContact:
    # SF reads province, city and county out of the line where they are not given apart.
    return SfContact(name=contact.name, mobile=contact.phone, province="", city="", county="", address=contact.address)


def _event(node: SfRouteEvent, shipment_no: str) -> CourierEvent:
    status = _status(node)
    if not status:
        metrics.UNKNOWN_CODES.labels("sf").inc()
    # Neither the push's own id nor its text is part of the key: a query has no id, and both must meet in one row.
    identity = f"sf|{node.waybill_no}|{int(node.happened_at.timestamp())}|{node.op_code}"
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no=node.waybill_no,
        event_key=hashlib.sha256(identity.encode()).hexdigest(),
        occurred_at=node.happened_at,
        code=node.op_code[:16],
        status=status,
        text=node.remark[:300],
        place=node.place[:100],
    )


def _status(node: SfRouteEvent) -> str:
    if node.op_code == "70" and node.reason_code == "46":
        return ShipmentStatus.CANCELLED
    return STATUS_OF_CODE.get(node.op_code, "")
