"""What may be rated: own cases and packages that have ended, parts only with their package."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, NotFound
from app.tokens import Caller
from tests.integration.applications.conftest import World

pytestmark = pytest.mark.anyio


def anybody() -> Caller:
    return Caller(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), "WECHAT", clock.timestamp() + 900, "L2")


async def closed(world: World, **sets: Any) -> tuple[str, Caller]:
    """A case that its citizen has withdrawn, with further columns as given."""
    caller = world.citizen
    number = await world.submitted()
    await world.applications.withdraw(caller, number)
    for column, value in sets.items():
        await db.execute(f"UPDATE application SET {column} = $2 WHERE application_no = $1", number, value)
    return number, caller


async def test_an_ended_case_names_who_handled_it(world: World) -> None:
    number, caller = await closed(world, officer="wang")
    found = await world.applications.rateable.ended(caller, number)
    assert (found.subject_no, found.officer) == (number, "wang")


async def test_what_goes_on_or_is_not_ones_own_is_refused(world: World) -> None:
    number, _ = await closed(world)
    with pytest.raises(NotFound):
        await world.applications.rateable.ended(anybody(), number)
    going_on = await world.submitted()
    with pytest.raises(Conflict) as refused:
        await world.applications.rateable.ended(world.citizen, going_on)
    assert refused.value.stable_code == "not_closed"


async def test_a_part_is_rated_with_its_package(world: World) -> None:
    number, caller = await closed(world, package_no="YJS1")
    with pytest.raises(Conflict) as refused:
        await world.applications.rateable.ended(caller, number)
    assert refused.value.stable_code == "rated_as_package"


async def test_noting_it_moves_neither_version_nor_change(world: World) -> None:
    number, _ = await closed(world)
    before = await db.fetch_row("SELECT version, updated_at FROM application WHERE application_no = $1", number)
    await world.applications.rateable.note_rated(number)
    first = await db.fetch_row("SELECT rated_at FROM application WHERE application_no = $1", number)
    await world.applications.rateable.note_rated(number)
    after = await db.fetch_row(
        "SELECT version, updated_at, rated_at FROM application WHERE application_no = $1", number
    )
    assert before is not None
    assert first is not None
    assert after is not None
    assert (after["version"], after["updated_at"]) == (before["version"], before["updated_at"])
    assert after["rated_at"] == first["rated_at"]


async def test_a_rated_case_leaves_the_tab_of_those_that_wait(world: World) -> None:
    number, caller = await closed(world)
    await closed(world, package_no="YJS1")
    await world.submitted()
    waiting, _ = await world.applications.list_own(caller, "rating")
    assert [each.application_no for each in waiting] == [number]
    await world.applications.rateable.note_rated(number)
    assert (await world.applications.list_own(caller, "rating"))[0] == []
    assert number in {each.application_no for each in (await world.applications.list_own(caller, "closed"))[0]}
