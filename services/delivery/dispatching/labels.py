"""Labels of parcels (面单): the courier's own where it gives one, else drawn by us; kept in the file store.

Called by the dispatch desk, its job, and the door that prints one. A label shows a person's address in clear: whoever
hands it out records that.
"""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
import structlog

from app.crypto import FieldCipher
from app.errors import (
    Conflict,
    NotFound,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    SanjinError,
)
from app.identifiers import mask_name, mask_phone
from app.storage import FileStore
from services.delivery import repository
from services.delivery.couriers.table import CourierTable
from services.delivery.dispatching import repository as dispatch_repository
from services.delivery.dispatching.printed import Label, Party
from services.delivery.neutral_cargo import on_waybill
from services.delivery.ports import Ability, Courier
from services.delivery.repository import ShipmentRow
from services.delivery.types import RECEIVER_COLUMN, Contact, Leg, Level, ParcelRef, Payer

_PDF = b"%PDF-"
_FAULT_LENGTH = 100
REFUSALS = (Conflict, NotFound, ProviderUnavailable, ProviderRejected, ProviderProtocolError)
"""What keeps one parcel from its label and leaves the others alone."""
log = structlog.get_logger()


class Labels:
    """Makes each label once and gives it out."""

    def __init__(self, couriers: CourierTable, cipher: FieldCipher, storage: FileStore) -> None:
        self._couriers = couriers
        self._cipher = cipher
        self._storage = storage

    async def pdf(self, shipment_no: str) -> bytes:
        """Return the label of a parcel as PDF, made now where there is none. Scope is the caller's business.

        Raises: NotFound; Conflict `no_waybill`, `parcel_redacted`, `label_impossible`; as the courier's `label`.
        Idempotent: yes.
        """
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return await self._storage.get(await self._made(row))

    async def make(self, shipment_no: str) -> bool:
        """Make the label of a parcel, or note why it cannot be made; tell whether there is one.

        Idempotent: yes. Raises: ServiceUnavailable where files cannot be kept.
        """
        row = await repository.find_shipment(shipment_no)
        if row is None:
            return False
        try:
            await self._made(row)
        except REFUSALS as error:
            log.warning("label_not_made", shipment_no=shipment_no, reason=error.stable_code)
            await dispatch_repository.note_label(row.id, "", _fault(error))
            return False
        return True

    async def _made(self, row: ShipmentRow) -> str:
        if not row.waybill_no:
            raise Conflict("快递公司尚未给出运单号", code="no_waybill")
        if row.receiver_cipher is None:
            raise Conflict("收件信息已按规定清除", code="parcel_redacted")
        key = _key(row.shipment_no, row.waybill_no, row.receiver_cipher)
        if row.label_key != key:
            await self._storage.put(key, await self._content(row, row.receiver_cipher))
            await dispatch_repository.note_label(row.id, key, "")
        return key

    async def _content(self, row: ShipmentRow, receiver_cipher: bytes) -> bytes:
        courier = self._couriers.get(row.courier)
        parcel = ParcelRef(
            shipment_no=row.shipment_no, waybill_no=row.waybill_no, order_ref=row.order_ref, carrier=row.carrier
        )
        if Ability.LABEL in courier.abilities:
            given = await courier.label(parcel)
            if given is not None:
                if not given.startswith(_PDF):
                    raise ProviderProtocolError(provider=courier.code.lower(), reason="label_is_no_pdf")
                return given
        label = self._label(row, receiver_cipher, courier, await _route_code(courier, parcel))
        try:
            return await asyncio.to_thread(_drawn, label)
        except ValueError as error:
            raise Conflict("运单号无法打印为条码", code="label_impossible") from error

    def _label(self, row: ShipmentRow, receiver_cipher: bytes, courier: Courier, route_code: str) -> Label:
        citizen = msgspec.convert(self._cipher.decrypt_json(RECEIVER_COLUMN, receiver_cipher), Contact)
        body = msgspec.convert(row.sender["contact"], Contact)
        masks = Ability.MASKED_LABEL in courier.abilities
        person, office = _party(citizen, is_masked=masks), _party(body, is_masked=False)
        is_inbound = row.leg == Leg.INBOUND
        words = ["特快" if row.level == Level.EXPRESS else "标快", "到付" if row.payer == Payer.ON_DELIVERY else "寄付"]
        return Label(
            shipment_no=row.shipment_no,
            waybill_no=row.waybill_no,
            courier_name=courier.name,
            service=" ".join(words),
            route_code=route_code,
            sender=person if is_inbound else office,
            receiver=office if is_inbound else person,
            cargo=on_waybill(row.cargo),
            remark="须本人签收" if row.in_person else "",
        )


def _key(shipment_no: str, waybill_no: str, receiver_cipher: bytes) -> str:
    """Name the file by what is on it: a changed address or another waybill has a label of its own."""
    digest = hashlib.sha256(f"{waybill_no}|".encode() + bytes(receiver_cipher)).hexdigest()
    return f"labels/{shipment_no}/{digest[:32]}.pdf"


async def _route_code(courier: Courier, parcel: ParcelRef) -> str:
    """Ask for what sorters read; a label without it is carried too, so silence keeps nobody waiting."""
    try:
        booking = await courier.find(parcel)
    except (ProviderUnavailable, ProviderRejected, ProviderProtocolError):
        return ""
    return booking.route_code if booking else ""


def _party(contact: Contact, *, is_masked: bool) -> Party:
    if is_masked:
        return Party(mask_name(contact.name), mask_phone(contact.phone), contact.address)
    return Party(contact.name, contact.phone, contact.address)


def _fault(error: SanjinError) -> str:
    if isinstance(error, ProviderUnavailable):
        return "快递公司暂时没有应答，请稍后重试"
    if isinstance(error, ProviderRejected | ProviderProtocolError):
        return "快递公司未给出面单"
    return error.detail[:_FAULT_LENGTH]


def _drawn(label: Label) -> bytes:
    # The library that draws is 7 MiB: a process loads it with its first label, in the thread of that label.
    from services.delivery.dispatching import label_drawing

    return label_drawing.draw(label)
