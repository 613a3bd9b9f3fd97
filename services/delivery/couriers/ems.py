"""China Post EMS as a Courier: its words, codes and errors become the port's. Touches no table."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from app import metrics
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from app.identifiers import is_mobile_phone, mask_phone, normalise_phone
from clients.couriers.ems.client import EmsClient
from clients.couriers.ems.codes import says_there_is_none
from clients.couriers.ems.push import answer_push, read_push
from clients.couriers.ems.types import (
    Content,
    EmsContact,
    EmsFreight,
    EmsOrder,
    EmsPlacedOrder,
    EmsTrack,
    PaymentMode,
    Product,
)
from services.delivery.addresses import with_parts
from services.delivery.couriers.ems_codes import PICKUP_TAKEN_BACK, meaning_of
from services.delivery.neutral_cargo import is_thing
from services.delivery.ports import COLLECTED, Ability
from services.delivery.states import TERMINAL, ShipmentStatus, Sighting, standing
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
)

_CARRIER = "ems"
_PRODUCTS = {
    Freight.ACCOUNT: Product.EXPRESS,
    Freight.SENDER: Product.EXPRESS,
    Freight.RECEIVER: Product.EXPRESS_ON_DELIVERY,
}
_NOT_YET_COLLECTED = ("", ShipmentStatus.CREATED, ShipmentStatus.PICKUP_PENDING, ShipmentStatus.CANCELLED)
_LONGEST_NAME, _LONGEST_ADDRESS, _LONGEST_CARGO, _LONGEST_REASON = 50, 200, 100, 100
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")


class EmsCourier:
    """The Courier port over EMS's platform for contract customers."""

    code = "EMS"
    name = "中国邮政EMS"
    abilities = frozenset((Ability.ORDER, Ability.CANCEL, Ability.LABEL, Ability.REACH, Ability.ESTIMATE))
    signs_pushes = True
    repeats_for = None

    def __init__(self, client: EmsClient) -> None:
        self._client = client

    async def book(self, order: CourierOrder) -> Booking:
        """Place the order; see the port."""
        sender, receiver = await self._placed(order.sender), await self._placed(order.receiver)
        return _booking(await self._client.create_order(_order(order, sender, receiver)))

    async def find(self, parcel: ParcelRef) -> Booking | None:
        """Ask by our number through the freight question; see the port.

        EMS publishes no question for an order itself. Should it answer this one with "none" although it has the order,
        the order is placed again under the same number.
        """
        try:
            found = await self._client.freight(parcel.shipment_no)
        except ProviderRejected as error:
            if not says_there_is_none(error):
                raise
            return None
        if not found.waybill_no:
            return None
        return _booking(EmsPlacedOrder(parcel.shipment_no, found.waybill_no))

    async def cancel(self, parcel: ParcelRef, reason: str) -> None:
        """Withdraw an order; a refusal is explained by the parcel's own road. See the port."""
        try:
            await self._client.cancel_order(parcel.shipment_no, parcel.waybill_no, reason[:_LONGEST_REASON])
        except ProviderRejected as error:
            if error.retryable:
                raise
            road = [_sighting(event) for event in (await self.track(parcel)).events]
            statuses = [each.status for each in standing(road)]
            if any(status not in _NOT_YET_COLLECTED for status in statuses):
                raise ProviderRejected(provider="ems", provider_code=COLLECTED) from error
            if ShipmentStatus.CANCELLED not in statuses and not _ends_taken_back(road):
                raise

    async def label(self, parcel: ParcelRef) -> bytes | None:
        """Fetch EMS's own label; see the port."""
        return await self._client.label(parcel.waybill_no) if parcel.waybill_no else None

    async def reaches(self, sender: Contact, receiver: Contact, carrier: str) -> Reach:
        """Ask about both ends; see the port."""
        for contact in (receiver, sender):
            reached = await self._client.is_reached(_contact(contact), Product.EXPRESS)
            if not reached:
                return Reach.UNKNOWN if reached is None else Reach.NO
        return Reach.YES

    async def estimate(self, order: CourierOrder) -> Estimate:
        """Ask for the price; EMS promises no time. See the port."""
        fen = await self._client.estimate_fen(_contact(order.sender), _contact(order.receiver), order.weight_grams)
        return Estimate(price_fen=fen)

    async def track(self, parcel: ParcelRef) -> Report:
        """Ask for the road, and at its end for what it cost; see the port."""
        if not parcel.waybill_no:
            return Report()
        tracks = await self._client.track(parcel.waybill_no)
        report = _report(tracks, parcel.shipment_no)
        if not parcel.is_ordered or not any(event.status in TERMINAL for event in report.events):
            return report
        freight = await self._freight(parcel)
        return Report(events=report.events, news=(*report.news, *freight))

    async def follow(self, parcel: ParcelRef) -> None:
        """Do nothing: orders placed by us are pushed by themselves; see the port."""

    def parse_push(self, push: Push) -> Report:
        """Decrypt and read a 040002 body; see the port."""
        return _report(read_push(self._client.account, push.body), "")

    def acknowledge(self, push: Push, accepted: bool) -> bytes:
        """Return EMS's own words with its serial number."""
        return answer_push(self._client.account, push.body, accepted)

    async def _placed(self, contact: Contact) -> EmsContact:
        """Have EMS name province and city where neither book nor line does; an order without them is refused."""
        ours = _contact(contact)
        if ours.province and ours.city:
            return ours
        candidates = await self._client.parse_address(contact.address)
        if not candidates or not candidates[0].province:
            return ours
        best = candidates[0]
        return replace(
            ours,
            province=best.province,
            city=best.city,
            county=best.county or ours.county,
            address=(best.address or ours.address)[:_LONGEST_ADDRESS],
        )

    async def _freight(self, parcel: ParcelRef) -> tuple[ParcelNews, ...]:
        """Ask for the charge; that it cannot be told now must not keep the events back."""
        try:
            found: EmsFreight = await self._client.freight(parcel.shipment_no, parcel.waybill_no)
        except (ProviderRejected, ProviderUnavailable, ProviderProtocolError):
            return ()
        news = ParcelNews(
            shipment_no=parcel.shipment_no,
            waybill_no=parcel.waybill_no,
            freight_fen=found.charged_fen,
            weight_grams=found.weight_grams,
        )
        return (news,)


def _sighting(event: CourierEvent) -> Sighting:
    return Sighting(event.status, event.occurred_at, True, code=event.code, undoes=" ".join(event.undoes))


def _ends_taken_back(road: list[Sighting]) -> bool:
    """Tell whether EMS's last word is 207 or 212, which before a pick-up mean a withdrawal."""
    newest = max(road, key=lambda each: (each.occurred_at, bool(each.undoes)), default=None)
    return newest is not None and newest.code in PICKUP_TAKEN_BACK


def _booking(placed: EmsPlacedOrder) -> Booking:
    return Booking(shipment_no=placed.order_no, waybill_no=placed.waybill_no, carrier=_CARRIER)


def _order(order: CourierOrder, sender: EmsContact, receiver: EmsContact) -> EmsOrder:
    known = order.product.isdecimal() and int(order.product) in list(Product)
    return EmsOrder(
        order_no=order.shipment_no,
        sender=sender,
        receiver=receiver,
        cargo_name=order.cargo[:_LONGEST_CARGO],
        content=Content.GOODS if is_thing(order.cargo) else Content.DOCUMENT,
        payment_mode=PaymentMode.RECEIVER if order.freight is Freight.RECEIVER else PaymentMode.SENDER,
        product=int(order.product) if known else _PRODUCTS[order.freight],
        weight_grams=order.weight_grams,
        pickup_from=order.pickup_from,
        pickup_until=order.pickup_until,
    )


def _contact(contact: Contact) -> EmsContact:
    parts, mobile = with_parts(contact), normalise_phone(contact.phone)
    reached_by = {"mobile": mobile} if is_mobile_phone(mobile) else {"phone": contact.phone}
    return EmsContact(
        name=contact.name[:_LONGEST_NAME],
        province=parts.province,
        city=parts.city,
        county=parts.county,
        address=parts.street[:_LONGEST_ADDRESS],
        **reached_by,
    )


def _report(tracks: tuple[EmsTrack, ...], shipment_no: str) -> Report:
    return Report(
        events=tuple(_event(track, shipment_no) for track in tracks),
        news=tuple(news for track in tracks if (news := _news(track, shipment_no)) is not None),
    )


def _event(track: EmsTrack, shipment_no: str) -> CourierEvent:
    meaning = meaning_of(track.op_code, track.deliver_code, track.attempt_code)
    if not meaning.is_known:
        metrics.UNKNOWN_CODES.labels("ems").inc()
    text = track.description or track.name
    identity = f"ems|{track.waybill_no}|{int(track.happened_at.timestamp())}|{track.op_code}|{text}"
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no=track.waybill_no,
        event_key=hashlib.sha256(identity.encode()).hexdigest(),
        occurred_at=track.happened_at,
        code=track.op_code[:16],
        status=meaning.status,
        text=_PHONE.sub(lambda found: mask_phone(found[0]), text)[:300],
        place=track.place[:100],
        undoes=meaning.undoes,
        signed_as=meaning.signed_as,
    )


def _news(track: EmsTrack, shipment_no: str) -> ParcelNews | None:
    """Read what a person on the way says in words only: whom to call, where it lies."""
    status = meaning_of(track.op_code, track.deliver_code, track.attempt_code).status
    phone = _PHONE.search(track.description) if status == ShipmentStatus.OUT_FOR_DELIVERY else None
    hint = track.description[:100] if status == ShipmentStatus.AWAITING_COLLECTION else ""
    if phone is None and not hint:
        return None
    return ParcelNews(
        shipment_no=shipment_no,
        waybill_no=track.waybill_no,
        courier_phone=phone[0] if phone else "",
        collect_hint=_PHONE.sub(lambda found: mask_phone(found[0]), hint),
    )
