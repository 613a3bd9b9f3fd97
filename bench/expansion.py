"""One mass push written for everybody of a division, as `python -m bench.expansion CODE` in a process of its own.

Prints what it took as JSON. It is the product's room over the product's audiences, and holds what a job runner holds.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import app.worker  # noqa: F401  # for its weight: what writes campaigns is a job runner, with every room in it
from app import clock, db
from app.campaign_parts import AudienceSets, CampaignTrail
from app.crypto import FieldCipher
from app.pacing import Pacing
from bench.peak import peak_mib
from notify.campaigns.room import CampaignRoom
from notify.campaigns.types import Acting, Audience, CampaignDraft, Officer
from notify.delivering.batches import Delivering
from notify.ports import NoticeTable
from notify.templates import Shelf
from notify.types import Contacts, KnownIdentity
from services.accounts.places import DivisionTable
from services.audiences.service import AudienceService
from services.staff.audit import AuditTrail


@dataclass(frozen=True, slots=True)
class Measured:
    """One expansion: how many notices in how many seconds, and the most memory of its process."""

    notices: int
    seconds: float
    peak_mib: float


async def _expand(division: str) -> Measured:
    await db.start(os.environ["SJT_DATABASE_URL"], pool_max=4)
    room = _room()
    author, second = _officer("bench-author"), _officer("bench-second")
    draft = CampaignDraft(
        title="压测",
        template_code="campaign.policy",
        variables={"policy": "政策", "summary": "摘要", "issuer": "单位", "page_code": "ZC1"},
        audience=Audience(divisions=[division]),
    )
    made = await room.service.create(author, draft)
    number = made.campaign_no
    if (await room.service.submit(author, number, Acting())).status == "WAITING":
        await room.service.approve(second, number, Acting())
    await room.service.start(author, number, Acting())
    started = clock.monotonic()
    expand = room.jobs()["campaign.expand"]
    while row := await db.fetch_row(
        "SELECT id, cursor FROM campaign WHERE campaign_no = $1 AND status = 'EXPANDING'", number
    ):
        await expand({"campaign_id": row["id"].hex, "after": row["cursor"].hex if row["cursor"] else ""})
    seconds = clock.monotonic() - started
    total = (await room.service.show(author, number)).counts.total
    await db.stop()
    return Measured(total, round(seconds, 3), peak_mib())


def _room() -> CampaignRoom:
    async def nobody(topic: str) -> None:
        return None

    shelf, table = Shelf(), NoticeTable({})
    trail = AuditTrail(secrets.token_bytes(32))
    cipher = FieldCipher({"bench": secrets.token_bytes(32)}, secrets.token_bytes(32))
    audiences = AudienceSets(AudienceService(cipher, trail, DivisionTable(), patience_ms=20_000))
    return CampaignRoom(
        table=table,
        delivering=Delivering(table, _Nobody(), shelf),
        shelf=shelf,
        pacing=Pacing(),
        audiences=audiences,
        audit=CampaignTrail(trail),
        announce=nobody,
        approval_size=1_000,
    )


class _Nobody:
    """Implements notify.ports.Recipients: nothing is sent here."""

    async def contacts_of(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Contacts]:
        return {}

    async def find(self, provider: str, app_id: str, subject: str) -> KnownIdentity | None:
        return None


def _officer(name: str) -> Officer:
    return Officer(name, ("14",), "", may_look=True, may_compose=True, may_approve=True, may_stop=True)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(_expand(sys.argv[1])))) + "\n")
