"""How the result of a case comes to its applicant: their choice, within what the item offers. Called by the door."""

from __future__ import annotations

import uuid

from app.errors import Conflict, FieldFault, InvalidRequest
from app.identifiers import mask_address, mask_name, mask_phone
from services.applications.own import Held
from services.applications.parts import Parts
from services.applications.states import DELIVERY_OPEN
from services.delivery.types import Choice, ChoiceView, Contact, DeliveryMethod

_METHODS = {
    DeliveryMethod.COURIER: "courier",
    DeliveryMethod.COUNTER: "pickup",
    DeliveryMethod.ELECTRONIC: "electronic",
}
"""Our word for a way of delivery → the catalogue's."""


class ResultChoice:
    """The choice of a citizen; the parcel itself is the delivery room's business."""

    def __init__(self, parts: Parts) -> None:
        self._catalogue, self._people, self._delivery = parts.catalogue, parts.people, parts.delivery

    async def choose(self, held: Held, method: DeliveryMethod, address_id: uuid.UUID | None) -> ChoiceView:
        """Choose how the result comes; COURIER needs an address of the caller's own, which is copied.

        Raises: NotFound (address), Conflict `delivery_locked` or `method_not_offered`, InvalidRequest.
        """
        row = held.row
        if row["status"] not in DELIVERY_OPEN:
            raise Conflict("办件已进入送达环节，不能再更改送达方式", code="delivery_locked")
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        offered = {way.value for result in item.record.results for way in result.delivery}
        if _METHODS[method] not in offered:
            raise Conflict("该事项不支持所选的送达方式", code="method_not_offered")
        number, citizen_id = row["application_no"], row["citizen_id"]
        if method is not DeliveryMethod.COURIER:
            return await self._delivery.choose(Choice(number, citizen_id, method))
        if address_id is None:
            raise InvalidRequest(faults=(FieldFault("address_id", "快递送达请选择收件地址"),))
        address = await self._people.plain_address(held.caller.citizen_id, address_id)
        receiver = Contact(name=address.recipient, phone=address.phone, address=address.region + address.street)
        shown = f"{mask_name(address.recipient)} {mask_phone(address.phone)} "
        shown += address.region + mask_address(address.street)
        choice = Choice(number, citizen_id, method, address.division_code, receiver, shown[:128])
        return await self._delivery.choose(choice)
