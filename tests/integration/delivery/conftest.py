"""A courier in memory that keeps the port's promises, and the delivery room over a fresh database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.crypto import FieldCipher
from app.storage import FileStore
from services.delivery.couriers.table import CourierTable
from services.delivery.rules import repository as rules
from services.delivery.rules.types import CourierLine, PostageLine
from services.delivery.service import DeliveryService
from services.delivery.types import CourierEvent
from services.staff.audit import AuditTrail
from tests.fakes.couriers import MemoryCourier, event_of
from tests.integration.delivery.post import MemoryPostage, Post


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


@pytest.fixture
async def post(database: str, cipher: FieldCipher, tmp_path: Path) -> Post:
    await rules.load(
        [
            CourierLine(rule_code="FIRST", position=1, courier="SF", carrier="shunfeng", product="2", cost_fen=1200),
            CourierLine(rule_code="SECOND", position=2, courier="EMS", carrier="ems", product="1", cost_fen=1400),
        ],
        [PostageLine(rule_code="ANY", payers=("ON_DELIVERY", "ONLINE"), postage_fen=1200)],
        clock.now(),
    )
    sf, ems = MemoryCourier(), MemoryCourier(code="EMS", name="中国邮政")
    postage, trail = MemoryPostage(), AuditTrail(secrets.token_bytes(32))
    table = CourierTable({"SF": sf, "EMS": ems})
    room = DeliveryService(table, cipher, trail, FileStore(f"file://{tmp_path}"), postage=postage)
    return Post(room, sf, ems, postage)
