"""The breaker's states on a clock that the test moves."""

import pytest

from clients.breaker import Breaker, BreakerState


class Hand:
    """A clock hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def breaker(hand: Hand) -> Breaker:
    return Breaker(failure_threshold=3, open_seconds=10, monotonic=hand)


def state(breaker: Breaker) -> BreakerState:
    return breaker.state


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.admit()
        breaker.record_failure()


def test_success_between_failures_keeps_it_closed(breaker: Breaker) -> None:
    for _ in range(4):
        fail(breaker, 2)
        assert breaker.admit()
        breaker.record_success()
    assert state(breaker) is BreakerState.CLOSED


def test_failures_in_a_row_open_it_for_its_time(breaker: Breaker, hand: Hand) -> None:
    fail(breaker, 3)
    assert state(breaker) is BreakerState.OPEN
    hand.seconds = 9.9
    assert not breaker.admit()
    assert breaker.retry_after_seconds == pytest.approx(0.1)


def test_one_trial_passes_and_its_success_closes(breaker: Breaker, hand: Hand) -> None:
    fail(breaker, 3)
    hand.seconds = 10
    assert state(breaker) is BreakerState.HALF_OPEN
    assert breaker.admit()
    assert not breaker.admit()
    breaker.record_success()
    fail(breaker, 2)
    assert state(breaker) is BreakerState.CLOSED


def test_failed_trial_opens_it_again(breaker: Breaker, hand: Hand) -> None:
    fail(breaker, 3)
    hand.seconds = 10
    fail(breaker, 1)
    assert state(breaker) is BreakerState.OPEN
    hand.seconds = 19.9
    assert not breaker.admit()


def test_late_answer_of_an_older_call_does_not_close_it(breaker: Breaker, hand: Hand) -> None:
    assert breaker.admit()
    fail(breaker, 3)
    breaker.record_success()
    assert state(breaker) is BreakerState.OPEN


def test_abandoned_trial_leaves_room_for_another(breaker: Breaker, hand: Hand) -> None:
    fail(breaker, 3)
    hand.seconds = 10
    assert breaker.admit()
    breaker.record_abandoned()
    assert breaker.admit()
