"""Materials before their doors: an item that asks for what a test says, and phones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from app.crypto import FieldCipher
from handlers.citizen import applications, materials
from tests.integration.applications.conftest import item_of
from tests.integration.applications.materials.steps import (
    Phones,
)
from tests.integration.applications.phoning import phones_of


@pytest.fixture
def lists(world: Any) -> Callable[..., None]:
    """Let the item ask for these materials."""

    def set_materials(*listed: dict[str, Any]) -> None:
        world.catalogue.versions = {1: item_of(materials=list(listed))}

    return set_materials


@pytest.fixture
async def phones(world: Any, cipher: FieldCipher) -> AsyncIterator[Phones]:
    async with phones_of(world, cipher, (*applications.ROUTES, *materials.ROUTES)) as phone:
        yield phone
