"""How the result of a case comes to its applicant: their choice, within what the item offers. Called by the door."""

from __future__ import annotations

import uuid

from app.db import Transaction
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.tokens import Caller
from services.applications import own
from services.applications.couriering import (
    contact_of,
    couriered,
    leg_payer,
    require_person,
    require_sendable,
    shown_line,
)
from services.applications.own import Held
from services.applications.parts import Parts
from services.applications.progress import parcel_order
from services.applications.states import DELIVERY_OPEN
from services.delivery.booking.types import DeliveryOptions, MethodOption, NewAddress, SendingWish, ShipmentChange
from services.delivery.rules.types import Errand
from services.delivery.types import METHOD_TEXT, Choice, ChoiceView, DeliveryMethod

_METHODS = {
    DeliveryMethod.COURIER: "courier",
    DeliveryMethod.COUNTER: "pickup",
    DeliveryMethod.LOCKER: "pickup",
    DeliveryMethod.ELECTRONIC: "electronic",
}
"""Our word for a way of delivery → the catalogue's."""
_COLLECTED = (DeliveryMethod.COUNTER, DeliveryMethod.LOCKER)


class ResultChoice:
    """The choice of a citizen; the parcel itself is the delivery room's business."""

    def __init__(self, parts: Parts) -> None:
        self._catalogue, self._people, self._delivery = parts.catalogue, parts.people, parts.delivery
        self._audit = parts.audit

    async def choose(
        self, held: Held, method: DeliveryMethod, address_id: uuid.UUID | None, wish: SendingWish | None = None
    ) -> ChoiceView:
        """Choose how the result comes; COURIER needs an address of the caller's own, which is copied.

        Raises: NotFound (address), InvalidRequest, Conflict `delivery_locked`, `method_not_offered`,
        `payer_not_offered`, `address_not_served` or `place_not_offered`.
        """
        row, wish = held.row, wish or SendingWish()
        if row["status"] not in DELIVERY_OPEN:
            raise Conflict("办件已进入送达环节，不能再更改送达方式", code="delivery_locked")
        record = (await self._catalogue.item(row["item_code"], row["item_version"])).record
        if _METHODS[method] not in {way.value for result in record.results for way in result.delivery}:
            raise Conflict("该事项不支持所选的送达方式", code="method_not_offered")
        number, citizen_id = row["application_no"], row["citizen_id"]
        if method is not DeliveryMethod.COURIER:
            place = ""
            if method in _COLLECTED:
                body = (record.division_code, record.department_code)
                place = await self._delivery.collecting.require_place(method, wish.place_code, *body)
            return await self._delivery.choose(Choice(number, citizen_id, method, place_code=place))
        if address_id is None:
            raise InvalidRequest(faults=(FieldFault("address_id", "快递送达请选择收件地址"),))
        address = await self._people.plain_address(held.caller.citizen_id, address_id)
        if wish.in_person:
            require_person((await self._people.profile(citizen_id)).name, address, wish)
        await require_sendable(self._delivery, parcel_order(number, record), address, wish)
        return await self._delivery.choose(couriered(Choice(number, citizen_id, method), address, wish))

    async def options(self, held: Held, address_id: uuid.UUID | None) -> DeliveryOptions:
        """Return what may be chosen; with an address, what the couriers that go there mean. Raises: NotFound."""
        row = held.row
        record = (await self._catalogue.item(row["item_code"], row["item_version"])).record
        address = await self._people.plain_address(held.caller.citizen_id, address_id) if address_id else None
        offered = {way.value for result in record.results for way in result.delivery}
        methods = [method for method in DeliveryMethod if _METHODS[method] in offered]
        order = parcel_order(row["application_no"], record)
        errand = Errand(division_code=order.division_code, to_division_code=address.division_code if address else "")
        levels = []
        if DeliveryMethod.COURIER in methods:
            levels = await self._delivery.reach.levels(errand, order.item_codes, leg_payer(order))
        places = []
        if not set(_COLLECTED).isdisjoint(methods):
            places = await self._delivery.collecting.places_of(record.division_code, record.department_code)
        return DeliveryOptions(
            methods=[MethodOption(method=method, method_text=METHOD_TEXT[method]) for method in methods],
            levels=levels,
            places=places,
        )

    async def change_address(self, caller: Caller, shipment_no: str, address_id: uuid.UUID) -> ShipmentChange:
        """Send a parcel that nobody has picked up yet to another own address.

        Raises: NotFound; Conflict `parcel_collected`, `withdrawal_refused`, `parcel_ended`, `address_not_served`,
            `stale_version`.
        """
        subject_no, is_own = await self._delivery.whose(caller.citizen_id, shipment_no)
        held = None if is_own else await self._held(caller, subject_no)
        address = await self._people.plain_address(caller.citizen_id, address_id)
        act = held.trace("parcel_readdressed") if held else own.trace_of(caller, subject_no, "parcel_readdressed")

        async def record(tx: Transaction) -> None:
            if act is not None:
                await self._audit.record(act, tx)

        to = NewAddress(contact_of(address), shown_line(address), address.division_code)
        return await self._delivery.booking.change_address(shipment_no, to, record)

    async def _held(self, caller: Caller, subject_no: str) -> Held:
        try:
            return await own.find(self._people, caller, subject_no)
        except NotFound:
            raise NotFound("未找到该快递") from None
