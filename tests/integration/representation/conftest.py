"""Accounts and applications together over HTTP: people who have proven who they are, an enterprise, a window."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pytest
from redis.asyncio import Redis

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Unauthenticated
from app.events import DomainEvent
from app.storage import FileStore
from app.tokens import Caller
from handlers.citizen import applications, assistances, auth, delivery, me, representation, uploads
from handlers.citizen import payments as payment_doors
from handlers.staff import assistances as staff_assistances
from handlers.staff import cases, decisions
from services.accounts.types import RealNameRequest
from services.applications.assistance.reactions import AssistanceReactions
from services.applications.service import ApplicationService
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.licences.service import LicenceService
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller
from tests.doorway import served
from tests.fakes.jobs import taken_jobs
from tests.fakes.notify_house import NotifyHouse
from tests.fakes.payments_house import PaymentsHouse
from tests.integration.accounts.conftest import LI_NA, ZHANG_WEI, House, divisions, make_house
from tests.integration.applications.conftest import (
    FORM,
    ITEM,
    GivenCatalogue,
    MemoryCourier,
    picture,
    staff,
)

__all__ = ["divisions"]
WANG_FANG = RealNameRequest(name="王芳", id_number="14010519800101002X")
PEOPLE = {"zhang-wei": ZHANG_WEI, "li-na": LI_NA, "wang-fang": WANG_FANG}
CLOUD = {"uscc": "91140105MA0K7QX256", "name": "太原晋云信息技术有限公司"}
ROUTES = [
    route
    for part in (
        auth,
        me,
        representation,
        applications,
        delivery,
        payment_doors,
        uploads,
        assistances,
        staff_assistances,
        cases,
        decisions,
    )
    for route in part.ROUTES
]


@dataclass
class Phone:
    """A client that speaks for one person or one member of staff; paths begin after /api/v1 or /api/staff/v1."""

    session: aiohttp.ClientSession
    base: str
    token: str = ""

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            options["json"] = body
        async with self.session.request(method, self.base + path, headers=headers, **options) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw else None

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Send what must be refused; return status and code."""
        status, problem = await self(method, path, body)
        assert status >= 400, problem
        return status, problem["code"]


@dataclass
class Town:
    """The doors and who stands before them."""

    house: House
    applications: ApplicationService
    session: aiohttp.ClientSession
    base: str
    window: Phone
    other_window: Phone
    reviewer: Phone

    async def phone(self, key: str, *, real_name: bool = True) -> Phone:
        phone = Phone(self.session, f"{self.base}/api/v1")
        status, answer = await phone("POST", "/auth/wechat", {"code": key})
        assert status == 200, answer
        phone.token = answer["access_token"]
        if real_name:
            person = PEOPLE[key]
            body = {"name": person.name, "id_number": person.id_number}
            assert (await phone("POST", "/me/real-name", body))[0] == 200
        return phone

    def caller(self, phone: Phone) -> Caller:
        return self.house.tokens.verify(phone.token)

    async def enterprise(self, phone: Phone) -> str:
        status, enterprise = await phone("POST", "/enterprises", CLOUD)
        assert status == 201, enterprise
        return str(enterprise["id"])

    async def mandate(self, principal: Phone, agent: Phone, agent_name: str = "li-na", **changes: Any) -> str:
        today = clock.beijing_date()
        person = PEOPLE[agent_name]
        offer = {
            "agent_name": person.name,
            "agent_id_number": person.id_number,
            "item_codes": [ITEM["item_code"]],
            "from_on": today.isoformat(),
            "until_on": (today + timedelta(days=30)).isoformat(),
        }
        status, mandate = await principal("POST", "/mandates", offer | changes)
        assert status == 201, mandate
        assert (await agent("POST", f"/mandates/{mandate['mandate_no']}/accept"))[0] == 200
        return str(mandate["mandate_no"])

    async def photo(self, phone: Phone, path: str = "/uploads") -> dict[str, Any]:
        form = aiohttp.FormData()
        form.add_field("file", picture(), filename="a.jpg")
        if path == "/uploads":
            form.add_field("purpose", "material")
        status, upload = await phone("POST", path, data=form)
        assert status == 201, upload
        return {"material_code": "M02", "upload_id": upload["upload_id"]}

    async def draft(self, phone: Phone, **behalf: Any) -> str:
        body = {"item_code": ITEM["item_code"], "form": FORM, "materials": [await self.photo(phone)], **behalf}
        status, draft = await phone("POST", "/applications", body)
        assert status == 201, draft
        return str(draft["application_no"])

    async def react(self) -> list[str]:
        """Run waiting events through the assistances' reactions; return their names."""
        table, names = AssistanceReactions(self.applications.assistances).table(), []
        for row in await taken_jobs("event"):
            event = msgspec.json.decode(row["payload"], type=DomainEvent)
            names.append(event.name)
            for _, reaction in table.get(event.name, ()):
                await reaction(event)
                await reaction(event)
        return names


async def row_of(number: str) -> Any:
    row = await db.fetch_row("SELECT * FROM application WHERE application_no = $1", number)
    assert row is not None
    return row


async def audited(like: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return actor, action and details of the audit entries whose action is like this, oldest first."""
    rows = await db.fetch_all("SELECT actor, action, details FROM audit_entry WHERE action LIKE $1 ORDER BY seq", like)
    return [(row["actor"], row["action"], json.loads(row["details"])) for row in rows]


@pytest.fixture
async def town(
    database: str, redis: Redis, cipher: FieldCipher, tmp_path: Path, divisions: None
) -> AsyncIterator[Town]:
    house = make_house(redis, cipher, {"t": secrets.token_bytes(32)}, "1000/minute")
    house.wechat.owners = dict(PEOPLE)
    house.register.known[CLOUD["uscc"]] = (CLOUD["name"], ZHANG_WEI.name, ZHANG_WEI.id_number)
    payments = PaymentsHouse()
    await payments.prepare()
    trail, storage = AuditTrail(secrets.token_bytes(32)), FileStore(f"file://{tmp_path}")
    rooms = ApplicationService(
        catalogue=GivenCatalogue(),
        people=house.accounts,
        licences=LicenceService(cipher, storage),
        delivery=DeliveryService(CourierTable({"SF": MemoryCourier()}), cipher, trail, storage),
        payments=payments.service,
        audit=trail,
        cipher=cipher,
        storage=storage,
        upload_limit_bytes=1_048_576,
    )
    known: dict[str, StaffCaller] = {
        "window": staff("window", Role.WINDOW),
        "other-window": staff("other-window", Role.WINDOW),
        "reviewer": staff("reviewer", Role.REVIEWER),
    }

    async def authenticate(token: str, **_: object) -> StaffCaller:
        if token not in known:
            raise Unauthenticated
        return known[token]

    doors = SimpleNamespace(
        accounts=house.accounts,
        applications=rooms,
        payments=payments.service,
        notify=NotifyHouse().service,
        tokens=house.tokens,
        limits=house.limits,
        cipher=cipher,
        staff=SimpleNamespace(authenticate=authenticate),
    )
    async with served(doors, ROUTES) as base, aiohttp.ClientSession() as session:
        desks = [Phone(session, f"{base}/api/staff/v1", token) for token in known]
        yield Town(house, rooms, session, base, *desks)
