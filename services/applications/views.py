"""Rows of cases as the room's views. Pure; called by the use cases only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from app import clock
from app.db import Row
from app.errors import FieldFault
from services.applications.dues import due_text
from services.applications.materials import rules
from services.applications.materials.types import KeptMaterial
from services.applications.states import OUTCOME_TEXT, STATUS_TEXT, Status
from services.applications.types import (
    ApplicationSummary,
    ApplicationView,
    CaseSummary,
    MaterialView,
    TimelineView,
)

_RUNNING = frozenset({Status.ACCEPTED})


def application_view(
    row: Row,
    form: dict[str, Any] | None = None,
    materials: Any = None,
    *,
    kept_days: int = 0,
    newer: int | None = None,
    unsaved: Sequence[FieldFault] = (),
) -> ApplicationView:
    """Show a case to its citizen.

    `form` replaces the stored, masked answers. What the database holds as JSON goes out as it is, never decoded here.

    Args:
        kept_days: for so long a draft is kept that nobody touches.
        newer: version that a draft may be moved to; `unsaved`: what an autosave left out.
    """
    shown: Any = form if form is not None else msgspec.Raw(row["form"].encode())
    files: Any = materials if materials is not None else msgspec.Raw((row["materials"] or "[]").encode())
    points: Any = msgspec.Raw(row["correction_points"].encode())
    today = clock.beijing_date()
    return ApplicationView(
        application_no=row["application_no"],
        item_code=row["item_code"],
        item_version=row["item_version"],
        item_name=row["item_name"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        outcome=row["outcome"],
        outcome_text=OUTCOME_TEXT[row["outcome"]],
        version=row["version"],
        form=shown,
        materials=files,
        fee_fen=row["fee_fen"],
        fee_paid_at=moment(row["fee_paid_at"]),
        reason=row["reason"],
        created_at=clock.rfc3339(row["created_at"]),
        submitted_at=moment(row["submitted_at"]),
        correction_due_at=moment(row["correction_due_at"]),
        accepted_at=moment(row["accepted_at"]),
        decided_at=moment(row["decided_at"]),
        closed_at=moment(row["closed_at"]),
        promised_due_on=_day(row["promised_due_on"]),
        due_is_provisional=row["due_is_provisional"],
        is_overdue=_is_overdue(row, today),
        due_text=due_text(row, today),
        overdue_reason=row["overdue_reason"],
        extension_days=row["extension_days"],
        correction_points=points,
        updated_at=clock.rfc3339(row["updated_at"]),
        provider=row["provider"],
        intake_division_code=row["intake_division_code"],
        expires_on=_expiry(row, kept_days),
        newer_item_version=newer,
        unsaved=list(unsaved),
    )


def listed_materials(materials: Sequence[KeptMaterial]) -> list[MaterialView]:
    """Show materials as they were just stored: pages count within each code."""
    pages: dict[str, int] = {}
    shown = []
    for part in materials:
        page = pages[part.material_code] = pages.get(part.material_code, 0) + 1
        shown.append(
            MaterialView(
                material_code=part.material_code,
                material_name=part.material_name,
                page=page,
                upload_id=str(part.upload_id) if part.upload_id else None,
                source=part.source,
                state=rules.state_of(part.source, None, clock.beijing_date()),
                reference=part.reference,
                due_on=_day(part.due_on),
            )
        )
    return sorted(shown, key=lambda view: (view.material_code, view.page))


def application_summary(row: Row, kept_days: int) -> ApplicationSummary:
    """Show a line of the citizen's list; drafts with the day after which they are deleted."""
    return ApplicationSummary(
        application_no=row["application_no"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        outcome=row["outcome"],
        outcome_text=OUTCOME_TEXT[row["outcome"]],
        version=row["version"],
        fee_fen=row["fee_fen"],
        fee_paid_at=moment(row["fee_paid_at"]),
        submitted_at=moment(row["submitted_at"]),
        promised_due_on=_day(row["promised_due_on"]),
        is_overdue=_is_overdue(row, clock.beijing_date()),
        updated_at=clock.rfc3339(row["updated_at"]),
        provider=row["provider"],
        expires_on=_expiry(row, kept_days),
    )


def case_summary(row: Row) -> CaseSummary:
    """Show a line of the staff's queue."""
    return CaseSummary(
        application_no=row["application_no"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        outcome=row["outcome"],
        version=row["version"],
        applicant_shown=row["applicant_shown"],
        provider=row["provider"],
        fee_fen=row["fee_fen"],
        fee_paid=row["fee_paid_at"] is not None,
        submitted_at=moment(row["submitted_at"]),
        accepted_at=moment(row["accepted_at"]),
        promised_due_on=_day(row["promised_due_on"]),
        legal_due_on=_day(row["legal_due_on"]),
        is_overdue=_is_overdue(row, clock.beijing_date()),
        officer=row["officer"],
    )


def timeline_view(row: Row) -> TimelineView:
    """Show one step."""
    return TimelineView(
        occurred_at=clock.rfc3339(row["occurred_at"]),
        event=row["event"],
        from_status=row["from_status"],
        to_status=row["to_status"],
        title=row["title"],
        told=row["told"],
        actor_kind=row["actor_kind"],
        actor_shown=row["actor_shown"],
    )


def entity_tag(row: Row) -> str:
    """Return the ETag of a case as read: its version and the moment of its last change."""
    return f'"{row["version"]}.{int(row["updated_at"].timestamp() * 1000)}"'


def moment(value: datetime | None) -> str | None:
    """Print a moment that may not have come yet."""
    return None if value is None else clock.rfc3339(value)


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _expiry(row: Row, kept_days: int) -> str | None:
    if row["status"] != Status.DRAFT:
        return None
    return clock.beijing_date(row["updated_at"] + timedelta(days=kept_days)).isoformat()


def _is_overdue(row: Row, today: date) -> bool:
    due: date | None = row["promised_due_on"]
    return due is not None and row["status"] in _RUNNING and due < today
