"""Staff and roles: made, changed, switched off and reset by administrators within their scope, at once everywhere."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound, StaleVersion, Unauthenticated
from services.staff.types import MemberFilter, MemberStatus, MemberTerms, Role, SetupStep, StaffCaller
from tests.integration.staff.conftest import House, make_service
from tests.integration.staff.newcomers import ADDRESS, DEPARTMENT, GOOD, code_of, make_places, new, settle
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def administrator(house: House) -> StaffCaller:
    """The administrator of the province."""
    await make_places()
    root = new("root", Role.ADMINISTRATOR, divisions=("140000",))
    return (await settle(house, await house.staff.members.add_by_operator(root)))[0]


@pytest.fixture
async def city(house: House, administrator: StaffCaller) -> StaffCaller:
    """An administrator of one city."""
    made = new("city", Role.ADMINISTRATOR, divisions=("140100",))
    return (await settle(house, await house.staff.members.add(administrator, made, ADDRESS)))[0]


def _terms(*roles: Role, divisions: tuple[str, ...] = ("140105",), departments: tuple[str, ...] = ()) -> MemberTerms:
    return MemberTerms(display_name="改名", roles=list(roles), divisions=list(divisions), departments=list(departments))


async def _last_act() -> tuple[str, str, str]:
    row = await db.fetch_row("SELECT actor, action, object_no FROM audit_entry ORDER BY seq DESC LIMIT 1")
    assert row is not None
    return row["actor"], row["action"], row["object_no"]


async def test_account_is_made_with_a_first_password(house: House, administrator: StaffCaller) -> None:
    first = await house.staff.members.add(administrator, new("newcomer", Role.WINDOW, Role.WINDOW), ADDRESS)
    assert first.member.roles == [Role.WINDOW]
    assert first.member.divisions == ["140105"]
    assert (first.member.password_is_first, first.member.has_totp, first.member.created_by) == (True, False, "root")
    assert await _last_act() == ("root", "staff.added", "newcomer")
    with pytest.raises(Conflict) as refused:
        await house.staff.members.add(administrator, new("newcomer"), ADDRESS)
    assert refused.value.stable_code == "username_taken"


async def test_nobody_else_manages_accounts(house: House) -> None:
    await make_places()
    _, clerk = await house.sign_in()
    _, auditor = await house.sign_in("auditor")
    for caller in (clerk, auditor):
        with pytest.raises(Forbidden):
            await house.staff.members.add(caller, new("x"), ADDRESS)
        with pytest.raises(Forbidden):
            await house.staff.members.disable(caller, "auditor", 1, "x", ADDRESS)
    with pytest.raises(Forbidden):
        await house.staff.members.page(clerk, MemberFilter())
    assert (await house.staff.members.show(auditor, "window-1")).username == "window-1"


async def test_city_gives_away_nothing_beyond_itself(house: House, city: StaffCaller) -> None:
    for divisions in (("140000",), ("140200",), ("140105", "140213")):
        with pytest.raises(Forbidden) as refused:
            await house.staff.members.add(city, new("x", divisions=divisions), ADDRESS)
        assert refused.value.stable_code == "beyond_scope"
    await house.staff.members.add(city, new("own", Role.ADMINISTRATOR, divisions=("140100",)), ADDRESS)
    with pytest.raises(Forbidden):
        await house.staff.members.change(city, "own", 1, _terms(Role.WINDOW, divisions=("140000",)), ADDRESS)


async def test_accounts_beyond_the_scope_are_not_found(house: House, city: StaffCaller) -> None:
    for name in ("root", "auditor", "nobody"):
        with pytest.raises(NotFound):
            await house.staff.members.show(city, name)
        with pytest.raises(NotFound):
            await house.staff.members.disable(city, name, 1, "x", ADDRESS)
    listed = await house.staff.members.page(city, MemberFilter())
    assert {row.username for row in listed.data} == {"city", "window-1"}


async def test_department_scope_limits_too(house: House, administrator: StaffCaller) -> None:
    made = new("branch", Role.ADMINISTRATOR, departments=(DEPARTMENT,))
    branch = (await settle(house, await house.staff.members.add(administrator, made, ADDRESS)))[0]
    listed = await house.staff.members.page(branch, MemberFilter())
    assert {row.username for row in listed.data} == {"branch", "window-1"}
    with pytest.raises(Forbidden):
        await house.staff.members.add(branch, new("all-departments"), ADDRESS)


async def test_own_account_is_out_of_reach(house: House, administrator: StaffCaller) -> None:
    members, version = house.staff.members, 99
    acts = (
        members.change(administrator, "root", version, _terms(Role.ADMINISTRATOR), ADDRESS),
        members.disable(administrator, "root", version, "x", ADDRESS),
        members.reset_password(administrator, "root", version, "x", ADDRESS),
        members.reset_totp(administrator, "root", version, "x", ADDRESS),
        members.end_sessions(administrator, "root", ADDRESS),
    )
    for act in acts:
        with pytest.raises(Forbidden) as refused:
            await act
        assert refused.value.stable_code == "own_account"


async def test_change_works_at_once_in_every_process(
    house: House, redis: Redis, administrator: StaffCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.staff.sessions._KEPT_SECONDS", 3600.0)  # only the broadcast can tell
    signed_in, before = await house.sign_in()
    other = make_service(redis, house.cipher, house.audit)
    await other.open()
    listening = asyncio.create_task(other.sessions._broadcast.run())
    await until("the broadcast", lambda: other.sessions._broadcast.connected)
    await other.authenticate(signed_in.access_token)
    await house.staff.members.change(administrator, "window-1", 1, _terms(Role.CASHIER), ADDRESS)
    assert before.may(Role.WINDOW)
    assert not (await house.staff.authenticate(signed_in.access_token)).may(Role.WINDOW)
    async with asyncio.timeout(20):
        while not (await other.authenticate(signed_in.access_token)).may(Role.CASHIER):
            await asyncio.sleep(0.02)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_change_of_an_older_version_is_refused(house: House, administrator: StaffCaller) -> None:
    await house.staff.members.change(administrator, "window-1", 1, _terms(Role.CASHIER), ADDRESS)
    with pytest.raises(StaleVersion):
        await house.staff.members.change(administrator, "window-1", 1, _terms(Role.WINDOW), ADDRESS)
    with pytest.raises(StaleVersion):
        await house.staff.members.disable(administrator, "window-1", 1, "调离", ADDRESS)
    row = await db.fetch_row("SELECT details FROM audit_entry WHERE action = 'staff.changed'")
    assert row is not None
    assert '"cashier"' in row["details"]


async def test_unknown_places_are_named(house: House, administrator: StaffCaller) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await house.staff.members.change(
            administrator, "window-1", 1, _terms(Role.WINDOW, divisions=("140199",), departments=("1" * 18,)), ADDRESS
        )
    assert [fault.path for fault in refused.value.faults] == ["divisions", "departments"]


async def test_switched_off_account_loses_its_sessions_and_comes_back(house: House, administrator: StaffCaller) -> None:
    signed_in, _ = await house.sign_in()
    off = await house.staff.members.disable(administrator, "window-1", 1, "调离岗位", ADDRESS)
    assert (off.status, off.sessions) == (MemberStatus.DISABLED, 0)
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(signed_in.access_token)
    with pytest.raises(Unauthenticated):
        await house.sign_in(steps=1)
    await house.staff.members.enable(administrator, "window-1", off.version, ADDRESS)
    await house.sign_in(steps=1)
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(signed_in.access_token)


async def test_last_administrator_cannot_be_removed_even_by_two_at_once(
    house: House, administrator: StaffCaller
) -> None:
    made = new("second", Role.ADMINISTRATOR, divisions=("140000",))
    second = (await settle(house, await house.staff.members.add(administrator, made, ADDRESS)))[0]
    versions = {name: (await house.staff.members.show(administrator, name)).version for name in ("root", "second")}
    terms = _terms(Role.AUDITOR, divisions=("140000",))
    outcomes = await asyncio.gather(
        house.staff.members.change(administrator, "second", versions["second"], terms, ADDRESS),
        house.staff.members.disable(second, "root", versions["root"], "x", ADDRESS),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    rows = await db.fetch_all("SELECT username FROM staff_member WHERE status = 'ACTIVE' AND roles ? 'administrator'")
    assert len(rows) == 1


async def test_reset_hands_out_a_new_first_password_and_unlocks(house: House, administrator: StaffCaller) -> None:
    signed_in, _ = await house.sign_in()
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await house.staff.sign_in("window-1", "wrong", "000000", ADDRESS)
    assert (await house.staff.members.show(administrator, "window-1")).is_locked
    first = await house.staff.members.reset_password(administrator, "window-1", 1, "忘记密码", ADDRESS)
    assert not first.member.is_locked
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(signed_in.access_token)
    with pytest.raises(Unauthenticated):
        await house.staff.sign_in("window-1", first.first_password, "", ADDRESS)
    again = await house.staff.sign_in("window-1", first.first_password, house.code("window-1", 1), ADDRESS)
    assert again.setup == [SetupStep.PASSWORD]
    assert await _last_act() == ("window-1", "staff.signed_in", "")


async def test_lost_second_factor_is_enrolled_anew_with_a_new_password(
    house: House, administrator: StaffCaller
) -> None:
    first = await house.staff.members.reset_totp(administrator, "window-1", 1, "手机丢失，已当面核对", ADDRESS)
    with pytest.raises(Unauthenticated):
        await house.staff.sign_in("window-1", house.credentials["window-1"].password, "", ADDRESS)
    caller, secret = await settle(house, first)
    assert caller.username == "window-1"
    await house.staff.sign_in("window-1", GOOD, code_of(secret, 1), ADDRESS)


@pytest.mark.parametrize("reason", ["", "   "])
async def test_reset_needs_a_reason(house: House, administrator: StaffCaller, reason: str) -> None:
    with pytest.raises(InvalidRequest):
        await house.staff.members.reset_totp(administrator, "window-1", 1, reason, ADDRESS)


async def test_operator_lets_a_locked_out_administrator_in_again(house: House, administrator: StaffCaller) -> None:
    await db.execute("UPDATE staff_member SET status = 'DISABLED' WHERE username = 'root'")
    first = await house.staff.members.reset_by_operator("root")
    assert (await settle(house, first, GOOD + " 2"))[0].may(Role.ADMINISTRATOR)


async def test_sessions_of_others_can_be_ended(house: House, administrator: StaffCaller) -> None:
    signed_in, _ = await house.sign_in()
    assert await house.staff.members.end_sessions(administrator, "window-1", ADDRESS) == 1
    with pytest.raises(Unauthenticated):
        await house.staff.authenticate(signed_in.access_token)


async def test_list_is_filtered_and_paged(house: House, administrator: StaffCaller) -> None:
    for number in range(5):
        await house.staff.members.add(administrator, new(f"clerk_{number}"), ADDRESS)
    names = [row.username for row in (await house.staff.members.page(administrator, MemberFilter("clerk_"))).data]
    assert names == [f"clerk_{number}" for number in (4, 3, 2, 1, 0)]
    assert (await house.staff.members.page(administrator, MemberFilter("%"))).data == []
    assert {
        row.username for row in (await house.staff.members.page(administrator, MemberFilter(role="auditor"))).data
    } == {"auditor"}
    page = await house.staff.members.page(administrator, MemberFilter("clerk_"), None, 2, cursor_of=lambda last: last)
    second = await house.staff.members.page(administrator, MemberFilter("clerk_"), page.next_cursor, 9)
    assert [row.username for row in second.data] == ["clerk_2", "clerk_1", "clerk_0"]
