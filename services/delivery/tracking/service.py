"""Following parcels: couriers' pushes, our own questions. Called by the callback door, jobs and sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any

import structlog

from app import clock, metrics
from app.errors import CallbackRejected
from services.delivery import repository
from services.delivery.couriers.table import CourierTable
from services.delivery.tracking.recording import Recorder
from services.delivery.types import CourierEvent, ParcelRef, Push

_AHEAD = timedelta(days=1)
"""So far our clock and a courier's may differ."""
log = structlog.get_logger()


class Tracking:
    """Use cases of following parcels."""

    def __init__(self, couriers: CourierTable, recorder: Recorder) -> None:
        self._couriers = couriers
        self._recorder = recorder

    async def confirm(self, job: Mapping[str, Any]) -> None:
        """Ask the courier about one parcel (job `delivery.confirm`), because an unsigned push alone ends nothing.

        Idempotent: yes. Raises: as the courier's `track`; the job runs again.
        """
        row = await repository.find_shipment(job["shipment_no"])
        if row is None:
            return
        parcel = ParcelRef(
            shipment_no=row.shipment_no,
            waybill_no=row.waybill_no,
            order_ref=row.order_ref,
            carrier=row.carrier,
            is_ordered=not row.is_own,
        )
        report = await self._couriers.get(row.courier).track(parcel)
        await self._recorder.record(row.shipment_no, report.events, confirmed=True)

    async def receive(self, courier_code: str, push: Push) -> bytes:
        """Take a courier's push; return its acknowledgement. The door has checked the address's token.

        Unknown parcels are acknowledged, so that the courier stops, and counted. Idempotent: yes, by event.
        Raises: only when our own database is away, so that the courier sends it again.
        """
        courier = self._couriers.get(courier_code)
        try:
            report = courier.parse_push(push)
        except CallbackRejected:
            metrics.CALLBACKS.labels(courier_code.lower(), "rejected").inc()
            log.warning("push_rejected", courier=courier_code)
            return courier.acknowledge(push, accepted=False)
        latest = clock.now() + _AHEAD
        for shipment_no, own in groupby(sorted(report.events, key=_by_shipment), key=_by_shipment):
            # The newest event decides, so one from the future would hold its parcel for ever.
            believed = [event for event in own if event.occurred_at <= latest]
            known = await self._recorder.record(shipment_no, believed, confirmed=courier.signs_pushes)
            metrics.CALLBACKS.labels(courier_code.lower(), "unknown_number" if known is None else "recorded").inc()
        return courier.acknowledge(push, accepted=True)


def _by_shipment(event: CourierEvent) -> str:
    return event.shipment_no
