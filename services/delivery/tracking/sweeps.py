"""Parcels that silence left behind: ask their couriers, book what no job booked, tell staff. Run by the schedule."""

from __future__ import annotations

from datetime import timedelta

import structlog

from app import clock
from app.errors import NotFound, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from services.delivery.booking import repository as booking_repository
from services.delivery.service import DeliveryService
from services.delivery.states import ShipmentStatus
from services.delivery.tracking import following_repository, repository
from services.delivery.tracking.recording import SILENT_AFTER

_CLAIM = timedelta(minutes=30)
_BATCH = 50
_SILENT_BATCH = 200
_UNDER_WAY = timedelta(days=7)
_NIGHTLY = timedelta(hours=24)
_TAKEN_BACK, _UNPROVEN = timedelta(hours=24), timedelta(hours=1)
log = structlog.get_logger()


async def ask_silent(delivery: DeliveryService) -> None:
    """Ask about every parcel whose time has come. Idempotent: yes; claimed rows are shared among runners."""
    now = clock.now()
    for row in await repository.claim_silent(now, now + _CLAIM, _BATCH):
        if row["waybill_no"]:
            await _ask(delivery, row["shipment_no"])
        elif row["status"] != ShipmentStatus.EXCEPTION:
            # Also one that pushes have moved already; a refused one waits for staff.
            await booking_repository.enqueue_booking(row["shipment_no"])


async def _ask(delivery: DeliveryService, shipment_no: str) -> None:
    try:
        await delivery.tracking.confirm({"shipment_no": shipment_no})
    except (ProviderUnavailable, ProviderRejected, ProviderProtocolError, NotFound) as error:
        log.warning("parcel_not_asked", shipment_no=shipment_no, code=error.stable_code)


async def open_silent() -> None:
    """Open a task for every parcel silent for three days after its pick-up, or for seven under way, and have it asked.

    So also before a pick-up for one whose courier took back a pick-up and went silent, or tells of a cancellation that
    no question of ours confirms.
    Idempotent: yes, one task for one silence.
    """
    now = clock.now()
    while await following_repository.open_silent(now - SILENT_AFTER, now - _UNDER_WAY, now, _SILENT_BATCH):
        pass
    while await following_repository.open_doubted(now - _TAKEN_BACK, now - _UNPROVEN, now, _SILENT_BATCH):
        pass


async def ask_all_silent() -> None:
    """Have every parcel under way that was silent for a day asked about once (夜间核对). Idempotent: yes."""
    now = clock.now()
    await following_repository.have_all_silent_asked(now - _NIGHTLY, now)
