"""What cases and packages share about results that go by courier: contacts, and what must hold before a choice."""

from __future__ import annotations

from dataclasses import replace

from app.errors import Conflict, FieldFault, InvalidRequest
from app.identifiers import mask_address, mask_name, mask_phone
from services.accounts.addresses.types import PlainAddress
from services.delivery.booking.types import InboundOrder, SendingWish
from services.delivery.rules.types import Errand, Terms
from services.delivery.service import DeliveryService
from services.delivery.types import PAYER_TEXT, Choice, Contact, Leg, ShipmentOrder

_OTHERWISE = "请更换收件地址，或改为其他送达方式"
_BY_ONESELF = "请更换取件地址，或自行寄出后登记运单号"


async def require_sendable(
    delivery: DeliveryService, order: ShipmentOrder, address: PlainAddress, wish: SendingWish
) -> None:
    """Refuse a payer that the rules do not offer, and an address to which no courier goes.

    Raises: InvalidRequest; Conflict `payer_not_offered`, `address_not_served`.
    """
    errand = Errand(division_code=order.division_code, to_division_code=address.division_code, level=wish.level)
    _require_payer(await delivery.reach.terms(errand, order.item_codes, leg_payer(order)), wish.payer)
    await delivery.reach.require(errand, order.sender, contact_of(address), _OTHERWISE)


async def require_collectable(delivery: DeliveryService, order: InboundOrder) -> None:
    """Refuse, for originals that a courier shall pick up, a payer that is not offered and a place where none comes.

    Raises: Conflict `payer_not_offered`, `address_not_served`.
    """
    errand = Errand(
        division_code=order.division_code,
        to_division_code=order.citizen_division_code,
        leg=Leg.INBOUND,
        level=order.level,
    )
    _require_payer(await delivery.reach.terms(errand, order.item_codes, order.leg_payer), order.payer)
    await delivery.reach.require(errand, order.window, order.citizen, _BY_ONESELF)


def _require_payer(terms: Terms, payer: str) -> None:
    if payer and payer not in terms.payers:
        offered = "、".join(PAYER_TEXT[each] for each in terms.payers)
        raise Conflict(f"该快递不支持所选的邮费支付方式，可选：{offered}", code="payer_not_offered")


def require_person(name: str, address: PlainAddress, wish: SendingWish) -> None:
    """Refuse a parcel for the person alone that is addressed to somebody else. Raises: InvalidRequest."""
    if wish.in_person and name != address.recipient:
        raise InvalidRequest(faults=(FieldFault("in_person", "仅限本人签收时，收件人应为申请人本人"),))


def couriered(choice: Choice, address: PlainAddress, wish: SendingWish) -> Choice:
    """Return a choice with an address copied into it."""
    return replace(
        choice,
        division_code=address.division_code,
        receiver=contact_of(address),
        receiver_shown=shown_line(address),
        payer=wish.payer,
        level=wish.level,
        in_person=wish.in_person,
    )


def leg_payer(order: ShipmentOrder) -> str:
    """Say who pays by the items themselves, in the catalogue's word."""
    return "citizen" if order.paid_by_receiver else "government"


def contact_of(address: PlainAddress) -> Contact:
    """Return an address as a courier's contact."""
    return Contact(name=address.recipient, phone=address.phone, address=address.region + address.street)


def shown_line(address: PlainAddress) -> str:
    """Return the masked line of an address."""
    shown = f"{mask_name(address.recipient)} {mask_phone(address.phone)} "
    return (shown + address.region + mask_address(address.street))[:128]
