"""The operations room on a real database and Redis, with callers who may and may not."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from app.provider_health import ProviderHealth
from services.operations.service import OperationsService
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller


def caller(*roles: Role) -> StaffCaller:
    """Somebody of the province with these roles."""
    return StaffCaller(
        staff_id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        username="-".join(roles) or "nobody",
        display_name="运维",
        roles=frozenset(roles),
        divisions=("14",),
        departments=(),
        csrf_token="t",
    )


ADMINISTRATOR, AUDITOR, CLERK = caller(Role.ADMINISTRATOR), caller(Role.AUDITOR), caller(Role.WINDOW)


@dataclass
class House:
    """The room, and what it has announced."""

    operations: OperationsService
    health: ProviderHealth
    announced: list[str] = field(default_factory=list)


@pytest.fixture
async def house(database: str, redis: Redis) -> House:
    """The room of one process."""
    announced: list[str] = []

    async def announce(topic: str) -> None:
        announced.append(topic)

    health = ProviderHealth(redis)
    return House(OperationsService(health, AuditTrail(secrets.token_bytes(32)), announce), health, announced)
