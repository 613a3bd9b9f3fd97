"""A locker's terminal over signed HTTP: the code that was typed opens a box once; everything else finds nothing."""

from __future__ import annotations

import uuid

import pytest

from app import db
from services.delivery.collecting.loading import load_places
from services.delivery.collecting.types import Collector, Deposit, NewCollection
from tests.integration.exchange.conftest import INSURANCE, POLICE, ROOT, Exchange

pytestmark = pytest.mark.anyio
PLACE = "140105-police-box"
DOOR = f"/integration/v1/lockers/{PLACE}/open"


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""


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


async def test_locker_is_not_tried_for_ever(exchange: Exchange) -> None:
    police, door = exchange.department(POLICE), "/integration/v1/lockers/140100-entry-box/open"
    heard = [(await police.call("POST", door, {"code": f"{guess:08d}"}))["status"] for guess in range(42)]
    assert heard.count(429) == 2
    assert set(heard) == {404, 429}
