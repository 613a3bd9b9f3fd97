"""What becomes of a package that is handed in: its parts, the cases that begin, its promise, its event. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app import clock
from app.db import Row
from app.events import DomainEvent
from services.applications.clock import Calendar
from services.applications.packages.children import NewChild
from services.applications.packages.merging import Filing, waits_for
from services.applications.packages.repository import Change, NewPart
from services.applications.packages.states import EMITS, PackageStatus, PartStatus, promised_on
from services.catalogue.types import PackageTerms


def submission(
    row: Row,
    terms: PackageTerms,
    filed: Sequence[Filing],
    children: Mapping[str, NewChild],
    calendar: Calendar,
    now: datetime,
) -> Change:
    """Return what is written, all of it together, when a package is handed in under the terms open now."""
    depends = waits_for(filed)
    times = {each.part.item_code: (depends[each.part.item_code], each.item.record.promised_time) for each in filed}
    due_on = promised_on(times, clock.beijing_date(now), calendar)
    facts = {
        "package_name": row["package_name"],
        "item_name": row["package_name"],
        "package_code": row["package_code"],
        "parts": len(filed),
        "promised_on": due_on.isoformat(),
    }
    event = DomainEvent(
        name=EMITS[PackageStatus.DRAFT, PackageStatus.HANDLING],
        subject_no=row["package_no"],
        citizen_id=row["citizen_id"].hex,
        occurred_at=now,
        facts=facts,
    )
    return Change(
        status=PackageStatus.HANDLING,
        at=now,
        parts=[
            NewPart(each.part.item_code, position, depends[each.part.item_code])
            for position, each in enumerate(filed, 1)
        ],
        standing=dict.fromkeys(children, PartStatus.STARTED),
        children=children,
        sets={"submitted_at": now, "promised_due_on": due_on, "package_version": terms.record.version},
        events=[event],
    )
