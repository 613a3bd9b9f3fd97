"""A courier in memory that keeps the port's promises, and the delivery room over a fresh database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from app.crypto import FieldCipher
from app.errors import CallbackRejected, ProviderUnavailable
from services.delivery.service import DeliveryService
from services.delivery.types import Booking, CourierEvent, CourierOrder


@dataclass
class MemoryCourier:
    """Books, finds and tracks in memory; `fail_after_booking` loses the answer of one booking."""

    code: str = "SF"
    name: str = "顺丰速运"
    orders: dict[str, CourierOrder] = field(default_factory=dict)
    road: list[CourierEvent] = field(default_factory=list)
    book_calls: int = 0
    find_calls: int = 0
    fail_after_booking: int = 0
    refusal: Exception | None = None

    async def book(self, order: CourierOrder) -> Booking:
        self.book_calls += 1
        if self.refusal:
            raise self.refusal
        self.orders.setdefault(order.shipment_no, order)
        if self.fail_after_booking:
            self.fail_after_booking -= 1
            raise ProviderUnavailable(provider="sf", reason="timeout")
        return Booking(order.shipment_no, f"SF{order.shipment_no[-8:]}")

    async def find(self, shipment_no: str) -> Booking | None:
        self.find_calls += 1
        known = self.orders.get(shipment_no)
        return Booking(shipment_no, f"SF{shipment_no[-8:]}") if known else None

    async def track(self, shipment_no: str) -> tuple[CourierEvent, ...]:
        return tuple(event for event in self.road if event.shipment_no == shipment_no)

    def parse_push(self, body: bytes) -> tuple[CourierEvent, ...]:
        try:
            return tuple(event_of(**each) for each in json.loads(body))
        except (ValueError, TypeError):
            raise CallbackRejected(provider="sf") from None

    def acknowledge(self, accepted: bool) -> bytes:
        return b"ok" if accepted else b"again"

    def push(self, *events: CourierEvent) -> bytes:
        shown = [{"no": e.shipment_no, "status": e.status, "at": e.occurred_at.isoformat()} for e in events]
        return json.dumps(shown).encode()


def event_of(no: str, status: str, at: str) -> CourierEvent:
    key = hashlib.sha256(f"{no}{status}{at}".encode()).hexdigest()
    return CourierEvent(no, "SF1", key, datetime.fromisoformat(at), "50", status, f"到了{status}", "太原")


@pytest.fixture
def courier() -> MemoryCourier:
    return MemoryCourier()


@pytest.fixture
def delivery(database: str, cipher: FieldCipher, courier: MemoryCourier) -> DeliveryService:
    return DeliveryService({"SF": courier}, cipher)


@pytest.fixture
def event() -> Callable[..., CourierEvent]:
    return lambda no, status, at, **changes: replace(event_of(no, status, at), **changes)


@pytest.fixture
def emitted() -> Callable[[], Any]:
    """Return the domain events that wait as jobs, oldest first, as (name, facts)."""
    from app import db

    async def read() -> list[tuple[str, dict[str, Any]]]:
        rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
        events = [json.loads(row["payload"]) for row in rows]
        return [(event["name"], event["facts"]) for event in events]

    return read
