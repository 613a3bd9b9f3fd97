"""快递100 as a Courier of many carriers: its words, codes and errors become the port's. Touches no table."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from datetime import timedelta
from urllib.parse import quote

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected
from clients.couriers.kuaidi100 import push as pushes
from clients.couriers.kuaidi100.client import Kuaidi100Client
from clients.couriers.kuaidi100.codes import Problem
from clients.couriers.kuaidi100.types import OrderState, Person, PickupOrder, PlacedOrder, Subscription
from services.delivery.addresses import with_parts
from services.delivery.couriers import kuaidi100_reports as reports
from services.delivery.couriers.kuaidi100_codes import COLLECTED_STATUSES, WITHDRAWN
from services.delivery.ports import COLLECTED, NOT_SERVED, PICKUP_TIME, Ability
from services.delivery.types import (
    Booking,
    Contact,
    CourierOrder,
    Estimate,
    Freight,
    ParcelRef,
    Push,
    Reach,
    Report,
)

_PAYMENTS = {Freight.ACCOUNT: "SHIPPER", Freight.RECEIVER: "CONSIGNEE"}
_NEED_PHONE = ("shunfeng", "zhongtong")
_DAYS = ("今天", "明天", "后天")
_NO_SUCH_ORDER = (Problem.CONTENT, Problem.PERMANENT)
_ORDER, _FOUND = "order", "found"
"""Kinds of pushes in the address of our door: about an order; about a number whose carrier 快递100 was to find."""


class Kuaidi100Courier:
    """The Courier port over 快递100.

    Args:
        callbacks: address of our door up to its secret token; the parcel and the kind of push go into its query.
        salt_key: every parcel's pushes are signed with a salt of its own, made from this key and its number.
        label_template: template of the label that an order makes; "" where we draw labels ourselves.
    """

    code = "KUAIDI100"
    name = "快递100"
    signs_pushes = True
    repeats_for = timedelta(hours=48)
    """Source: 快递100 商家寄件, thirdOrderId."""

    def __init__(self, client: Kuaidi100Client, callbacks: str, salt_key: str, label_template: str = "") -> None:
        self._client = client
        self._callbacks = callbacks
        self._salt_key = salt_key.encode()
        self._label_template = label_template
        label = (Ability.LABEL,) if label_template else ()
        self.abilities = frozenset((Ability.ORDER, Ability.CANCEL, Ability.ESTIMATE, Ability.FOLLOW_ANY, *label))

    async def book(self, order: CourierOrder) -> Booking:
        """Place the order and have its track followed in the same call; see the port."""
        if order.freight not in _PAYMENTS or not order.carrier or order.holder_tail:
            # It takes no money from a sender at the door, picks no carrier, and hands over to anybody at the address.
            raise ProviderRejected(provider="kuaidi100", provider_code=NOT_SERVED)
        day, start, end = _pickup(order)
        placed = await self._client.place_order(
            PickupOrder(
                third_order_id=order.shipment_no,
                carrier=order.carrier,
                sender=_person(order.sender),
                receiver=_person(order.receiver),
                cargo=order.cargo,
                weight_kg=_kilograms(order.weight_grams),
                payment=_PAYMENTS[order.freight],
                service_type=order.product,
                callback_url=self._callback(order.shipment_no, kind=_ORDER),
                track_callback_url=self._callback(order.shipment_no),
                salt=self._salt(order.shipment_no),
                day=day,
                pickup_start=start,
                pickup_end=end,
                label_template=self._label_template,
            )
        )
        return _booking(order.shipment_no, order.carrier, placed)

    async def find(self, parcel: ParcelRef) -> Booking | None:
        """Ask for the order; see the port.

        That our own number finds it is unconfirmed, so `repeats_for` says when another order is the first one.
        """
        state = await self._order(parcel)
        if state is None:
            return None
        placed = PlacedOrder(task_id=state.task_id, order_id=state.order_id, waybill_no=state.waybill_no)
        return _booking(parcel.shipment_no, state.carrier or parcel.carrier, placed)

    async def cancel(self, parcel: ParcelRef, reason: str) -> None:
        """Withdraw an order; a refusal is explained by the order's own status. See the port."""
        task_id, order_id = _reference(parcel)
        if not task_id:
            known = await self._order(parcel)
            if known is None:
                raise ProviderRejected(provider="kuaidi100", provider_code="no_such_order")
            task_id, order_id = known.task_id, known.order_id
        try:
            await self._client.cancel_order(task_id, order_id, reason)
        except ProviderRejected as error:
            if error.retryable or error.details.get("problem") not in _NO_SUCH_ORDER:
                raise
            state = await self._client.order_detail(task_id=task_id)
            if state.status in COLLECTED_STATUSES:
                raise ProviderRejected(provider="kuaidi100", provider_code=COLLECTED) from error
            if state.status not in WITHDRAWN:
                raise

    async def label(self, parcel: ParcelRef) -> bytes | None:
        """Fetch the label that the order made; see the port."""
        task_id, _ = _reference(parcel)
        if not task_id:
            return None
        try:
            return await asyncio.to_thread(_as_pdf, await self._client.label(task_id))
        except ValueError:
            raise ProviderProtocolError(provider="kuaidi100", call="label", reason="unreadable_value") from None

    async def reaches(self, sender: Contact, receiver: Contact, carrier: str) -> Reach:
        """Say nothing: the documents at hand do not describe the question. See the port."""
        return Reach.UNKNOWN

    async def estimate(self, order: CourierOrder) -> Estimate:
        """Ask for the price; the places go without street and door. See the port."""
        origin, destination = _place(order.sender), _place(order.receiver)
        quotes = await self._client.quote(order.carrier, origin, destination, _kilograms(order.weight_grams))
        fitting = [quote for quote in quotes if quote.service_type == order.product] or list(quotes)
        return Estimate(price_fen=min((quote.price_fen for quote in fitting), default=None))

    async def track(self, parcel: ParcelRef) -> Report:
        """Ask for the road, and for the order where the road tells nothing; see the port."""
        told = Report()
        carrier = await self._carrier(parcel)
        if parcel.waybill_no and carrier:
            track = await self._client.track(parcel.waybill_no, carrier, phone_tail=_phone_tail(carrier, parcel.phone))
            told = reports.of_track(parcel.shipment_no, parcel.waybill_no, track, names_carrier=not parcel.carrier)
        if told.events or not parcel.is_ordered:
            return told
        state = await self._order(parcel)
        return told if state is None else reports.of_order(parcel.shipment_no, state, clock.now())

    async def follow(self, parcel: ParcelRef) -> None:
        """Subscribe the number; see the port.

        Raises: ProviderRejected also where the carrier wants a phone's last digits that we do not have.
        """
        if not parcel.waybill_no:
            return
        carrier = await self._carrier(parcel)
        tail = _phone_tail(carrier, parcel.phone)
        if carrier in _NEED_PHONE and not tail:
            raise ProviderRejected(
                "该快递公司需要收寄件人手机号后四位", provider="kuaidi100", provider_code="phone_needed"
            )
        await self._client.subscribe(
            Subscription(
                number=parcel.waybill_no,
                carrier=carrier,
                callback_url=self._callback(parcel.shipment_no, kind="" if parcel.carrier else _FOUND),
                salt=self._salt(parcel.shipment_no),
                phone_tail=tail,
            )
        )

    async def guess_carriers(self, waybill_no: str) -> tuple[str, ...]:
        """Name the carriers that a typed number may belong to; see `CarrierGuess`."""
        return await self._client.guess_carriers(waybill_no)

    def parse_push(self, push: Push) -> Report:
        """Verify a push with the salt of the parcel that its address names, then read it; see the port."""
        shipment_no = push.query.get("shipment", "")
        salt = self._salt(shipment_no) if shipment_no else None
        if push.query.get("kind") == _ORDER:
            callback = pushes.read_order_callback(push.body, salt)
            return reports.of_order_callback(shipment_no, callback, push.query.get("at", ""))
        told = pushes.read_track_push(push.body, salt)
        return reports.of_track_push(shipment_no, told, names_carrier=push.query.get("kind") == _FOUND)

    def acknowledge(self, push: Push, accepted: bool) -> bytes:
        """Return 快递100's own words, which differ for tracks and orders."""
        if not accepted:
            return pushes.REFUSED
        return pushes.ORDER_ACCEPTED if push.query.get("kind") == _ORDER else pushes.TRACK_ACCEPTED

    async def _order(self, parcel: ParcelRef) -> OrderState | None:
        task_id, _ = _reference(parcel)
        try:
            if task_id:
                return await self._client.order_detail(task_id=task_id)
            return await self._client.order_detail(third_order_id=parcel.shipment_no)
        except ProviderRejected as error:
            if error.details.get("problem") in _NO_SUCH_ORDER:
                return None
            raise

    async def _carrier(self, parcel: ParcelRef) -> str:
        """Return who carries a number; where nobody said so, the likeliest by its look, "" where none is likely."""
        if parcel.carrier or not parcel.waybill_no:
            return parcel.carrier
        return next(iter(await self._client.guess_carriers(parcel.waybill_no)), "")

    def _callback(self, shipment_no: str, *, kind: str = "") -> str:
        url = f"{self._callbacks}?shipment={quote(shipment_no, safe='')}{f'&kind={kind}' if kind else ''}"
        # An order callback carries no time: the moment of the order goes with it, so that a repeat is the same event.
        return f"{url}&at={clock.timestamp()}" if kind == _ORDER else url

    def _salt(self, shipment_no: str) -> str:
        digest = hmac.new(self._salt_key, shipment_no.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return digest.hexdigest()[:32]


def _booking(shipment_no: str, carrier: str, placed: PlacedOrder) -> Booking:
    order_ref = f"{placed.task_id}:{placed.order_id}" if placed.task_id else ""
    return Booking(shipment_no=shipment_no, waybill_no=placed.waybill_no, carrier=carrier, order_ref=order_ref)


def _as_pdf(label: bytes) -> bytes:
    # Loaded with the first label, in its thread: processes that fetch none need not hold the decoders.
    from services.delivery.couriers.label_image import as_pdf

    return as_pdf(label)


def _reference(parcel: ParcelRef) -> tuple[str, str]:
    """Return taskId and orderId of a parcel; "" where it has none."""
    task_id, _, order_id = parcel.order_ref.partition(":")
    return task_id, order_id


def _person(contact: Contact) -> Person:
    return Person(contact.name, contact.phone, contact.address)


def _place(contact: Contact) -> str:
    parts = with_parts(contact)
    return f"{parts.province}{parts.city}{parts.county}" or contact.address


def _phone_tail(carrier: str, phone: str) -> str:
    digits = "".join(filter(str.isdigit, phone))
    return digits[-4:] if carrier in _NEED_PHONE else ""


def _kilograms(weight_grams: int) -> str:
    """Print a weight in kilograms with one decimal, rounded up."""
    tenths = max(1, -(-weight_grams // 100))
    return f"{tenths // 10}.{tenths % 10}"


def _pickup(order: CourierOrder) -> tuple[str, str, str]:
    """Return day and hours of the pick-up in the vendor's words, "" each where no time was asked for."""
    if order.pickup_from is None or order.pickup_until is None:
        return "", "", ""
    days_ahead = (clock.beijing_date(order.pickup_from) - clock.beijing_date()).days
    if not 0 <= days_ahead < len(_DAYS):
        raise ProviderRejected("预约取件时间应在三天之内", provider="kuaidi100", provider_code=PICKUP_TIME)
    start, end = (f"{clock.to_beijing(moment):%H:%M}" for moment in (order.pickup_from, order.pickup_until))
    return _DAYS[days_ahead], start, end
