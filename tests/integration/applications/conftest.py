"""The applications room over a fresh database; only catalogue, people and courier are given."""

from __future__ import annotations

import io
import json
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from app import clock, db
from app.adapters import PaymentAudit
from app.crypto import FieldCipher
from app.db import Row
from app.delivery_parts import CasePostage
from app.errors import Conflict, Forbidden, NotFound
from app.events import DomainEvent
from app.ids import new_id
from app.storage import FileStore
from app.tokens import Caller
from payments.ports import ChannelTable
from payments.service import PaymentService
from services.accounts.addresses.types import PlainAddress
from services.accounts.types import Acting, CitizenProfile, EnterpriseProfile, Level, OnBehalfOf
from services.applications.paper.reactions import PaperReactions
from services.applications.reactions import ApplicationReactions
from services.applications.service import ApplicationService
from services.applications.types import ApplicationView, MaterialRef
from services.catalogue.areas.types import ReachView
from services.catalogue.records import ItemRecord
from services.catalogue.terms import Item, make_item
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.licences.service import LicenceService
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller
from tests.fakes.couriers import MemoryCourier, event_of
from tests.fakes.fiscal_platform import FakeFiscalPlatform

ROOT = Path(__file__).parents[3]
ITEM = json.loads((ROOT / "data" / "items" / "id-card-reissue-xiaodian.json").read_text("utf-8"))
FORM = ITEM["form"]["examples"][0]
PROCEDURE = {"name": "专家评审", "kind": "2", "basis": "行政许可法第四十五条", "days": 10}


def item_of(**changes: Any) -> Item:
    record = msgspec.convert({**ITEM, "special_procedures": [PROCEDURE], **changes}, ItemRecord)
    return make_item(record, secrets.token_hex(4), frozenset())


@dataclass
class GivenCatalogue:
    """The catalogue with one item; `publish` replaces its current version."""

    versions: dict[int, Item] = field(default_factory=lambda: {1: item_of()})
    is_open: bool = True
    elsewhere: dict[tuple[str, str, str], Item] = field(default_factory=dict)

    def publish(self, **changes: Any) -> None:
        version = max(self.versions) + 1
        self.versions[version] = item_of(version=version, **changes)

    async def open_item(self, item_code: str) -> Item:
        if item_code != ITEM["item_code"]:
            raise NotFound("未找到该事项")
        if not self.is_open:
            raise Conflict(code="item_closed")
        return self.versions[max(self.versions)]

    async def item(self, item_code: str, version: int) -> Item:
        return self.versions[version]

    async def item_of_body(self, basic_code: str, division_code: str, department_code: str) -> Item | None:
        return self.elsewhere.get((basic_code, division_code, department_code))

    async def reach(self, item_code: str, division: str) -> ReachView:
        near = division.startswith("1401")
        return msgspec.convert(
            {
                **dict.fromkeys(ReachView.__struct_fields__, ""),
                "division_code": division,
                "may_be_filed": near,
                "handled_elsewhere": division != "140105",
                "note": "" if near else "该事项只能在太原市内申请",
                "own": None,
            },
            ReachView,
        )

    async def usable_item(self, item_code: str, version: int) -> Item:
        newest = (await self.open_item(item_code)).record
        if newest.version != version and newest.former_until is not None:
            raise Conflict(code="item_version_withdrawn", current={"newer_item_version": newest.version})
        return self.versions[version]


@dataclass
class GivenPeople:
    """Everybody is 张伟, of the level set here."""

    level: Level = "L2"
    acts_as: dict[uuid.UUID, Acting] = field(default_factory=dict)

    async def require_level(self, caller: Caller, least: Level) -> None:
        if self.level < least:
            raise Forbidden(code="real_name_required")

    async def profile(self, citizen_id: uuid.UUID) -> CitizenProfile:
        return CitizenProfile(citizen_id, self.level, "张伟", "140105199003070012", "13800000001")

    async def plain_address(self, citizen_id: uuid.UUID, address_id: uuid.UUID) -> PlainAddress:
        return PlainAddress(address_id, "140105", "山西省太原市小店区", "张伟", "13800000001", "平阳路88号")

    async def acting(self, caller: Caller, on_behalf_of: OnBehalfOf, item_code: str) -> Acting:
        if caller.citizen_id not in self.acts_as:
            raise NotFound
        return self.acts_as[caller.citizen_id]

    async def may_act_for(self, caller: Caller, case: Row) -> Acting | None:
        return self.acts_as.get(caller.citizen_id)

    async def enterprise_profile(self, enterprise_id: uuid.UUID) -> EnterpriseProfile:
        place = "山西省太原市小店区平阳路1号"
        return EnterpriseProfile(
            enterprise_id, "91140105MA0GU0001N", "太原汾河商贸有限公司", place, "张伟", "03512345678"
        )


class NobodyPays:
    """No order is opened in these tests."""

    async def payer_of(self, caller: Caller) -> Any:
        raise NotFound


@dataclass
class World:
    """Everything a test needs, and the steps that most of them begin with."""

    applications: ApplicationService
    delivery: DeliveryService
    licences: LicenceService
    payments: PaymentService
    catalogue: GivenCatalogue
    people: GivenPeople
    reactions: ApplicationReactions
    citizen: Caller
    other: Caller
    window: StaffCaller
    reviewer: StaffCaller
    administrator: StaffCaller

    async def photo(self, caller: Caller | None = None) -> uuid.UUID:
        view = await self.applications.uploads.save(caller or self.citizen, "material", picture())
        return uuid.UUID(view.upload_id)

    async def draft(self) -> ApplicationView:
        files = [MaterialRef(material_code="M02", upload_id=await self.photo())]
        return await self.applications.save_draft(self.citizen, ITEM["item_code"], FORM, files)

    async def submitted(self) -> str:
        number = (await self.draft()).application_no
        await self.applications.submit(self.citizen, number)
        return number

    async def accepted(self) -> str:
        number = await self.submitted()
        await self.applications.desk.accept(self.window, number, "127.0.0.1")
        return number

    async def approved(self) -> str:
        number = await self.accepted()
        await self.pay(number)
        await self.applications.desk.approve(self.reviewer, number, "127.0.0.1")
        return number

    async def pay(self, number: str) -> None:
        facts = {"title": "工本费", "paid_at": clock.rfc3339(clock.now())}
        await self.reactions.note_paid(DomainEvent(name="bill.confirmed", subject_no=number, facts=facts))

    async def told_by_courier(self, shipment_no: str, status: str, at: str) -> None:
        """Have the courier say, when it is asked, what became of a parcel."""
        courier: Any = self.delivery._couriers.get("SF")
        courier.road.append(event_of(shipment_no, status, at))
        await self.delivery.tracking.confirm({"shipment_no": shipment_no})

    async def react(self, limit: int = 20) -> list[str]:
        """Run waiting events through the reactions, as the job runner does; return their names."""
        names = []
        rooms = (self.applications.originals, self.delivery, self.applications.progress)
        table = {**self.reactions.table(), **PaperReactions(*rooms).table()}
        for _ in range(limit):
            row = await db.fetch_row("SELECT id, payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id LIMIT 1")
            if row is None:
                break
            await db.execute("DELETE FROM pgqueuer WHERE id = $1", row["id"])
            event = msgspec.json.decode(row["payload"], type=DomainEvent)
            names.append(event.name)
            for _, reaction in table.get(event.name, ()):
                await reaction(event)
                await reaction(event)
        return names

    async def status(self, number: str) -> str:
        view, _ = await self.applications.detail(self.citizen, number)
        return view.status


def picture(form: str = "JPEG", size: tuple[int, int] = (8, 6), **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "white").save(buffer, form, **options)
    return buffer.getvalue()


def caller() -> Caller:
    return Caller(new_id(), new_id(), new_id(), "WECHAT", clock.timestamp() + 900)


def staff(username: str, *roles: Role, divisions: tuple[str, ...] = ("140105",)) -> StaffCaller:
    return StaffCaller(new_id(), new_id(), username, f"工作人员{username}", frozenset(roles), divisions, (), "csrf")


@pytest.fixture
async def world(database: str, cipher: FieldCipher, tmp_path: Path) -> World:
    storage, catalogue, people = FileStore(f"file://{tmp_path}"), GivenCatalogue(), GivenPeople()
    licences = LicenceService(cipher, storage)
    trail = AuditTrail(secrets.token_bytes(32))
    payments = PaymentService(
        ChannelTable({}, {}),
        NobodyPays(),  # type: ignore[arg-type]  # no order is opened
        audit=PaymentAudit(trail),
        fiscal=FakeFiscalPlatform(),
    )
    couriers = CourierTable({"SF": MemoryCourier(accepts=b'{"return_code":"0000"}')})
    delivery = DeliveryService(couriers, cipher, trail, storage, postage=CasePostage(payments))
    applications = ApplicationService(
        catalogue=catalogue,
        people=people,
        licences=licences,
        delivery=delivery,
        payments=payments,
        audit=trail,
        cipher=cipher,
        storage=storage,
        upload_limit_bytes=1_048_576,
    )
    citizen, other = caller(), caller()
    for each in (citizen, other):
        await db.execute(
            "INSERT INTO citizen (id, created_at, status, real_name_level, name_masked, id_number_masked, phone_masked,"
            " preferences, updated_at) VALUES ($1, now(), 'ACTIVE', 'L2', '*伟', '', '', '{}', now())",
            each.citizen_id,
        )
    return World(
        applications=applications,
        delivery=delivery,
        licences=licences,
        payments=payments,
        catalogue=catalogue,
        people=people,
        reactions=ApplicationReactions(applications.progress),
        citizen=citizen,
        other=other,
        window=staff("window", Role.WINDOW),
        reviewer=staff("reviewer", Role.REVIEWER),
        administrator=staff("administrator", Role.ADMINISTRATOR),
    )


@pytest.fixture
def far_reviewer() -> StaffCaller:
    return staff("far", Role.REVIEWER, Role.WINDOW, Role.ADMINISTRATOR, divisions=("1402",))


@pytest.fixture
def make_picture() -> Callable[..., bytes]:
    return picture


@pytest.fixture
def form() -> dict[str, Any]:
    return json.loads(json.dumps(FORM))


@pytest.fixture
def item_code() -> str:
    return str(ITEM["item_code"])


@pytest.fixture
def narrowed(world: World) -> Callable[..., StaffCaller]:
    return lambda **changes: replace(world.reviewer, **changes)


@pytest.fixture
def acts() -> Callable[[], Awaitable[list[str]]]:
    """Return the audited actions, oldest first."""

    async def read() -> list[str]:
        return [row["action"] for row in await db.fetch_all("SELECT action FROM audit_entry ORDER BY seq")]

    return read
