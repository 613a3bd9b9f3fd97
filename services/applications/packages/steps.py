"""The one progress view of a package: its own moments and the steps of all its cases, in order. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app import clock
from app.db import Row
from services.applications.packages.types import PackageStep
from services.applications.types import ActorKind, TimelineView
from services.applications.views import timeline_view

_MOMENTS = (
    ("submitted_at", "package.submitted", "提交一件事", "申请已受理登记并分送各部门", ActorKind.CITIZEN, "申请人"),
    ("withdrawn_at", "package.withdrawn", "撤回一件事", "尚未决定的事项已撤回", ActorKind.CITIZEN, "申请人"),
    ("closed_at", "package.closed", "一件事办结", "各事项均已办结", ActorKind.SYSTEM, ""),
)
"""Column → how its moment reads among the steps."""


def merged_steps(row: Row, parts: Sequence[Row], steps: Sequence[Row]) -> list[PackageStep]:
    """Merge the package's own moments with the steps of its cases, oldest first; of one moment the package first."""
    by_case = {part["case_id"]: part for part in parts}
    own = [
        (
            row[column],
            PackageStep(
                application_no="",
                item_name=row["package_name"],
                step=TimelineView(
                    occurred_at=clock.rfc3339(row[column]),
                    event=event,
                    from_status="",
                    to_status="",
                    title=title,
                    told=told,
                    actor_kind=kind.value,
                    actor_shown=shown,
                ),
            ),
        )
        for column, event, title, told, kind, shown in _MOMENTS
        if row[column] is not None
    ]
    cases = [
        (
            step["occurred_at"],
            PackageStep(
                application_no=by_case[step["application_id"]]["application_no"],
                item_name=by_case[step["application_id"]]["case_name"],
                step=timeline_view(step),
            ),
        )
        for step in steps
    ]
    closing = [pair for pair in own if pair[1].step.event == "package.closed"]
    opening = [pair for pair in own if pair not in closing]
    return [step for _, step in sorted([*opening, *cases, *closing], key=lambda pair: pair[0])]
