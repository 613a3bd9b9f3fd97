"""快递鸟 (KDNiao), an aggregator, as a Courier: its words, codes and errors become the port's. Touches no table."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import timedelta

from app import clock, metrics
from app.errors import ProviderRejected
from clients.couriers.kdniao.client import KdniaoClient
from clients.couriers.kdniao.push import acknowledgement, read_push
from clients.couriers.kdniao.types import (
    KdniaoContact,
    KdniaoOrder,
    KdniaoPlacedOrder,
    KdniaoTrace,
    KdniaoTrack,
    PayType,
)
from services.delivery.addresses import with_parts
from services.delivery.ports import COLLECTED, Ability
from services.delivery.states import ShipmentStatus
from services.delivery.types import (
    Booking,
    Contact,
    CourierEvent,
    CourierOrder,
    Estimate,
    Freight,
    ParcelNews,
    ParcelRef,
    Push,
    Reach,
    Report,
    SignedAs,
)

SHIPPER_OF_CARRIER = {
    "shunfeng": "SF",
    "ems": "EMS",
    "youzhengguonei": "YZPY",
    "jd": "JD",
    "yuantong": "YTO",
    "zhongtong": "ZTO",
    "shentong": "STO",
    "yunda": "YD",
    "jtexpress": "JTSD",
    "debangkuaidi": "DBL",
}
"""快递100's codes, which the house uses, → 快递鸟's. Source: 快递鸟 快递公司编码."""
_CARRIER_OF_SHIPPER = {shipper: carrier for carrier, shipper in SHIPPER_OF_CARRIER.items()}
_USUAL_CARRIER = "ems"
_CODES = {
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
STATUS_OF_CODE = {code: status for status, codes in _CODES.items() for code in codes.split()}
"""Source: 快递鸟 物流状态 State and StateEx."""
_SIGNED_AS = {"304": SignedAs.AGENT, "311": SignedAs.LOCKER}
_AT_A_PLACE, _LONGEST_HINT = ("211", "412", "311"), 100
_NO_CODE = "-"
"""Stands for the code of an event that an account of the plain service gets without one."""
_BEFORE_PICK_UP = ("", ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING)
_WITH_PHONE = ("SF", "ZTO")
"""Carriers whose roads are told only to who knows the end of a phone on the parcel."""


class KdniaoCourier:
    """The Courier port over 快递鸟."""

    code = "KDNIAO"
    name = "快递鸟"
    abilities = frozenset((Ability.ORDER, Ability.CANCEL, Ability.FOLLOW_ANY))
    signs_pushes = True
    repeats_for = timedelta.max
    """A second order of one OrderCode is answered with the first (106); no end of that is published."""

    def __init__(self, client: KdniaoClient) -> None:
        self._client = client

    async def book(self, order: CourierOrder) -> Booking:
        """Place the order; see the port."""
        return _booking(await self._client.create_order(_order(order)))

    async def find(self, parcel: ParcelRef) -> Booking | None:
        """Ask by our number; see the port."""
        placed = await self._client.find_order(parcel.shipment_no, _shipper(parcel.carrier))
        return _booking(placed) if placed else None

    async def cancel(self, parcel: ParcelRef, reason: str) -> None:
        """Withdraw an order; a refusal is explained by the parcel's road; see the port."""
        shipper = _shipper(parcel.carrier)
        try:
            await self._client.cancel_order(parcel.shipment_no, shipper, parcel.waybill_no, reason)
        except ProviderRejected as error:
            if error.retryable or not await self._is_collected(parcel):
                raise
            raise ProviderRejected(
                provider="kdniao", provider_code=COLLECTED, provider_message=error.provider_message
            ) from None

    async def _is_collected(self, parcel: ParcelRef) -> bool:
        with suppress(ProviderRejected):
            return any(event.status not in _BEFORE_PICK_UP for event in (await self.track(parcel)).events)
        return False

    async def label(self, parcel: ParcelRef) -> bytes | None:
        """Leave the drawing to us; see the port."""
        return None

    async def reaches(self, sender: Contact, receiver: Contact, carrier: str) -> Reach:
        """Say that it is not known; see the port."""
        return Reach.UNKNOWN

    async def estimate(self, order: CourierOrder) -> Estimate:
        """Say nothing; see the port."""
        return Estimate()

    async def track(self, parcel: ParcelRef) -> Report:
        """Ask for the road; see the port."""
        if not parcel.waybill_no:
            return Report()
        shipper = _shipper(parcel.carrier)
        road = await self._client.track(shipper, parcel.waybill_no, phone_tail=_phone_tail(shipper, parcel))
        return _report([road], parcel.shipment_no) if road else Report()

    async def follow(self, parcel: ParcelRef) -> None:
        """Subscribe the number as soon as there is one; see the port."""
        if not parcel.waybill_no:
            return
        shipper = _shipper(parcel.carrier)
        tail = _phone_tail(shipper, parcel)
        await self._client.subscribe(shipper, parcel.waybill_no, parcel.shipment_no, phone_tail=tail)

    def parse_push(self, push: Push) -> Report:
        """Verify and read a track push; see the port."""
        return _report(read_push(push.body, self._client.account))

    def acknowledge(self, push: Push, accepted: bool) -> bytes:
        """Return 快递鸟's own words."""
        return acknowledgement(self._client.account, clock.now(), accepted=accepted)


def _order(order: CourierOrder) -> KdniaoOrder:
    return KdniaoOrder(
        order_code=order.shipment_no,
        shipper_code=_shipper(order.carrier),
        sender=_contact(order.sender),
        receiver=_contact(order.receiver),
        goods_name=order.cargo,
        pay_type=_pay_type(order),
        weight_kg=f"{order.weight_grams // 1000}.{order.weight_grams % 1000:03d}",
        express_type=int(order.product) if order.product.isdecimal() else 1,
        pick_up_from=order.pickup_from,
        pick_up_until=order.pickup_until,
    )


def _pay_type(order: CourierOrder) -> PayType:
    if order.freight is Freight.ACCOUNT:
        return PayType.THIRD_PARTY if order.is_inbound else PayType.MONTHLY
    return PayType.RECEIVER if order.freight is Freight.RECEIVER else PayType.SENDER


def _shipper(carrier: str) -> str:
    shipper = SHIPPER_OF_CARRIER.get(carrier or _USUAL_CARRIER)
    if shipper is None:
        raise ProviderRejected("该快递公司暂不支持", provider="kdniao", provider_code="unknown_carrier")
    return shipper


def _phone_tail(shipper: str, parcel: ParcelRef) -> str:
    return parcel.phone[-4:] if shipper in _WITH_PHONE else ""


def _contact(contact: Contact) -> KdniaoContact:
    apart = with_parts(contact)
    return KdniaoContact(
        name=contact.name,
        mobile=contact.phone,
        province=apart.province,
        city=apart.city,
        county=apart.county,
        address=apart.street,
    )


def _booking(placed: KdniaoPlacedOrder) -> Booking:
    return Booking(
        shipment_no=placed.order_code,
        waybill_no=placed.waybill_no,
        carrier=_CARRIER_OF_SHIPPER.get(placed.shipper_code, ""),
        order_ref=placed.kdn_order_code,
        route_code=placed.mark_destination,
    )


def _report(roads: list[KdniaoTrack] | tuple[KdniaoTrack, ...], shipment_no: str = "") -> Report:
    events, news = [], []
    for road in roads:
        number = shipment_no or road.callback or road.order_code
        newest = road.traces[-1] if road.traces else None
        events += [_event(road, trace, number, is_newest=trace is newest) for trace in road.traces]
        news.append(
            ParcelNews(
                shipment_no=number,
                waybill_no=road.waybill_no,
                courier_phone=road.courier_phone,
                collect_hint=newest.station[:_LONGEST_HINT] if newest and _code(road, newest) in _AT_A_PLACE else "",
            )
        )
    return Report(events=tuple(events), news=tuple(news))


def _code(road: KdniaoTrack, newest: KdniaoTrace) -> str:
    return newest.action or road.state or _NO_CODE


def _event(road: KdniaoTrack, trace: KdniaoTrace, shipment_no: str, *, is_newest: bool) -> CourierEvent:
    """Make a trace an event. Without codes of their own, only the newest has a state: that of the whole road.

    The road's state is no part of the key, or a trace that is the newest no more would come back as another event.
    """
    code = _code(road, trace) if is_newest else trace.action or _NO_CODE
    status = STATUS_OF_CODE.get(code, "")
    if not status and code != _NO_CODE:
        metrics.UNKNOWN_CODES.labels("kdniao").inc()
    identity = f"kdniao|{road.waybill_no}|{int(trace.accepted_at.timestamp())}|{trace.action}|{trace.station}"
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no=road.waybill_no,
        event_key=hashlib.sha256(identity.encode()).hexdigest(),
        occurred_at=trace.accepted_at,
        code=code[:16],
        status=status,
        text=trace.station[:300],
        place=trace.location[:100],
        signed_as=_SIGNED_AS.get(code, SignedAs.UNKNOWN),
    )
