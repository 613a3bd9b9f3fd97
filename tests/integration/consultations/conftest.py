"""The consultations room over a real database, with a platform's chat that says what a test tells it to."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from app import clock, db
from app.crypto import FieldCipher
from app.errors import FieldFault, InvalidRequest, NotFound
from app.limits import RateLimits
from app.tokens import Caller
from services.consultations.ports import Person
from services.consultations.service import ConsultationService
from services.consultations.states import PROVINCE, Told
from services.consultations.types import Place, Written
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller

APP = "wx1"


@dataclass
class Chat:
    """A platform's chat: what was sent, and what it answers."""

    told: Told = Told.TAKEN
    sent: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, subject: str, text: str) -> Told:
        self.sent.append((subject, text))
        return self.told


@dataclass
class Crowd:
    """Who has signed in."""

    persons: dict[str, Person] = field(default_factory=dict)

    def sign_in(self, subject: str) -> Caller:
        person = self.persons.setdefault(subject, Person(uuid.uuid4(), uuid.uuid4(), "WECHAT", APP, subject))
        return Caller(person.citizen_id, uuid.uuid4(), person.identity_id, "WECHAT", 0)

    async def identity(self, identity_id: uuid.UUID) -> Person:
        return next(person for person in self.persons.values() if person.identity_id == identity_id)

    async def known(self, provider: str, app_id: str, subject: str) -> Person | None:
        return self.persons.get(subject)

    async def shown_name(self, citizen_id: uuid.UUID) -> str:
        return "*伟"


class Matters:
    """One case of everybody's and one item."""

    async def of_case(self, caller: Caller, application_no: str) -> Place:
        if application_no != "BJ1":
            raise NotFound
        return Place("140105", "D1", "I1", "居民身份证补领")

    async def of_item(self, item_code: str) -> Place:
        if item_code != "I1":
            raise NotFound
        return Place("140105", "D1", "I1", "居民身份证补领")

    async def require_body(self, division_code: str, department_code: str) -> None:
        if division_code not in (PROVINCE, "140105", "140213"):
            raise InvalidRequest(faults=(FieldFault("division_code", "没有此行政区划"),))


@dataclass
class Room:
    """The room with what stands around it."""

    service: ConsultationService
    chat: Chat
    crowd: Crowd

    def written(self, text: str, subject: str = "o-1", **more: Any) -> Written:
        """What somebody wrote a moment ago."""
        values = {"kind": "text", "key": secrets.token_hex(8), "written_at": clock.now()} | more
        return Written(provider="WECHAT", app_id=APP, subject=subject, text=text, **values)

    async def queued(self) -> list[uuid.UUID]:
        """Answers whose try has not begun."""
        rows = await db.fetch_all("SELECT id FROM consultation_message WHERE delivery = 'QUEUED' ORDER BY id")
        return [row["id"] for row in rows]

    async def deliveries(self) -> list[str]:
        """What has become of all answers, in order."""
        rows = await db.fetch_all("SELECT delivery FROM consultation_message WHERE author_kind = 'STAFF' ORDER BY id")
        return [row["delivery"] for row in rows]


async def events(name: str) -> list[dict[str, Any]]:
    """The waiting events of one name."""
    rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
    decoded = [msgspec.json.decode(row["payload"]) for row in rows]
    return [event for event in decoded if event["name"] == name]


def officer(username: str, division: str = "14", *roles: Role, departments: tuple[str, ...] = ()) -> StaffCaller:
    """A member of staff with a scope."""
    chosen = frozenset(roles or (Role.WINDOW,))
    return StaffCaller(uuid.uuid4(), uuid.uuid4(), username, username, chosen, (division,), departments, "csrf")


@pytest.fixture
async def room(database: str, redis: Redis, cipher: FieldCipher) -> Room:
    """An empty room."""
    chat, crowd = Chat(), Crowd()
    service = ConsultationService(
        people=crowd,
        matters=Matters(),
        audit=AuditTrail(secrets.token_bytes(32)),
        cipher=cipher,
        limits=RateLimits(redis),
        chats={("WECHAT", APP): chat},
        months=24,
    )
    return Room(service, chat, crowd)
