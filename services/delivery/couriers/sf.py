"""SF Express (顺丰) as a Courier: its words, codes and errors become the port's. Touches no table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from app import metrics
from app.errors import ProviderRejected, ProviderUnavailable
from app.identifiers import mask_phone
from clients.couriers.sf.client import SfClient
from clients.couriers.sf.codes import SfProblem, problem_of
from clients.couriers.sf.push import acknowledgement, read_push
from clients.couriers.sf.types import (
    FilterResult,
    PayMethod,
    SfContact,
    SfOrder,
    SfOrderState,
    SfPlacedOrder,
    SfRouteEvent,
)
from services.delivery.addresses import with_parts
from services.delivery.couriers.sf_codes import (
    CANCELLED_REASON,
    NEW_NUMBER,
    SIGNED_AS,
    STATUS_OF_CODE,
    status_of_state,
)
from services.delivery.ports import COLLECTED, NOT_SERVED, PICKUP_TIME, Ability
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
    Waybill,
    WaybillKind,
)

_CARRIER = "shunfeng"
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_LONGEST_HINT = 100
_USUAL_PRODUCT = 2
"""顺丰标快."""
_REACH = {FilterResult.SERVED: Reach.YES, FilterResult.NOT_SERVED: Reach.NO, FilterResult.ADDRESS_UNCLEAR: Reach.NO}
_NOT_SERVED = (FilterResult.NOT_SERVED, FilterResult.ADDRESS_UNCLEAR)
_WORDS = {SfProblem.COLLECTED: COLLECTED, SfProblem.OTHER_TIME: PICKUP_TIME}
"""Problems that the house has a word of its own for."""


class SfCourier:
    """The Courier port over 丰桥."""

    code = "SF"
    name = "顺丰速运"
    abilities = frozenset((Ability.ORDER, Ability.CANCEL, Ability.LABEL, Ability.REACH, Ability.ESTIMATE))
    signs_pushes = False
    repeats_for = None

    def __init__(self, client: SfClient) -> None:
        self._client = client

    async def book(self, order: CourierOrder) -> Booking:
        """Place the order; see the port."""
        try:
            return _booking(await self._client.create_order(_order(order)))
        except ProviderRejected as error:
            raise _in_our_words(error) from None

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
        try:
            await self._client.cancel_order(parcel.shipment_no)
        except ProviderRejected as error:
            raise _in_our_words(error) from None

    async def label(self, parcel: ParcelRef) -> bytes | None:
        """Have SF draw the label; see the port."""
        return await self._client.print_label(parcel.waybill_no)

    async def reaches(self, sender: Contact, receiver: Contact, carrier: str) -> Reach:
        """Ask by the filter service; see the port."""
        reach = await self._client.check_reach(_contact(sender), _contact(receiver))
        return _REACH.get(reach.result, Reach.UNKNOWN)

    async def estimate(self, order: CourierOrder) -> Estimate:
        """Ask for price and time of the product; with a pick-up time also whether anybody comes then; see the port."""
        sender, receiver = _contact(order.sender), _contact(order.receiver)
        if order.pickup_from and not await self._client.can_pick_up(sender, order.pickup_from):
            raise ProviderRejected("该时段无法上门取件，请另选时间", provider="sf", provider_code=PICKUP_TIME)
        offers = await self._client.estimate(
            sender,
            receiver,
            weight_kg=_kilograms(order.weight_grams),
            express_type_id=_product(order),
            at=order.pickup_from,
        )
        offer = next((each for each in offers if each.business_type == str(_product(order))), None)
        return Estimate(price_fen=offer.fee_fen, arrives_at=offer.arrives_at) if offer else Estimate()

    async def track(self, parcel: ParcelRef) -> Report:
        """Ask for the road, and for the number of the way back where it turned round; see the port."""
        if not parcel.is_ordered:
            nodes = await self._client.routes_of_waybills([parcel.waybill_no], phone_tail=parcel.phone[-4:])
            return Report(events=tuple(_event(node, parcel.shipment_no) for node in nodes))
        nodes = await self._client.routes_of_order(parcel.shipment_no)
        back = await self._way_back(parcel, nodes)
        if back and back not in {node.waybill_no for node in nodes}:
            nodes += await self._client.routes_of_waybills([back], phone_tail=parcel.phone[-4:])
        news = (*_return_news(parcel.shipment_no, back), *_spoken(nodes, parcel.shipment_no, back))
        return Report(events=tuple(_event(node, parcel.shipment_no, back) for node in nodes), news=news)

    async def _way_back(self, parcel: ParcelRef, nodes: Iterable[SfRouteEvent]) -> str:
        if not any(node.op_code in NEW_NUMBER for node in nodes):
            return ""
        with suppress(ProviderRejected):  # the new number may come later than the node that announces it
            return (await self._client.search_order(parcel.shipment_no, way_back=True)).waybill_no
        return ""

    async def follow(self, parcel: ParcelRef) -> None:
        """Register a number that was ordered elsewhere; ours are pushed by themselves. See the port."""
        if not parcel.is_ordered:
            await self._client.register_route(parcel.waybill_no, parcel.phone[-4:])

    def parse_push(self, push: Push) -> Report:
        """Read a route push or an order-state push; see the port."""
        read = read_push(push.body)
        events = [_event(node, node.order_id) for node in read.routes] + [_state_event(each) for each in read.states]
        back = {node.order_id: node.waybill_no for node in read.routes if node.op_code == "631" and node.order_id}
        news = [each for shipment_no, number in back.items() for each in _return_news(shipment_no, number)]
        news += [each for node in read.routes for each in _spoken([node], node.order_id)]
        news += [_state_news(each) for each in read.states]
        return Report(events=tuple(events), news=tuple(news))

    def acknowledge(self, push: Push, accepted: bool) -> bytes:
        """Return SF's own words."""
        return acknowledgement(push.body, accepted=accepted)


def _order(order: CourierOrder) -> SfOrder:
    return SfOrder(
        order_id=order.shipment_no,
        sender=_contact(order.sender),
        receiver=_contact(order.receiver),
        cargo_name=order.cargo,
        pay_method=_pay_method(order),
        on_account=order.freight is Freight.ACCOUNT,
        express_type_id=_product(order),
        weight_kg=_kilograms(order.weight_grams),
        pick_up_at=order.pickup_from,
        id_number_tail=order.holder_tail,
    )


def _pay_method(order: CourierOrder) -> PayMethod:
    if order.freight is Freight.RECEIVER:
        return PayMethod.RECEIVER
    # Our card pays for a parcel that a citizen sends us as a third party (第三方付): the citizen is its sender.
    return PayMethod.THIRD_PARTY if order.freight is Freight.ACCOUNT and order.is_inbound else PayMethod.SENDER


def _product(order: CourierOrder) -> int:
    return int(order.product) if order.product.isdecimal() else _USUAL_PRODUCT


def _kilograms(grams: int) -> str:
    return f"{grams // 1000}.{grams % 1000:03d}"


def _booking(placed: SfPlacedOrder) -> Booking:
    if placed.filter_result in _NOT_SERVED:
        raise ProviderRejected(provider="sf", provider_code=NOT_SERVED, provider_message=placed.remark)
    if not placed.waybill_no:
        # 人工筛单: SF looks at the addresses by hand and gives a waybill later, so we come and ask again.
        raise ProviderUnavailable(provider="sf", reason="manual_check")
    further = [_waybill(number, WaybillKind.CHILD) for number in placed.child_waybill_nos]
    if placed.sign_back_waybill_no:
        further.append(_waybill(placed.sign_back_waybill_no, WaybillKind.SIGN_BACK))
    return Booking(
        shipment_no=placed.order_id,
        waybill_no=placed.waybill_no,
        carrier=_CARRIER,
        route_code=placed.route_code,
        further=tuple(further),
    )


def _in_our_words(error: ProviderRejected) -> ProviderRejected:
    word = _WORDS.get(problem_of(error.provider_code))
    if word is None:
        return error
    return ProviderRejected(provider="sf", provider_code=word, provider_message=error.provider_message)


def _waybill(number: str, kind: WaybillKind) -> Waybill:
    return Waybill(waybill_no=number, carrier=_CARRIER, kind=kind)


def _return_news(shipment_no: str, back: str) -> tuple[ParcelNews, ...]:
    if not back:
        return ()
    return (ParcelNews(shipment_no=shipment_no, waybills=(_waybill(back, WaybillKind.RETURN),)),)


def _contact(contact: Contact) -> SfContact:
    apart = with_parts(contact)
    return SfContact(
        name=contact.name,
        mobile=contact.phone,
        province=apart.province,
        city=apart.city,
        county=apart.county,
        address=apart.street,
    )


def _event(node: SfRouteEvent, shipment_no: str, back: str = "") -> CourierEvent:
    """Make a node an event; one under the number `back` is part of the way back, so its delivery is ours.

    Neither the push's own id nor its text is part of the key: a query has no id, and both must meet in one row. A push
    does not tell that its number is that of a way back, so what we learn by asking stands beside it, not in its place.
    """
    is_back = bool(back) and node.waybill_no == back
    status = _status(node, is_back)
    # A cancellation is told by its reason: one that a query does not confirm must stay an event of its own.
    aside = "|back" if is_back else "|cancelled" if status == ShipmentStatus.CANCELLED else ""
    return _made(shipment_no, node.waybill_no, node.happened_at, node.op_code, status, node.remark, node.place, aside)


def _status(node: SfRouteEvent, is_back: bool) -> str:
    if (node.op_code, node.reason_code) == CANCELLED_REASON:
        return ShipmentStatus.CANCELLED
    status = STATUS_OF_CODE.get(node.op_code, "")
    if is_back and status:
        return ShipmentStatus.RETURNED if status == ShipmentStatus.DELIVERED else ShipmentStatus.RETURNING
    return status


def _spoken(nodes: Iterable[SfRouteEvent], shipment_no: str, back: str = "") -> tuple[ParcelNews, ...]:
    """Read what a person on the way says in words only: whom to call, where it lies."""
    told = []
    for node in sorted(nodes, key=lambda each: each.happened_at):
        status = "" if back and node.waybill_no == back else STATUS_OF_CODE.get(node.op_code, "")
        phone = _PHONE.search(node.remark) if status == ShipmentStatus.OUT_FOR_DELIVERY else None
        hint = node.remark if status == ShipmentStatus.AWAITING_COLLECTION else ""
        if phone or hint:
            told.append(
                ParcelNews(
                    shipment_no=shipment_no,
                    waybill_no=node.waybill_no,
                    courier_phone=phone[0] if phone else "",
                    collect_hint=_PHONE.sub(lambda found: mask_phone(found[0]), hint)[:_LONGEST_HINT],
                )
            )
    return tuple(told)


def _state_event(state: SfOrderState) -> CourierEvent:
    status = status_of_state(state.state_code)
    return _made(
        state.order_id, state.waybill_no, state.happened_at, state.state_code, status, state.description, "", ""
    )


def _state_news(state: SfOrderState) -> ParcelNews:
    return ParcelNews(shipment_no=state.order_id, courier_phone=state.courier_phone)


def _made(
    shipment_no: str, waybill_no: str, at: datetime, code: str, status: str, text: str, place: str, aside: str
) -> CourierEvent:
    if not status:
        metrics.UNKNOWN_CODES.labels("sf").inc()
    identity = f"sf|{waybill_no}|{int(at.timestamp())}|{code}{aside}"
    return CourierEvent(
        shipment_no=shipment_no,
        waybill_no=waybill_no,
        event_key=hashlib.sha256(identity.encode()).hexdigest(),
        occurred_at=at,
        code=code[:16],
        status=status,
        text=text[:300],
        place=place[:100],
        signed_as=SIGNED_AS.get(code, SignedAs.UNKNOWN),
    )
