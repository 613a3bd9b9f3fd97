"""The ratings room over a fresh database, its doors on a real port; cases, contacts and calendar are given."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from app import clock
from app.crypto import FieldCipher
from app.errors import Conflict, NotFound, Unauthenticated
from app.tokens import Caller
from handlers.citizen import ratings
from handlers.staff import ratings as staff_ratings
from services.applications.clock import Calendar
from services.ratings.service import RatingService
from services.ratings.types import Days, RatedSubject, RaterContact
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller
from tests.doorway import served

BODY = "11140105MB0001177F"


def subject(number: str, **changes: Any) -> RatedSubject:
    given: dict[str, Any] = {
        "subject_no": number,
        "item_code": "11140105MB0001177F4140709012000",
        "item_name": "居民身份证补领",
        "division_code": "140105",
        "department_code": BODY,
        "officer": "officer",
        "closed_at": clock.now(),
    }
    return RatedSubject(**given | changes)


@dataclass
class GivenCases:
    """Ended cases by number, each of one citizen; and which were noted as rated."""

    cases: dict[str, tuple[uuid.UUID, RatedSubject]] = field(default_factory=dict)
    open_ones: set[str] = field(default_factory=set)
    noted: list[str] = field(default_factory=list)

    async def ended(self, caller: Caller, subject_no: str) -> RatedSubject:
        if subject_no in self.open_ones:
            raise Conflict(code="not_closed")
        owner, found = self.cases.get(subject_no, (None, None))
        if found is None or owner != caller.citizen_id:
            raise NotFound
        return found

    async def note_rated(self, subject_no: str) -> None:
        self.noted.append(subject_no)


class GivenRaters:
    """Everybody is 张伟."""

    async def contact(self, citizen_id: uuid.UUID) -> RaterContact:
        return RaterContact(name="张伟", phone="13800000001")


class PlainCalendar:
    """The published calendar."""

    def after(self, start: date, count: int) -> date:
        return Calendar().add_working_days(start, count).on


def caller(citizen_id: uuid.UUID) -> Caller:
    return Caller(citizen_id, uuid.uuid4(), uuid.uuid4(), "WECHAT", clock.timestamp() + 900, "L2")


def staff(username: str, *roles: Role, divisions: tuple[str, ...] = ("1401",)) -> StaffCaller:
    return StaffCaller(uuid.uuid4(), uuid.uuid4(), username, username, frozenset(roles), divisions, (), "csrf")


@dataclass
class Hall:
    """The running doors and whoever may come in."""

    base: str
    session: aiohttp.ClientSession
    cases: GivenCases
    ratings: RatingService
    people: dict[str, uuid.UUID]

    def closed(self, number: str, person: str = "zhang", **changes: Any) -> str:
        self.cases.cases[number] = (self.people[person], subject(number, **changes))
        return number

    async def call(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        options = {} if body is None else {"json": body}
        async with self.session.request(method, self.base + path, headers=headers, **options) as answer:
            return answer.status, await answer.json(content_type=None)

    async def rated(self, number: str, grade: int, person: str = "zhang", **extra: Any) -> Any:
        self.closed(number, person)
        status, view = await self.call(
            person, "POST", "/api/v1/ratings", {"subject_no": number, "grade": grade} | extra
        )
        assert status == 201, view
        return view

    async def lines(self, who: str = "chief", query: str = "") -> list[Any]:
        status, page = await self.call(who, "GET", f"/api/staff/v1/rating-follow-ups{query}")
        assert status == 200, page
        return list(page["data"])


@pytest.fixture
async def hall(database: str, cipher: FieldCipher) -> AsyncIterator[Hall]:
    people = {"zhang": uuid.uuid4(), "li": uuid.uuid4()}
    callers = {name: caller(citizen_id) for name, citizen_id in people.items()}
    desk = {
        "chief": staff("chief", Role.APPROVER),
        "officer": staff("officer", Role.APPROVER),
        "window": staff("window", Role.WINDOW),
        "auditor": staff("auditor", Role.AUDITOR),
        "elsewhere": staff("elsewhere", Role.APPROVER, divisions=("1402",)),
    }

    def verify(token: str) -> Caller:
        if token not in callers:
            raise Unauthenticated
        return callers[token]

    async def authenticate(token: str, **_: object) -> StaffCaller:
        if token not in desk:
            raise Unauthenticated
        return desk[token]

    cases = GivenCases()
    service = RatingService(cases, GivenRaters(), PlainCalendar(), AuditTrail(b"k" * 32), cipher, Days())
    house = SimpleNamespace(
        ratings=service,
        tokens=SimpleNamespace(verify=verify),
        staff=SimpleNamespace(authenticate=authenticate),
        cipher=cipher,
    )
    async with served(house, (*ratings.ROUTES, *staff_ratings.ROUTES)) as base, aiohttp.ClientSession() as session:
        yield Hall(base, session, cases, service, people)


LONG_AGO = timedelta(days=181)
