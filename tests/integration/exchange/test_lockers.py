"""A locker's terminal over signed HTTP: the code that was typed opens a box once; everything else finds nothing."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from app import db
from handlers.integration import lockers
from services.delivery.collecting.loading import load_places
from services.delivery.collecting.types import Collector, Deposit, NewCollection
from tests.integration.exchange.conftest import INSURANCE, POLICE, ROOT, Exchange
from tests.waiting import until

pytestmark = pytest.mark.anyio
PLACE = "140105-police-box"
DOOR = f"/integration/v1/lockers/{PLACE}/open"


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""


async def _forget_tries(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.flushdb()


async def test_terminal_opens_the_box_of_the_code_and_nobody_elses(exchange: Exchange) -> None:
    await load_places(ROOT / "data" / "collection_points.json")
    number, collecting = "1420261122LOCKER0001", exchange.container.delivery.collecting
    new = NewCollection(
        subject_no=number,
        citizen_id=uuid.UUID(int=7),
        division_code="140105",
        department_code="11140105MB0001177F",
    )
    await collecting.prepare(new)
    await collecting.deposit(number, Deposit(PLACE, "7"), nobody)
    made = await collecting.new_code(number, Collector.SELF)
    police, insurance = exchange.department(POLICE), exchange.department(INSURANCE)

    strange = await insurance.call("POST", DOOR, {"code": made.code})
    assert (strange["status"], strange["body"]["code"]) == (404, "code_wrong")
    wrong = await police.call("POST", DOOR, {"code": f"{(int(made.code) + 1) % 10**8:08d}"})
    assert (wrong["status"], wrong["body"]["code"]) == (404, "code_wrong")
    for body in ({"code": "1"}, {"code": 12345678}, {"code": made.code, "more": 1}, {}, []):
        assert (await police.call("POST", DOOR, body))["status"] == 400
    elsewhere = await police.call("POST", "/integration/v1/lockers/140105-hall-box/open", {"code": made.code})
    assert elsewhere["status"] == 404

    first = await police.call("POST", DOOR, {"code": made.code})
    again = await police.call("POST", DOOR, {"code": made.code})
    assert first["status"] == again["status"] == 200, first
    assert first["body"] == again["body"]
    assert (first["body"]["box"], first["body"]["application_no"]) == ("7", number)
    trail = await db.fetch_all("SELECT actor, object_no FROM audit_entry WHERE action = 'collection.handed_over'")
    assert [tuple(row.values()) for row in trail] == [(f"system:{POLICE}", PLACE)]


async def test_guessing_is_slowed_down_and_shuts_the_locker_for_nobody(
    exchange: Exchange, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load_places(ROOT / "data" / "collection_points.json")
    police, collecting = exchange.department(POLICE), exchange.container.delivery.collecting
    number = "1420261122LOCKER0002"
    body = {"division_code": "140105", "department_code": "11140105MB0001177F"}
    await collecting.prepare(NewCollection(subject_no=number, citizen_id=uuid.UUID(int=7), **body))
    await collecting.deposit(number, Deposit(PLACE, "8"), nobody)
    await _forget_tries(redis_url)
    statuses = [(await police.call("POST", DOOR, {"code": f"{guess:08d}"}))["status"] for guess in range(42)]
    assert statuses[:6] == [404] * 6
    assert statuses.count(429) >= 30, "each wrong code is followed by a pause"
    other = await police.call("POST", "/integration/v1/lockers/140100-entry-box/open", {"code": "00000000"})
    assert other["status"] == 404, "another locker goes on"

    # However long it went on before: whoever comes next waits for one pause, here of a second.
    monkeypatch.setattr(lockers, "_PACE", replace(lockers._PACE, most_seconds=1))
    await _forget_tries(redis_url)
    for guess in range(30):
        await police.call("POST", DOOR, {"code": f"{guess:08d}"})
    made = await collecting.new_code(number, Collector.SELF)

    async def opened() -> bool:
        return bool((await police.call("POST", DOOR, {"code": made.code}))["status"] == 200)

    await until("the pause ends", opened, seconds=5, pause=0.2)
    assert (await police.call("POST", DOOR, {"code": made.code}))["status"] == 200, "no pause follows a right code"
