"""Rows of the reconciliation as the types that cross the door. Pure."""

from __future__ import annotations

import msgspec

from app import db
from app.clock import rfc3339, rfc3339_or_none
from payments.reconciliation.kinds import KINDS, REPAIR_TEXT, DiscrepancyStatus, Kind, Repair
from payments.reconciliation.types import DiscrepancyView, KindCount, ReconciliationView

STATUS_TEXT = {
    DiscrepancyStatus.OPEN: "待处理",
    DiscrepancyStatus.REPAIRED: "已修复",
    DiscrepancyStatus.RESOLVED: "已登记处理",
}
_RUN = (
    "account_code channel status fault fault_line paid_count paid_fen our_paid_count our_paid_fen refund_count "
    "refund_fen our_refund_count our_refund_fen fiscal_count fiscal_fen fee_fen flow_fen discrepancy_count open_count"
).split()
_DISCREPANCY = (
    "account_code kind reference_no bill_no department_code division_code ours_fen theirs_fen status repair note "
    "resolved_by"
).split()


def run(row: db.Row) -> ReconciliationView:
    """Show a run."""
    return ReconciliationView(
        business_on=row["business_on"].isoformat(),
        started_at=rfc3339(row["started_at"]),
        finished_at=rfc3339_or_none(row["finished_at"]),
        **{name: row[name] for name in _RUN},
    )


def discrepancy(row: db.Row) -> DiscrepancyView:
    """Show a difference with what may be done about it."""
    rule = KINDS[Kind(row["kind"])]
    is_open = row["status"] == DiscrepancyStatus.OPEN
    return DiscrepancyView(
        id=row["id"].hex,
        business_on=row["business_on"].isoformat(),
        kind_text=rule.text,
        details=msgspec.json.decode(row["details"]),
        status_text=STATUS_TEXT[DiscrepancyStatus(row["status"])],
        repair_text=REPAIR_TEXT[rule.repair],
        staff_action=rule.staff_action,
        resolved_at=rfc3339_or_none(row["resolved_at"]),
        created_at=rfc3339(row["created_at"]),
        acts=([*(["repair"] if rule.repair is not Repair.NONE else []), "resolve"] if is_open else []),
        **{name: row[name] for name in _DISCREPANCY},
    )


def kind_count(row: db.Row) -> KindCount:
    """Show how many differences of a kind there are."""
    return KindCount(
        kind=row["kind"], kind_text=KINDS[Kind(row["kind"])].text, status=row["status"], count=row["count"]
    )
