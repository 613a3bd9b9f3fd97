"""The reconciliation behind one object: `house.payments.reconciliation`.

Doors of staff, the command line, the jobs and the sweep call it. It holds permission and order of steps, no SQL.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from app import metrics
from app.clock import beijing_date, now
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.jobs import JobFunction
from payments.asking import Asking
from payments.ports import Audit, ChannelTable
from payments.receiving import Receiving
from payments.reconciliation import discrepancy_repository, run_repository, views
from payments.reconciliation.kinds import KINDS, Kind, Repair
from payments.reconciliation.neutral import ready_at
from payments.reconciliation.ports import FiscalList
from payments.reconciliation.repairing import Repairs
from payments.reconciliation.run_repository import REPAIR_DISCREPANCY
from payments.reconciliation.running import Progress, Runs
from payments.reconciliation.types import DiscrepancyView, KindCount, ReconciliationView
from payments.types import AuditedAct, QuarantinedView, StaffPerson, StaffScope
from payments.views import quarantined

RECONCILE_DAY = "payments.reconcile_day"
DAYS_CAUGHT_UP = 7
"""So many days back the sweep looks for runs that an outage has swallowed."""


class ReconciliationOffice:
    """Runs of the reconciliation (对账), their differences and what becomes of them."""

    def __init__(
        self,
        channels: ChannelTable,
        asking: Asking,
        receiving: Receiving,
        *,
        fiscal: FiscalList | None,
        audit: Audit,
        folder: Path,
    ) -> None:
        self._channels = channels
        self._audit = audit
        self._runs = Runs(fiscal, folder)
        self._repairs = Repairs(channels, asking, receiving)

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload."""

        async def reconcile_day(payload: dict[str, str]) -> None:
            await self.run(payload["account_code"], date.fromisoformat(payload["business_on"]))

        return {RECONCILE_DAY: reconcile_day, REPAIR_DISCREPANCY: self._repairs.repair}

    async def run(
        self, account_code: str, business_on: date, *, repair: bool = True, progress: Progress = lambda count: None
    ) -> ReconciliationView:
        """Compare a day of an account three ways and return the run, also one that failed by its file.

        Args:
            repair: whether what can be repaired by itself is, by jobs after the commit.
            progress: told of lines as they are read.

        Raises: NotFound (no such account, or its keys are not loaded), InvalidRequest (a day to come), BillNotReady,
        ProviderUnavailable, Conflict `reconciliation_running`.
        Idempotent: yes, a repeated run changes nothing that is as it was.
        """
        if business_on > beijing_date():
            raise InvalidRequest(faults=(FieldFault("date", "对账日期不能晚于今天"),))
        day = await run_repository.find_day(account_code, business_on)
        if day is None:
            raise NotFound("商户账户不存在")
        files = self._channels.of_account(account_code).bills
        await self._runs.run(day, files, repair=repair, progress=progress)
        await self.show_open()
        return await self._shown_run(account_code, business_on)

    async def request_due(self) -> None:
        """Have yesterday compared for every account, and days of the last week without a finished run. Idempotent."""
        moment = now()
        today = beijing_date(moment)
        days = [today - timedelta(days=back) for back in range(1, DAYS_CAUGHT_UP + 1)]
        await run_repository.request_runs([day for day in days if _is_due(day, moment)], RECONCILE_DAY)

    async def show_open(self) -> None:
        """Show in the metrics how many differences are open and how many runs failed. Idempotent."""
        counts, failed = await discrepancy_repository.count_open()
        for kind in Kind:
            metrics.DISCREPANCIES_OPEN.labels(str(kind)).set(counts.get(kind, 0))
        metrics.RECONCILIATION_FAILED.set(failed)

    async def account_codes(self) -> list[str]:
        """Return the codes of the accounts that are compared daily: the enabled, and those that lately took money."""
        return await run_repository.list_account_codes()

    async def runs(
        self, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[ReconciliationView], uuid.UUID | None]:
        """Return a page of runs, newest day first, and where the next page begins."""
        rows = await discrepancy_repository.list_runs(after, limit + 1)
        page = rows[:limit]
        return [views.run(row) for row in page], page[-1]["id"] if len(rows) > limit else None

    async def one(self, business_on: date, account_code: str) -> tuple[ReconciliationView, list[KindCount]]:
        """Return a run and how many differences of each kind it has. Raises NotFound."""
        rows = await discrepancy_repository.count_kinds(account_code, business_on)
        return await self._shown_run(account_code, business_on), [views.kind_count(row) for row in rows]

    async def discrepancies(
        self, scope: StaffScope, *, status: str = "", kind: str = "", after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[DiscrepancyView], uuid.UUID | None]:
        """Return a page of differences within a scope, newest first, and where the next page begins."""
        rows = await discrepancy_repository.list_discrepancies(scope, status, kind, after, limit + 1)
        page = rows[:limit]
        return [views.discrepancy(row) for row in page], page[-1]["id"] if len(rows) > limit else None

    async def discrepancy(self, scope: StaffScope, discrepancy_id: uuid.UUID) -> DiscrepancyView:
        """Return one difference. Raises NotFound, also outside the scope."""
        return views.discrepancy(await self._found(scope, discrepancy_id))

    async def repair(self, staff: StaffPerson, discrepancy_id: uuid.UUID) -> DiscrepancyView:
        """Have a difference repaired by a job.

        Raises: NotFound, Conflict (`discrepancy_closed`, `no_repair`: this kind has none, resolve it).
        """
        row = await self._found(staff.scope, discrepancy_id)
        if row["status"] != "OPEN":
            raise _closed()
        if KINDS[Kind(row["kind"])].repair is Repair.NONE:
            raise Conflict("此类差异没有自动处理，请核实后登记处理结果", code="no_repair")
        act = _act(staff, "discrepancy.repair_requested", row)
        await discrepancy_repository.request_repair(discrepancy_id, act, self._audit)
        return views.discrepancy(row)

    async def resolve(self, staff: StaffPerson, discrepancy_id: uuid.UUID, note: str) -> DiscrepancyView:
        """Close a difference with what was done about it. Raises: NotFound, InvalidRequest, Conflict."""
        _require(note)
        row = await self._found(staff.scope, discrepancy_id)
        act = _act(staff, "discrepancy.resolved", row, note=note.strip())
        if not await discrepancy_repository.record_resolved(discrepancy_id, note.strip(), act, self._audit):
            raise _closed()
        return await self.discrepancy(staff.scope, discrepancy_id)

    async def resolve_quarantined(self, staff: StaffPerson, quarantined_id: uuid.UUID, note: str) -> QuarantinedView:
        """Close a callback that contradicts our records with what was done about it; the note stays in the audit trail.

        Raises: NotFound, also outside the scope; InvalidRequest; Conflict `quarantined_closed`.
        """
        _require(note)
        row = await discrepancy_repository.find_quarantined(staff.scope, quarantined_id)
        if row is None:
            raise NotFound("未找到该回调")
        told = {"reason": row["reason"], "reference_no": row["reference_no"], "note": note.strip()}
        act = AuditedAct(staff.username, "quarantine.resolved", "quarantined", row["id"].hex, told, staff.address)
        if not await discrepancy_repository.record_quarantine_resolved(quarantined_id, act, self._audit):
            raise Conflict("该回调已处理", code="quarantined_closed")
        return quarantined(await discrepancy_repository.find_quarantined(staff.scope, quarantined_id) or row)

    async def _found(self, scope: StaffScope, discrepancy_id: uuid.UUID) -> Row:
        row = await discrepancy_repository.find_in_scope(scope, discrepancy_id)
        if row is None:
            raise NotFound("未找到该差异")
        return row

    async def _shown_run(self, account_code: str, business_on: date) -> ReconciliationView:
        row = await discrepancy_repository.find_run(account_code, business_on)
        if row is None:
            raise NotFound("该日尚未对账")
        return views.run(row)


def _is_due(day: date, moment: datetime) -> bool:
    return ready_at(day) <= moment


def _require(note: str) -> None:
    if not note.strip():
        raise InvalidRequest(faults=(FieldFault("note", "请填写处理结果"),))


def _act(staff: StaffPerson, action: str, row: Row, **details: Any) -> AuditedAct:
    told = {"kind": row["kind"], "reference_no": row["reference_no"], **details}
    return AuditedAct(staff.username, action, "discrepancy", row["id"].hex, told, staff.address)


def _closed() -> Conflict:
    return Conflict("该差异已处理", code="discrepancy_closed")
