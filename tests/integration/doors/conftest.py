"""Every route of the house on a real port: the whole container over a fresh database; the providers are not there."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from redis.asyncio import Redis

from app import db, demo_keys, wiring
from app.settings import Settings, load
from handlers.citizen import stream
from handlers.routes import all_routes
from services.staff.accounts_file import import_staff
from tests.conftest import cloned_database
from tests.doorway import served

ROOT = Path(__file__).parents[3]
NOBODY_THERE = 9


@dataclass
class WholeHouse:
    """The running house, with tokens for those who may come in."""

    base: str
    settings: Settings
    container: wiring.Container
    staff_token: str

    def citizen_token(self) -> str:
        """A genuine token of a citizen who has nothing yet."""
        return self.container.tokens.issue(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "WECHAT")


@pytest.fixture(scope="session")
def demo_values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Keys and accounts as demo mode makes them; the providers' addresses answer nothing."""
    return demo_keys.prepare(tmp_path_factory.mktemp("keys"), ROOT / "data", "127.0.0.1", 1, NOBODY_THERE)


@pytest.fixture(scope="module")
async def whole_house(
    redis_url: str, demo_values: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WholeHouse]:
    """The house with one administrator, for all tests of a module."""
    folder = tmp_path_factory.mktemp("house")
    async with cloned_database() as url, Redis.from_url(redis_url) as redis:
        await redis.flushdb()
        await db.start(url)
        own = {"SJT_DATABASE_URL": url, "SJT_REDIS_URL": redis_url, "SJT_STORAGE_URL": f"file://{folder}"}
        settings = load(own, demo_values)
        container = await wiring.build(settings)
        await container.open()
        token = await _administrator(container, folder)
        async with served(container, all_routes(settings), stream.register) as base:
            yield WholeHouse(base, settings, container, token)
        await container.close()
        await db.stop()


async def _administrator(container: wiring.Container, folder: Path) -> str:
    """Make an account with many roles and sign it in; return its token."""
    made = await import_staff(_staff_file(folder), folder / "secrets.json", container.cipher, container.staff.audit)
    code = pyotp.TOTP(made[0].totp_secret).now()
    return (await container.staff.sign_in(made[0].username, made[0].password, code, "192.0.2.1")).access_token


def _staff_file(folder: Path) -> Path:
    file = folder / "staff.json"
    file.write_text(
        '[{"username": "root", "display_name": "管理员", "roles": ["administrator", "cashier", "window", "reviewer"],'
        ' "divisions": ["140000"], "departments": []}]',
        encoding="utf-8",
    )
    return file
