"""Threads: opened and continued by the platform's chat and in the mini-program, private, in scope, kept for a time."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, StaleVersion, TooManyRequests
from services.consultations.service import RATE
from services.consultations.types import NewConsultation, NewMessage
from services.staff.types import Role
from tests.integration.consultations.conftest import Room, events, officer

pytestmark = pytest.mark.anyio


async def test_first_words_in_the_chat_open_a_thread_and_later_ones_continue_it(room: Room) -> None:
    number = await room.service.take(room.written("请问怎么办身份证？"))
    assert await room.service.take(room.written("在线等")) == number
    thread = await room.service.desk.peek(officer("province"), number)
    assert [message.text for message in thread.messages] == ["请问怎么办身份证？", "在线等"]
    assert (thread.status, thread.division_code, thread.person) == ("OPEN", "140000", "未实名用户")
    assert len(await events("consultation.asked")) == 2


async def test_repeats_of_one_message_count_once_also_after_the_end(room: Room) -> None:
    staff, words = officer("province"), room.written("你好")
    number = await room.service.take(words)
    assert await room.service.take(words) == number
    await room.service.desk.close(staff, number)
    assert await room.service.take(words) == number
    assert await room.service.take(room.written("又有问题")) != number
    row = await db.fetch_row("SELECT count(*) AS n FROM consultation_message WHERE author_kind = 'CITIZEN'")
    assert row is not None
    assert row["n"] == 2


async def test_two_messages_of_one_moment_open_one_thread(room: Room) -> None:
    numbers = await asyncio.gather(*(room.service.take(room.written(f"第{n}句")) for n in range(8)))
    assert len(set(numbers)) == 1


async def test_nothing_that_was_said_stands_in_clear(room: Room) -> None:
    await room.service.take(room.written("我的身份证号是140105199003070012"))
    rows = await db.fetch_all(
        "SELECT row_to_json(m)::text || row_to_json(c)::text AS all FROM consultation_message m, consultation c"
    )
    jobs = await db.fetch_all("SELECT encode(payload, 'escape') AS all FROM pgqueuer")
    assert not any("140105199003070012" in row["all"] for row in [*rows, *jobs])


async def test_entering_the_chat_wakes_nobody(room: Room) -> None:
    number = await room.service.take(room.written("进入客服会话", kind="other", opens_quietly=True))
    lines, _ = await room.service.desk.queue(officer("province"), "OPEN")
    assert lines == []
    assert await room.service.take(room.written("你好")) == number
    lines, _ = await room.service.desk.queue(officer("province"), "OPEN")
    assert [line.consultation_no for line in lines] == [number]


async def test_stranger_finds_the_thread_after_signing_in(room: Room) -> None:
    number = await room.service.take(room.written("没登录过", subject="o-new"))
    stranger, other = room.crowd.sign_in("o-new"), room.crowd.sign_in("o-other")
    found, _ = await room.service.list_own(stranger)
    assert [line.consultation_no for line in found] == [number]
    assert (await room.service.list_own(other))[0] == []
    with pytest.raises(NotFound):
        await room.service.own(other, number)


async def test_thread_about_a_case_goes_to_its_division_and_department(room: Room) -> None:
    caller = room.crowd.sign_in("o-1")
    view = await room.service.start(caller, NewConsultation(text="到哪一步了？", application_no="BJ1"))
    assert view.title == "居民身份证补领"
    right = officer("clerk", "140105", departments=("D1",))
    for wrong in (officer("far", "140213"), officer("other", "140105", departments=("D2",))):
        with pytest.raises(NotFound):
            await room.service.desk.thread(wrong, view.consultation_no)
        assert (await room.service.desk.queue(wrong))[0] == []
    assert (await room.service.desk.thread(right, view.consultation_no)).application_no == "BJ1"


async def test_foreign_case_unknown_item_and_both_at_once_are_refused(room: Room) -> None:
    caller = room.crowd.sign_in("o-1")
    for new in (NewConsultation(text="？", application_no="BJ2"), NewConsultation(text="？", item_code="I2")):
        with pytest.raises(NotFound):
            await room.service.start(caller, new)
    with pytest.raises(InvalidRequest):
        await room.service.start(caller, NewConsultation(text="？", application_no="BJ1", item_code="I1"))


async def test_repeat_with_a_key_finds_the_first(room: Room) -> None:
    caller = room.crowd.sign_in("o-1")
    first = await room.service.start(caller, NewConsultation(text="问", key="k1"))
    assert (
        await room.service.start(caller, NewConsultation(text="问", key="k1"))
    ).consultation_no == first.consultation_no
    for _ in range(2):
        view = await room.service.write(caller, first.consultation_no, NewMessage(text="再问", key="k2"))
    assert [message.text for message in view.messages] == ["问", "再问"]


async def test_thirty_messages_an_hour_are_enough(room: Room) -> None:
    caller = room.crowd.sign_in("o-1")
    number = (await room.service.start(caller, NewConsultation(text="问"))).consultation_no
    for n in range(int(RATE.split("/")[0]) - 1):
        await room.service.write(caller, number, NewMessage(text=str(n)))
    with pytest.raises(TooManyRequests):
        await room.service.write(caller, number, NewMessage(text="再问"))


async def test_ended_thread_takes_no_more_words(room: Room) -> None:
    caller = room.crowd.sign_in("o-1")
    number = (await room.service.start(caller, NewConsultation(text="问"))).consultation_no
    assert (await room.service.close(caller, number)).may_write is False
    assert (await room.service.close(caller, number)).status == "CLOSED"
    with pytest.raises(Conflict, match="consultation_closed"):
        await room.service.write(caller, number, NewMessage(text="还有"))


async def test_claim_keeps_others_away_until_it_is_handed_on(room: Room) -> None:
    number = await room.service.take(room.written("你好"))
    first, second = officer("first"), officer("second")
    claimed = await room.service.desk.claim(first, number)
    assert (claimed.officer, claimed.acts) == ("first", ["claim", "answer", "route", "close"])
    with pytest.raises(Conflict, match="claimed_by_other"):
        await room.service.desk.answer(second, number, "您好")
    assert (await room.service.desk.peek(second, number)).acts == []
    await room.service.desk.route(first, number, "140213", "", "属平城区")
    with pytest.raises(NotFound):
        await room.service.desk.peek(officer("county", "140105"), number)
    routed = await room.service.desk.peek(officer("away", "140213"), number)
    assert (routed.status, routed.officer, routed.messages[-1].text) == (
        "OPEN", "", "您的咨询已转交其他部门答复：属平城区",
    )  # fmt: skip


async def test_two_clerks_at_once_one_gets_it(room: Room) -> None:
    number = await room.service.take(room.written("你好"))
    answers = await asyncio.gather(
        *(room.service.desk.claim(officer(f"clerk{n}"), number, version=1) for n in range(4)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert len(refused) == 3
    assert all(isinstance(answer, StaleVersion | Conflict) for answer in refused)


async def test_roles_and_audit(room: Room) -> None:
    number = await room.service.take(room.written("你好"))
    for role in (Role.CASHIER, Role.DISPATCHER, Role.PUBLISHER):
        with pytest.raises(Forbidden):
            await room.service.desk.thread(officer("x", "14", role), number)
    auditor = officer("auditor", "14", Role.AUDITOR)
    assert (await room.service.desk.thread(auditor, number)).acts == []
    with pytest.raises(Forbidden):
        await room.service.desk.answer(auditor, number, "您好")
    clerk = officer("clerk")
    await room.service.desk.claim(clerk, number, address="10.0.0.1")
    await room.service.desk.answer(clerk, number, "很好")
    await room.service.desk.close(clerk, number)
    rows = await db.fetch_all("SELECT action, object_no, details::text FROM audit_entry ORDER BY seq")
    assert [row["action"].removeprefix("consultation.") for row in rows] == ["viewed", "claimed", "answered", "closed"]
    assert {row["object_no"] for row in rows} == {number}
    assert not any("很好" in row["details"] for row in rows)


async def test_threads_follow_a_merged_person_and_end_with_their_time(room: Room) -> None:
    caller, survivor = room.crowd.sign_in("o-1"), room.crowd.sign_in("o-2")
    number = (await room.service.start(caller, NewConsultation(text="问"))).consultation_no
    await room.service.take_over(caller.citizen_id, survivor.citizen_id)
    assert (await room.service.own(survivor, number)).consultation_no == number
    await room.service.forget_old()
    assert (await room.service.own(survivor, number)).consultation_no == number
    long_ago = clock.now() - timedelta(days=24 * 31 + 1)
    await db.execute("UPDATE consultation SET updated_at = $1, asked_at = $1", long_ago)
    await room.service.forget_old()
    row = await db.fetch_row("SELECT count(*) AS n FROM consultation_message")
    assert row is not None
    assert row["n"] == 0
    with pytest.raises(NotFound):
        await room.service.mark_read(survivor, number)


async def test_pages_of_the_queue_continue_where_they_ended(room: Room) -> None:
    numbers = [await room.service.take(room.written("你好", subject=f"o-{n}")) for n in range(5)]
    staff, seen = officer("province"), list[str]()
    after: uuid.UUID | None = None
    while True:
        lines, after = await room.service.desk.queue(staff, after=after, limit=2)
        seen += [line.consultation_no for line in lines]
        if after is None:
            break
    assert seen == numbers
