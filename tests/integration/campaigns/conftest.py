"""Campaigns on a fresh database, with fake channels."""

from __future__ import annotations

import pytest

from app.crypto import FieldCipher
from tests.fakes.campaign_house import CampaignHouse


@pytest.fixture
async def house(database: str, cipher: FieldCipher) -> CampaignHouse:
    """Rooms with the delivered templates."""
    made = CampaignHouse(cipher)
    await made.prepare()
    return made
