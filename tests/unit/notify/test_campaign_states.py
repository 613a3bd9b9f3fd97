"""States of campaigns: what leads where, who may be told how much, and random courses that never leave the table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.campaigns.sending import batch_size
from notify.campaigns.states import (
    STATUS_TEXT,
    TRANSITIONS,
    Act,
    CampaignStatus,
    after,
    is_quiet,
    most_people,
    needs_approval,
    schedule_fault,
)

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
_ENDED = (CampaignStatus.CANCELLED,)
_TELLING = (CampaignStatus.SENDING, CampaignStatus.FINISHED)


def test_every_state_is_reached_and_has_a_word() -> None:
    reached = {CampaignStatus.DRAFT, *TRANSITIONS.values()}
    assert reached == set(CampaignStatus) == set(STATUS_TEXT)
    assert not any(status in _ENDED for status, _ in TRANSITIONS)
    assert {act for _, act in TRANSITIONS} == set(Act)


def test_one_that_has_started_is_no_draft_again() -> None:
    assert after(CampaignStatus.WAITING, Act.REFUSE) is CampaignStatus.DRAFT
    assert after(CampaignStatus.WAITING, Act.REFUSE, is_started=True) is None
    assert after(CampaignStatus.WAITING, Act.APPROVE, is_started=True) is None
    assert after(CampaignStatus.WAITING, Act.APPROVE_GROWN) is None
    assert after(CampaignStatus.WAITING, Act.APPROVE_GROWN, is_started=True) is CampaignStatus.EXPANDING
    assert after(CampaignStatus.WAITING, Act.REFUSE_GROWN, is_started=True) is CampaignStatus.CANCELLED


@given(st.lists(st.sampled_from(list(Act)), max_size=60))
def test_any_course_tells_nobody_before_it_is_agreed_to_and_expanded(acts: list[Act]) -> None:
    status, started, agreed, expanded = CampaignStatus.DRAFT, False, False, False
    for act in acts:
        if act is Act.RESUME_SENDING and not expanded:
            continue  # the service chooses by is_expanded
        if act is Act.RESUME_EXPANDING and expanded:
            continue
        following = after(status, act, is_started=started)
        if following is None:
            continue
        assert status not in _ENDED
        started = started or act is Act.START
        agreed = (agreed or act in (Act.APPROVE, Act.APPROVE_GROWN, Act.SUBMIT_SMALL)) and act not in (
            Act.WITHDRAW,
            Act.REFUSE,
            Act.GROWN,
        )
        expanded = expanded or act is Act.EXPANDED
        status = following
        if status in _TELLING:
            assert agreed
            assert expanded
            assert started
        if started:
            assert status is not CampaignStatus.DRAFT


@pytest.mark.parametrize(
    ("estimated", "is_approved", "size", "most"),
    [(1000, False, 1000, 1000), (0, False, 1000, 1000), (2000, True, 1000, 2200), (5, True, 0, 5), (1500, False, 0, 0)],
)
def test_so_many_may_be_expanded(estimated: int, is_approved: bool, size: int, most: int) -> None:
    assert most_people(estimated, is_approved, size) == most


def test_above_the_bound_a_second_person_decides() -> None:
    assert not needs_approval(1000, 1000)
    assert needs_approval(1001, 1000)
    assert needs_approval(1, 0)


def test_a_moment_is_to_come_and_near_enough() -> None:
    assert schedule_fault(NOW - timedelta(seconds=1), NOW) is not None
    assert schedule_fault(NOW + timedelta(days=400), NOW) is not None
    assert schedule_fault(NOW + timedelta(hours=1), NOW) is None


@pytest.mark.parametrize(("hour_utc", "quiet"), [(12, False), (13, True), (23, True), (0, False), (4, False)])
def test_nights_are_quiet_in_beijing(hour_utc: int, quiet: bool) -> None:
    assert is_quiet(NOW.replace(hour=hour_utc)) is quiet


@pytest.mark.parametrize(("rate", "size"), [(1, 1), (2, 1), (100, 50), (2000, 500)])
def test_a_batch_is_at_most_half_a_second(rate: int, size: int) -> None:
    assert batch_size(rate) == size
