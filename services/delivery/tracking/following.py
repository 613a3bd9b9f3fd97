"""Subscribing parcels to their couriers' pushes: new ones soon, given-up ones again later. Run by a sweep."""

from __future__ import annotations

from datetime import timedelta

import structlog

from app import clock
from app.crypto import FieldCipher
from app.errors import NotFound, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from services.delivery import repository
from services.delivery.couriers.table import CourierTable
from services.delivery.tracking import following_repository
from services.delivery.tracking.refs import parcel_ref

_LEASE = timedelta(minutes=30)
"""So long others leave a claimed parcel alone; also the wait after a failure, and the least between two tries."""
_BATCH = 50
log = structlog.get_logger()


class Subscriber:
    """Asks couriers for pushes."""

    def __init__(self, couriers: CourierTable, cipher: FieldCipher) -> None:
        self._couriers = couriers
        self._cipher = cipher

    async def subscribe_due(self) -> None:
        """Subscribe every parcel whose time has come: at most four times a month for one number.

        Idempotent: yes; claimed rows are shared among runners, and couriers take a repeat as done.
        """
        now = clock.now()
        for shipment_no in await following_repository.claim_due(now, now + _LEASE, _BATCH):
            try:
                await self._subscribe(shipment_no)
            except ProviderRejected as error:
                log.warning("subscription_refused", shipment_no=shipment_no, provider_code=error.provider_code)
                if not error.retryable:
                    await following_repository.give_up(shipment_no)
            except (ProviderUnavailable, ProviderProtocolError, NotFound) as error:
                log.warning("parcel_not_followed", shipment_no=shipment_no, code=error.stable_code)

    async def _subscribe(self, shipment_no: str) -> None:
        row = await repository.find_shipment(shipment_no)
        if row is not None:
            await self._couriers.get(row.courier).follow(parcel_ref(row, self._cipher))
            await following_repository.mark_followed(shipment_no, clock.now())
