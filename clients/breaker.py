"""A circuit breaker for one provider: stops calling somebody who is away, tries one call after a pause.

Used by clients/transport.py only. It must not sleep, log or know HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from app import clock


class BreakerState(StrEnum):
    """CLOSED lets calls pass, OPEN refuses them, HALF_OPEN lets exactly one trial pass."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Breaker:
    """Opens for `open_seconds` after `failure_threshold` failures in a row; then one trial decides.

    Not shared between processes: each worker finds out by itself, which costs a handful of calls and no I/O.
    """

    def __init__(
        self,
        *,
        failure_threshold: int = 8,
        open_seconds: float = 10.0,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._failure_threshold = failure_threshold
        self._open_seconds = open_seconds
        self._monotonic = monotonic
        self._failures = 0
        self._opened_at_seconds: float | None = None
        self._trial_running = False

    @property
    def state(self) -> BreakerState:
        """Say where the breaker stands now."""
        if self._opened_at_seconds is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.retry_after_seconds > 0 else BreakerState.HALF_OPEN

    @property
    def retry_after_seconds(self) -> float:
        """Return how long calls stay refused; 0 when a call may be tried."""
        if self._opened_at_seconds is None:
            return 0.0
        return max(0.0, self._opened_at_seconds + self._open_seconds - self._monotonic())

    def admit(self) -> bool:
        """Ask for leave to call; after True exactly one `record_…` must follow."""
        state = self.state
        if state is BreakerState.CLOSED:
            return True
        if state is BreakerState.OPEN or self._trial_running:
            return False
        self._trial_running = True
        return True

    def record_success(self) -> None:
        """The provider answered. Answers to calls begun before the breaker opened do not close it."""
        if self._opened_at_seconds is None or self._trial_running:
            self._opened_at_seconds = None
            self._trial_running = False
            self._failures = 0

    def record_failure(self) -> None:
        """The provider was away, too slow, or answered 5xx."""
        self._failures += 1
        too_many = self._opened_at_seconds is None and self._failures >= self._failure_threshold
        if self._trial_running or too_many:
            self._opened_at_seconds = self._monotonic()
            self._trial_running = False

    def record_abandoned(self) -> None:
        """Our own side cancelled the call: says nothing about the provider, but frees the trial."""
        self._trial_running = False
