"""A courier whose pushes say exactly what a test lays down, and a booked parcel of it; for tests of tracking."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app import clock, db
from app.crypto import FieldCipher
from app.errors import ProviderUnavailable
from app.ids import dated_no, new_id
from services.delivery.service import DeliveryService
from services.delivery.types import RECEIVER_COLUMN, Contact, CourierEvent, ParcelNews, ParcelRef, Push, Report
from tests.fakes.couriers import MemoryCourier

CITIZEN = uuid.UUID(int=7)
RECEIVER = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")


@dataclass
class ToldCourier(MemoryCourier):
    """Answers a push named by a number with the report laid down for it; `is_away` lets every call of ours fail."""

    reports: list[Report] = field(default_factory=list)
    answer: Report = field(default_factory=Report)
    asked: list[ParcelRef] = field(default_factory=list)
    refs: list[ParcelRef] = field(default_factory=list)
    is_away: bool = False

    def parse_push(self, push: Push) -> Report:
        return self.reports[int(push.body)]

    async def track(self, parcel: ParcelRef) -> Report:
        self.asked.append(parcel)
        if self.is_away:
            raise ProviderUnavailable(provider="sf", reason="timeout")
        return self.answer

    async def follow(self, parcel: ParcelRef) -> None:
        if self.is_away:
            raise ProviderUnavailable(provider="sf", reason="timeout")
        if self.refusal:
            raise self.refusal
        self.refs.append(parcel)

    def lay_down(self, *events: CourierEvent, news: Sequence[ParcelNews] = ()) -> Push:
        """Return the push that says this."""
        self.reports.append(Report(events=events, news=tuple(news)))
        return Push(body=str(len(self.reports) - 1).encode())


async def tell(delivery: DeliveryService, courier: ToldCourier, *events: CourierEvent, **rest: object) -> bytes:
    """Push events as this courier."""
    return await delivery.tracking.receive(courier.code, courier.lay_down(*events, **rest))  # type: ignore[arg-type]  # news only


def seen(
    number: str, status: str, at: datetime, code: str = "", *, waybill_no: str = "SF100", **more: object
) -> CourierEvent:
    """Make an event; equal ones have equal keys."""
    code = code or f"c{status[:12]}"
    key = hashlib.sha256(f"{waybill_no}|{at.isoformat()}|{code}".encode()).hexdigest()
    return CourierEvent(number, waybill_no, key, at, code, status, **more)  # type: ignore[arg-type]  # fields of an event


async def booked_parcel(
    cipher: FieldCipher,
    *,
    leg: str = "OUTBOUND",
    courier: str = "SF",
    waybill_no: str = "SF100",
    is_own: bool = False,
    subject_no: str = "",
) -> str:
    """Write a parcel that its courier has; return our number."""
    number, now, row_id = dated_no("SJ", clock.now(), 12), clock.now() - timedelta(days=30), new_id()
    await db.execute(
        """INSERT INTO shipment (id, created_at, updated_at, shipment_no, subject_no, citizen_id, division_code,
               department_code, leg, is_own, courier, carrier, waybill_no, status, cargo, sender, receiver_cipher,
               receiver_shown, custody, version, booked_at, asked_count)
           VALUES ($1, $2, $2, $3, $4, $5, '140105', '11140105MB0001177F', $6, $7, $8, 'shunfeng', $9, 'CREATED',
               '居民身份证', '{}', $10, '张* 138****0001', 'WINDOW', 1, $2, 0)""",
        row_id,
        now,
        number,
        subject_no or dated_no("A", clock.now(), 8),
        CITIZEN,
        leg,
        is_own,
        courier,
        waybill_no,
        cipher.encrypt_json(RECEIVER_COLUMN, RECEIVER),
    )
    await db.execute(
        "INSERT INTO shipment_waybill (id, created_at, shipment_id, carrier, waybill_no, kind)"
        " VALUES ($1, $2, $3, $4, $5, 'MAIN')",
        new_id(),
        now,
        row_id,
        "shunfeng",
        waybill_no,
    )
    return number
