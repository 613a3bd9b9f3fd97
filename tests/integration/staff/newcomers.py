"""Makes divisions and accounts as an administrator does, and takes newcomers through their first sign-in."""

from __future__ import annotations

import pyotp

from app import clock, db
from services.staff.types import FirstPassword, NewStaff, Origin, Role, StaffCaller
from tests.integration.staff.conftest import House

GOOD = "汾河边的柳树 green in May"
ADDRESS = "10.0.0.7"
DEPARTMENT = "11140105MB0001177F"
_DIVISIONS = (("140000", ""), ("140100", "140000"), ("140105", "140100"), ("140200", "140000"), ("140213", "140200"))


async def make_places() -> None:
    """Write a few divisions and one department."""
    for code, parent in _DIVISIONS:
        await db.execute(
            "INSERT INTO division (code, name, level, parent_code, kind, successor_code)"
            " VALUES ($1, $1, 'x', $2, 'current', '') ON CONFLICT DO NOTHING",
            code,
            parent,
        )
    await db.execute(
        "INSERT INTO department (code, name, division_code, phone)"
        " VALUES ($1, '公安小店分局', '140105', '') ON CONFLICT DO NOTHING",
        DEPARTMENT,
    )


def new(
    username: str, *roles: Role, divisions: tuple[str, ...] = ("140105",), departments: tuple[str, ...] = ()
) -> NewStaff:
    """An account to make."""
    return NewStaff(
        username=username,
        display_name=f"新人 {username}",
        roles=list(roles or (Role.WINDOW,)),
        divisions=list(divisions),
        departments=list(departments),
    )


async def enter(house: House, first: FirstPassword) -> StaffCaller:
    """Sign in with the first password; the session may only put things right."""
    signed_in = await house.staff.sign_in(first.username, first.first_password, "", ADDRESS, "Firefox")
    return await house.staff.authenticate(signed_in.access_token, setup=True)


async def settle(house: House, first: FirstPassword, password: str = GOOD) -> tuple[StaffCaller, str]:
    """Go the whole way of a first sign-in; return the full session and the TOTP secret."""
    caller, own = await enter(house, first), house.staff.own
    assert await own.set_password(caller, password, Origin(ADDRESS)) is None
    offer = await own.offer_totp(caller, "", "", Origin(ADDRESS))
    signed_in = await own.confirm_totp(caller, code_of(offer.secret), Origin(ADDRESS))
    assert signed_in is not None
    return await house.staff.authenticate(signed_in.access_token), offer.secret


def code_of(secret: str, steps: int = 0) -> str:
    """The code of now, or of some steps later."""
    return pyotp.TOTP(secret).at(clock.timestamp() + 30 * steps)
