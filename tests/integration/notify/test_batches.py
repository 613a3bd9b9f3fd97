"""Delivery in batches: statements do not grow with the batch, each permission serves once, counters are exact."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import db
from app.clock import now
from app.ids import new_id
from notify import notices_repository
from notify.delivering import attempts_repository, outcome_repository
from notify.delivering.attempts_repository import Finished
from notify.neutral import Outcome
from notify.notices_repository import Move, NewNotice, NoticeRecord
from notify.states import lease
from notify.types import ContactIdentity, Contacts
from tests.fakes.notify_house import WECHAT_APP, NotifyHouse

pytestmark = pytest.mark.anyio
CODE = "application.accepted"


async def written(house: NotifyHouse, count: int, *, people: int = 0, **changed: Any) -> Any:
    """Write a campaign's notices to so many people (0 = each to another); return the campaign's id."""
    campaign_id, at = new_id(), now()
    ids = [new_id() for _ in range(people or count)]
    for number, citizen_id in enumerate(ids):
        identity = ContactIdentity(new_id(), "WECHAT", WECHAT_APP, f"o{citizen_id.hex[:27]}")
        house.recipients.people[citizen_id] = Contacts((identity,), f"138{number:08}")
    new = [
        NewNotice(
            dedupe_key=f"campaign:{campaign_id.hex}:{number}",
            occurred_at=at,
            citizen_id=ids[number % len(ids)],
            code=CODE,
            version=1,
            title="标题",
            text="内容",
            variables={"item_name": "居民身份证换领"},
            campaign_id=campaign_id,
            **changed,
        )
        for number in range(count)
    ]
    async with db.transaction() as tx:
        assert await notices_repository.record_many(tx, new) == count
        assert await notices_repository.record_many(tx, new) == 0
        await tx.execute(
            "INSERT INTO campaign_count (id, created_at, campaign_id, shard, status, channel, reason, notices)"
            " VALUES ($1, now(), $1, 0, 'QUEUED', '', '', $2)",
            campaign_id,
            count,
        )
    return campaign_id


async def claimed(campaign_id: Any, limit: int = 500) -> list[NoticeRecord]:
    """Claim what is due of a campaign."""
    moment = now() + timedelta(seconds=1)
    return await notices_repository.claim_of_campaign(campaign_id, moment, moment + lease(), limit)


async def counted(campaign_id: Any) -> dict[tuple[str, str, str], int]:
    """Return the counters by (status, channel, reason), without those that are empty."""
    rows = await db.fetch_all(
        "SELECT status, channel, reason, sum(notices)::int AS n FROM campaign_count WHERE campaign_id = $1"
        " GROUP BY 1, 2, 3 HAVING sum(notices) <> 0",
        campaign_id,
    )
    return {(row["status"], row["channel"], row["reason"]): row["n"] for row in rows}


async def real(campaign_id: Any) -> dict[tuple[str, str, str], int]:
    """Count the notices themselves."""
    rows = await db.fetch_all(
        "SELECT status, sent_channel, reason, count(*)::int AS n FROM notice WHERE campaign_id = $1 GROUP BY 1, 2, 3",
        campaign_id,
    )
    return {(row["status"], row["sent_channel"], row["reason"]): row["n"] for row in rows}


async def test_a_batch_needs_no_statement_of_its_own_for_each_notice(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fetch = db.fetch_all

    async def noted(sql: str, *values: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, *values)

    monkeypatch.setattr(db, "fetch_all", noted)
    numbers = []
    for count in (1, 5, 90):
        campaign_id = await written(house, count)
        batch = await claimed(campaign_id)
        asked.clear()
        await house.service.delivering.deliver(batch)
        numbers.append(len(asked))
        assert await real(campaign_id) == {("SENT", "SMS", ""): count}
    assert numbers[1] == numbers[2]


async def test_counters_follow_every_move(house: NotifyHouse) -> None:
    campaign_id = await written(house, 120)
    house.sms.answers = [Outcome.SENT, Outcome.REFUSED, Outcome.LATER] * 40
    batch = await claimed(campaign_id)
    assert await claimed(campaign_id) == [], "claimed ones are nobody else's"
    await asyncio.gather(*(house.service.delivering.deliver(batch[at : at + 40]) for at in (0, 40, 80)))
    assert await counted(campaign_id) == await real(campaign_id)
    assert (await counted(campaign_id))["QUEUED", "", ""] == 40
    for row in await db.fetch_all("SELECT provider_message_no FROM notice_attempt WHERE outcome = 'SENT' LIMIT 10"):
        await house.service.receive_receipts(
            "aliyun", "secret", f'[["{row["provider_message_no"]}", false, "UNDELIVERABLE"]]'.encode()
        )
    assert await counted(campaign_id) == await real(campaign_id)
    await house.drain()
    assert await counted(campaign_id) == await real(campaign_id)
    assert (await counted(campaign_id))["INBOX_ONLY", "INBOX", "refused"] == 50


async def test_an_ending_written_twice_counts_once(house: NotifyHouse) -> None:
    campaign_id = await written(house, 3)
    batch = await claimed(campaign_id)
    moves = [Move(notice, "SENT", "SMS") for notice in batch]
    for _ in range(2):
        await outcome_repository.record(outcome_repository.Outcomes(moves=moves))
    assert await counted(campaign_id) == {("SENT", "SMS", ""): 3}


async def test_who_lost_the_lease_may_only_say_that_it_was_sent(house: NotifyHouse) -> None:
    campaign_id = await written(house, 2)
    slow = await claimed(campaign_id)
    await db.execute("UPDATE notice SET next_try_at = now()")
    assert len(await claimed(campaign_id)) == 2
    moves = [Move(slow[0], "SENT", "SMS"), Move(slow[1], "INBOX_ONLY", "INBOX", "refused")]
    await outcome_repository.record(outcome_repository.Outcomes(moves=moves))
    assert await counted(campaign_id) == {("SENT", "SMS", ""): 1, ("QUEUED", "", ""): 1} == await real(campaign_id)


async def test_what_went_out_has_the_last_word_also_after_somebody_else_has_ended_it(house: NotifyHouse) -> None:
    campaign_id = await written(house, 3)
    slow = await claimed(campaign_id)
    begun = await attempts_repository.begin_attempts([(notice.id, "SMS", 1) for notice in slow])
    await db.execute("UPDATE notice SET next_try_at = now()")
    newer = await claimed(campaign_id)
    ends = [Move(newer[0], "INBOX_ONLY", "INBOX", "refused"), Move(newer[1], "QUEUED", next_try_at=now(), tries=1)]
    await outcome_repository.record(outcome_repository.Outcomes(moves=ends))
    sent = [
        (Move(notice, "SENT", "SMS"), Finished(attempt, "SENT", "OK", f"M{number}"))
        for number, (notice, attempt) in enumerate(zip(slow, begun, strict=True))
    ]
    for _ in range(2):
        await outcome_repository.record(outcome_repository.Outcomes(sent=sent))
        assert await counted(campaign_id) == {("SENT", "SMS", ""): 3} == await real(campaign_id)
    assert await house.attempts() == [("SMS", "SENT")] * 3


async def test_a_number_that_no_column_takes_spoils_only_itself(house: NotifyHouse) -> None:
    campaign_id = await written(house, 3)
    original, numbers = house.sms.send, ["good", "b\x00ad", "\ud800"]

    async def odd(message: Any) -> Any:
        return replace(await original(message), message_no=numbers.pop(), provider_code="\x00")

    house.sms.send = odd  # type: ignore[method-assign]  # a provider of whom nobody knows what it may say
    await house.service.delivering.deliver(await claimed(campaign_id))
    assert await real(campaign_id) == {("SENT", "SMS", ""): 3}, "what went out is not sent again"
    rows = await db.fetch_all("SELECT provider_message_no, provider_code FROM notice_attempt ORDER BY 1")
    assert {row["provider_message_no"] for row in rows} == {"", "good"}


async def test_notices_of_one_batch_never_share_a_permission(house: NotifyHouse) -> None:
    campaign_id = await written(house, 20, people=1)
    citizen_id = next(iter(reversed(house.recipients.people)))
    identity = house.recipients.people[citizen_id].identities[0]
    for _ in range(7):
        await db.execute(
            "INSERT INTO subscription (id, created_at, citizen_id, identity_id, channel, template_id, kind, status)"
            " VALUES ($1, now(), $2, $3, 'WECHAT', $4, 'ONE_TIME', 'IN_STOCK')",
            new_id(),
            citizen_id,
            identity.identity_id,
            house.template_id(CODE),
        )
    batch = await claimed(campaign_id)
    await asyncio.gather(*(house.service.delivering.deliver(batch[at : at + 5]) for at in range(0, 20, 5)))
    assert (len(house.wechat.sent), len(house.sms.sent)) == (7, 13)
    assert await house.stock() == {"CONSUMED": 7}
    rows = await db.fetch_all("SELECT count(DISTINCT notice_id) AS n FROM subscription")
    assert rows[0]["n"] == 7


async def test_the_sweep_leaves_campaigns_to_their_own_pace(house: NotifyHouse) -> None:
    campaign_id = await written(house, 3)
    await house.retry_now()
    assert await real(campaign_id) == {("QUEUED", "", ""): 3}


async def test_two_messages_to_one_person_go_one_after_the_other(house: NotifyHouse) -> None:
    under_way, most = 0, 0
    original = house.sms.send

    async def counting(message: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return await original(message)

    house.sms.send = counting  # type: ignore[method-assign]  # to look at how it is called
    await house.service.delivering.deliver(await claimed(await written(house, 5, people=1)))
    assert (most, len(house.sms.sent)) == (1, 5)
    await house.service.delivering.deliver(await claimed(await written(house, 90)))
    assert 1 < most <= 50
