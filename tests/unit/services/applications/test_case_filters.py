"""What a list of cases may be asked for: statuses, order, and the reach of a filter within a scope."""

from __future__ import annotations

import uuid

import pytest

from services.applications.finding.types import EVERY, CaseFilter, Reach, reach_of
from services.applications.states import Status
from services.staff.types import Role, StaffCaller

HERE = "11140105MB0001177F"
ELSEWHERE = "11140702MB0001265T"


def caller(divisions: tuple[str, ...], departments: tuple[str, ...] = ()) -> StaffCaller:
    """Somebody at a window."""
    roles = frozenset({Role.WINDOW})
    return StaffCaller(uuid.uuid4(), uuid.uuid4(), "clerk", "窗口", roles, divisions, departments, "t")


@pytest.mark.parametrize(
    ("scope", "wanted", "reached"),
    [
        (("14",), "", ("14",)),
        (("14",), "140105", ("140105",)),
        (("14",), "140100", ("1401",)),
        (("140105",), "140100", ("140105",)),
        (("140105", "140106", "140213"), "140100", ("140105", "140106")),
        (("140105",), "140213", ()),
        (("1401",), "140213", ()),
        (("1401",), "140000", ("1401",)),
    ],
)
def test_division_of_a_filter_stays_within_the_scope(
    scope: tuple[str, ...], wanted: str, reached: tuple[str, ...]
) -> None:
    assert reach_of(caller(scope), CaseFilter(division_code=wanted)).divisions == reached


def test_department_of_a_filter_stays_within_the_scope() -> None:
    assert reach_of(caller(("14",)), CaseFilter(department_code=HERE)).departments == (HERE,)
    assert reach_of(caller(("14",), (HERE,)), CaseFilter()).departments == (HERE,)
    assert reach_of(caller(("14",), (HERE,)), CaseFilter(department_code=ELSEWHERE)) == Reach((), ())


def test_drafts_are_never_meant_and_an_archive_is_read_from_its_end() -> None:
    for status in ("", EVERY, "CLOSED", "ACCEPTED"):
        assert Status.DRAFT not in CaseFilter(status=status).statuses
    assert Status.CLOSED not in CaseFilter().statuses
    assert Status.CLOSED in CaseFilter(status=EVERY).statuses
    assert [CaseFilter(status=status).newest_first for status in ("", "ACCEPTED", EVERY, "CLOSED")] == [
        False,
        False,
        True,
        True,
    ]
