"""The console on a real port over the rooms it uses, with two of the shipped items and a case handed in."""

from __future__ import annotations

import io
import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pyotp
import pytest
from PIL import Image
from redis.asyncio import Redis

from app import clock
from app.adapters import PaymentAudit
from app.broadcast import Broadcast
from app.crypto import FieldCipher
from app.limits import RateLimits
from app.live import Announcements
from app.revocations import Revocations
from app.settings import Settings
from app.showcase import Showcase
from app.storage import FileStore
from app.tokens import AccessTokens, Caller
from handlers import home
from handlers.staff import pages
from notify.figures import NoticeFigures
from payments.ports import ChannelTable
from payments.service import PaymentService
from services.accounts import repository as account_repository
from services.accounts.places import DivisionTable
from services.accounts.ports import Passed, ProvenIdentity, Verdict
from services.accounts.service import AccountsService
from services.accounts.types import RealNameRequest
from services.applications.service import ApplicationService
from services.applications.types import MaterialRef
from services.catalogue.intake import importer, loader
from services.catalogue.service import CatalogueService
from services.consultations.desk import ConsultationDesk
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.licences.service import LicenceService
from services.staff.accounts_file import import_staff
from services.staff.audit import AuditTrail
from services.staff.service import StaffService
from tests.doorway import served
from tests.fakes.fiscal_platform import FakeFiscalPlatform
from tests.fakes.payments_house import FakePayers
from tests.seeds import seeded

DATA = Path(__file__).parents[3] / "data"
ITEMS = ("id-card-reissue-xiaodian", "minimum-living-xiaodian")
STAFF = [
    {"username": "clerk", "display_name": "小店区窗口 郝婷", "roles": ["window", "reviewer"], "divisions": ["140105"]},
    {"username": "stranger", "display_name": "平城区窗口 白雪", "roles": ["window"], "divisions": ["140213"]},
    {"username": "cashier", "display_name": "收银 秦岚", "roles": ["cashier"], "divisions": ["140000"]},
    {"username": "dispatcher", "display_name": "省寄送 韩冰", "roles": ["dispatcher"], "divisions": ["140105"]},
    {"username": "approver", "display_name": "审核 梁静", "roles": ["approver"], "divisions": ["140000"]},
    {"username": "auditor", "display_name": "审计 温静", "roles": ["auditor"], "divisions": ["140000"]},
    {"username": "chief", "display_name": "管理员 侯磊", "roles": ["administrator"], "divisions": ["140000"]},
]
ANSWERS = {
    "applicant_name": "张伟",
    "id_number": "140105199003070012",
    "phone": "13800000001",
    "residence_address": "山西省太原市小店区平阳路88号<b>3</b>号楼",
    "reason": "遗失",
    "lost_on": "2025-03-02",
    "fingerprint_collected": True,
    "commitment": True,
}


class AgreeablePlatform:
    """A platform that believes everybody; the login code is the person."""

    app_id = "wx1"

    async def sign_in(self, code: str) -> ProvenIdentity:
        return ProvenIdentity(f"o-{code}", None, None, None)

    async def begin_real_name(self, name: str, id_number: str, subject: str, code: str) -> Verdict:
        return Passed()


@dataclass
class House:
    """The rooms under the names that doors expect."""

    settings: Settings
    staff: StaffService
    accounts: AccountsService
    catalogue: CatalogueService
    applications: ApplicationService
    payments: PaymentService
    delivery: DeliveryService
    notify: SimpleNamespace
    consultations: SimpleNamespace
    announcements: Announcements
    showcase: Showcase
    cipher: FieldCipher
    tokens: AccessTokens
    audit: AuditTrail
    storage: FileStore
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)

    async def citizen(self) -> Caller:
        """Sign 张伟 in and verify him."""
        signed_in = await self.accounts.sign_in("WECHAT", secrets.token_hex(4), "10.0.0.1")
        caller = self.tokens.verify(signed_in.access_token)
        await self.accounts.verify_real_name(caller, RealNameRequest(name="张伟", id_number="140105199003070012"))
        return caller

    async def submitted_case(self) -> str:
        """Hand a case in, with a picture; return its number."""
        caller = await self.citizen()
        picture = await self.applications.uploads.save(caller, "material", png())
        item_code = item_record("id-card-reissue-xiaodian").item_code
        material = msgspec.convert({"material_code": "M02", "upload_id": picture.upload_id}, MaterialRef)
        draft = await self.applications.save_draft(caller, item_code, ANSWERS, [material])
        return (await self.applications.submit(caller, draft.application_no)).application_no


def png() -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, "PNG")
    return buffer.getvalue()


_files = loader.load_catalogue(DATA)


def item_record(name: str) -> Any:
    """The record of one shipped item file."""
    code = json.loads((DATA / "items" / f"{name}.json").read_text(encoding="utf-8"))["item_code"]
    return next(record for record in _files.items if record.item_code == code)


def _counting_desk(audit: AuditTrail, cipher: FieldCipher) -> ConsultationDesk:
    """A desk of consultations that is only asked how many wait."""
    nobody: Any = None
    return ConsultationDesk(nobody, nobody, audit, cipher, nobody)


_KEYS = {"test": secrets.token_bytes(32)}
_HASH_KEY, _AUDIT_KEY = secrets.token_bytes(32), secrets.token_bytes(32)


@pytest.fixture
def cipher() -> FieldCipher:
    """The cipher of all tests of one process: the accounts' rows are made once."""
    return FieldCipher(_KEYS, _HASH_KEY)


async def _catalogue_and_staff(folder: Path, cipher: FieldCipher, audit: AuditTrail) -> list[Any]:
    chosen = tuple(item_record(name) for name in ITEMS)
    await importer.import_files(replace(_files, items=chosen, packages=()))
    records = folder / "records.json"
    records.write_bytes(msgspec.json.encode(STAFF))
    return list(await import_staff(records, folder / "made.json", cipher, audit))


@pytest.fixture
async def house(database: str, redis: Redis, cipher: FieldCipher, tmp_path: Path) -> AsyncIterator[House]:
    """Rooms as wiring makes them, without providers."""
    audit, limits, broadcast = AuditTrail(_AUDIT_KEY), RateLimits(redis), Broadcast(redis)
    tokens, storage = AccessTokens({"t": secrets.token_bytes(32)}), FileStore(f"file://{tmp_path / 'files'}")
    settings = Settings(var=tmp_path, sim_port=1)
    accounts = AccountsService(
        tokens=tokens, cipher=cipher, limits=limits, places=DivisionTable(), login_rate="1000/minute",
        revocations=Revocations(tokens, broadcast, account_repository.recent_revocations),
        providers={"WECHAT": AgreeablePlatform()},
    )  # fmt: skip
    catalogue = CatalogueService()
    payments = PaymentService(
        ChannelTable({}, {}), FakePayers(), audit=PaymentAudit(audit), fiscal=FakeFiscalPlatform()
    )
    delivery = DeliveryService(CourierTable({}), cipher, audit, storage)
    applications = ApplicationService(
        catalogue=catalogue, people=accounts, licences=LicenceService(storage, cipher),
        delivery=delivery, payments=payments, audit=audit, cipher=cipher, storage=storage,
    )  # fmt: skip
    secret_file = tmp_path / "keys" / "staff.json"
    secret_file.parent.mkdir()
    listed = await seeded("console", database, partial(_catalogue_and_staff, tmp_path, cipher, audit))
    secret_file.write_bytes(msgspec.json.encode(listed))
    staff = StaffService(cipher=cipher, limits=limits, broadcast=broadcast, audit=audit, login_rate="1000/minute")
    async with aiohttp.ClientSession() as session:
        yield House(
            settings, staff, accounts, catalogue, applications, payments, delivery,
            SimpleNamespace(figures=NoticeFigures()), SimpleNamespace(desk=_counting_desk(audit, cipher)),
            Announcements(broadcast), Showcase(settings, session),
            cipher, tokens, audit, storage,
            {entry.username: msgspec.to_builtins(entry) for entry in listed},
        )  # fmt: skip


@dataclass
class Browser:
    """A browser without scripts: cookies, links and forms of one person."""

    base: str
    house: House
    session: aiohttp.ClientSession

    async def get(self, path: str, status: int = 200) -> str:
        """Open a page; it must answer with this status."""
        async with self.session.get(self.base + path, allow_redirects=False) as response:
            assert response.status == status, (response.status, await response.text())
            return await response.text()

    async def location(self, path: str) -> str:
        """Open a page that sends the browser on; return where to."""
        async with self.session.get(self.base + path, allow_redirects=False) as response:
            assert response.status == 303
            return response.headers["Location"]

    async def post(self, path: str, **fields: str) -> tuple[int, str, str]:
        """Send a form; return status, location and page."""
        headers = {"Origin": self.base}
        async with self.session.post(self.base + path, data=fields, headers=headers, allow_redirects=False) as response:
            return response.status, response.headers.get("Location", ""), await response.text()

    async def sign_in(self, username: str, **more: str) -> tuple[int, str, str]:
        """Fill the sign-in form in."""
        known = self.house.secrets[username]
        code = pyotp.TOTP(known["totp_secret"]).at(clock.timestamp())
        return await self.post("/staff/sign-in", username=username, password=known["password"], totp=code, **more)

    async def send(self, path: str, **fields: str) -> tuple[int, str, str]:
        """Open the page of a form and send it with its hidden fields, as a person does."""
        page = await self.get(path)
        form = page.split("<main", 1)[1]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
        return await self.post(path, **(hidden | fields))


@pytest.fixture
async def browser(house: House) -> AsyncIterator[Browser]:
    """Nobody signed in yet."""
    routes = (*pages.ROUTES, *home.demo_routes(house.settings))
    jar = aiohttp.CookieJar(unsafe=True)
    async with served(house, routes) as base, aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(base, house, session)


@pytest.fixture
async def clerk(browser: Browser) -> Browser:
    """The window of the case's own division."""
    status, _, page = await browser.sign_in("clerk")
    assert status == 303, page
    return browser
