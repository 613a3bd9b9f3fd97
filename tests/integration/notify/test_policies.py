"""What delivery heeds: wishes, the night, lifetimes, the policy after a time-out, rests, turns and daily shares."""

from __future__ import annotations

import time as seconds
from datetime import UTC, datetime, time, timedelta

import pytest
from redis.asyncio import Redis

from app import clock, db
from app.limits import RateLimits
from app.pacing import Pacing
from notify import notices_repository
from notify.delivering import sending
from notify.delivering.allowances import Allowances, Rates, next_midnight
from notify.neutral import Delivery, Halt, Message, Outcome
from notify.preferences import Preferences, TopicWish
from notify.service import NotifyService
from notify.types import Contacts
from tests.fakes.notify_house import WECHAT_APP, NotifyHouse

pytestmark = pytest.mark.anyio
PLAIN = "application.submitted"
STATUTORY = "application.accepted"


def wish(house: NotifyHouse, **wishes: object) -> None:
    """The person says how they want to be told."""
    contacts = house.recipients.people[house.caller.citizen_id]
    preferences = Preferences(**({"quiet": False} | wishes))  # type: ignore[arg-type]  # by name
    house.recipients.people[house.caller.citizen_id] = Contacts(contacts.identities, contacts.phone, preferences)


async def template(house: NotifyHouse, code: str = STATUTORY, **changed: object) -> None:
    """Have a template say otherwise."""
    for column, value in changed.items():
        await db.execute(f"UPDATE notice_template SET {column} = $2 WHERE code = $1", code, value)
    house.service.shelf.forget()


async def ended(house: NotifyHouse, code: str = STATUTORY) -> tuple[str, str, str]:
    """Tell, deliver, and return status, channel and reason."""
    await house.service.tell(house.event(code))
    await house.drain()
    row = await house.notice()
    return row["status"], row["sent_channel"], row["reason"]


async def test_a_topic_switched_off_everywhere_is_suppressed_and_the_inbox_has_it(house: NotifyHouse) -> None:
    await house.allow(PLAIN)
    wish(house, topics={"case": TopicWish(False, False)})
    assert await ended(house, PLAIN) == ("SUPPRESSED", "INBOX", "muted")
    assert (await house.service.inbox(house.caller))[0][0].title == "申请已提交"
    assert await house.stock() == {"IN_STOCK": 1}


async def test_statutory_notices_heed_no_wish(house: NotifyHouse) -> None:
    wish(house, sms=False, subscribe_messages=False, quiet=True, quiet_from=time(0), quiet_until=time(23, 59))
    assert await ended(house) == ("SENT", "SMS", "")


async def test_elders_get_the_sms_first(house: NotifyHouse) -> None:
    await house.allow()
    wish(house, elder_mode=True)
    assert await ended(house) == ("SENT", "SMS", "")
    assert await house.stock() == {"IN_STOCK": 1}


@pytest.mark.parametrize(
    ("beijing", "waits_until"),
    [
        ("2026-12-31 20:59:59", None),
        ("2026-12-31 21:00:00", "2027-01-01 08:00:00"),
        ("2026-12-31 23:59:59", "2027-01-01 08:00:00"),
        ("2027-01-01 00:00:00", "2027-01-01 08:00:00"),
        ("2027-01-01 07:59:59", "2027-01-01 08:00:00"),
        ("2027-01-01 08:00:00", None),
    ],
)
async def test_the_night_waits_and_the_inbox_does_not(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch, beijing: str, waits_until: str | None
) -> None:
    await house.allow(PLAIN)
    wish(house, quiet=True)
    await house.service.tell(house.event(PLAIN))
    assert (await house.service.inbox(house.caller))[2] == 1
    with monkeypatch.context() as night:
        moment = clock.from_beijing(beijing)
        night.setattr(clock, "now", lambda: moment)
        await house.drain()
    row = await house.notice()
    if waits_until is None:
        assert (row["status"], row["sent_channel"]) == ("SENT", "WECHAT")
        return
    assert (row["status"], row["tries"], house.wechat.sent) == ("QUEUED", 0, [])
    late = row["next_try_at"] - clock.from_beijing(waits_until)
    assert timedelta() <= late <= timedelta(minutes=10)
    wish(house)
    await house.retry_now()
    assert (await house.notice())["sent_channel"] == "WECHAT"


async def test_urgent_ones_are_told_at_night_but_heed_what_is_switched_off(house: NotifyHouse) -> None:
    await house.allow(PLAIN)
    await template(house, PLAIN, urgent=True)
    wish(house, quiet=True, quiet_from=time(0), quiet_until=time(23, 59))
    assert (await ended(house, PLAIN))[:2] == ("SENT", "WECHAT")


async def test_what_is_not_worth_telling_any_more_expires(house: NotifyHouse) -> None:
    await template(house, lifetime_hours=2)
    house.sms.answers = [Outcome.LATER] * 9
    await house.service.tell(house.event())
    await house.drain()
    row = await house.notice()
    assert row["expires_at"] - row["occurred_at"] == timedelta(hours=2)
    await db.execute("UPDATE notice SET expires_at = now() - interval '1 minute'")
    await house.retry_now()
    row = await house.notice()
    assert (row["status"], row["sent_channel"], row["reason"]) == ("EXPIRED", "INBOX", "expired")


async def test_a_retry_is_never_later_than_the_lifetime(house: NotifyHouse) -> None:
    house.sms.answers = [Outcome.LATER]
    await house.service.tell(house.event())
    await db.execute("UPDATE notice SET expires_at = now() + interval '3 seconds'")
    await house.drain()
    row = await house.notice()
    assert row["next_try_at"] == row["expires_at"]


@pytest.mark.parametrize(
    ("policy", "after", "end"),
    [
        ("REPEAT", ("QUEUED", "", ""), ("SENT", "WECHAT", "")),
        ("NEXT", ("SENT", "SMS", ""), ("SENT", "SMS", "")),
        ("STOP", ("FAILED", "INBOX", "unknown"), ("FAILED", "INBOX", "unknown")),
    ],
)
async def test_the_template_says_what_follows_a_time_out(
    house: NotifyHouse, policy: str, after: tuple[str, str, str], end: tuple[str, str, str]
) -> None:
    await house.allow(times=2)
    await template(house, on_unknown=policy)
    house.wechat.answers = [Outcome.UNKNOWN]
    assert await ended(house) == after
    await house.retry_now()
    row = await house.notice()
    assert (row["status"], row["sent_channel"], row["reason"]) == end
    stock = await house.stock()
    assert stock == {"CONSUMED": 1, "IN_STOCK": 1}, "what may have been used is used"


@pytest.mark.parametrize(
    ("policy", "end"), [("REPEAT", ("SENT", "WECHAT")), ("NEXT", ("SENT", "SMS")), ("STOP", ("FAILED", "INBOX"))]
)
async def test_a_crash_in_a_call_is_a_time_out_to_the_policy(
    house: NotifyHouse, policy: str, end: tuple[str, str]
) -> None:
    class Killed(BaseException):
        pass

    async def dies(message: Message) -> Delivery:
        raise Killed

    await house.allow()
    await template(house, on_unknown=policy)
    await house.service.tell(house.event())
    original, house.wechat.send = house.wechat.send, dies  # type: ignore[method-assign]  # the process ends here
    with pytest.raises(Killed):
        await house.drain()
    house.wechat.send = original  # type: ignore[method-assign]  # a new process
    await house.retry_now()
    row = await house.notice()
    assert (row["status"], row["sent_channel"]) == end


async def test_worn_out_channels_give_way_to_the_next(house: NotifyHouse) -> None:
    await house.allow()
    house.wechat.answers = [Outcome.LATER] * 6
    house.sms.answers = [Outcome.LATER] * 2
    await house.service.tell(house.event())
    await house.drain()
    for _ in range(7):
        await house.retry_now()
    assert await house.attempts() == [("WECHAT", "LATER")] * 6 + [("SMS", "LATER")] * 2 + [("SMS", "SENT")]
    assert (await house.notice())["status"] == "SENT"
    assert await house.stock() == {"IN_STOCK": 1}


async def test_an_open_breaker_costs_no_rows_and_wears_out_all_the_same(house: NotifyHouse) -> None:
    await house.allow()
    house.wechat.away_seconds = 9.0
    await house.service.tell(house.event())
    await house.drain()
    assert await house.attempts() == []
    assert ((await house.notice())["status"], await house.stock()) == ("QUEUED", {"HELD": 1})
    for _ in range(5):
        await house.retry_now()
    assert await house.attempts() == [("WECHAT", "LATER"), ("SMS", "SENT")]


async def test_busy_with_the_same_person_comes_again_within_seconds(house: NotifyHouse) -> None:
    await house.allow()
    answers = [Delivery(Outcome.LATER, "43108", is_soon=True), Delivery(Outcome.SENT, "0", "m1")]

    async def answer(message: Message) -> Delivery:
        return answers.pop(0)

    house.wechat.send = answer  # type: ignore[method-assign]  # with the code's own mark
    await house.service.tell(house.event())
    row = await house.notice()
    await house.service.deliver(row["id"], row["occurred_at"])
    await db.execute("DELETE FROM pgqueuer WHERE execute_after <= now()")
    row = await house.notice()
    assert row["next_try_at"] - clock.now() < timedelta(seconds=4)
    jobs = await db.fetch_all("SELECT 1 FROM pgqueuer WHERE execute_after > now() + interval '1 second'")
    assert len(jobs) == 1


class Halting:
    """Answers one halt, and counts."""

    def __init__(self, house: NotifyHouse, delivery: Delivery) -> None:
        self.asked = 0
        self._delivery = delivery
        house.wechat.send = self.send  # type: ignore[method-assign]  # stands where the fake stands

    async def send(self, message: Message) -> Delivery:
        self.asked += 1
        return self._delivery


def limited(house: NotifyHouse, redis: Redis, **rates: int) -> None:
    """Have the room heed rates and rests, as a process of its own."""
    sms = rates.pop("sms_per_day", 0)
    allowances = Allowances(Pacing(redis), RateLimits(redis), Rates(rates, sms), b"secret")
    house.service = NotifyService(house.service.table, house.recipients, allowances)


async def test_a_used_up_day_rests_until_midnight_in_every_process(house: NotifyHouse, redis: Redis) -> None:
    await house.allow(PLAIN, times=3)
    await house.allow(times=1)
    platform = Halting(house, Delivery(Outcome.LATER, "45009", halt=Halt.DAY))
    for _ in range(2):
        limited(house, redis)  # another process knows it too
        await house.service.tell(house.event(PLAIN))
        await house.drain()
    assert platform.asked == 1
    rows = await db.fetch_all("SELECT status, next_try_at, tries FROM notice")
    midnight = next_midnight(clock.now())
    assert all(timedelta() < row["next_try_at"] - midnight <= timedelta(minutes=30) for row in rows)
    assert [(row["status"], row["tries"]) for row in rows] == [("QUEUED", 0)] * 2
    await house.service.tell(house.event(STATUTORY))
    await house.drain()
    assert len(house.sms.sent) == 1, "what the law asks for does not wait for tomorrow"


async def test_a_banned_template_rests_and_others_go_on(house: NotifyHouse, redis: Redis) -> None:
    limited(house, redis)
    await house.allow(times=3)
    platform = Halting(house, Delivery(Outcome.REFUSED, "43107", halt=Halt.TEMPLATE, is_fault=True))
    for _ in range(3):
        await house.service.tell(house.event())
        await house.drain()
    assert (platform.asked, len(house.sms.sent)) == (1, 3)
    assert await house.stock() == {"IN_STOCK": 3}
    waits = await Pacing(redis).resting([f"notice:WECHAT:{WECHAT_APP}:", f"notice:WECHAT:{WECHAT_APP}:x"])
    assert waits == {}


async def test_a_phone_has_its_share_of_a_day_except_for_what_the_law_asks(house: NotifyHouse, redis: Redis) -> None:
    limited(house, redis, sms_per_day=2)
    await template(house, statutory=False)
    for _ in range(4):
        await house.service.tell(house.event())
        await house.drain()
    reasons = [row["reason"] for row in await db.fetch_all("SELECT reason FROM notice ORDER BY id")]
    assert reasons == ["", "", "daily_cap", "daily_cap"]
    await template(house, statutory=True)
    await house.service.tell(house.event())
    await house.drain()
    assert len(house.sms.sent) == 3
    assert not any(b"138" in key for key in await redis.keys("*")), "no phone stands in a key"


async def test_turns_are_shared_by_all_processes(redis: Redis) -> None:
    one, other = Pacing(redis), Pacing(redis)
    first = await one.reserve("x", 10, 10, 5)
    second = await other.reserve("x", 10, 30, 5)
    assert first <= -0.9
    assert -0.2 < second <= 0.0
    assert 2.5 < await one.reserve("x", 10, 1, 5) <= 3.1
    assert await one.reserve("x", 10, 100, 1) > 1, "too far away: nothing is taken"
    assert 2.5 < await one.reserve("x", 10, 1, 5) <= 3.2


async def test_without_redis_a_process_keeps_its_own_measure() -> None:
    alone = Pacing(Redis.from_url("redis://127.0.0.1:1"))
    until = datetime(2999, 1, 1, tzinfo=UTC)
    assert await alone.reserve("x", 10, 10, 5) <= -0.9
    assert -0.2 < await alone.reserve("x", 10, 1, 5) <= 0.0
    await alone.rest("x", until)
    assert await alone.resting(["x", "y"]) == {"x": until}


async def test_a_batch_keeps_to_the_rate(house: NotifyHouse, redis: Redis) -> None:
    limited(house, redis, SMS=40)
    for _ in range(50):
        await house.service.tell(house.event())
    rows = await db.fetch_all("SELECT id, occurred_at FROM notice")
    batch = await notices_repository.claim_due(
        clock.now() + timedelta(seconds=1), clock.now() + timedelta(minutes=2), 100
    )
    started = seconds.monotonic()
    await house.service.delivering.deliver(batch)
    assert len(rows) == len(house.sms.sent) == 50
    assert seconds.monotonic() - started > 0.2, "forty at once, ten more by their turns"


async def test_turns_too_far_away_cost_no_try(
    house: NotifyHouse, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(house, redis, SMS=1)
    monkeypatch.setattr(sending, "MOST_WAIT_SECONDS", -2.0)
    await house.service.tell(house.event())
    await house.drain()
    row = await house.notice()
    assert (row["status"], row["tries"], await house.attempts()) == ("QUEUED", 0, [])
