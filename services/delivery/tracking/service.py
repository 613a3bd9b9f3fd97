"""Following parcels: couriers' pushes, our own questions. Called by the callback door, jobs and sweeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from app import clock, metrics
from app.errors import CallbackRejected
from services.delivery import repository
from services.delivery.couriers.table import CourierTable
from services.delivery.tracking import repository as parcels
from services.delivery.tracking.news import joined
from services.delivery.tracking.recording import Recorder
from services.delivery.types import CourierEvent, ParcelNews, ParcelRef, Push, Report

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
        news = _together(own for own in report.news if own.shipment_no in ("", row.shipment_no))
        await self._recorder.record(row.shipment_no, _believable(report.events), confirmed=True, news=news)

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
        numbers = await self._numbers(courier.code, report)
        for shipment_no, heard in _by_parcel(report, numbers).items():
            known = shipment_no and await self._recorder.record(
                shipment_no,
                _believable(heard.events),
                confirmed=courier.signs_pushes,
                news=_together(heard.news),
                courier=courier.code,
            )
            metrics.CALLBACKS.labels(courier_code.lower(), "recorded" if known else "unknown_number").inc()
        return courier.acknowledge(push, accepted=True)

    async def _numbers(self, courier: str, report: Report) -> Mapping[str, str]:
        """Ask for the parcels of those waybill numbers that come without ours."""
        told: Iterable[CourierEvent | ParcelNews] = (*report.events, *report.news)
        nameless = {each.waybill_no for each in told if not each.shipment_no}
        return await parcels.parcels_of(courier, sorted(nameless)) if nameless else {}


def _by_parcel(report: Report, numbers: Mapping[str, str]) -> dict[str, Report]:
    """Sort a report by our numbers; what has none that we know stands under ""."""
    events: dict[str, list[CourierEvent]] = {}
    news: dict[str, list[ParcelNews]] = {}
    for event in report.events:
        events.setdefault(event.shipment_no or numbers.get(event.waybill_no, ""), []).append(event)
    for each in report.news:
        news.setdefault(each.shipment_no or numbers.get(each.waybill_no, ""), []).append(each)
    return {
        shipment_no: Report(events=tuple(events.get(shipment_no, ())), news=tuple(news.get(shipment_no, ())))
        for shipment_no in {**events, **news}
    }


def _believable(events: Iterable[CourierEvent]) -> list[CourierEvent]:
    """Leave out events from the future: the newest decides, so one of them would hold its parcel for ever."""
    latest = clock.now() + _AHEAD
    return [event for event in events if event.occurred_at <= latest]


def _together(news: Iterable[ParcelNews]) -> ParcelNews | None:
    """Make one of several pieces of news about one parcel; what comes later counts."""
    told: ParcelNews | None = None
    for each in news:
        told = each if told is None else joined(told, each)
    return told
