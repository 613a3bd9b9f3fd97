"""Which passwords staff may choose."""

from __future__ import annotations

import pytest

from services.staff.password_policy import LONGEST, SHORTEST, fault_of
from services.staff.second_factor import new_password


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "我喜欢在汾河边散步看日落吃面",
        "tea-in-Pingyao at 4",
        "Xq7!mmLw02-rrTz",
        "紫云三晋河东三十六计走为上策",
    ],
)
def test_long_password_of_ones_own_is_allowed(password: str) -> None:
    assert fault_of(password, "window-1") is None


def test_passwords_that_the_house_makes_are_allowed() -> None:
    assert [fault_of(new_password(), "window-1") for _ in range(200)] == [None] * 200


@pytest.mark.parametrize(
    "password",
    [
        "123456789012",
        "qwertyuiop[]12",
        "Password1234",
        "P@ssw0rd2026!",
        "administrator",
        "aaaaaaaaaaaa",
        "121212121212",
        "1qaz2wsx3edc",
        "abcdefghijklm",
        "sanjintong2026",
        "Taiyuan12345678",
        "98765432109876",
        "passwordpassword",
        "1234567890qwertyuiop",
    ],
)
def test_what_everybody_tries_first_is_refused(password: str) -> None:
    assert fault_of(password, "window-1") is not None


@pytest.mark.parametrize(
    "password", ["reviewer-jiaojing", "reviewer-jiaojing2026", "REVIEWER-JIAOJINGreviewer-jiaojing"]
)
def test_the_username_is_no_password(password: str) -> None:
    assert fault_of(password, "reviewer-jiaojing") == "密码不能由用户名构成"


def test_length_is_what_counts() -> None:
    assert fault_of("zK4 wind tea"[: SHORTEST - 1], "u") == "密码至少12个字符"
    assert fault_of("zK4 wind tea", "u") is None
    assert fault_of("x1 y2 z3" * 40, "u") == f"密码不能超过{LONGEST}个字符"
