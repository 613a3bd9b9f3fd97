"""The licences room over a fresh database and a folder; kinds are those of the catalogue's file."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Forbidden
from app.events import DomainEvent
from app.ids import new_id
from app.storage import FileStore
from app.tokens import Caller
from services.licences import sweep_repository
from services.licences.kinds import read_kinds
from services.licences.service import LicenceService
from services.licences.types import NewLicence
from tests.fakes.seal_authority import FakeSealAuthority

ROOT = Path(__file__).parents[3]
HOLDER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
FOOD_LICENCE = "11100000MB9000058D002"
NEW = NewLicence(
    subject_no="1420260302ABCDEFGHJK",
    citizen_id=HOLDER,
    type_code="11100000MB90000150001",
    type_name="居民身份证",
    holder_name="张伟",
    holder_id_number="140105199003070012",
    issuer_code="11140105MB0001177F",
    issuer_name="太原市公安局小店分局",
    issued_on=date(2026, 3, 2),
    expires_on=date(2046, 3, 1),
    answers={"residence_address": "山西省太原市小店区平阳路88号", "reason": "lost"},
)


def holder(citizen_id: uuid.UUID = HOLDER) -> Caller:
    return Caller(citizen_id, new_id(), new_id(), "WECHAT", clock.timestamp() + 900)


async def told() -> list[DomainEvent]:
    """Return the events that wait for reactions, oldest first."""
    rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
    return [msgspec.json.decode(row["payload"], type=DomainEvent) for row in rows]


@dataclass
class GivenHolders:
    """Levels and enterprises as a test sets them."""

    level: str = "L2"
    represented: dict[uuid.UUID, list[uuid.UUID]] = field(default_factory=dict)

    async def require_level(self, caller: Caller, least: str) -> None:
        if self.level < least:
            raise Forbidden(code="real_name_required")

    async def enterprises_of(self, citizen_id: uuid.UUID) -> list[uuid.UUID]:
        return self.represented.get(citizen_id, [])

    async def enterprise(self, enterprise_id: uuid.UUID) -> tuple[str, str]:
        return "太原市小店区平阳餐饮有限公司", "91140100MA00000319"


@pytest.fixture
async def kinds(database: str) -> None:
    """The configured kinds."""
    await sweep_repository.save_kinds(read_kinds(ROOT / "data" / "licence_types.json"))


@pytest.fixture
def make(database: str, kinds: None, cipher: FieldCipher, tmp_path: Path) -> Callable[..., LicenceService]:
    def build(**parts: Any) -> LicenceService:
        return LicenceService(cipher, FileStore(f"file://{tmp_path}"), **parts)

    return build


@pytest.fixture
def licences(make: Callable[..., LicenceService]) -> LicenceService:
    return make()


@pytest.fixture
def seals() -> FakeSealAuthority:
    return FakeSealAuthority()


@pytest.fixture
def sealed_licences(make: Callable[..., LicenceService], seals: FakeSealAuthority) -> LicenceService:
    return make(seals=seals)
