"""Roles and scopes: what a member of staff may see and do, without any I/O."""

from __future__ import annotations

import uuid

import pyotp
import pytest

from app.errors import Forbidden, NotFound
from services.staff.second_factor import matching_step, new_password, new_totp_secret
from services.staff.types import Role, StaffCaller


def _caller(divisions: tuple[str, ...], departments: tuple[str, ...] = (), *roles: Role) -> StaffCaller:
    return StaffCaller(
        uuid.uuid4(), uuid.uuid4(), "w", "窗口", frozenset(roles or (Role.WINDOW,)), divisions, departments, "csrf"
    )


@pytest.mark.parametrize(
    ("divisions", "code", "covered"),
    [
        (("14",), "140105", True), (("1401",), "140105", True), (("1401",), "140213", False),
        (("140105",), "140105", True), (("140105",), "140100", False), (("140105", "1402"), "140213", True),
        ((), "140105", False), (("14",), "", False),
    ],
)  # fmt: skip
def test_scope_follows_the_division_prefix(divisions: tuple[str, ...], code: str, covered: bool) -> None:
    assert _caller(divisions).covers(code) is covered


def test_departments_narrow_the_scope_and_none_means_all() -> None:
    assert _caller(("14",)).covers("140105", "D1")
    assert _caller(("14",), ("D1",)).covers("140105", "D1")
    assert not _caller(("14",), ("D1",)).covers("140105", "D2")


def test_out_of_scope_is_not_found_and_a_missing_role_is_forbidden() -> None:
    caller = _caller(("140105",))
    with pytest.raises(NotFound):
        caller.require_scope("140213")
    with pytest.raises(Forbidden):
        caller.require_role(Role.REVIEWER, Role.APPROVER)
    caller.require_role(Role.REVIEWER, Role.WINDOW)


def test_code_of_each_step_in_the_window_is_known_by_its_step() -> None:
    secret, now = new_totp_secret(), 1_800_000_015
    totp = pyotp.TOTP(secret)
    steps = [matching_step(secret, totp.at(now + 30 * shift), now) for shift in (-2, -1, 0, 1, 2)]
    here = now // 30
    assert steps == [None, here - 1, here, here + 1, None]


def test_made_passwords_have_four_kinds_of_characters() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert len(password) == 16
        assert any(c.islower() for c in password)
        assert any(c.isupper() for c in password)
        assert any(c.isdigit() for c in password)
        assert any(not c.isalnum() for c in password)
