"""The payments room with fake channels on a fresh database."""

from __future__ import annotations

import pytest

from tests.fakes.payments_house import PaymentsHouse


@pytest.fixture
async def house(database: str) -> PaymentsHouse:
    """A payments room with its merchant accounts."""
    made = PaymentsHouse()
    await made.prepare()
    return made
