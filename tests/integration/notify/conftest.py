"""The notify room with fake channels on a fresh database."""

from __future__ import annotations

import pytest

from tests.fakes.notify_house import NotifyHouse


@pytest.fixture
async def house(database: str) -> NotifyHouse:
    """A notify room with the delivered templates."""
    made = NotifyHouse()
    await made.prepare()
    return made
