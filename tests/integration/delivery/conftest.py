"""A courier in memory that keeps the port's promises, and the delivery room over a fresh database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.crypto import FieldCipher
from app.storage import FileStore
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.delivery.types import CourierEvent
from services.staff.audit import AuditTrail
from tests.fakes.couriers import MemoryCourier, event_of


@pytest.fixture
def courier() -> MemoryCourier:
    return MemoryCourier()


@pytest.fixture
def delivery(database: str, cipher: FieldCipher, courier: MemoryCourier, tmp_path: Path) -> DeliveryService:
    trail, storage = AuditTrail(secrets.token_bytes(32)), FileStore(f"file://{tmp_path}")
    return DeliveryService(CourierTable({"SF": courier}), cipher, trail, storage)


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
