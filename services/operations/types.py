"""What crosses the door of the operations room: health of providers, jobs and sweeps."""

from __future__ import annotations

import msgspec


class ProviderHealthView(msgspec.Struct, frozen=True, kw_only=True):
    """How one provider is doing; moments are exact to the minute, rates are parts of the calls made."""

    provider: str
    breaker: str
    last_success_at: str | None
    last_failure_at: str | None
    last_code: str
    calls_5: int
    failed_5: int
    calls_60: int
    failed_60: int
    refused_60: int
    slowest_ms_60: int


class ProviderList(msgspec.Struct, frozen=True, kw_only=True):
    """All providers."""

    data: list[ProviderHealthView]


class ProviderHour(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of some minutes came to."""

    begins_at: str
    succeeded: int
    failed: int
    refused: int


class ProviderDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One provider with the course of its last day, an hour at a time."""

    health: ProviderHealthView
    hours: list[ProviderHour]


class JobCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of one kind wait, run and are parked, and for how long the oldest waiting one has."""

    job: str
    waiting: int
    running: int
    failed: int
    oldest_seconds: int


class SweepView(msgspec.Struct, frozen=True, kw_only=True):
    """One scheduled sweep, with when it ran and will run."""

    sweep: str
    schedule: str
    last_run_at: str | None
    next_run_at: str | None
    is_running: bool


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue holds, and who works on it."""

    runners: int
    jobs: list[JobCount]
    sweeps: list[SweepView]


class FailedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A parked job: what it was for in harmless words only, and what went wrong."""

    id: int
    job: str
    facts: dict[str, str]
    error: str
    attempts: int
    created_at: str
    failed_at: str


class FailedJobs(msgspec.Struct, frozen=True, kw_only=True):
    """A page of parked jobs."""

    data: list[FailedJob]
    next_cursor: str | None


class Requeued(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs were put back."""

    requeued: int
