"""The address book: own rows only, masked, one default however many write at once."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from app import db
from app.errors import Conflict, InvalidRequest, NotFound
from services.accounts.addresses.service import MOST_ADDRESSES
from services.accounts.addresses.types import AddressChange, NewAddress
from services.accounts.types import Preferences
from tests.integration.accounts.conftest import House

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("divisions")]


def _address(**change: object) -> NewAddress:
    given = {"recipient": "张伟", "phone": "+86 138 0000 0001", "division_code": "140105", "street": "长风街1号院2号楼"}
    return NewAddress(**(given | change))  # type: ignore[arg-type]  # test values


@pytest.fixture
async def owner(house: House) -> uuid.UUID:
    """A signed-in citizen."""
    return (await house.sign_in("zhang-wei"))[1].citizen_id


async def test_address_is_shown_masked_and_given_plain_to_rooms(house: House, owner: uuid.UUID) -> None:
    view = await house.accounts.addresses.add(owner, _address())
    assert (view.recipient, view.phone, view.region) == ("*伟", "138****0001", "山西省太原市小店区")
    assert view.street == "长风街1号院***"
    plain = await house.accounts.plain_address(owner, uuid.UUID(view.id))
    assert (plain.recipient, plain.phone, plain.street) == ("张伟", "13800000001", "长风街1号院2号楼")
    row = await db.fetch_row("SELECT to_jsonb(address)::text AS row FROM address")
    assert row is not None
    assert "13800000001" not in row["row"]
    assert "2号楼" not in row["row"]


async def test_first_address_is_default_and_a_new_default_takes_over(house: House, owner: uuid.UUID) -> None:
    book = house.accounts.addresses
    first = await book.add(owner, _address())
    second = await book.add(owner, _address(is_default=True))
    assert (first.is_default, second.is_default) == (True, True)
    assert [(a.id, a.is_default) for a in await book.list(owner)] == [(second.id, True), (first.id, False)]


async def test_after_the_default_is_deleted_the_newest_takes_its_place(house: House, owner: uuid.UUID) -> None:
    book = house.accounts.addresses
    first, _, third = [await book.add(owner, _address()) for _ in range(3)]
    await book.delete(owner, uuid.UUID(first.id))
    assert [a.id for a in await book.list(owner) if a.is_default] == [third.id]


async def test_change_keeps_what_is_not_given(house: House, owner: uuid.UUID) -> None:
    book = house.accounts.addresses
    first, second = await book.add(owner, _address()), await book.add(owner, _address(recipient="李娜"))
    changed = await book.change(owner, uuid.UUID(second.id), AddressChange(street="学府街66号", is_default=True))
    plain = await house.accounts.plain_address(owner, uuid.UUID(second.id))
    assert (plain.recipient, plain.street, plain.division_code) == ("李娜", "学府街66号", "140105")
    assert changed.is_default
    assert [a.is_default for a in await book.list(owner) if a.id == first.id] == [False]


async def test_concurrent_defaults_leave_one(house: House, owner: uuid.UUID) -> None:
    await asyncio.gather(*(house.accounts.addresses.add(owner, _address(is_default=True)) for _ in range(8)))
    assert sum(a.is_default for a in await house.accounts.addresses.list(owner)) == 1


async def test_address_of_another_citizen_is_not_found(house: House, owner: uuid.UUID) -> None:
    view = await house.accounts.addresses.add(owner, _address())
    stranger, address_id = (await house.sign_in("li-na"))[1].citizen_id, uuid.UUID(view.id)
    book = house.accounts.addresses
    for attempt in (
        book.delete(stranger, address_id),
        book.change(stranger, address_id, AddressChange(is_default=True)),
        book.plain(stranger, address_id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await book.list(stranger) == []
    assert len(await book.list(owner)) == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [({"division_code": "140103"}, "division_code"), ({"division_code": "999999"}, "division_code"),
     ({"division_code": "140000"}, "division_code"), ({"division_code": "110000"}, "division_code"),
     ({"phone": "12345678901"}, "phone"), ({"phone": "+85251234567"}, "phone")],
)  # fmt: skip
async def test_address_that_no_courier_finds_is_refused(
    house: House, owner: uuid.UUID, change: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await house.accounts.addresses.add(owner, _address(**change))
    assert [fault.path for fault in refused.value.faults] == [path]


async def test_address_elsewhere_in_the_country_is_kept_and_is_no_home_of_ours(house: House, owner: uuid.UUID) -> None:
    view = await house.accounts.addresses.add(owner, _address(division_code="110105", street="建国路88号"))
    assert (view.region, view.is_default) == ("北京市朝阳区", True)
    plain = await house.accounts.plain_address(owner, uuid.UUID(view.id))
    assert plain.region == "北京市朝阳区"
    row = await db.fetch_row("SELECT division_code FROM citizen WHERE id = $1", owner)
    assert row is not None
    assert row["division_code"] != "110105"


async def test_pasted_text_is_read_and_nowhere_kept(house: House, owner: uuid.UUID) -> None:
    parsed = house.accounts.addresses.parse("王小明 138-0000-0042，大同市大同县西坪镇幸福街7号")
    assert (parsed.recipient, parsed.phone, parsed.region) == ("王小明", "13800000042", "山西省大同市云州区")
    assert (parsed.street, parsed.uncertain) == ("西坪镇幸福街7号", [])
    given = {"recipient": parsed.recipient, "phone": parsed.phone, "street": parsed.street}
    added = await house.accounts.addresses.add(owner, _address(division_code=parsed.division_code, **given))
    assert added.region == parsed.region


async def test_regions_are_chosen_level_by_level(house: House) -> None:
    book = house.accounts.addresses
    assert [each.name for each in book.regions("").data][:4] == ["北京市", "天津市", "河北省", "山西省"]
    assert {each.name for each in book.regions("140100").data} >= {"小店区", "迎泽区"}
    assert [each.has_children for each in book.regions("441900").data] == []
    with pytest.raises(NotFound):
        book.regions("999999")


async def test_book_has_an_end(house: House, owner: uuid.UUID) -> None:
    for _ in range(MOST_ADDRESSES):
        await house.accounts.addresses.add(owner, _address())
    with pytest.raises(Conflict):
        await house.accounts.addresses.add(owner, _address())


async def test_preferences_have_defaults_and_are_replaced(house: House, owner: uuid.UUID) -> None:
    assert await house.accounts.preferences(owner) == Preferences()
    await house.accounts.set_preferences(owner, Preferences(elder_mode=True, sms=False))
    assert await house.accounts.preferences(owner) == Preferences(elder_mode=True, sms=False)
