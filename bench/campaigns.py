"""A mass push written for very many people: rows a second, and the worker's memory from a thousand people on.

`python -m bench` calls it; alone it runs as `python -m bench.campaigns [people]`. The expansion is a process of its
own (`python -m bench.campaigns --expand CODE`), the product's own room over the product's own audiences.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import asyncpg
from rich.console import Console

from app import clock, db
from app.campaign_parts import AudienceSets, CampaignTrail
from app.crypto import FieldCipher
from app.pacing import Pacing
from app.settings import Settings
from bench import report
from bench.bill_day import peak_mib
from bench.engines import ROOT, engines
from notify.campaigns.room import CampaignRoom
from notify.campaigns.types import Acting, Audience, CampaignDraft, Officer
from notify.delivering.batches import Delivering
from notify.ports import NoticeTable
from notify.templates import Shelf
from notify.types import Contacts, KnownIdentity
from services.accounts.places import DivisionTable
from services.audiences.service import AudienceService
from services.staff.audit import AuditTrail

PEOPLE, FEW = 1_000_000, 1_000
_FEW_LIVE, _MANY_LIVE = "140105", "140213"
_LEAST_ROWS_A_SECOND = 10_000
_MOST_GROWTH_MIB = 16
_SEED = """
INSERT INTO citizen (id, created_at, updated_at, status, real_name_level, name_masked, id_number_masked, phone_masked,
    preferences, division_code, birth_year)
SELECT (lpad(to_hex(n), 12, '0') || '7000800000' || lpad(to_hex(n), 10, '0'))::uuid, now(), now(), 'ACTIVE', 'L2',
    '*伟', '', '', '{}'::jsonb, CASE WHEN n <= $2 THEN $3 ELSE $4 END, 1950 + n % 60
FROM generate_series(1, $1::int) AS n
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One expansion: how many notices in how many seconds, and the most memory of its process."""

    notices: int
    seconds: float
    peak_mib: float


def lines(settings: Settings, people: int, say: Callable[[str], None]) -> list[report.Line]:
    """Seed people, expand a campaign to few and one to all of them; return the lines of the table."""
    say(f"seeding {people:,} people")
    asyncio.run(_seed(settings.database_url, people))
    say("campaign expansion")
    few, all_of_them = expanded(_FEW_LIVE), expanded("14")
    what = f"campaign to {all_of_them.notices:,} people"
    rate = all_of_them.notices / all_of_them.seconds
    return [
        report.reached(f"{what}, expansion", rate, _LEAST_ROWS_A_SECOND, "rows/s"),
        report.bounded(f"{what}, worker's memory", all_of_them.peak_mib, 150, "MiB"),
        report.bounded(
            f"{what}, memory above that for {few.notices:,}",
            max(0.0, all_of_them.peak_mib - few.peak_mib),
            _MOST_GROWTH_MIB,
            "MiB",
        ),
    ]


def expanded(division: str) -> Measured:
    """Expand a campaign to everybody of a division prefix, in a process of its own."""
    command = [sys.executable, "-m", "bench.campaigns", "--expand", division]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


async def _seed(url: str, people: int) -> None:
    link = await asyncpg.connect(url)
    await link.execute(_SEED, people, FEW, _FEW_LIVE, _MANY_LIVE)
    await link.execute("ANALYZE citizen")
    await link.close()


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


def main(people: int) -> None:
    """Measure alone."""
    console = Console()
    with engines(console.print) as settings:
        console.print(report.screen(lines(settings, people, console.print)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--expand"]:
        sys.stdout.write(json.dumps(asdict(asyncio.run(_expand(sys.argv[2])))) + "\n")
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
