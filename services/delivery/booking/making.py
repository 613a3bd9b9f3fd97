"""Turns orders into the rows of new parcels: courier and payer by the rules, contacts encrypted. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from app import clock
from app.crypto import FieldCipher
from app.errors import Conflict
from app.ids import dated_no
from services.delivery.booking import pickups
from services.delivery.booking.types import InboundOrder, NewParcel, OwnParcel
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Ability
from services.delivery.receiver_hash import receiver_hash
from services.delivery.repository import ChoiceRow, ShipmentRow
from services.delivery.rules.service import RuleBook
from services.delivery.rules.types import Carriage, Errand, Terms
from services.delivery.types import RECEIVER_COLUMN, Contact, Leg, Level, Payer, ShipmentOrder

_CARGO_LENGTH = 56
"""So much fits with the words that a further parcel gets."""
_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ParcelMaker:
    """Makes rows; `takes_payment` tells whether postage can be billed here at all."""

    couriers: CourierTable
    rules: RuleBook
    cipher: FieldCipher
    takes_payment: bool

    async def terms(self, errand: Errand, item_codes: Sequence[str], leg_payer: str) -> Terms:
        """Return who may pay for a parcel."""
        terms = await self.rules.terms(errand, item_codes, leg_payer)
        if self.takes_payment or Payer.ONLINE not in terms.payers:
            return terms
        return Terms(payers=tuple(payer for payer in terms.payers if payer is not Payer.ONLINE) or (Payer.ON_DELIVERY,))

    async def outbound(self, order: ShipmentOrder, choice: ChoiceRow) -> NewParcel:
        """Return the parcel of a result, to the receiver of a choice."""
        errand = Errand(
            division_code=order.division_code, to_division_code=choice.division_code, level=Level(choice.level)
        )
        leg_payer = "citizen" if order.paid_by_receiver else "government"
        terms = await self.terms(errand, order.item_codes, leg_payer)
        payer, now = terms.settle(choice.payer), clock.now()
        return self._carried(
            (await self.rules.carriages(errand))[0],
            NewParcel(
                shipment_no=dated_no("SJ", now, 12),
                subject_no=order.subject_no,
                citizen_id=choice.citizen_id,
                courier="",
                level=choice.level,
                cargo=order.cargo[:_CARGO_LENGTH],
                sender=_sender(order.sender),
                receiver_cipher=choice.receiver_cipher,
                receiver_shown=choice.receiver_shown,
                receiver_hash=self._hash(choice.receiver_cipher),
                division_code=order.division_code,
                department_code=order.department_code,
                to_division_code=choice.division_code,
                in_person=choice.in_person,
                payer=payer,
                postage_fen=terms.postage_fen if payer is Payer.ONLINE else 0,
                created_at=now,
                ask_after=now + _PATIENCE,
            ),
        )

    async def inbound(self, order: InboundOrder) -> NewParcel:
        """Return the parcel of originals that a courier picks up. Raises: InvalidRequest for its pick-up time."""
        now = clock.now()
        pickups.require_window(order.pickup_from, order.pickup_until, now)
        errand = Errand(
            division_code=order.division_code,
            to_division_code=order.citizen_division_code,
            leg=Leg.INBOUND,
            level=order.level,
        )
        terms = await self.terms(errand, order.item_codes, order.leg_payer)
        payer, sealed = terms.settle(order.payer), self.sealed(order.citizen)
        return self._carried(
            (await self.rules.carriages(errand))[0],
            NewParcel(
                shipment_no=dated_no("SJ", now, 12),
                subject_no=order.subject_no,
                citizen_id=order.citizen_id,
                leg=Leg.INBOUND,
                courier="",
                level=order.level,
                cargo=order.cargo[:_CARGO_LENGTH],
                sender=_sender(order.window),
                receiver_cipher=sealed,
                receiver_shown=order.citizen_shown[:128],
                receiver_hash=self._hash(sealed),
                division_code=order.division_code,
                department_code=order.department_code,
                to_division_code=order.citizen_division_code,
                payer=payer,
                postage_fen=terms.postage_fen if payer is Payer.ONLINE else 0,
                pickup_from=order.pickup_from,
                pickup_until=order.pickup_until,
                custody="CITIZEN",
                created_at=now,
                ask_after=now + _PATIENCE,
            ),
        )

    def own(self, parcel: OwnParcel) -> NewParcel:
        """Return the row of a parcel that somebody else carries already. Raises: Conflict `following_not_offered`."""
        follower = next((each for each in self.couriers if Ability.FOLLOW_ANY in each.abilities), None)
        if follower is None:
            raise Conflict("暂不支持登记自行寄出的运单号", code="following_not_offered")
        now = clock.now()
        sealed = self.sealed(parcel.citizen) if parcel.citizen else None
        return NewParcel(
            shipment_no=dated_no("SJ", now, 12),
            subject_no=parcel.subject_no,
            citizen_id=parcel.citizen_id,
            leg=Leg.INBOUND,
            is_own=True,
            courier=follower.code,
            carrier=parcel.carrier,
            waybill_no=parcel.waybill_no,
            status="CREATED",
            cargo=parcel.cargo[:_CARGO_LENGTH],
            sender=_sender(parcel.window),
            receiver_cipher=sealed,
            receiver_shown=parcel.citizen_shown[:128],
            receiver_hash=self._hash(sealed),
            division_code=parcel.division_code,
            department_code=parcel.department_code,
            payer=Payer.ON_DELIVERY,
            custody="CITIZEN",
            created_at=now,
            booked_at=now,
            follow_after=now,
            ask_after=now + _PATIENCE,
        )

    def successor(self, row: ShipmentRow) -> NewParcel:
        """Return a parcel like another, as its next attempt: nothing of the former's order is in it."""
        now = clock.now()
        pickup_from, pickup_until = pickups.still_ahead(row.pickup_from, row.pickup_until, now)
        return NewParcel(
            shipment_no=dated_no("SJ", now, 12),
            subject_no=row.subject_no,
            citizen_id=row.citizen_id,
            leg=row.leg,
            attempt=row.attempt + 1,
            replaces_no=row.shipment_no,
            courier=row.courier,
            carrier=row.carrier,
            product=row.product,
            level=row.level,
            cargo=row.cargo,
            sender=msgspec.json.encode(row.sender).decode(),
            receiver_cipher=row.receiver_cipher,
            receiver_shown=row.receiver_shown,
            receiver_hash=row.receiver_hash,
            division_code=row.division_code,
            department_code=row.department_code,
            to_division_code=row.to_division_code,
            in_person=row.in_person,
            payer=row.payer,
            postage_fen=row.postage_fen,
            pickup_from=pickup_from,
            pickup_until=pickup_until,
            custody="WINDOW" if row.leg == Leg.OUTBOUND else "CITIZEN",
            created_at=now,
            ask_after=now + _PATIENCE,
        )

    async def routed(self, new: NewParcel) -> NewParcel:
        """Return a parcel with the courier that the rules name for where it goes now."""
        errand = Errand(
            division_code=new.division_code,
            to_division_code=new.to_division_code,
            leg=Leg(new.leg),
            level=Level(new.level),
        )
        return self._carried((await self.rules.carriages(errand))[0], new)

    def sent_to(self, new: NewParcel, receiver: Contact, shown: str, division_code: str) -> NewParcel:
        """Return a parcel with another contact of the citizen.

        Raises: Conflict `in_person_only` where that is somebody else than the person whom alone it may be given to.
        """
        if new.in_person and new.receiver_cipher and self.opened(new.receiver_cipher).name != receiver.name:
            raise Conflict("该快件仅限本人签收，收件人应为申请人本人", code="in_person_only")
        sealed = self.sealed(receiver)
        return replace(
            new,
            receiver_cipher=sealed,
            receiver_shown=shown[:128],
            receiver_hash=self._hash(sealed),
            to_division_code=division_code,
        )

    def sealed(self, contact: Contact) -> bytes:
        """Encrypt the citizen's contact."""
        return self.cipher.encrypt_json(RECEIVER_COLUMN, contact)

    def opened(self, cipher: bytes | None) -> Contact:
        """Decrypt the citizen's contact. Raises: Conflict `parcel_redacted` where it was forgotten."""
        if cipher is None:
            raise Conflict("收件信息已按规定清除", code="parcel_redacted")
        return msgspec.convert(self.cipher.decrypt_json(RECEIVER_COLUMN, cipher), Contact)

    def _hash(self, sealed: bytes | None) -> str:
        if sealed is None:
            return ""
        return receiver_hash(self.cipher, self.opened(sealed))

    def _carried(self, carriage: Carriage, new: NewParcel) -> NewParcel:
        return replace(new, courier=carriage.courier, carrier=carriage.carrier, product=carriage.product)


def _sender(contact: Contact) -> str:
    return msgspec.json.encode({"contact": contact}).decode()
