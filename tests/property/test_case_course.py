"""Any course of acts and corrections: a case moves only along the table, and what is decided stays decided."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.errors import InvalidTransition
from services.applications.states import (
    FORCED,
    TRANSITIONS,
    Act,
    Correction,
    Edge,
    Outcome,
    Status,
    forced_edge,
    may_reissue,
    next_edge,
)

_DECIDED = {Status.APPROVED, Status.DENIED, Status.CERTIFYING, Status.DELIVERING, Status.CLOSED}


class CaseCourse(RuleBasedStateMachine):
    """One case under arbitrary commands."""

    def __init__(self) -> None:
        super().__init__()
        self.status, self.outcome = Status.DRAFT, ""
        self.was_accepted = False

    def _take(self, edge: Edge) -> None:
        self.status = edge.to
        self.outcome = self.outcome if edge.outcome is None else str(edge.outcome)
        self.was_accepted = self.was_accepted or edge.to is Status.ACCEPTED

    @rule(act=st.sampled_from(Act))
    def act(self, act: Act) -> None:
        if act is Act.REISSUE and not may_reissue(self.status, self.outcome):
            return  # who makes a lost result again asks this first
        before = (self.status, self.outcome)
        try:
            edge = next_edge(self.status, act)
        except InvalidTransition:
            assert (self.status, act) not in TRANSITIONS
            assert before == (self.status, self.outcome)
        else:
            self._take(edge)

    @precondition(lambda self: self.status is Status.CLOSED)
    @rule(act=st.sampled_from(Act))
    def closed_case_takes_no_act(self, act: Act) -> None:
        assert act is Act.REISSUE or (self.status, act) not in TRANSITIONS

    @rule(correction=st.sampled_from(Correction))
    def force(self, correction: Correction) -> None:
        try:
            edge = forced_edge(self.status, self.outcome, correction)
        except InvalidTransition:
            return
        assert (self.status, correction) in FORCED
        self._take(edge)

    @invariant()
    def outcome_is_known_exactly_when_decided(self) -> None:
        assert bool(self.outcome) == (self.status in _DECIDED)

    @invariant()
    def outcome_fits_the_status(self) -> None:
        if self.status in (Status.APPROVED, Status.CERTIFYING, Status.DELIVERING):
            assert self.outcome == Outcome.GRANTED
        if self.status is Status.DENIED:
            assert self.outcome == Outcome.REFUSED

    @invariant()
    def nothing_is_decided_that_was_never_accepted(self) -> None:
        if self.outcome in (Outcome.GRANTED, Outcome.REFUSED):
            assert self.was_accepted


TestCaseCourse = CaseCourse.TestCase
