"""The delivery room before couriers who tell what a test lays down."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app import clock
from app.crypto import FieldCipher
from app.storage import FileStore
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.staff.audit import AuditTrail
from tests.fakes.told import ToldCourier


@pytest.fixture
def courier() -> ToldCourier:
    return ToldCourier(signs_pushes=True)


@pytest.fixture
def other() -> ToldCourier:
    return ToldCourier(code="EMS", name="EMS", signs_pushes=True)


@pytest.fixture
def away() -> set[str]:
    return set()


@pytest.fixture
def delivery(
    database: str, cipher: FieldCipher, courier: ToldCourier, other: ToldCourier, away: set[str], tmp_path: Path
) -> DeliveryService:
    async def who() -> set[str]:
        return away

    trail, storage = AuditTrail(secrets.token_bytes(32)), FileStore(f"file://{tmp_path}")
    return DeliveryService(CourierTable({"SF": courier, "EMS": other}, away=who), cipher, trail, storage)


@pytest.fixture
def start() -> datetime:
    return (clock.now() - timedelta(days=2)).replace(microsecond=0)
