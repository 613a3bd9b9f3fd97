"""What of the reconciliation crosses the door of the payments room; payments/types.py hands it on."""

from __future__ import annotations

from typing import Any

import msgspec


class ReconciliationView(msgspec.Struct, frozen=True, kw_only=True):
    """One day of one merchant account compared three ways. `fault_line` is the line of a bill file that is broken."""

    business_on: str
    account_code: str
    channel: str
    status: str
    fault: str
    fault_line: int | None
    paid_count: int
    paid_fen: int
    our_paid_count: int
    our_paid_fen: int
    refund_count: int
    refund_fen: int
    our_refund_count: int
    our_refund_fen: int
    fiscal_count: int
    fiscal_fen: int
    fee_fen: int
    flow_fen: int
    discrepancy_count: int
    open_count: int
    started_at: str
    finished_at: str | None


class ReconciliationPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs, newest day first."""

    data: list[ReconciliationView]
    next_cursor: str | None


class DiscrepancyView(msgspec.Struct, frozen=True, kw_only=True):
    """One difference (差错): what our side says beside what theirs says. `acts` is what may be done with it now."""

    id: str
    account_code: str
    business_on: str
    kind: str
    kind_text: str
    reference_no: str
    bill_no: str
    department_code: str
    division_code: str
    ours_fen: int | None
    theirs_fen: int | None
    details: dict[str, Any]
    status: str
    status_text: str
    repair: str
    repair_text: str
    staff_action: str
    note: str
    resolved_by: str
    resolved_at: str | None
    created_at: str
    acts: list[str]


class DiscrepancyPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of differences, newest first."""

    data: list[DiscrepancyView]
    next_cursor: str | None


class ReconciliationDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A run with how many differences of each kind it found, by status."""

    run: ReconciliationView
    kinds: list[KindCount]


class KindCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many differences of a kind stand in a status."""

    kind: str
    kind_text: str
    status: str
    count: int
