"""Preferences and what follows from them: home division, tags, birth year; all in the same transaction."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from app import db
from app.errors import InvalidRequest
from services.accounts.addresses.types import NewAddress
from services.accounts.sweeps import fill_homes
from services.accounts.types import Preferences, TopicPreferences
from tests.integration.accounts.conftest import ZHANG_WEI, House

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("divisions")]
TAGS = ("退役军人", "高校毕业生", "育儿家庭")


@pytest.fixture
async def owner(house: House) -> uuid.UUID:
    """A signed-in citizen in a house that knows three tags."""
    house.accounts.wishes.tags = TAGS
    return (await house.sign_in("zhang-wei"))[1].citizen_id


async def _kept(citizen_id: uuid.UUID) -> tuple[str, int | None, list[str]]:
    row = await db.fetch_row("SELECT division_code, birth_year FROM citizen WHERE id = $1", citizen_id)
    tags = await db.fetch_all(
        "SELECT tag FROM citizen_tag WHERE citizen_id = $1 AND source = 'SELF' ORDER BY tag", citizen_id
    )
    assert row is not None
    return row["division_code"], row["birth_year"], [tag["tag"] for tag in tags]


async def _verify(house: House, key: str = "zhang-wei") -> uuid.UUID:
    house.wechat.owners[key] = ZHANG_WEI
    _, caller = await house.sign_in(key)
    await house.accounts.verify_real_name(caller, ZHANG_WEI)
    return caller.citizen_id


def _address(code: str, **change: object) -> NewAddress:
    given = {"recipient": "张伟", "phone": "13800000001", "division_code": code, "street": "长风街1号"}
    return NewAddress(**(given | change))


async def test_whole_wishes_are_kept_and_tags_follow(house: House, owner: uuid.UUID) -> None:
    wishes = Preferences(
        topics={"policy": TopicPreferences(sms=False)}, quiet_from="22:30", tags=["育儿家庭", "退役军人", "育儿家庭"]
    )
    assert (await house.accounts.set_preferences(owner, wishes)).tags == ["育儿家庭", "退役军人"]
    assert (await house.accounts.preferences(owner)).topics == {"policy": TopicPreferences(sms=False)}
    assert (await _kept(owner))[2] == sorted(["育儿家庭", "退役军人"])
    await house.accounts.set_preferences(owner, Preferences(tags=["高校毕业生"]))
    assert (await _kept(owner))[2] == ["高校毕业生"]


async def test_tags_by_staff_stay_when_the_person_changes_theirs(house: House, owner: uuid.UUID) -> None:
    await db.execute(
        "INSERT INTO citizen_tag (id, created_at, citizen_id, tag, source) VALUES ($1, now(), $2, '退役军人', 'STAFF')",
        uuid.uuid4(),
        owner,
    )
    await house.accounts.set_preferences(owner, Preferences())
    row = await db.fetch_row("SELECT count(*) AS n FROM citizen_tag WHERE citizen_id = $1", owner)
    assert row is not None
    assert row["n"] == 1


async def test_two_changes_at_once_leave_tags_of_one(house: House, owner: uuid.UUID) -> None:
    await asyncio.gather(
        *(house.accounts.set_preferences(owner, Preferences(tags=[tag])) for tag in TAGS for _ in range(3))
    )
    assert (await _kept(owner))[2] == (await house.accounts.preferences(owner)).tags


async def test_old_stored_values_stay_readable(house: House, owner: uuid.UUID) -> None:
    await db.execute("""UPDATE citizen SET preferences = '{"sms": false, "gone": 1}' WHERE id = $1""", owner)
    assert await house.accounts.preferences(owner) == Preferences(sms=False)


async def test_home_is_chosen_else_of_the_default_address_else_of_the_number(house: House, owner: uuid.UUID) -> None:
    assert (await _kept(owner))[0] == ""
    assert await _verify(house) == owner
    assert await _kept(owner) == ("140105", 1990, [])
    address = await house.accounts.addresses.add(owner, _address("140100"))
    assert (await _kept(owner))[0] == "140100"
    await house.accounts.set_preferences(owner, Preferences(division_code="140000"))
    assert (await _kept(owner))[0] == "140000"
    await house.accounts.addresses.delete(owner, uuid.UUID(address.id))
    assert (await _kept(owner))[0] == "140000"
    await house.accounts.set_preferences(owner, Preferences())
    assert (await _kept(owner))[0] == "140105"


async def test_people_verified_earlier_are_filled_by_the_sweep(house: House, owner: uuid.UUID) -> None:
    await _verify(house)
    await db.execute("UPDATE citizen SET birth_year = NULL, division_code = '' WHERE id = $1", owner)
    await fill_homes(house.accounts)
    assert (await _kept(owner))[:2] == ("140105", 1990)


async def test_retired_county_of_a_number_is_its_city_today(house: House) -> None:
    assert await house.accounts.wishes.home_in("140103199003070012") == "140100"
    assert await house.accounts.wishes.home_in("110105199003070012") == ""


@pytest.mark.parametrize(
    ("wishes", "path"),
    [
        (Preferences(tags=["皇帝"]), "tags[0]"),
        (Preferences(tags=["退役军人", "\x00"]), "tags[1]"),
        (Preferences(division_code="999999"), "division_code"),
        (Preferences(division_code="140103"), "division_code"),
    ],
)
async def test_unknown_tag_or_division_is_named(house: House, owner: uuid.UUID, wishes: Preferences, path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await house.accounts.set_preferences(owner, wishes)
    assert [fault.path for fault in refused.value.faults] == [path]
