"""Nobody is told twice or not at all because a notice had to wait, a neighbour broke, or a word came early."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from app import clock, db
from app.ids import new_id
from app.limits import RateLimits
from app.pacing import Pacing
from notify import notices_repository
from notify.campaigns import sending_repository
from notify.delivering import sending
from notify.delivering.allowances import Allowances, Rates
from notify.neutral import Delivery, Message, Outcome
from notify.notices_repository import NoticeRecord
from notify.service import NotifyService
from notify.types import Contacts
from tests.fakes.notify_house import NotifyHouse

pytestmark = pytest.mark.anyio
Send = Callable[[Message], Awaitable[Delivery]]


async def policy(house: NotifyHouse, on_unknown: str, *, statutory: bool = True) -> None:
    """Have every template say so."""
    await db.execute("UPDATE notice_template SET on_unknown = $1, statutory = $2, urgent = true", on_unknown, statutory)
    house.service.shelf.forget()


async def claimed(house: NotifyHouse, count: int) -> list[NoticeRecord]:
    """Tell so many people by SMS, each their own, and claim the notices."""
    for number in range(count):
        house.recipients.people[house.caller.citizen_id] = Contacts((), "13800000001")
        citizen_id = new_id()
        house.recipients.people[citizen_id] = Contacts((), f"139{number:08}")
        await house.service.tell(house.event(citizen_id=citizen_id.hex))
    moment = clock.now() + timedelta(seconds=1)
    return await notices_repository.claim_due(moment, moment + timedelta(seconds=120), count)


async def test_a_channel_that_may_have_told_is_remembered_while_the_next_one_waits(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await policy(house, "NEXT")
    await house.allow(times=2)
    waits = iter([100.0])

    async def turns(channel: str, app_id: str, count: int) -> tuple[float, float]:
        return (next(waits, 0.0) if channel == "SMS" else 0.0), 0.0

    allowances = Allowances()
    monkeypatch.setattr(allowances, "turns", turns)
    house.service = NotifyService(house.service.table, house.recipients, allowances)
    house.sweeps._service = house.service
    house.wechat.answers = [Outcome.UNKNOWN]
    await house.service.tell(house.event())
    await house.drain()
    assert (await house.notice())["status"] == "QUEUED"
    await house.retry_now()
    assert await house.attempts() == [("WECHAT", "UNKNOWN"), ("SMS", "SENT")]
    assert house.wechat.sent == []


async def test_a_worn_out_channel_stays_so_while_the_next_one_waits(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.allow()
    waits = iter([100.0])

    async def turns(channel: str, app_id: str, count: int) -> tuple[float, float]:
        return (next(waits, 0.0) if channel == "SMS" else 0.0), 0.0

    allowances = Allowances()
    monkeypatch.setattr(allowances, "turns", turns)
    house.service = NotifyService(house.service.table, house.recipients, allowances)
    house.sweeps._service = house.service
    house.wechat.answers = [Outcome.LATER] * 6
    await house.service.tell(house.event())
    await house.drain()
    for _ in range(6):
        await house.retry_now()
    assert await house.attempts() == [("WECHAT", "LATER")] * 6 + [("SMS", "SENT")]


async def test_waiting_for_a_turn_costs_nothing_of_a_phones_day(
    house: NotifyHouse, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowances = Allowances(Pacing(redis), RateLimits(redis), Rates({"SMS": 100}, 2), b"secret")
    house.service = NotifyService(house.service.table, house.recipients, allowances)
    house.sweeps._service = house.service
    await policy(house, "REPEAT", statutory=False)
    await db.execute("UPDATE notice_template SET urgent = false")
    house.service.shelf.forget()
    await house.service.tell(house.event())
    with monkeypatch.context() as crowded:
        crowded.setattr(sending, "MOST_WAIT_SECONDS", -2.0)
        await house.drain()
        for _ in range(3):
            await house.retry_now()
    house.sms.answers = [Outcome.LATER] * 3
    for _ in range(4):
        await house.retry_now()
    row = await house.notice()
    assert (row["status"], row["sent_channel"], row["reason"]) == ("SENT", "SMS", "")


@pytest.mark.parametrize("end", [ValueError, asyncio.CancelledError])
async def test_one_call_that_breaks_does_not_send_its_neighbours_again(
    house: NotifyHouse, end: type[BaseException]
) -> None:
    batch = await claimed(house, 5)
    original: Send = house.sms.send
    broken = batch[2].id.hex

    async def breaks(message: Message) -> Delivery:
        if message.reference == broken:
            await asyncio.sleep(0.1)
            raise end
        return await original(message)

    house.sms.send = breaks  # type: ignore[method-assign]  # an error that nobody foresaw, or a process that ends
    with pytest.raises(end):
        await house.service.delivering.deliver(batch)
    house.sms.send = original  # type: ignore[method-assign]
    rows = await db.fetch_all("SELECT status, count(*) AS n FROM notice GROUP BY status")
    assert {row["status"]: row["n"] for row in rows} == {"SENT": 4, "QUEUED": 1}
    await house.retry_now()
    assert len(house.sms.sent) == 5
    assert len({message.reference for message in house.sms.sent}) == 5


async def test_what_would_go_out_after_the_lease_is_left_to_others(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await claimed(house, 3)
    person = batch[0].citizen_id
    batch = [*batch[:1], *(_of(notice, person) for notice in batch[1:])]
    passed = [0.0]
    original: Send = house.sms.send

    async def slow(message: Message) -> Delivery:
        passed[0] += 70.0
        return await original(message)

    monkeypatch.setattr(clock, "monotonic", lambda: 1000.0 + passed[0])
    house.sms.send = slow  # type: ignore[method-assign]  # a provider that takes its time
    await house.service.delivering.deliver(batch)
    assert len(house.sms.sent) == 2, "the third would have left when somebody else may have it"
    rows = await db.fetch_all("SELECT status, count(*) AS n FROM notice GROUP BY status")
    assert {row["status"]: row["n"] for row in rows} == {"SENT": 2, "QUEUED": 1}
    monkeypatch.undo()
    house.sms.send = original  # type: ignore[method-assign]
    await house.retry_now()
    assert len(house.sms.sent) == 3


def _of(notice: NoticeRecord, citizen_id: Any) -> NoticeRecord:
    plain = {name: getattr(notice, name) for name in NoticeRecord.__dataclass_fields__}
    return NoticeRecord(**(plain | {"citizen_id": citizen_id}))


async def test_a_failure_told_before_the_send_was_written_down_is_heard_later(house: NotifyHouse) -> None:
    batch = await claimed(house, 1)
    original: Send = house.sms.send

    async def failing(message: Message) -> Delivery:
        told = await original(message)
        body = f'[["{told.message_no}", false, "UNDELIVERED"]]'.encode()
        await house.service.receive_receipts("aliyun", "secret", body)
        return told

    house.sms.send = failing  # type: ignore[method-assign]  # its report overtakes its answer
    await house.service.delivering.deliver(batch)
    assert (await house.notice())["status"] == "SENT"
    await house.drain()
    row = await house.notice()
    assert (row["status"], row["sent_channel"]) == ("INBOX_ONLY", "INBOX"), "the phone never got it"
    assert await house.attempts() == [("SMS", "FAILED")]


async def test_a_report_without_a_number_means_no_message(house: NotifyHouse) -> None:
    async def nameless(message: Message) -> Delivery:
        return Delivery(Outcome.SENT, "10000")

    house.sms.send = nameless  # type: ignore[method-assign]  # platforms that give no number
    await house.service.delivering.deliver(await claimed(house, 3))
    await house.service.receive_receipts("aliyun", "secret", b'[["", false, "X"], ["\\u0000", false, "X"]]')
    await house.drain()
    assert await house.attempts() == [("SMS", "SENT")] * 3


async def test_outcomes_survive_a_moment_without_a_database(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await claimed(house, 2)
    original, failures = notices_repository.move, [ConnectionResetError(), ConnectionResetError()]

    async def away(tx: db.Transaction, moves: Any) -> None:
        if house.sms.sent and failures:
            raise failures.pop()
        await original(tx, moves)

    monkeypatch.setattr(notices_repository, "move", away)
    await house.service.delivering.deliver(batch)
    rows = await db.fetch_all("SELECT status, count(*) AS n FROM notice GROUP BY status")
    assert {row["status"]: row["n"] for row in rows} == {"SENT": 2}
    await house.retry_now()
    assert len(house.sms.sent) == 2


async def test_taking_back_a_notice_that_may_have_been_told_gives_no_permission_back(house: NotifyHouse) -> None:
    await house.allow(times=2)
    house.wechat.answers = [Outcome.UNKNOWN, Outcome.LATER]
    for _ in range(2):
        await house.service.tell(house.event())
    await house.drain()
    assert await house.stock() == {"HELD": 2}
    campaign_id = new_id()
    await db.execute("UPDATE notice SET campaign_id = $1, next_try_at = now()", campaign_id)
    assert await sending_repository.suppress_page(campaign_id, 10) == 2
    assert await house.stock() == {"CONSUMED": 1, "IN_STOCK": 1}
