"""The transition table of a case: complete, closed over its own states, and refusing everything else."""

from __future__ import annotations

from itertools import product

import pytest

from app.errors import InvalidTransition
from services.applications.states import (
    FORCED,
    OUTCOME_TEXT,
    STATUS_TEXT,
    TABS,
    TRANSITIONS,
    Act,
    Correction,
    Outcome,
    Status,
    forced_edge,
    may_reissue,
    next_edge,
)


def test_every_status_but_the_first_is_reached_by_an_edge() -> None:
    assert {edge.to for edge in TRANSITIONS.values()} == set(Status) - {Status.DRAFT}


def test_every_status_leads_to_closed() -> None:
    closing = {Status.CLOSED}
    for _ in Status:
        closing |= {status for (status, _), edge in TRANSITIONS.items() if edge.to in closing}
    assert closing == set(Status)


def test_every_act_and_correction_is_used() -> None:
    assert {act for _, act in TRANSITIONS} == set(Act)
    assert {correction for _, correction in FORCED} == set(Correction)


def test_closed_is_left_only_by_force_or_to_make_a_lost_result_again() -> None:
    assert [act for status, act in TRANSITIONS if status is Status.CLOSED] == [Act.REISSUE]
    assert may_reissue(Status.CLOSED, Outcome.GRANTED)
    assert not may_reissue(Status.CLOSED, Outcome.REFUSED)


@pytest.mark.parametrize(("status", "act"), sorted(set(product(Status, Act)) - set(TRANSITIONS)))
def test_next_edge_unlisted_pair_is_refused(status: Status, act: Act) -> None:
    with pytest.raises(InvalidTransition) as refused:
        next_edge(status, act)
    assert STATUS_TEXT[status] in refused.value.detail


def test_every_edge_into_closed_knows_the_outcome_by_then() -> None:
    decided = {Act.APPROVE: Outcome.GRANTED, Act.DENY: Outcome.REFUSED}
    for (_, act), edge in TRANSITIONS.items():
        if edge.to is Status.CLOSED and act is not Act.CLOSE:
            assert isinstance(edge.outcome, Outcome)
        if act in decided:
            assert edge.outcome is decided[act]


@pytest.mark.parametrize("outcome", [Outcome.GRANTED, Outcome.WITHDRAWN, Outcome.TERMINATED, ""])
def test_forced_edge_reverse_denial_needs_a_denied_case(outcome: str) -> None:
    with pytest.raises(InvalidTransition):
        forced_edge(Status.CLOSED, outcome, Correction.REVERSE_DENIAL)


def test_forced_edge_reverse_denial_clears_the_outcome() -> None:
    edge = forced_edge(Status.CLOSED, Outcome.REFUSED, Correction.REVERSE_DENIAL)
    assert (edge.to, edge.outcome) == (Status.ACCEPTED, "")


def test_tabs_hold_every_status_once() -> None:
    listed = [status for name, tab in TABS.items() for status in tab if name != "rating"]
    assert sorted(listed) == sorted(Status)
    assert set(TABS["rating"]) <= set(TABS["closed"])


def test_every_status_and_outcome_has_chinese_words() -> None:
    assert set(STATUS_TEXT) == set(Status)
    assert set(OUTCOME_TEXT) == {*Outcome, ""}
