"""Domain events: what happened, in the past tense, written with the state change that they report.

An event becomes one job in the same transaction; the job runner calls every reaction that wiring lists for its name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from app.clock import now


class DomainEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    Attributes:
        name: wire name, as `application.accepted`.
        subject_no: printed number of the case, bill, shipment … that it happened to.
        citizen_id: hex id of the person concerned, "" where there is none.
        occurred_at: aware UTC; part of every dedupe key, so a repeated job finds its own traces.
        part: what of the subject it happened to, as a refund's number, where several of one kind may fall into the same
            moment: providers tell whole seconds.
        facts: small JSON values that reactions need; never personal data.
    """

    name: str
    subject_no: str
    citizen_id: str = ""
    occurred_at: datetime = msgspec.field(default_factory=now)
    part: str = ""
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
