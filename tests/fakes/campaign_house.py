"""Campaigns over the real audiences room and a notify house with fake channels; people are seeded by SQL."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app import db
from app.campaign_parts import AudienceSets, CampaignTrail
from app.crypto import FieldCipher
from app.ids import new_id
from app.pacing import Pacing
from notify.campaigns.room import CampaignRoom
from notify.campaigns.types import Acting, Audience, CampaignDraft, CampaignView, Officer
from notify.delivering.batches import Delivering
from notify.neutral import Outcome
from notify.ports import NoticeTable
from notify.templates import Shelf, import_templates
from notify.types import ContactIdentity, Contacts
from services.accounts.places import DivisionTable
from services.audiences.service import AudienceService
from services.staff.audit import AuditTrail
from services.staff.types import Role, StaffCaller
from tests.fakes.notify_house import TEMPLATES, WECHAT_APP, FakeNoticeChannel, FakeRecipients

VARIABLES = {
    "policy": "灵活就业人员社保补贴",
    "summary": "符合条件的可在12月底前申领",
    "issuer": "太原市小店区人社局",
    "page_code": "ZC20261101",
    "until": "2026-12-31",
}
CODE = "campaign.subsidy"
_SEED = """
INSERT INTO citizen (id, created_at, updated_at, status, real_name_level, name_masked, id_number_masked, phone_masked,
    preferences, division_code, birth_year)
SELECT (lpad(to_hex(n), 12, '0') || '7000800000' || lpad(to_hex(n), 10, '0'))::uuid, now(), now(), 'ACTIVE',
    'L' || (n % 3), '*伟', '', '', '{}'::jsonb, ($1::text[])[1 + n % cardinality($1::text[])], 1950 + n % 60
FROM generate_series($2::int, $3::int) AS n
"""


class EverybodyHasPhones(FakeRecipients):
    """Everybody has a phone and nothing else."""

    async def contacts_of(self, citizen_ids: Any) -> dict[uuid.UUID, Contacts]:
        return {one: self.people.get(one, Contacts((), "13800000001")) for one in citizen_ids}


@dataclass
class CampaignHouse:
    """The rooms, some staff, and what the pages were told."""

    cipher: FieldCipher
    page: int = 100
    approval_size: int = 1000
    sms: FakeNoticeChannel = field(default_factory=FakeNoticeChannel)
    announced: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wechat = FakeNoticeChannel()
        self.recipients = EverybodyHasPhones()
        self.table = NoticeTable({("SMS", ""): self.sms, ("WECHAT", WECHAT_APP): self.wechat})
        self.trail = AuditTrail(b"k" * 32)
        self.audiences = AudienceService(self.cipher, self.trail, DivisionTable())
        shelf = Shelf()
        self.room = CampaignRoom(
            table=self.table,
            delivering=Delivering(self.table, self.recipients, shelf),
            shelf=shelf,
            pacing=Pacing(),
            audiences=AudienceSets(self.audiences),
            audit=CampaignTrail(self.trail),
            announce=self._announce,
            approval_size=self.approval_size,
            page=self.page,
        )
        self.desk = self.room.service

    async def _announce(self, topic: str) -> None:
        self.announced.append(topic)

    async def prepare(self) -> None:
        """Import the templates; nights are over, so that nothing waits for the morning."""
        await import_templates(TEMPLATES)
        await db.execute("UPDATE notice_template SET urgent = true WHERE used_for = 'CAMPAIGN'")

    def draft(self, **changed: Any) -> CampaignDraft:
        """A draft that fits."""
        audience = changed.pop("audience", Audience())
        plain = {"title": "补贴提醒", "template_code": CODE, "variables": VARIABLES, "rate_per_second": 2000}
        return CampaignDraft(audience=audience, **(plain | changed))

    async def ready(self, officer: Officer | None = None, **changed: Any) -> CampaignView:
        """A campaign that is approved, by a second person where one is needed."""
        author = officer or person("publisher")
        made = await self.desk.create(author, self.draft(**changed))
        handed_in = await self.desk.submit(author, made.campaign_no, Acting())
        if handed_in.status == "WAITING":
            return await self.desk.approve(person("approver", "approver"), made.campaign_no, Acting())
        return handed_in

    async def started(self, officer: Officer | None = None, **changed: Any) -> str:
        """The number of a campaign whose expansion waits as a job."""
        shown = await self.ready(officer, **changed)
        await self.desk.start(officer or person("publisher"), shown.campaign_no, Acting())
        return shown.campaign_no

    async def run_one(self) -> str | None:
        """Run the next waiting job; return its name."""
        row = await db.fetch_row(
            "DELETE FROM pgqueuer WHERE id = (SELECT id FROM pgqueuer ORDER BY priority DESC, id LIMIT 1)"
            " RETURNING entrypoint, payload"
        )
        if row is None:
            return None
        function = self.room.jobs().get(row["entrypoint"])
        if function is not None:
            await function(json.loads(row["payload"]))
        return str(row["entrypoint"])

    async def expand(self, number: str) -> None:
        """Run jobs until the whole audience stands in rows; what sends it still waits."""
        while (await self.show(number)).status == "EXPANDING":
            assert await self.run_one(), "no job is left, and it still grows"

    async def drain(self) -> None:
        """Run waiting jobs until none is left."""
        while await self.run_one():
            await asyncio.sleep(0)

    async def show(self, number: str) -> CampaignView:
        """The campaign as its author sees it."""
        return await self.desk.show(person("publisher"), number)

    async def check_counters(self, number: str) -> dict[str, int]:
        """Compare the counters with the notices themselves; return these by status."""
        rows = await db.fetch_all(
            "SELECT n.status, count(*) AS n FROM notice n JOIN campaign c ON c.id = n.campaign_id"
            " WHERE c.campaign_no = $1 GROUP BY n.status",
            number,
        )
        counted = {row["status"]: row["n"] for row in rows}
        kept = msgspec.to_builtins((await self.show(number)).counts)
        assert kept == {
            "total": sum(counted.values()),
            **{name: counted.get(name.upper(), 0) for name in kept if name != "total"},
        }
        doubled = await db.fetch_all(
            "SELECT citizen_id FROM notice GROUP BY citizen_id, campaign_id HAVING count(*) > 1"
        )
        assert list(doubled) == []
        return counted

    def refuse(self, outcome: Outcome, times: int) -> None:
        """Let the next messages end so."""
        self.sms.answers += [outcome] * times


async def seed(first: int, last: int, *divisions: str) -> None:
    """Add citizens with ids in the order of their numbers, spread over divisions."""
    await db.execute(_SEED, list(divisions or ("140105",)), first, last)


def citizen_id(number: int) -> uuid.UUID:
    """The id of a seeded citizen."""
    return uuid.UUID(f"{number:012x}7000800000{number:010x}")


def person(name: str, *roles: str, divisions: tuple[str, ...] = ("14",)) -> Officer:
    """A member of staff in the words of campaigns; a publisher unless said otherwise."""
    held = roles or ("publisher",)
    return Officer(
        username=name,
        divisions=divisions,
        address="10.0.0.1",
        may_look=bool({"publisher", "approver", "auditor", "administrator"} & set(held)),
        may_compose="publisher" in held,
        may_approve="approver" in held,
        may_stop=bool({"publisher", "approver", "administrator"} & set(held)),
    )


def caller(name: str = "publisher", *roles: Role, divisions: tuple[str, ...] = ("14",)) -> StaffCaller:
    """A member of staff as doors know them."""
    return StaffCaller(new_id(), new_id(), name, name, frozenset(roles or (Role.PUBLISHER,)), divisions, (), "csrf")


def by_wechat(citizen: uuid.UUID) -> Contacts:
    """Somebody who is reached at WeChat only."""
    return Contacts((ContactIdentity(new_id(), "WECHAT", WECHAT_APP, f"o{citizen.hex[:27]}"),), "")
