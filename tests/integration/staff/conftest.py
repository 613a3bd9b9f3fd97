"""A staff room on a real database and Redis, with two accounts from a file."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyotp
import pytest
from redis.asyncio import Redis

from app import clock
from app.broadcast import Broadcast
from app.crypto import FieldCipher
from app.limits import RateLimits
from services.staff.accounts_file import import_staff
from services.staff.audit import AuditTrail
from services.staff.service import StaffService
from services.staff.types import StaffCaller, StaffCredentials, StaffSignedIn

RECORDS = [
    {
        "username": "window-1", "display_name": "综合窗口 郝婷", "roles": ["window", "reviewer"],
        "divisions": ["140105"], "departments": ["11140105MB0001177F"],
    },
    {"username": "auditor", "display_name": "审计 秦岚", "roles": ["auditor"], "divisions": ["140000"]},
]  # fmt: skip


@dataclass
class House:
    """The room and what it stands on, under the names that doors expect."""

    staff: StaffService
    audit: AuditTrail
    cipher: FieldCipher
    credentials: dict[str, StaffCredentials]

    def code(self, username: str, steps: int = 0) -> str:
        """Read the one-time code of now, or of some steps later."""
        return pyotp.TOTP(self.credentials[username].totp_secret).at(clock.timestamp() + 30 * steps)

    async def sign_in(self, username: str = "window-1", steps: int = 0) -> tuple[StaffSignedIn, StaffCaller]:
        """Sign in with the right password and code."""
        password = self.credentials[username].password
        signed_in = await self.staff.sign_in(username, password, self.code(username, steps), "10.0.0.1")
        return signed_in, await self.staff.authenticate(signed_in.access_token)


@pytest.fixture(autouse=True)
def _mid_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the seconds in the middle of a time step, so that no code grows old during a test."""
    middle = clock.timestamp() // 30 * 30 + 15
    monkeypatch.setattr(clock, "timestamp", lambda: middle)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """The staff file."""
    file = tmp_path / "staff.json"
    file.write_bytes(msgspec.json.encode(RECORDS))
    return file


@pytest.fixture
def audit(database: str) -> AuditTrail:
    """An empty chain under a throw-away key."""
    return AuditTrail(secrets.token_bytes(32))


def make_service(redis: Redis, cipher: FieldCipher, audit: AuditTrail, login_rate: str = "1000/minute") -> StaffService:
    """Put the room together as one process does."""
    return StaffService(
        cipher=cipher, limits=RateLimits(redis), broadcast=Broadcast(redis), audit=audit, login_rate=login_rate
    )


@pytest.fixture
async def house(redis: Redis, cipher: FieldCipher, audit: AuditTrail, records: Path, tmp_path: Path) -> House:
    """The room with its accounts."""
    listed = await import_staff(records, tmp_path / "staff-credentials.json", cipher, audit)
    return House(make_service(redis, cipher, audit), audit, cipher, {entry.username: entry for entry in listed})
