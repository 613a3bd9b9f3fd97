"""Events to department systems: signed, once a number, in the order of the case, through whatever the network does."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from app import clock, db
from services.exchange.delivery import TRIES_END
from tests.integration.exchange.conftest import POLICE, Exchange

pytestmark = pytest.mark.anyio
COURSE = ["application.submitted", "application.received", "application.accepted", "application.denied"]


@pytest.fixture(autouse=True)
async def clean(exchange: Exchange) -> None:
    """A department that has heard nothing, no faults, and no event left over from another test."""
    await db.execute("UPDATE system_event SET status = 'SKIPPED', sent_at = now() WHERE status <> 'SENT'")
    await exchange.reset()
    exchange.container.exchange.delivery._sender._transports.clear()  # type: ignore[attr-defined]


async def _hurry(number: str) -> None:
    """Let the pause after a failed try be over; a claim of 60 s is longer than those pauses and is left alone."""
    await db.execute(
        "UPDATE system_event SET next_try_at = now() WHERE subject_no = $1 AND status = 'WAITING' AND attempts > 0"
        " AND next_try_at < now() + interval '40 seconds'",
        number,
    )


async def _walked(exchange: Exchange) -> str:
    """A case with four events."""
    number = await exchange.submitted()
    police = exchange.department()
    for kind, version, action, content in (
        ("acceptance", 2, "receive", {}),
        ("acceptance", 3, "accept", {}),
        ("result", 4, "deny", {"reason": "不符合申请条件"}),
    ):
        assert (await police.push(number, kind, version, action, **content))["status"] == 200
    return number


async def _arrived(exchange: Exchange, number: str, count: int) -> list[dict[str, Any]]:
    limit = time.monotonic() + 40
    while time.monotonic() < limit:
        await _hurry(number)
        events = [each for each in await exchange.department().events() if each["content"]["application_no"] == number]
        if len(events) >= count:
            return events
        await asyncio.sleep(0.2)
    rows = await db.fetch_all(
        "SELECT kind, status, attempts, last_error FROM system_event WHERE subject_no = $1", number
    )
    raise AssertionError([tuple(row.values()) for row in rows])


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http", "status": 500, "times": 3},
        {"kind": "http", "status": 404, "times": 2},
        {"kind": "drop", "times": 2},
        {"kind": "drop_after", "times": 2},
        {"kind": "delay", "delay_seconds": 0.7, "times": 2},
    ],
    ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}",
)
async def test_events_come_once_and_in_order_through_faults(exchange: Exchange, fault: dict[str, Any]) -> None:
    await exchange.fault(**fault)
    number = await _walked(exchange)
    events = await _arrived(exchange, number, len(COURSE))
    assert [each["content"]["event"] for each in events] == COURSE
    assert [each["content"]["sequence"] for each in events] == [1, 2, 3, 4]
    assert len({each["content"]["event_no"] for each in events}) == len(COURSE)
    # Only an event whose answer was lost may have come twice, under its one number.
    again = sum(each["deliveries"] - 1 for each in events)
    assert again == (fault["times"] if fault["kind"] == "drop_after" else 0)
    rows = await db.fetch_all("SELECT status, sent_at FROM system_event WHERE subject_no = $1", number)
    assert {row["status"] for row in rows} == {"SENT"}


async def test_a_lost_reaction_is_made_good_by_the_next_one_in_order(exchange: Exchange) -> None:
    """However the jobs run, the events follow the timeline: what an earlier job did not write, a later one does."""
    number = await _walked(exchange)
    await _arrived(exchange, number, 4)
    await db.execute("DELETE FROM system_event WHERE subject_no = $1 AND kind <> 'application.received'", number)
    await exchange.reset()
    await exchange.container.exchange.outbox.tell(number)
    events = await _arrived(exchange, number, 3)
    assert [each["content"]["event"] for each in events] == [COURSE[0], *COURSE[2:]]


async def test_telling_twice_writes_nothing_twice(exchange: Exchange) -> None:
    number = await _walked(exchange)
    await _arrived(exchange, number, 4)
    await asyncio.gather(*(exchange.container.exchange.outbox.tell(number) for _ in range(5)))
    rows = await db.fetch_all("SELECT event_no FROM system_event WHERE subject_no = $1", number)
    assert len(rows) == 4
    await asyncio.gather(*(exchange.container.exchange.delivery.deliver_waiting() for _ in range(5)))
    assert all(each["deliveries"] == 1 for each in await _arrived(exchange, number, 4))


async def test_two_senders_at_once_share_the_work(exchange: Exchange) -> None:
    numbers = [await exchange.submitted() for _ in range(6)]
    delivery = exchange.container.exchange.delivery
    await asyncio.gather(*(delivery.deliver_waiting() for _ in range(6)))
    for number in numbers:
        events = await _arrived(exchange, number, 1)
        assert [each["deliveries"] for each in events] == [1]


async def test_after_a_day_an_event_is_given_up_and_seen(exchange: Exchange) -> None:
    await exchange.fault(kind="http", status=503, times=-1)
    number, keeper = await exchange.submitted(), exchange.container.exchange.keeper
    limit = time.monotonic() + 20
    while not (row := await _event(number)) or row["attempts"] == 0:
        assert time.monotonic() < limit
        await asyncio.sleep(0.1)
    assert (row["status"], row["last_error"]) == ("WAITING", "server_error")
    await db.execute(
        "UPDATE system_event SET first_tried_at = $2, next_try_at = now() WHERE subject_no = $1",
        number,
        clock.now() - TRIES_END,
    )
    while (await _event(number))["status"] != "FAILED":
        assert time.monotonic() < limit
        await _hurry(number)
        await asyncio.sleep(0.1)
    listed = [each for each in await keeper.unsent() if each.subject_no == number]
    assert [(each.system_code, each.status) for each in listed] == [(POLICE, "FAILED")]
    assert next(system for system in await keeper.all() if system.code == POLICE).failed == 1

    # A later event of the case waits for the operator: order is kept.
    await exchange.department().push(number, "acceptance", 2, "accept")
    await exchange.reset()
    await asyncio.sleep(1.5)
    assert await exchange.department().events() == []
    exchange.container.exchange.delivery._sender._transports.clear()  # type: ignore[attr-defined]
    await keeper.requeue(listed[0].event_no)
    events = await _arrived(exchange, number, 2)
    assert [each["content"]["event"] for each in events] == [COURSE[0], COURSE[2]]


async def test_a_left_out_event_lets_the_later_ones_go(exchange: Exchange) -> None:
    await exchange.fault(kind="http", status=500, times=-1)
    number, keeper = await exchange.submitted(), exchange.container.exchange.keeper
    limit = time.monotonic() + 20
    while not (row := await _event(number)):
        assert time.monotonic() < limit
        await asyncio.sleep(0.1)
    await keeper.skip(row["event_no"])
    await exchange.department().push(number, "acceptance", 2, "accept")
    await exchange.reset()
    exchange.container.exchange.delivery._sender._transports.clear()  # type: ignore[attr-defined]
    events = await _arrived(exchange, number, 1)
    assert [each["content"]["event"] for each in events] == ["application.accepted"]


async def test_a_forged_event_is_refused_by_the_department(exchange: Exchange) -> None:
    row = await db.fetch_row("SELECT id, event_url FROM department_system WHERE code = $1", POLICE)
    assert row is not None
    async with exchange.session.post(
        row["event_url"], json={"event_no": "EV1"}, headers={"X-Exchange-Event": "EV1"}
    ) as heard:
        assert heard.status == 401
    assert await exchange.department().events() == []


async def _event(number: str) -> Any:
    return await db.fetch_row("SELECT * FROM system_event WHERE subject_no = $1 ORDER BY id LIMIT 1", number)


async def test_the_former_body_hears_of_the_hand_over_and_of_nothing_after_it(exchange: Exchange) -> None:
    number, police = await exchange.submitted(), exchange.department(POLICE)
    await police.heard_of(number, 1)
    case = await exchange.row(number)
    former, elsewhere = f"{case['division_code']}/{case['department_code']}", "11140000000000000A"
    for event in ("application.handed_over", "application.accepted"):
        await db.execute(
            "INSERT INTO timeline_entry SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),"
            " 'event', $2::text, 'occurred_at', clock_timestamp()))).* FROM timeline_entry t"
            " WHERE application_id = $1 AND event = 'application.submitted'",
            case["id"],
            event,
        )
        await db.execute(
            "INSERT INTO case_assignment (id, created_at, application_id, kind, from_officer, to_officer, from_body,"
            " to_body, reason, by_staff) SELECT gen_random_uuid(), clock_timestamp(), $1, 'HAND_OVER', '', '', $2, $3,"
            " '', 'guo' WHERE $4 = 'application.handed_over'",
            case["id"],
            former,
            f"140105/{elsewhere}",
            event,
        )
    await db.execute("UPDATE application SET department_code = $2 WHERE id = $1", case["id"], elsewhere)
    await exchange.container.exchange.outbox.tell(number)
    heard = [each["content"] for each in await police.heard_of(number, 2)]
    assert [each["event"] for each in heard] == ["application.submitted", "application.handed_over"]
    assert heard[-1]["message"] is None
    await exchange.container.exchange.outbox.tell(number)
    await asyncio.sleep(0.5)
    assert len(await police.heard_of(number, 2)) == 2
