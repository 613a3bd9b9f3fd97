"""One delivery of all results: one choice, copied to every part; what goes by courier shares one parcel.

Called by the package use cases and their course. Parcels are the delivery room's; here is only which results belong
together and when all of them are ready.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest
from app.tokens import Caller
from services.applications.couriering import couriered, require_person, require_sendable
from services.applications.packages import repository
from services.applications.packages.numbers import child_no
from services.applications.packages.states import Part, PartStatus, course
from services.applications.packages.types import PackageDelivery, PartDelivery
from services.applications.packages.views import stored_parts
from services.applications.parts import Parts
from services.applications.progress import Progress
from services.applications.states import Status
from services.catalogue.types import ItemRecord, PackageTerms
from services.delivery.booking.types import SendingWish
from services.delivery.types import METHOD_TEXT, Choice, Contact, DeliveryMethod, ShipmentOrder

_CARGO = "一件事办理结果"
_WAYS = {
    "courier": DeliveryMethod.COURIER,
    "pickup": DeliveryMethod.COUNTER,
    "electronic": DeliveryMethod.ELECTRONIC,
}
"""The catalogue's word for a way of delivery → ours."""
_UNDECIDED = frozenset({PartStatus.WAITING, PartStatus.ASKED, PartStatus.STARTED})
_NOT_READY = frozenset({Status.APPROVED, Status.CERTIFYING})


class JointDelivery:
    """Use cases of the one delivery of a package."""

    def __init__(self, parts: Parts, progress: Progress) -> None:
        self._catalogue, self._people, self._delivery = parts.catalogue, parts.people, parts.delivery
        self._progress = progress

    async def choose(
        self,
        caller: Caller,
        row: Row,
        method: DeliveryMethod,
        address_id: uuid.UUID | None,
        codes: Sequence[str],
        wish: SendingWish | None = None,
    ) -> None:
        """Keep one choice for the results of these items; COURIER needs an own address, which is copied.

        Raises: NotFound (address), InvalidRequest, Conflict `method_not_offered`, `delivery_locked`,
        `payer_not_offered`, `address_not_served` or `place_not_offered`.
        """
        terms, wish = await self._terms(row), wish or SendingWish()
        methods = self._methods(row, terms, codes, method)
        if method not in methods.values():
            raise Conflict("这些事项都不支持所选的送达方式", code="method_not_offered")
        choice = Choice(row["package_no"], caller.citizen_id, method)
        if method is DeliveryMethod.COURIER:
            if address_id is None:
                raise InvalidRequest(faults=(FieldFault("address_id", "快递送达请选择收件地址"),))
            address = await self._people.plain_address(caller.citizen_id, address_id)
            if wish.in_person:
                require_person((await self._people.profile(caller.citizen_id)).name, address, wish)
            going = [code for code in codes if methods.get(child_no(row["package_no"], code)) is method]
            await require_sendable(self._delivery, self._order(terms, going, row["package_no"]), address, wish)
            choice = couriered(choice, address, wish)
        await self._delivery.choose_together(choice, methods)

    async def share(self, row: Row, terms: PackageTerms, codes: Sequence[str]) -> None:
        """Copy a choice that was made before to the parts that are handed in now. Idempotent."""
        choice = await self._delivery.choice_of(row["package_no"])
        if choice is not None:
            methods = self._methods(row, terms, codes, DeliveryMethod(choice.method))
            await self._delivery.share_choice(row["package_no"], methods)

    async def shown(self, row: Row, codes: Sequence[str]) -> PackageDelivery | None:
        """Show the choice, what it means for each part, and the parcels; None where none was made."""
        choice = await self._delivery.choice_of(row["package_no"])
        if choice is None:
            return None
        shipments = await self._delivery.shipments_of(row["package_no"])
        own = {code: child_no(row["package_no"], code) for code in codes}
        together: set[str] = set()
        for number in (row["package_no"], *(shipment.shipment_no for shipment in shipments)):
            together |= await self._delivery.going_together(number, list(own.values()))
        parts = []
        for code, number in own.items():
            chosen = await self._delivery.choice_of(number)
            method = DeliveryMethod(chosen.method if chosen else choice.method)
            parts.append(
                PartDelivery(
                    item_code=code,
                    application_no=number,
                    method=method,
                    method_text=METHOD_TEXT[method],
                    together=number in together,
                )
            )
        return PackageDelivery(
            method=choice.method,
            method_text=choice.method_text,
            receiver_shown=choice.receiver_shown,
            locked=choice.locked or bool(shipments),
            parts=parts,
            shipments=shipments,
        )

    async def send(self, package_no: str) -> None:
        """Send the shared parcel once everything that goes in it is ready, and close what has arrived. Idempotent."""
        row = await repository.find(package_no)
        if row is None:
            return
        parts = stored_parts(await repository.list_parts(row["id"]))
        numbers = {child_no(package_no, part.item_code): part for part in parts}
        waiting = await self._delivery.going_together(package_no, list(numbers))
        standing = course(parts, withdrawn=row["withdrawn_at"] is not None).standing
        ready = [number for number in waiting if numbers[number].case_status == Status.DELIVERING]
        if ready and not any(_is_awaited(numbers[number], standing) for number in waiting):
            order = self._order(await self._terms(row), [numbers[number].item_code for number in ready], package_no)
            await self._delivery.send_together(order, ready)
        await self._close_arrived(package_no, list(numbers))

    async def _close_arrived(self, package_no: str, numbers: Sequence[str]) -> None:
        for parcel in await self._delivery.shipments_of(package_no):
            if parcel.delivered_at is not None:
                signed_at = clock.parse_rfc3339(parcel.delivered_at)
                for number in await self._delivery.going_together(parcel.shipment_no, numbers):
                    await self._progress.close_delivered(number, signed_at)

    async def _terms(self, row: Row) -> PackageTerms:
        return await self._catalogue.package_terms(row["package_code"], row["package_version"])

    def _methods(
        self, row: Row, terms: PackageTerms, codes: Sequence[str], wanted: DeliveryMethod
    ) -> dict[str, DeliveryMethod]:
        items = {code: terms.items[code].record for code in codes if code in terms.items}
        return {child_no(row["package_no"], code): _fitting(record, wanted) for code, record in items.items()}

    def _order(self, terms: PackageTerms, codes: Sequence[str], package_no: str) -> ShipmentOrder:
        """Return the parcel's order: from the first counter that sends; the citizen pays only if each item says so."""
        legs = [
            (terms.items[code].record, leg)
            for code in codes
            if code in terms.items
            for leg in terms.items[code].record.delivery.legs
            if leg.direction.value == "to_citizen"
        ]
        if not legs:
            package = terms.record
            sender = Contact(name=package.name, phone=package.phone, address=package.name)
            return ShipmentOrder(package_no, _CARGO, sender, package.division_code, package.department_code)
        record, first = legs[0]
        sender = Contact(name=first.contact, phone=first.phone, address=first.address)
        paid_by_receiver = all(leg.payer == "citizen" for _, leg in legs)
        body = (record.division_code, record.department_code)
        return ShipmentOrder(
            package_no, _CARGO, sender, *body, paid_by_receiver=paid_by_receiver, item_codes=tuple(codes)
        )


def offered(record: ItemRecord) -> frozenset[DeliveryMethod]:
    """Return the ways in which the results of an item can come."""
    return frozenset(_WAYS[way.value] for result in record.results for way in result.delivery)


def _fitting(record: ItemRecord, wanted: DeliveryMethod) -> DeliveryMethod:
    """Return the wanted way where the item offers it, else the one that costs the citizen no way, else the counter."""
    ways = offered(record)
    if wanted in ways:
        return wanted
    return DeliveryMethod.ELECTRONIC if DeliveryMethod.ELECTRONIC in ways else DeliveryMethod.COUNTER


def _is_awaited(part: Part, standing: Mapping[str, PartStatus]) -> bool:
    return standing[part.item_code] in _UNDECIDED or part.case_status in _NOT_READY
