"""A campaign that is paused or cancelled tells nobody, not even by the job of a single notice."""

from __future__ import annotations

import asyncio

import pytest

from app import clock, db
from notify import notices_repository
from notify.campaigns.types import Acting
from notify.delivering.attempts_repository import record_receipt
from notify.notices_repository import NoticeRecord
from notify.states import lease
from tests.fakes.campaign_house import CampaignHouse, person, seed
from tests.waiting import until

pytestmark = pytest.mark.anyio
PUBLISHER = person("publisher")


async def claimed() -> list[NoticeRecord | None]:
    """What the jobs of single notices would send now."""
    rows = await db.fetch_all("SELECT id, occurred_at FROM notice WHERE status = 'QUEUED'")
    lease_until = clock.now() + lease()
    return [await notices_repository.claim_notice(row["id"], row["occurred_at"], lease_until) for row in rows]


async def test_a_single_notice_heeds_the_pause_of_its_campaign(house: CampaignHouse) -> None:
    await seed(1, 3)
    number = await house.started()
    await house.expand(number)
    await house.desk.pause(PUBLISHER, number, Acting())
    assert await claimed() == [None] * 3
    await house.desk.resume(PUBLISHER, number, Acting())
    assert None not in await claimed()


async def test_what_failed_late_in_a_cancelled_campaign_is_taken_back(house: CampaignHouse) -> None:
    await seed(1, 300)
    number = await house.started(rate_per_second=20)
    await house.expand(number)
    sending = asyncio.create_task(house.drain())
    await until("the first message", lambda: house.sms.sent)
    await house.desk.cancel(PUBLISHER, number, Acting(reason="内容有误"))
    await sending
    await house.drain()
    sent = await db.fetch_row("SELECT provider_message_no AS no FROM notice_attempt WHERE outcome = 'SENT' LIMIT 1")
    assert sent is not None
    assert await record_receipt(sent["no"], False, "UNDELIVERED")
    assert await claimed() == [None]
    await house.room.sweeps()["campaigns.revive"][1]()
    await house.drain()
    counted = await house.check_counters(number)
    assert counted == {"SENT": len(house.sms.sent) - 1, "SUPPRESSED": 301 - len(house.sms.sent)}
