"""Answers: by the chat within 48 hours, else by a notice; an unknown outcome is never repeated; nothing is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app import clock, db
from app.errors import ProviderUnavailable
from services.consultations import desk_repository, states
from services.consultations.states import Told
from services.consultations.types import NewConsultation
from tests.integration.consultations.conftest import Room, events, officer

pytestmark = pytest.mark.anyio


async def _answered(room: Room, text: str = "您好，请带户口簿") -> str:
    room.crowd.sign_in("o-1")
    number = await room.service.take(room.written("你好"))
    await room.service.desk.answer(officer("clerk"), number, text)
    return number


async def test_answer_goes_into_the_chat_and_no_notice_is_written(room: Room) -> None:
    number = await _answered(room)
    (message_id,) = await room.queued()
    await room.service.sending.send(message_id)
    assert room.chat.sent == [("o-1", "您好，请带户口簿")]
    assert await room.deliveries() == ["SENT"]
    assert await events("consultation.answered") == []
    caller = room.crowd.sign_in("o-1")
    view = await room.service.own(caller, number)
    assert (view.status, view.unread, view.messages[-1].text) == ("ANSWERED", 1, "您好，请带户口簿")
    await room.service.mark_read(caller, number)
    assert (await room.service.own(caller, number)).unread == 0


async def test_job_that_runs_twice_or_twice_at_once_sends_once(room: Room) -> None:
    await _answered(room)
    (message_id,) = await room.queued()
    await asyncio.gather(*(room.service.sending.send(message_id) for _ in range(5)))
    await room.service.sending.send(message_id)
    assert len(room.chat.sent) == 1


@pytest.mark.parametrize(
    ("before_the_end", "delivery"), [(timedelta(minutes=1), "QUEUED"), (timedelta(0), "NOTICED")], ids=["in", "over"]
)
async def test_edge_of_the_48_hours(room: Room, before_the_end: timedelta, delivery: str) -> None:
    room.crowd.sign_in("o-1")
    at = clock.now() - states.CHAT_WINDOW + before_the_end
    number = await room.service.take(room.written("你好", written_at=at))
    await room.service.desk.answer(officer("clerk"), number, "您好")
    assert await room.deliveries() == [delivery]
    assert len(await events("consultation.answered")) == (delivery == "NOTICED")


async def test_newer_words_in_the_mini_program_open_no_chat_window(room: Room) -> None:
    caller = room.crowd.sign_in("o-1")
    number = (await room.service.start(caller, NewConsultation(text="问"))).consultation_no
    await room.service.desk.answer(officer("clerk"), number, "您好")
    assert await room.deliveries() == ["NOTICED"]
    (event,) = await events("consultation.answered")
    assert (event["subject_no"], event["citizen_id"]) == (number, caller.citizen_id.hex)
    assert event["facts"]["maybe_sent"] is False


async def test_refusal_becomes_a_notice(room: Room) -> None:
    await _answered(room)
    room.chat.told = Told.REFUSED
    (message_id,) = await room.queued()
    await room.service.sending.send(message_id)
    assert await room.deliveries() == ["NOTICED"]
    assert len(await events("consultation.answered")) == 1


async def test_unknown_outcome_is_told_by_notice_marked_so_and_never_sent_again(room: Room) -> None:
    await _answered(room)
    room.chat.told = Told.UNKNOWN
    (message_id,) = await room.queued()
    await room.service.sending.send(message_id)
    await room.service.sending.send(message_id)
    await room.service.sending.repair()
    assert len(room.chat.sent) == 1
    assert await room.deliveries() == ["UNKNOWN"]
    (event,) = await events("consultation.answered")
    assert event["facts"]["maybe_sent"] is True


async def test_what_has_certainly_not_left_is_tried_again_and_then_told_by_notice(room: Room) -> None:
    await _answered(room)
    room.chat.told = Told.LATER
    (message_id,) = await room.queued()
    with pytest.raises(ProviderUnavailable):
        await room.service.sending.send(message_id)
    assert await room.deliveries() == ["QUEUED"]
    await db.execute("UPDATE consultation_message SET created_at = $1", clock.now() - states.KEEP_TRYING)
    await room.service.sending.send(message_id)
    assert await room.deliveries() == ["NOTICED"]


async def test_process_that_died_in_the_try_leaves_it_to_the_sweep(room: Room) -> None:
    await _answered(room)
    (message_id,) = await room.queued()
    assert await desk_repository.claim(message_id, clock.now()) is not None
    await room.service.sending.repair()
    assert await room.deliveries() == ["SENDING"]
    await db.execute("UPDATE consultation_message SET delivered_at = $1", clock.now() - states.SENDING_LEASE * 2)
    await room.service.sending.repair()
    await room.service.sending.repair()
    assert await room.deliveries() == ["UNKNOWN"]
    assert room.chat.sent == []
    assert len(await events("consultation.answered")) == 1


async def test_answer_whose_job_was_lost_is_sent_by_the_sweep(room: Room) -> None:
    await _answered(room)
    await room.service.sending.repair()
    assert room.chat.sent == []
    await db.execute("UPDATE consultation_message SET created_at = $1", clock.now() - states.LOST_AFTER * 2)
    await room.service.sending.repair()
    assert await room.deliveries() == ["SENT"]


async def test_stranger_out_of_time_is_reached_by_nothing_until_they_sign_in(room: Room) -> None:
    at = clock.now() - states.CHAT_WINDOW
    number = await room.service.take(room.written("你好", subject="o-new", written_at=at))
    await room.service.desk.answer(officer("clerk"), number, "您好")
    assert await events("consultation.answered") == []
    caller = room.crowd.sign_in("o-new")
    await room.service.desk.answer(officer("clerk"), number, "再答")
    (event,) = await events("consultation.answered")
    assert event["citizen_id"] == caller.citizen_id.hex
