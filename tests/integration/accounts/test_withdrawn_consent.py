"""Consent withdrawn at a platform: signed out there at once, no notices until the next sign-in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock, db
from app.errors import Unauthenticated
from app.events import DomainEvent
from services.accounts import reactions
from tests.integration.accounts.conftest import House

pytestmark = pytest.mark.anyio
APP = "2021"


def _cancelled(subject: str, seconds: float = 1.0) -> DomainEvent:
    facts = {"provider": "ALIPAY", "app_id": APP, "subject": subject}
    at = clock.now() + timedelta(seconds=seconds)
    return DomainEvent(name="platform.user_auth_cancelled", subject_no="message:1", occurred_at=at, facts=facts)


async def test_withdrawal_ends_the_sessions_of_that_identity_only(house: House) -> None:
    signed_in, caller = await house.sign_in("zhang-wei", "ALIPAY")
    other, _ = await house.sign_in("li-na", "ALIPAY")
    for _ in range(2):
        await reactions.withdraw_consent(house.accounts, _cancelled(f"zhang-wei@{APP}"))
    with pytest.raises(Unauthenticated):
        house.tokens.verify(signed_in.access_token)
    with pytest.raises(Unauthenticated):
        await house.accounts.refresh(signed_in.refresh_token, "10.0.0.1")
    house.tokens.verify(other.access_token)
    assert await house.accounts.identities(caller.citizen_id) == []


async def test_next_sign_in_makes_it_good_again(house: House) -> None:
    _, caller = await house.sign_in("zhang-wei", "ALIPAY")
    await reactions.withdraw_consent(house.accounts, _cancelled(f"zhang-wei@{APP}"))
    again, same = await house.sign_in("zhang-wei", "ALIPAY")
    assert same.citizen_id == caller.citizen_id
    house.tokens.verify(again.access_token)
    assert len(await house.accounts.identities(caller.citizen_id)) == 1
    row = await db.fetch_row("SELECT withdrawn_at FROM identity WHERE id = $1", caller.identity_id)
    assert row is not None
    assert row["withdrawn_at"] is None


async def test_message_that_comes_after_a_new_sign_in_changes_nothing(house: House) -> None:
    signed_in, _ = await house.sign_in("zhang-wei", "ALIPAY")
    await reactions.withdraw_consent(house.accounts, _cancelled(f"zhang-wei@{APP}", -60))
    house.tokens.verify(signed_in.access_token)


async def test_stranger_is_nobody(house: House) -> None:
    signed_in, _ = await house.sign_in("zhang-wei", "ALIPAY")
    await reactions.withdraw_consent(house.accounts, _cancelled("somebody@else"))
    house.tokens.verify(signed_in.access_token)
