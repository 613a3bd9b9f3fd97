"""Package cases over the shipped catalogue, with their doors on a real port; people and couriers are given."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pytest
from redis.asyncio import Redis

from app import clock, db
from app.adapters import PaymentAudit
from app.crypto import FieldCipher
from app.events import DomainEvent
from app.limits import RateLimits
from app.storage import FileStore
from app.tokens import AccessTokens, Caller
from handlers.citizen import applications as case_doors
from handlers.citizen import catalogue as catalogue_doors
from handlers.citizen import delivery as delivery_doors
from handlers.citizen import packages as package_doors
from handlers.citizen import payments as payment_doors
from handlers.citizen import remedies as remedy_doors
from payments.ports import ChannelTable
from payments.service import PaymentService
from services.applications import moves, repository
from services.applications.packages.reactions import PackageReactions
from services.applications.reactions import ApplicationReactions
from services.applications.service import ApplicationService
from services.applications.states import Act, Correction, forced_edge
from services.applications.types import Actor, ActorKind
from services.catalogue.intake import importer, loader
from services.catalogue.service import CatalogueService
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.licences.service import LicenceService
from services.staff.audit import AuditTrail
from tests.doorway import served
from tests.fakes.couriers import MemoryCourier
from tests.fakes.fiscal_platform import FakeFiscalPlatform
from tests.fakes.notify_house import NotifyHouse
from tests.integration.applications.conftest import GivenPeople, NobodyPays, caller, picture
from tests.seeds import seeded

DATA = Path(__file__).parents[3] / "data"
HOUSE = Actor(ActorKind.SYSTEM)
PACKAGES = {
    record["package_code"]: record
    for record in map(json.loads, [file.read_text("utf-8") for file in sorted((DATA / "packages").glob("*.json"))])
}
NEWBORN, LOST_CARDS = "YJS1401050001", "YJS1401050005"
_NEXT = "DELETE FROM pgqueuer WHERE id = (SELECT min(id) FROM pgqueuer WHERE entrypoint = 'event') RETURNING payload"
_DECIDE = {
    "GRANTED": (Act.ACCEPT, Act.APPROVE),
    "REFUSED": (Act.ACCEPT, Act.DENY),
    "NOT_ACCEPTED": (Act.NOT_ACCEPT,),
    "WITHDRAWN": (Act.WITHDRAW,),
}


class Phone:
    """A client that speaks for one citizen."""

    def __init__(self, session: aiohttp.ClientSession, base: str, token: str) -> None:
        self._session, self._base, self._token = session, base, token

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {self._token}"} | headers
        url = f"{self._base}/api/v1/{path}"
        async with self._session.request(method, url, headers=sent, json=body) as answer:
            self.headers = answer.headers
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw else None


@dataclass
class Town:
    """The rooms, the doors, and the steps that most tests begin with."""

    applications: ApplicationService
    catalogue: CatalogueService
    delivery: DeliveryService
    people: GivenPeople
    citizen: Caller
    phone: Phone
    stranger: Phone

    def form(self, package_code: str, **changes: Any) -> dict[str, Any]:
        """A good example of a package's merged form; None takes an answer out."""
        answers = PACKAGES[package_code]["form"]["examples"][0] | changes
        return {name: value for name, value in answers.items() if value is not None}

    async def materials(self, package_code: str) -> list[dict[str, Any]]:
        """One photograph for every material of a package, each named once."""
        _, guide = await self.phone("GET", f"packages/{package_code}")
        named = [material for material in guide["materials"] if not material["generated"]]
        return [{"material_code": each["code"], "upload_id": await self.photo()} for each in named]

    async def photo(self, owner: Caller | None = None) -> str:
        return (await self.applications.uploads.save(owner or self.citizen, "material", picture())).upload_id

    async def draft(self, package_code: str, **changes: Any) -> dict[str, Any]:
        form, materials = self.form(package_code, **changes), await self.materials(package_code)
        body = {"package_code": package_code, "form": form, "materials": materials}
        status, view = await self.phone("POST", "package-cases", body)
        assert status == 201, view
        return view

    async def submitted(self, package_code: str, **changes: Any) -> dict[str, Any]:
        view = await self.draft(package_code, **changes)
        status, submitted = await self.phone("POST", f"package-cases/{view['package_no']}/submit", {})
        assert status == 200, submitted
        return submitted

    async def view(self, package_no: str) -> dict[str, Any]:
        status, view = await self.phone("GET", f"package-cases/{package_no}")
        assert status == 200, view
        return view

    async def act(self, number: str, *acts: Act) -> None:
        """Move a case along its table, as the house may."""
        for act in acts:
            row = await repository.find_case(number)
            await moves.make(moves.planned(row, act, HOUSE, sets=_columns(act)))

    async def end(self, number: str, outcome: str) -> None:
        """Bring a submitted case to an outcome; a granted one stays granted until its result is delivered."""
        await self.act(number, *_DECIDE[outcome])
        await self.settle()

    async def force(self, number: str, correction: Correction) -> None:
        row = await repository.find_case(number)
        edge = forced_edge(row["status"], row["outcome"], correction)
        await moves.make(moves.along(row, edge, HOUSE))

    async def settle(self) -> list[str]:
        """Run waiting events through the package's reactions and those of results without licences, each twice."""
        tables = [
            PackageReactions(self.applications.packages).table(),
            ApplicationReactions(self.applications.progress).table(),
        ]
        seen = []
        while row := await db.fetch_row(_NEXT):
            event = msgspec.json.decode(row["payload"], type=DomainEvent)
            seen.append(event.name)
            for table in tables:
                for name, reaction in table.get(event.name, ()):
                    if name != "applications.certify":
                        await reaction(event)
                        await reaction(event)
        return seen

    async def deliver(self, number: str) -> None:
        """Let the result of a granted case go out; its licences are made elsewhere."""
        await self.act(number, Act.DELIVER)
        await self.settle()

    async def events(self) -> list[DomainEvent]:
        """Return the events that wait, oldest first, without running them."""
        rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
        return [msgspec.json.decode(row["payload"], type=DomainEvent) for row in rows]


def _columns(act: Act) -> dict[str, Any]:
    now = clock.now()
    return {
        Act.ACCEPT: {"accepted_at": now},
        Act.APPROVE: {"decided_at": now},
        Act.DENY: {"decided_at": now, "reason": "不符合条件"},
        Act.NOT_ACCEPT: {"closed_at": now, "reason": "不属于本机关职权"},
        Act.WITHDRAW: {"closed_at": now},
        Act.CLOSE: {"closed_at": now},
    }.get(act, {})


def parts_of(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parts of a view by item code."""
    return {part["item_code"]: part for part in view["parts"]}


@pytest.fixture(scope="session")
def files() -> loader.CatalogueFiles:
    return loader.load_catalogue(DATA)


@pytest.fixture
async def town(
    database: str, files: loader.CatalogueFiles, cipher: FieldCipher, redis: Redis, tmp_path: Path
) -> AsyncIterator[Town]:
    await seeded("catalogue", database, partial(importer.import_files, files))
    storage, catalogue, people = FileStore(f"file://{tmp_path}"), CatalogueService(), GivenPeople("L3")
    trail = AuditTrail(secrets.token_bytes(32))
    delivery = DeliveryService(CourierTable({"SF": MemoryCourier()}), cipher, trail, storage)
    payments = PaymentService(
        ChannelTable({}, {}), NobodyPays(), audit=PaymentAudit(trail), fiscal=FakeFiscalPlatform()
    )
    applications = ApplicationService(
        catalogue=catalogue,
        people=people,
        licences=LicenceService(cipher, storage),
        delivery=delivery,
        payments=payments,
        audit=trail,
        cipher=cipher,
        storage=storage,
    )
    citizen, other = caller(), caller()
    for each in (citizen, other):
        await db.execute(
            "INSERT INTO citizen (id, created_at, status, real_name_level, name_masked, id_number_masked, phone_masked,"
            " preferences, updated_at) VALUES ($1, now(), 'ACTIVE', 'L2', '*伟', '', '', '{}', now())",
            each.citizen_id,
        )
    tokens = AccessTokens({"k": secrets.token_bytes(32)})
    house = SimpleNamespace(
        applications=applications,
        catalogue=catalogue,
        delivery=delivery,
        payments=payments,
        notify=NotifyHouse().service,
        tokens=tokens,
        limits=RateLimits(redis),
        cipher=cipher,
    )
    modules = (package_doors, case_doors, catalogue_doors, delivery_doors, payment_doors, remedy_doors)
    routes = [route for module in modules for route in module.ROUTES]
    async with served(house, routes) as base, aiohttp.ClientSession() as session:
        phones = [
            Phone(session, base, tokens.issue(c.citizen_id, c.session_id, c.identity_id, c.provider))
            for c in (citizen, other)
        ]
        yield Town(applications, catalogue, delivery, people, citizen, *phones)


@pytest.fixture
def address_id() -> str:
    return str(uuid.uuid4())
