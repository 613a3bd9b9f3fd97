"""Prometheus metrics of the house.

run.py names the shared folder (PROMETHEUS_MULTIPROC_DIR) before anything is imported; /metrics adds up all processes.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Histogram(
    "sjt_request_seconds",
    "Time to answer a request",
    ("route", "method", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
PROVIDER_CALLS = Histogram(
    "sjt_provider_call_seconds",
    "Time of a call to a provider",
    ("provider", "call", "outcome"),
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20),
)
CALLBACKS = Counter("sjt_callbacks_total", "Callbacks of providers by what became of them", ("provider", "outcome"))
CUSTOMER_MESSAGES = Counter(
    "sjt_customer_messages_total", "Answers to consultations by what became of them", ("provider", "outcome")
)
PLATFORM_MESSAGES = Counter(
    "sjt_platform_messages_total",
    "Messages of platforms that are about no order or permission; a withdrawn authorisation is an alarm",
    ("provider", "kind"),
)
NOTICE_ATTEMPTS = Counter("sjt_notice_attempts_total", "Tries to tell a person", ("channel", "outcome"))
NOTICE_FAULTS = Counter(
    "sjt_notice_faults_total",
    "Answers of channels that a person must look at: settings, templates, words, quotas; anything but zero is an alarm",
    ("channel", "code"),
)
SYSTEM_EVENTS = Counter("sjt_system_events_total", "Tries to tell a department system", ("system", "outcome"))
SYSTEM_EVENTS_UNSENT = Gauge(
    "sjt_system_events_unsent",
    "Events for department systems that wait, or were given up after a day (failed: anything but zero is an alarm)",
    ("system", "status"),
    multiprocess_mode="mostrecent",
)
JOBS = Counter(
    "sjt_jobs_total",
    "Jobs, failed reactions and sweeps by outcome: done, failed (comes again), held",
    ("job", "outcome"),
)
UNKNOWN_CODES = Counter("sjt_unknown_codes_total", "Provider codes that no table knows", ("provider",))
QUARANTINED = Counter("sjt_quarantined_total", "Genuine callbacks that contradict our records", ("provider", "reason"))
LEDGER_IMBALANCE_FEN = Gauge(
    "sjt_ledger_imbalance_fen", "Sum of the ledger; anything but zero is an alarm", multiprocess_mode="mostrecent"
)
LEDGER_FAULTS = Gauge(
    "sjt_ledger_faults",
    "Transfers that do not balance or are missing in the ledger; anything but zero is an alarm",
    multiprocess_mode="mostrecent",
)
DISCREPANCIES_OPEN = Gauge(
    "sjt_discrepancies_open",
    "Differences of the reconciliation that wait for repair or staff",
    ("kind",),
    multiprocess_mode="mostrecent",
)
RECONCILIATION_FAILED = Gauge(
    "sjt_reconciliation_failed",
    "Days of the last week whose reconciliation failed; anything but zero is an alarm",
    multiprocess_mode="mostrecent",
)
LOW_RATINGS_OVERDUE = Gauge(
    "sjt_low_ratings_overdue",
    "Low ratings whose next step is late; anything but zero is for the chief",
    multiprocess_mode="mostrecent",
)
UNUSABLE_MERCHANTS = Gauge(
    "sjt_unusable_merchants",
    "Merchant accounts whose row or secrets are wrong; anything but zero is an alarm",
    multiprocess_mode="mostrecent",
)
CERTIFICATE_DAYS_LEFT = Gauge(
    "sjt_certificate_days_left",
    "Days until the newest platform certificate of a merchant account ends; under 10 is an alarm",
    ("account",),
    multiprocess_mode="mostrecent",
)
DUE_CARDS_OPEN = Gauge(
    "sjt_due_cards_open",
    "Yellow and red cards of cases whose stage has not ended",
    ("colour", "stage"),
    multiprocess_mode="mostrecent",
)
TEMPLATE_DIFFERENCES = Gauge(
    "sjt_notice_template_differences",
    "Notice templates in use whose fields differ from those of the platform",
    ("channel",),
    multiprocess_mode="mostrecent",
)


def rendered() -> bytes:
    """Return the text that Prometheus scrapes, added up over all processes."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    return generate_latest(registry)


def folder() -> Path:
    """Name the folder that the processes of this start share."""
    return Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
