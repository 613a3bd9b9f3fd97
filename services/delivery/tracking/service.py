"""Following parcels: couriers' pushes, our own questions. Called by the callback door, jobs and sweeps."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from app import clock, metrics
from app.crypto import FieldCipher
from app.errors import (
    CallbackRejected,
    NotFound,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
    TooManyRequests,
)
from services.delivery import repository
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Audit
from services.delivery.states import TERMINAL
from services.delivery.tracking import following_repository
from services.delivery.tracking import repository as parcels
from services.delivery.tracking.news import joined
from services.delivery.tracking.recording import Recorder
from services.delivery.tracking.refs import parcel_ref
from services.delivery.types import REFRESH_EVERY, CourierEvent, ParcelNews, Push, Report
from services.staff.types import Act

_AHEAD = timedelta(days=1)
"""So far our clock and a courier's may differ."""
_AHEAD_UNPROVEN = timedelta(minutes=10)
"""As far where anybody might say so: what is truly told is asked about later."""
log = structlog.get_logger()


class Tracking:
    """Use cases of following parcels."""

    def __init__(self, couriers: CourierTable, recorder: Recorder, cipher: FieldCipher, audit: Audit) -> None:
        self._couriers = couriers
        self._recorder = recorder
        self._cipher = cipher
        self._audit = audit

    async def confirm(self, job: Mapping[str, Any]) -> None:
        """Ask the courier about one parcel (job `delivery.confirm`), because an unsigned push alone ends nothing.

        Idempotent: yes. Raises: as the courier's `track`; the job runs again.
        """
        row = await repository.find_shipment(job["shipment_no"])
        if row is None:
            return
        report = await self._couriers.get(row.courier).track(parcel_ref(row, self._cipher))
        news = _together(own for own in report.news if own.shipment_no in ("", row.shipment_no))
        await self._recorder.record(row.shipment_no, _believable(report.events, _AHEAD), confirmed=True, news=news)

    async def refresh(self, citizen_id: uuid.UUID, shipment_no: str) -> bool:
        """Ask about a parcel because its citizen wants to know; False where the courier does not answer now.

        A parcel that the courier does not have yet is not asked about.
        Raises: NotFound (also for somebody else's); TooManyRequests within ten minutes after the last time.
        """
        turn = await following_repository.claim_refresh(citizen_id, shipment_no, clock.now(), REFRESH_EVERY)
        if turn is None:
            raise NotFound("未找到该快递")
        if turn["wait_seconds"]:
            raise TooManyRequests("刚刚已经查询过，请稍后再刷新", retry_after_seconds=turn["wait_seconds"])
        row = await repository.find_shipment(shipment_no)
        if row is None or not row.waybill_no or row.status in TERMINAL:
            return True
        try:
            await self.confirm({"shipment_no": shipment_no})
        except (ProviderUnavailable, ProviderRejected, ProviderProtocolError, NotFound) as error:
            log.warning("parcel_not_refreshed", shipment_no=shipment_no, code=error.stable_code)
            return False
        return True

    async def receive(self, courier_code: str, push: Push) -> bytes:
        """Take a courier's push; return its acknowledgement. The door has checked the address's token.

        Unknown parcels are acknowledged, so that the courier stops, counted and audited. Idempotent: yes, by event.
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
        ahead = _AHEAD if courier.signs_pushes else _AHEAD_UNPROVEN
        unknown = 0
        for shipment_no, heard in _by_parcel(report, numbers).items():
            known = shipment_no and await self._recorder.record(
                shipment_no,
                _believable(heard.events, ahead),
                confirmed=courier.signs_pushes,
                news=_together(heard.news),
                courier=courier.code,
            )
            unknown += not known
            metrics.CALLBACKS.labels(courier_code.lower(), "recorded" if known else "unknown_number").inc()
        if unknown:
            await self._note_unknown(courier.code, push, unknown)
        return courier.acknowledge(push, accepted=True)

    async def _note_unknown(self, courier: str, push: Push, parcels: int) -> None:
        """Leave a trace of a push about parcels that are not ours: what it said only as its digest."""
        digest = hashlib.sha256(push.body).hexdigest()
        details = {"parcels": parcels, "body_sha256": digest}
        await self._audit.record(Act("system", "shipment.push_unknown", "courier", courier, details))

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


def _believable(events: Iterable[CourierEvent], ahead: timedelta) -> list[CourierEvent]:
    """Leave out events from the future: the newest decides, so one of them would hold its parcel for ever."""
    latest = clock.now() + ahead
    return [event for event in events if event.occurred_at <= latest]


def _together(news: Iterable[ParcelNews]) -> ParcelNews | None:
    """Make one of several pieces of news about one parcel; what comes later counts."""
    told: ParcelNews | None = None
    for each in news:
        told = each if told is None else joined(told, each)
    return told
