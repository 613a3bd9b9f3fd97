"""How long a draft may be handed in under the version of the item that it was begun under."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app import clock
from services.catalogue.records import ItemRecord
from services.catalogue.service import CatalogueService, ItemClosed, ItemVersionWithdrawn
from services.catalogue.terms import Item, make_item

pytestmark = pytest.mark.anyio
ITEMS = Path(__file__).parents[4] / "data" / "items"
STORY = json.loads((ITEMS / "id-card-reissue-xiaodian.json").read_text("utf-8"))


def version(number: int, **changes: Any) -> Item:
    return make_item(msgspec.convert(STORY | {"version": number} | changes, ItemRecord), str(number), frozenset())


class Given(CatalogueService):
    """A catalogue whose third version is published with these elements."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        self._published = version(3, **changes)

    async def current_item(self, item_code: str) -> Item:
        return self._published

    async def item(self, item_code: str, number: int) -> Item:
        return version(number)


def day(offset: int) -> str:
    return (clock.beijing_date() + timedelta(days=offset)).isoformat()


@pytest.mark.parametrize("former_until", [None, day(0), day(30)])
async def test_former_version_may_be_used_through_its_last_day(former_until: str | None) -> None:
    catalogue = Given(former_until=former_until)
    assert (await catalogue.usable_item(STORY["item_code"], 1)).record.version == 1
    assert (await catalogue.usable_item(STORY["item_code"], 3)).record.version == 3


@pytest.mark.parametrize(("number", "former_until"), [(1, day(-1)), (2, day(-400)), (4, None)])
async def test_version_that_is_over_or_was_taken_back_names_the_published_one(
    number: int, former_until: str | None
) -> None:
    with pytest.raises(ItemVersionWithdrawn) as refused:
        await Given(former_until=former_until).usable_item(STORY["item_code"], number)
    assert refused.value.stable_code == "item_version_withdrawn"
    assert refused.value.current == {"newer_item_version": 3}


async def test_closed_item_takes_no_draft_of_any_version() -> None:
    for number in (1, 3):
        with pytest.raises(ItemClosed):
            await Given(status="CLOSED").usable_item(STORY["item_code"], number)
