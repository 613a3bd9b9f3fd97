"""What cases and packages share about results that go by courier: contacts, and what must hold before a choice."""

from __future__ import annotations

from dataclasses import replace

from app.errors import Conflict, FieldFault, InvalidRequest
from app.identifiers import mask_address, mask_name, mask_phone
from services.accounts.types import PlainAddress
from services.delivery.booking.types import SendingWish
from services.delivery.rules.types import Errand
from services.delivery.service import DeliveryService
from services.delivery.types import PAYER_TEXT, Choice, Contact, ShipmentOrder

_OTHERWISE = "请更换收件地址，或改为其他送达方式"


async def require_sendable(
    delivery: DeliveryService, order: ShipmentOrder, address: PlainAddress, wish: SendingWish
) -> None:
    """Refuse a payer that the rules do not offer, and an address to which no courier goes.

    Raises: InvalidRequest; Conflict `payer_not_offered`, `address_not_served`.
    """
    errand = Errand(division_code=order.division_code, to_division_code=address.division_code, level=wish.level)
    terms = await delivery.reach.terms(errand, order.item_codes, leg_payer(order))
    if wish.payer and wish.payer not in terms.payers:
        offered = "、".join(PAYER_TEXT[payer] for payer in terms.payers)
        raise Conflict(f"该快递不支持所选的邮费支付方式，可选：{offered}", code="payer_not_offered")
    await delivery.reach.require(errand, order.sender, contact_of(address), _OTHERWISE)


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
