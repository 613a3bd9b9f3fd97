"""One's own account: password and second factor with proof, sessions listed and ended."""

from __future__ import annotations

import pytest

from app import clock, db
from app.errors import InvalidRequest, NotFound, Unauthenticated
from services.staff.own_account import OFFER_SECONDS
from services.staff.types import Origin
from tests.integration.staff.conftest import House
from tests.integration.staff.newcomers import GOOD, code_of

pytestmark = pytest.mark.anyio
HERE = Origin("10.0.0.1")


async def test_password_is_changed_with_the_old_one_and_a_code(house: House) -> None:
    other, _ = await house.sign_in()
    _, caller = await house.sign_in(steps=1)
    old = house.credentials["window-1"].password
    await db.execute("UPDATE staff_member SET totp_last_step = totp_last_step - 1 WHERE username = 'window-1'")
    await house.staff.own.change_password(caller, old, house.code("window-1", 1), GOOD, HERE)
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(other.access_token)
    assert [one.is_this_one for one in await house.staff.own.sessions(caller)] == [True]
    with pytest.raises(Unauthenticated):
        await house.sign_in(steps=1)


@pytest.mark.parametrize("wrong", ["password", "code", "used"])
async def test_wrong_proof_changes_nothing(house: House, wrong: str) -> None:
    _, caller = await house.sign_in()
    password = "wrong" if wrong == "password" else house.credentials["window-1"].password
    code = {"code": "000000", "used": house.code("window-1")}.get(wrong, house.code("window-1", 1))
    with pytest.raises(InvalidRequest) as refused:
        await house.staff.own.change_password(caller, password, code, GOOD, HERE)
    assert refused.value.stable_code == "proof_refused"
    row = await db.fetch_row("SELECT action FROM audit_entry ORDER BY seq DESC LIMIT 1")
    assert row is not None
    assert row["action"] == "staff.proof_refused"


async def test_guesses_within_a_session_lock_the_account_too(house: House) -> None:
    _, caller = await house.sign_in()
    for _ in range(5):
        with pytest.raises(InvalidRequest):
            await house.staff.own.change_password(caller, "wrong", house.code("window-1", 1), GOOD, HERE)
    with pytest.raises(Unauthenticated):
        await house.sign_in(steps=1)


async def test_last_five_passwords_cannot_come_back(house: House) -> None:
    _, caller = await house.sign_in()
    used = [house.credentials["window-1"].password]
    for number in range(6):
        await db.execute("UPDATE staff_member SET totp_last_step = 0")
        new = f"{GOOD} {number}"
        await house.staff.own.change_password(caller, used[-1], house.code("window-1"), new, HERE)
        used.append(new)
    for password in (used[1], used[-1]):
        await db.execute("UPDATE staff_member SET totp_last_step = 0")
        with pytest.raises(InvalidRequest, match="invalid_request"):
            await house.staff.own.change_password(caller, used[-1], house.code("window-1"), password, HERE)
    await db.execute("UPDATE staff_member SET totp_last_step = 0")
    await house.staff.own.change_password(caller, used[-1], house.code("window-1"), used[0], HERE)


async def test_second_factor_is_exchanged_with_proof_of_the_old_one(house: House) -> None:
    _, caller = await house.sign_in()
    password = house.credentials["window-1"].password
    with pytest.raises(InvalidRequest):
        await house.staff.own.offer_totp(caller, password, "", HERE)
    offer = await house.staff.own.offer_totp(caller, password, house.code("window-1", 1), HERE)
    assert offer.uri.startswith("otpauth://totp/")
    await house.staff.own.confirm_totp(caller, code_of(offer.secret), HERE)
    with pytest.raises(Unauthenticated):
        await house.sign_in(steps=1)
    await house.staff.sign_in("window-1", password, code_of(offer.secret, 1), "a")
    with pytest.raises(NotFound):
        await house.staff.own.offered_totp(caller)


async def test_sessions_show_where_they_were_opened_and_can_be_ended(house: House) -> None:
    password = house.credentials["window-1"].password
    phone = await house.staff.sign_in(
        "window-1", password, house.code("window-1"), "10.9.9.9", "Phone\x07 1.0" + "x" * 200
    )
    _, caller = await house.sign_in(steps=1)
    listed = await house.staff.own.sessions(caller)
    assert [(one.is_this_one, one.address) for one in listed] == [(True, "10.0.0.1"), (False, "10.9.9.9")]
    assert listed[1].agent.startswith("Phone 1.0")
    assert len(listed[1].agent) == 100
    await house.staff.own.end_session(caller, listed[1].id, HERE)
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(phone.access_token)
    for unknown in (listed[1].id, "0" * 32, "x"):
        with pytest.raises(NotFound):
            await house.staff.own.end_session(caller, unknown, HERE)


async def test_other_members_sessions_are_not_found(house: House) -> None:
    _, caller = await house.sign_in()
    _, auditor = await house.sign_in("auditor")
    (own,) = await house.staff.own.sessions(auditor)
    with pytest.raises(NotFound):
        await house.staff.own.end_session(caller, own.id, HERE)


async def test_all_other_sessions_end_at_once(house: House) -> None:
    first, _ = await house.sign_in()
    _, caller = await house.sign_in(steps=1)
    assert await house.staff.own.end_other_sessions(caller, HERE) == 1
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(first.access_token)
    assert len(await house.staff.own.sessions(caller)) == 1


async def test_profile_tells_when_the_password_expires(house: House) -> None:
    _, caller = await house.sign_in()
    profile = await house.staff.own.profile(caller)
    assert profile.password_expires_at is not None
    assert profile.password_expires_at > profile.password_set_at
    assert profile.totp_set_at is not None


async def test_shown_secret_is_for_the_session_that_proved_itself_and_for_minutes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, caller = await house.sign_in()
    _, other = await house.sign_in(steps=1)
    house_clock, password = clock.timestamp(), house.credentials["window-1"].password
    monkeypatch.setattr(clock, "timestamp", lambda: house_clock + 60)
    await house.staff.own.offer_totp(caller, password, house.code("window-1"), HERE)
    assert (await house.staff.own.setup(caller)).totp_offered
    assert not (await house.staff.own.setup(other)).totp_offered
    with pytest.raises(NotFound):
        await house.staff.own.offered_totp(other)
    with pytest.raises(NotFound):
        await house.staff.own.confirm_totp(other, "000000", HERE)
    monkeypatch.setattr(clock, "timestamp", lambda: house_clock + 60 + OFFER_SECONDS)
    with pytest.raises(NotFound):
        await house.staff.own.offered_totp(caller)


async def test_password_that_cannot_be_chosen_uses_up_neither_code_nor_tries(house: House) -> None:
    _, caller = await house.sign_in()
    password, code = house.credentials["window-1"].password, house.code("window-1", 1)
    for _ in range(5):
        with pytest.raises(InvalidRequest):
            await house.staff.own.change_password(caller, password, code, "short", HERE)
    await house.staff.own.change_password(caller, password, code, GOOD, HERE)
