"""Parcels at the couriers: placing orders in three beats, booking again. Called by jobs, sweeps and the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog

from app import clock
from app.crypto import FieldCipher
from app.db import Transaction
from app.errors import Conflict, NotFound, ProviderRejected
from app.events import DomainEvent
from services.delivery import repository
from services.delivery.booking import repository as booking_repository
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Courier
from services.delivery.repository import ShipmentRow
from services.delivery.states import TERMINAL
from services.delivery.tracking.news import booking_news
from services.delivery.tracking.recording import Recorder
from services.delivery.types import RECEIVER_COLUMN, Booking, Contact, CourierOrder, Freight, ParcelRef, Payer
from services.delivery.views import booked_event, refused_event

log = structlog.get_logger()


class BookingDesk:
    """Use cases of placing orders."""

    def __init__(self, couriers: CourierTable, recorder: Recorder, cipher: FieldCipher) -> None:
        self._couriers = couriers
        self._recorder = recorder
        self._cipher = cipher

    async def book(self, job: Mapping[str, Any]) -> None:
        """Book one parcel at its courier (job `delivery.book`).

        Idempotent: yes. A repeat after an unknown outcome first asks the courier by our number.
        Raises: ProviderUnavailable, ProviderProtocolError, ProviderRejected (retryable): the job runs again.
        """
        row = await repository.find_shipment(job["shipment_no"])
        if row is None or row.booked_at is not None or row.status in TERMINAL:
            return
        courier = self._couriers.get(row.courier)
        try:
            booking = await self._ask_or_book(courier, row)
        except ProviderRejected as error:
            if error.retryable:
                raise
            log.error("booking_refused", shipment_no=row.shipment_no, provider_code=error.provider_code)
            await self._recorder.record(row.shipment_no, [refused_event(row.shipment_no)], confirmed=True)
            return
        await self._recorder.record(
            row.shipment_no, [booked_event(courier.name, booking)], confirmed=True, news=booking_news(booking)
        )

    async def _ask_or_book(self, courier: Courier, row: ShipmentRow) -> Booking:
        if row.booking_tried_at is not None:
            known = await courier.find(ParcelRef(shipment_no=row.shipment_no, carrier=row.carrier))
            if known is not None:
                return known
        await booking_repository.mark_booking_tried(row.shipment_no, clock.now())
        return await courier.book(self._order(row))

    def _order(self, row: ShipmentRow) -> CourierOrder:
        if row.receiver_cipher is None:
            raise Conflict("收件信息已按规定清除", code="parcel_redacted")
        receiver = msgspec.convert(self._cipher.decrypt_json(RECEIVER_COLUMN, row.receiver_cipher), Contact)
        return CourierOrder(
            shipment_no=row.shipment_no,
            cargo=row.cargo,
            sender=msgspec.convert(row.sender["contact"], Contact),
            receiver=receiver,
            freight=Freight.RECEIVER if row.payer == Payer.ON_DELIVERY else Freight.ACCOUNT,
            carrier=row.carrier,
        )

    async def rebook(self, shipment_no: str, record: Callable[[Transaction], Awaitable[None]]) -> None:
        """Have a parcel that the courier refused booked again, after staff corrected what was wrong.

        Args:
            record: writes down who wants it, in the transaction of the act.
        Raises: NotFound; Conflict `already_booked`.
        """
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        if row.booked_at is not None:
            raise Conflict("该快递已下单", code="already_booked")
        facts = {"shipment_no": shipment_no}
        event = DomainEvent(
            name="shipment.rebooked", subject_no=row.subject_no, citizen_id=row.citizen_id.hex, facts=facts
        )
        await booking_repository.rebook(shipment_no, event, record)
