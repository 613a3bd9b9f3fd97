"""Telling: one notice per event, channels in order, permissions consumed once, retries only where they help."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from msgspec import structs

from app import db
from app.ids import new_id
from notify.delivering import outcome_repository
from notify.neutral import Outcome
from notify.templates import import_templates
from tests.fakes.notify_house import TEMPLATES, NotifyHouse

pytestmark = pytest.mark.anyio


async def test_event_told_many_times_at_once_is_one_notice(house: NotifyHouse) -> None:
    event = house.event()
    await asyncio.gather(*(house.service.tell(event) for _ in range(10)))
    row = await house.notice()
    assert row["title"] == "申请已受理"
    assert "居民身份证换领" in row["text"]
    assert "2026-12-01" in row["text"]
    jobs = await db.fetch_all("SELECT id FROM pgqueuer")
    assert len(jobs) == 1


async def test_two_of_a_kind_in_the_same_second_are_both_told(house: NotifyHouse) -> None:
    first = house.event("refund.succeeded", part="R1", facts={"bill_no": "B1", "amount_fen": 500, "reason": "多缴"})
    for event in (first, structs.replace(first, part="R2"), first):
        await house.service.tell(event)
    rows = await db.fetch_all("SELECT dedupe_key FROM notice ORDER BY id")
    assert [row["dedupe_key"].rpartition(":")[2] for row in rows] == ["R1", "R2"]


async def test_event_without_template_or_person_tells_nobody(house: NotifyHouse) -> None:
    await house.service.tell(house.event("payment.closed"))
    await house.service.tell(house.event(citizen_id=""))
    assert await db.fetch_all("SELECT id FROM notice") == []


async def test_permission_in_stock_sends_on_the_platform_and_is_consumed(house: NotifyHouse) -> None:
    await house.allow()
    await house.service.tell(house.event())
    await house.drain()
    assert (await house.notice())["sent_channel"] == "WECHAT"
    assert await house.stock() == {"CONSUMED": 1}
    message = house.wechat.sent[0]
    assert (message.recipient, message.values["phrase2"]) == (house.openid, "已受理")
    assert message.page.startswith("pages/case/detail?no=A2026")
    assert house.sms.sent == []


async def test_without_permission_a_statutory_notice_goes_by_sms(house: NotifyHouse) -> None:
    await house.service.tell(house.event())
    await house.drain()
    row = await house.notice()
    assert (row["status"], row["sent_channel"]) == ("SENT", "SMS")
    assert house.sms.sent[0].values["item"] == "居民身份证换领"
    assert await house.attempts() == [("SMS", "SENT")]


async def test_without_permission_and_sms_the_inbox_has_it(house: NotifyHouse) -> None:
    await house.service.tell(house.event("application.submitted"))
    await house.drain()
    row = await house.notice()
    assert (row["status"], row["sent_channel"], row["next_try_at"]) == ("INBOX_ONLY", "INBOX", None)


async def test_event_for_the_inbox_alone_needs_no_job(house: NotifyHouse) -> None:
    await house.service.tell(house.event("application.withdrawn"))
    assert (await house.notice())["status"] == "INBOX_ONLY"
    assert await db.fetch_all("SELECT id FROM pgqueuer") == []


async def test_twenty_notices_at_once_consume_each_permission_once(house: NotifyHouse) -> None:
    await house.allow(times=7)
    for _ in range(20):
        await house.service.tell(house.event())
    rows = await db.fetch_all("SELECT id, occurred_at FROM notice")
    await asyncio.gather(*(house.service.deliver(row["id"], row["occurred_at"]) for row in rows))
    assert len(house.wechat.sent) == 7
    assert len(house.sms.sent) == 13
    assert await house.stock() == {"CONSUMED": 7}


async def test_delivery_of_one_notice_by_many_sends_once(house: NotifyHouse) -> None:
    await house.service.tell(house.event())
    row = await house.notice()
    await asyncio.gather(*(house.service.deliver(row["id"], row["occurred_at"]) for _ in range(10)))
    await house.retry_now()
    assert len(house.sms.sent) == 1


async def test_spent_permission_voids_the_stock_and_falls_to_the_next_channel(house: NotifyHouse) -> None:
    await house.allow(times=3)
    house.wechat.answers = [Outcome.NO_PERMISSION]
    await house.service.tell(house.event())
    await house.drain()
    assert await house.stock() == {"VOID": 3}
    assert await house.attempts() == [("WECHAT", "REFUSED"), ("SMS", "SENT")]


async def test_refusal_gives_the_permission_back(house: NotifyHouse) -> None:
    await house.allow()
    house.wechat.answers = [Outcome.REFUSED]
    await house.service.tell(house.event())
    await house.drain()
    assert await house.stock() == {"IN_STOCK": 1}
    assert (await house.notice())["sent_channel"] == "SMS"


async def test_unavailable_provider_is_tried_again_with_the_same_permission(house: NotifyHouse) -> None:
    await house.allow(times=2)
    house.wechat.answers = [Outcome.LATER, Outcome.UNKNOWN]
    await house.service.tell(house.event())
    await house.drain()
    assert await house.stock() == {"HELD": 1, "IN_STOCK": 1}
    assert house.sms.sent == [], "an unavailable channel is no reason for the next one"
    await house.retry_now()
    await house.retry_now()
    assert await house.stock() == {"CONSUMED": 1, "IN_STOCK": 1}
    assert await house.attempts() == [("WECHAT", "LATER"), ("WECHAT", "UNKNOWN"), ("WECHAT", "SENT")]


async def test_lost_answer_followed_by_a_spent_permission_counts_as_sent(house: NotifyHouse) -> None:
    await house.allow()
    house.wechat.answers = [Outcome.UNKNOWN, Outcome.NO_PERMISSION]
    await house.service.tell(house.event())
    await house.drain()
    await house.retry_now()
    assert (await house.notice())["status"] == "SENT"
    assert house.sms.sent == []
    assert await house.stock() == {"CONSUMED": 1}


async def test_patience_ends_visibly(house: NotifyHouse) -> None:
    house.sms.answers = [Outcome.LATER] * 20
    await house.service.tell(house.event())
    await house.drain()
    for _ in range(6):
        await house.retry_now()
    row = await house.notice()
    assert (row["status"], row["sent_channel"], row["tries"]) == ("FAILED", "INBOX", 6)
    assert len(await house.attempts()) == 6


class Killed(BaseException):
    """The process ends here."""


async def test_crash_in_a_call_leaves_a_trace_and_the_sweep_goes_on(house: NotifyHouse) -> None:
    await house.allow()
    await house.service.tell(house.event())
    original = house.wechat.send

    async def dies(message: object) -> object:
        raise Killed

    house.wechat.send = dies  # type: ignore[method-assign,assignment]  # the process ends here
    row = await house.notice()
    with pytest.raises(Killed):
        await house.service.deliver(row["id"], row["occurred_at"])
    house.wechat.send = original  # type: ignore[method-assign]  # a new process
    assert await house.attempts() == [("WECHAT", "STARTED")]
    await house.retry_now()
    assert await house.stock() == {"CONSUMED": 1}
    assert (await house.notice())["status"] == "SENT"


async def test_crash_between_the_answer_and_its_writing_asks_the_platform_again(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise Killed

    await house.allow()
    await house.service.tell(house.event())
    row = await house.notice()
    with monkeypatch.context() as crash:
        crash.setattr(outcome_repository, "write_sent", dies)
        with pytest.raises(Killed):
            await house.service.deliver(row["id"], row["occurred_at"])
    house.wechat.answers = [Outcome.NO_PERMISSION]
    await house.retry_now()
    assert len(house.wechat.sent) == 1
    assert ((await house.notice())["status"], (await house.notice())["sent_channel"]) == ("SENT", "WECHAT")
    assert house.sms.sent == []


async def test_notice_whose_delivery_always_breaks_ends_visibly(
    house: NotifyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(_: object) -> object:
        raise ValueError("a phone that no key opens")

    await house.service.tell(house.event())
    monkeypatch.setattr(house.recipients, "contacts_of", breaks)
    for _ in range(30):
        with suppress(ValueError):
            await house.retry_now()
    row = await house.notice()
    assert (row["status"], row["next_try_at"]) == ("FAILED", None)


async def test_person_without_contacts_still_has_the_inbox(house: NotifyHouse) -> None:
    await house.service.tell(house.event(citizen_id=new_id().hex))
    await house.drain()
    assert (await house.notice())["status"] == "INBOX_ONLY"


async def test_import_twice_changes_nothing_and_keeps_what_staff_disabled(house: NotifyHouse) -> None:
    await db.execute("UPDATE notice_template SET status = 'RETIRED' WHERE code = 'application.accepted'")
    before = await db.fetch_all("SELECT code, version, status FROM notice_template ORDER BY code")
    await import_templates(TEMPLATES)
    assert [
        tuple(r) for r in await db.fetch_all("SELECT code, version, status FROM notice_template ORDER BY code")
    ] == [tuple(r) for r in before]
