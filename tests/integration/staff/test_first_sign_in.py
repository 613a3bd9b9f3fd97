"""First passwords, expired ones, missing second factors: a session that may only put that right, then a full one."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from services.staff.service import StaffService
from services.staff.types import FirstPassword, Origin, Role, SetupStep, StaffCaller, Terms
from tests.integration.staff.conftest import House, make_service
from tests.integration.staff.newcomers import ADDRESS, GOOD, code_of, enter, make_places, new, settle

pytestmark = pytest.mark.anyio
HERE = Origin(ADDRESS)


@pytest.fixture
async def administrator(house: House) -> StaffCaller:
    """The administrator of the province."""
    await make_places()
    root = new("root", Role.ADMINISTRATOR, divisions=("140000",))
    return (await settle(house, await house.staff.members.add_by_operator(root)))[0]


@pytest.fixture
async def first(house: House, administrator: StaffCaller) -> FirstPassword:
    """A newcomer's first password."""
    return await house.staff.members.add(administrator, new("newcomer"), ADDRESS)


async def _actions(username: str) -> list[str]:
    rows = await db.fetch_all("SELECT action FROM audit_entry WHERE actor = $1 ORDER BY seq", username)
    return [row["action"] for row in rows]


async def test_newcomer_sets_password_and_second_factor_and_then_works(house: House, first: FirstPassword) -> None:
    signed_in = await house.staff.sign_in("newcomer", first.first_password, "", ADDRESS)
    assert signed_in.setup == [SetupStep.PASSWORD, SetupStep.TOTP]
    assert signed_in.expires_in == 1800
    with pytest.raises(Forbidden) as refused:
        await house.staff.authenticate(signed_in.access_token)
    assert refused.value.stable_code == "setup_required"
    caller, secret = await settle(house, first)
    assert (caller.username, caller.is_setup) == ("newcomer", False)
    assert await _actions("newcomer") == [
        "staff.signed_in", "staff.signed_in", "staff.password_set", "staff.totp_offered", "staff.totp_set",
    ]  # fmt: skip
    again = await house.staff.sign_in("newcomer", GOOD, code_of(secret, 1), ADDRESS)
    assert again.setup == []


async def test_session_that_put_all_right_is_over(house: House, redis: Redis, first: FirstPassword) -> None:
    signed_in = await house.staff.sign_in("newcomer", first.first_password, "", ADDRESS)
    caller = await house.staff.authenticate(signed_in.access_token, setup=True)
    await house.staff.own.set_password(caller, GOOD, HERE)
    offer = await house.staff.own.offer_totp(caller, "", "", HERE)
    await house.staff.own.confirm_totp(caller, code_of(offer.secret), HERE)
    for staff in (house.staff, make_service(redis, house.cipher, house.audit)):
        with pytest.raises(Unauthenticated):
            await staff.authenticate(signed_in.access_token, setup=True)


@pytest.mark.parametrize("bad", ["short", "Password1234", "newcomer-newcomer", ""])
async def test_password_against_the_policy_is_refused(house: House, first: FirstPassword, bad: str) -> None:
    caller = await enter(house, first)
    with pytest.raises(InvalidRequest) as refused:
        await house.staff.own.set_password(caller, bad, HERE)
    assert refused.value.faults[0].path == "new_password"


async def test_first_password_itself_cannot_be_kept(house: House, first: FirstPassword) -> None:
    caller = await enter(house, first)
    with pytest.raises(InvalidRequest):
        await house.staff.own.set_password(caller, first.first_password, HERE)


async def test_wrong_code_does_not_enrol(house: House, first: FirstPassword) -> None:
    caller = await enter(house, first)
    await house.staff.own.set_password(caller, GOOD, HERE)
    with pytest.raises(NotFound):
        await house.staff.own.confirm_totp(caller, "123456", HERE)
    offer = await house.staff.own.offer_totp(caller, "", "", HERE)
    with pytest.raises(InvalidRequest):
        await house.staff.own.confirm_totp(caller, code_of(offer.secret, 9), HERE)
    newer = await house.staff.own.offer_totp(caller, "", "", HERE)
    with pytest.raises(InvalidRequest):
        await house.staff.own.confirm_totp(caller, code_of(offer.secret), HERE)
    assert await house.staff.own.confirm_totp(caller, code_of(newer.secret), HERE) is not None


async def test_second_factor_first_is_possible_too(house: House, first: FirstPassword) -> None:
    caller = await enter(house, first)
    offer = await house.staff.own.offer_totp(caller, "", "", HERE)
    assert await house.staff.own.confirm_totp(caller, code_of(offer.secret), HERE) is None
    assert (await house.staff.own.setup(caller)).steps == [SetupStep.PASSWORD]
    assert await house.staff.own.set_password(caller, GOOD, HERE) is not None


async def test_once_enrolled_the_code_is_needed(house: House, first: FirstPassword) -> None:
    await settle(house, first)
    with pytest.raises(Unauthenticated):
        await house.staff.sign_in("newcomer", GOOD, "", ADDRESS)


async def test_first_password_that_nobody_used_for_a_week_opens_nothing(house: House, first: FirstPassword) -> None:
    await db.execute("UPDATE staff_member SET password_set_at = now() - interval '8 days' WHERE username = 'newcomer'")
    with pytest.raises(Unauthenticated):
        await enter(house, first)


async def test_expired_password_must_be_changed_and_that_is_all(house: House) -> None:
    await db.execute("UPDATE staff_member SET password_set_at = now() - interval '91 days'")
    signed_in, _ = await _expired(house.staff, house)
    caller = await house.staff.authenticate(signed_in, setup=True)
    assert (await house.staff.own.setup(caller)).steps == [SetupStep.PASSWORD]
    full = await house.staff.own.set_password(caller, GOOD, HERE)
    assert full is not None
    assert full.setup == []
    await house.staff.authenticate(full.access_token)
    with pytest.raises(Conflict):
        await house.staff.own.set_password(await house.staff.authenticate(full.access_token), GOOD + "!", HERE)


async def _expired(staff: StaffService, house: House) -> tuple[str, bool]:
    password = house.credentials["window-1"].password
    signed_in = await staff.sign_in("window-1", password, house.code("window-1"), ADDRESS)
    return signed_in.access_token, bool(signed_in.setup)


async def test_passwords_need_not_expire(house: House, redis: Redis) -> None:
    await db.execute("UPDATE staff_member SET password_set_at = now() - interval '900 days'")
    staff = make_service(redis, house.cipher, house.audit)
    staff.sessions.terms = Terms(password_days=0)
    assert (await _expired(staff, house))[1] is False


async def test_secrets_of_newcomers_are_stored_hashed_or_encrypted(house: House, first: FirstPassword) -> None:
    caller = await enter(house, first)
    await house.staff.own.set_password(caller, GOOD, HERE)
    offer = await house.staff.own.offer_totp(caller, "", "", HERE)
    rows = await db.fetch_all(
        "SELECT to_jsonb(staff_member)::text AS row FROM staff_member"
        " UNION ALL SELECT to_jsonb(audit_entry)::text FROM audit_entry"
    )
    stored = " ".join(row["row"] for row in rows)
    known = (first.first_password, GOOD, offer.secret)
    assert [one for one in known if one in stored or one.encode().hex() in stored] == []
    assert not any(one in repr(first) + repr(offer) for one in known)


async def test_password_that_is_set_ends_whoever_else_came_in_with_the_first_one(
    house: House, first: FirstPassword
) -> None:
    other = await house.staff.sign_in("newcomer", first.first_password, "", ADDRESS)
    caller = await enter(house, first)
    await house.staff.own.set_password(caller, GOOD, HERE)
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(other.access_token, setup=True)


async def test_expired_password_that_is_replaced_ends_the_older_sessions(house: House) -> None:
    older, _ = await house.sign_in()
    await db.execute("UPDATE staff_member SET password_set_at = now() - interval '91 days'")
    password = house.credentials["window-1"].password
    late = await house.staff.sign_in("window-1", password, house.code("window-1", 1), ADDRESS)
    assert await house.staff.own.set_password(await house.staff.authenticate(late.access_token, setup=True), GOOD, HERE)
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(older.access_token)


async def test_second_factor_that_is_set_ends_whoever_else_came_in_without_one(
    house: House, first: FirstPassword
) -> None:
    caller = await enter(house, first)
    await house.staff.own.set_password(caller, GOOD, HERE)
    other = await house.staff.sign_in("newcomer", GOOD, "", ADDRESS)
    offer = await house.staff.own.offer_totp(caller, "", "", HERE)
    assert await house.staff.own.confirm_totp(caller, code_of(offer.secret), HERE)
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(other.access_token, setup=True)


async def test_session_that_has_just_been_ended_does_not_become_a_full_one(house: House, first: FirstPassword) -> None:
    caller = await enter(house, first)
    await house.staff.own.set_password(caller, GOOD, HERE)
    offer = await house.staff.own.offer_totp(caller, "", "", HERE)
    await db.execute("UPDATE staff_session SET revoked_at = now() WHERE revoked_at IS NULL")
    with pytest.raises(Unauthenticated):
        await house.staff.own.confirm_totp(caller, code_of(offer.secret), HERE)
    row = await db.fetch_row("SELECT totp_cipher FROM staff_member WHERE username = 'newcomer'")
    assert row is not None
    assert row["totp_cipher"] is None
