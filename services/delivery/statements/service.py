"""Couriers' statements (快递对账): taken in, compared with our parcels, differences shown and settled.

Called by doors of staff, the job that reads them, and the command `run.py deliveries statement`. A statement is of the
whole province, for its courier bills the platform and not a body: whoever has a narrower scope sees and compares none.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from app import clock
from app.db import Row, Transaction
from app.errors import Conflict, FieldFault, Forbidden, InvalidRequest, NotFound, PayloadTooLarge
from app.ids import dated_no, new_id
from app.jobs import JobFunction
from app.storage import FileStore
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import Announce, Audit
from services.delivery.statements import reading, repository, views
from services.delivery.statements.comparison_repository import Month
from services.delivery.statements.reading import Progress
from services.delivery.statements.states import STATUS_TEXT, StatementStatus
from services.delivery.statements.types import (
    KEEPERS,
    MOST_BYTES,
    READERS,
    CourierStatementDetail,
    CourierStatementView,
    DifferenceLine,
)
from services.delivery.tasks.opening import close_task, open_task
from services.delivery.tasks.states import Outcome, TaskKind
from services.staff.types import Act, Role, StaffCaller

_PROVINCE = "140000"
_EARLIEST = date(2020, 1, 1)
_MOST_WORDS = 100
_FORSAKEN, _BATCH = timedelta(minutes=15), 20


@dataclass(frozen=True, slots=True)
class _StatementFacts:
    """What a task says of the statement that it is about, in the place of a parcel."""

    shipment_id: uuid.UUID
    shipment_no: str
    subject_no: str = ""
    division_code: str = _PROVINCE
    department_code: str = ""


class StatementDesk:
    """Use cases of statements."""

    def __init__(self, couriers: CourierTable, audit: Audit, storage: FileStore, announce: Announce) -> None:
        self._couriers = couriers
        self._audit = audit
        self._storage = storage
        self._announce = announce

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload."""
        return {repository.WORK: self.work}

    def couriers(self) -> dict[str, str]:
        """Return code → name of those who may send statements."""
        return {courier.code: courier.name for courier in self._couriers}

    async def upload(
        self, staff: StaffCaller, courier: str, month: str, content: bytes, address: str
    ) -> CourierStatementView:
        """Take a file that begins like a statement; a job reads and compares it, and the statement says how far it is.

        The file lies in the store until it is read, no longer.
        Raises: Forbidden, InvalidRequest, PayloadTooLarge, Conflict `statement_replaced`. Idempotent: yes, by courier,
        month and content.
        """
        _require(staff, *KEEPERS)
        if len(content) > MOST_BYTES:
            raise PayloadTooLarge(f"对账单不能超过{MOST_BYTES // 1_048_576}MB")
        new, same = await self._new(courier, month, content, staff.username)
        if same is not None:
            return self._same(same)
        await reading.look(content, new.month.first_on)
        await self._storage.put(_file(new.statement_no), content)
        details = {"courier": courier, "month": month, "sha256": new.sha256, "bytes": len(content)}
        act = _act(staff.username, "uploaded", new.statement_no, details, address)
        if not await repository.begin(new, partial(self._audit.record, act)):
            await self._storage.delete(_file(new.statement_no))
            return await self.upload(staff, courier, month, content, address)
        await self._announce("statements")
        return self._view(await self._row(new.statement_no))

    async def take_in(
        self, courier: str, month: str, content: bytes, *, by: str, progress: Progress
    ) -> CourierStatementView:
        """Read a statement, keep its lines and compare them, all of it or nothing; for the command line.

        A later file of the same month takes the place of the earlier. One task is opened where something differs.

        Args:
            month: as 2026-10.
            by: who has it taken in.
            progress: told how many lines were read by then.
        Raises: InvalidRequest, Conflict `statement_replaced`. Idempotent: yes, by courier, month and content.
        """
        new, same = await self._new(courier, month, content, by)
        if same is not None:
            return self._same(same)
        lines = await reading.read(content, new.month.first_on, progress)
        details = {"courier": courier, "month": month, "sha256": new.sha256, "lines": len(lines)}
        record = self._followed(
            new.month.statement_id, new.statement_no, by, _act(by, "uploaded", new.statement_no, details, "")
        )
        if not await repository.take_in(new, lines, record):
            return await self.take_in(courier, month, content, by=by, progress=progress)
        await self._announce("statements")
        return self._view(await self._row(new.statement_no))

    async def work(self, job: Mapping[str, Any]) -> None:
        """Read a statement that was sent, or compare one again (job `delivery.work_on_statement`).

        Idempotent: yes, by its status. Raises: ServiceUnavailable: the job runs again.
        """
        statement_no = job["statement_no"]
        row = await repository.find(statement_no)
        if row is None:
            return
        month = _month(row["id"], row["courier"], row["month"])
        record = self._followed(row["id"], statement_no, row["uploaded_by"], None)
        if row["status"] == StatementStatus.READING:
            await self._read(row, month, record)
        elif row["status"] == StatementStatus.COMPARING:
            await repository.compare_again(month, clock.now(), record)
        await self._storage.delete(_file(statement_no))
        await self._announce(f"statement:{statement_no}")
        await self._announce("statements")

    async def _read(self, row: Row, month: Month, record: repository.Record) -> None:
        async def progress(lines: int) -> None:
            await repository.note_read(row["id"], lines)
            await self._announce(f"statement:{row['statement_no']}")

        try:
            content = await self._storage.get(_file(row["statement_no"]))
            lines = await reading.read(content, month.first_on, progress)
        except InvalidRequest as refusal:
            await repository.end_faulty(row["id"], _told(refusal))
        except NotFound:
            await repository.end_faulty(row["id"], "文件已不在，请重新上传")
        else:
            await repository.finish(month, lines, clock.now(), record)

    async def resume(self) -> None:
        """Go on with statements whose job was lost or given up. Run by schedule. Idempotent."""
        await repository.enqueue_forsaken(clock.now() - _FORSAKEN, _BATCH)

    async def compare_again(self, staff: StaffCaller, statement_no: str, address: str) -> CourierStatementView:
        """Have a statement judged anew, after rules were corrected or couriers have told more; what was settled stays.

        Raises: Forbidden, NotFound, Conflict `statement_replaced`, `statement_not_compared` (also while it is at it).
        """
        _require(staff, *KEEPERS)
        row = await self._row(statement_no)
        _require_current(row)
        act = _act(staff.username, "compared", statement_no, {}, address)
        await repository.ask_again(row["id"], statement_no, partial(self._audit.record, act))
        return self._view(await self._row(statement_no))

    async def _new(
        self, courier: str, month: str, content: bytes, by: str
    ) -> tuple[repository.NewStatement, Row | None]:
        """Return the statement that a file would become, and the one that it has become already."""
        if courier not in self._couriers:
            raise InvalidRequest(faults=(FieldFault("courier", "未配置该快递公司"),))
        first_on, now = _first_of(month), clock.now()
        new = repository.NewStatement(
            statement_no=dated_no("DZ", now, 8),
            month=_month(new_id(), courier, first_on),
            sha256=hashlib.sha256(content).hexdigest(),
            uploaded_by=by,
            at=now,
        )
        return new, await repository.find_same(courier, first_on, new.sha256)

    async def page(
        self, staff: StaffCaller, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[CourierStatementView], uuid.UUID | None]:
        """Return statements, newest first, and where the next page begins. Raises: Forbidden."""
        _require(staff, *READERS)
        rows = await repository.list_page(after, limit + 1)
        return [self._view(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def show(self, staff: StaffCaller, statement_no: str) -> CourierStatementDetail:
        """Return a statement with its sums by kind. Raises: Forbidden, NotFound."""
        _require(staff, *READERS)
        return await self.detail(statement_no)

    async def detail(self, statement_no: str) -> CourierStatementDetail:
        """Return a statement with its sums, for the command line. Raises: NotFound."""
        row = await self._row(statement_no)
        return views.detail(self._view(row), await repository.sums(row["id"]))

    async def differences(
        self,
        staff: StaffCaller,
        statement_no: str,
        *,
        difference: str = "",
        only_open: bool = False,
        after: uuid.UUID | None = None,
        limit: int = 20,
    ) -> tuple[list[DifferenceLine], uuid.UUID | None]:
        """Return lines that differ, in the file's order, and where the next page begins.

        Raises: Forbidden, NotFound.
        """
        _require(staff, *READERS)
        row = await self._row(statement_no)
        rows = await repository.list_differences(
            row["id"], difference, only_open=only_open, after=after, limit=limit + 1
        )
        return [views.line(each) for each in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def settle(
        self, staff: StaffCaller, statement_no: str, line_id: str, note: str, address: str
    ) -> CourierStatementView:
        """Note how a difference was settled with the courier; the last one ends the task.

        Raises: Forbidden, NotFound, InvalidRequest, Conflict `difference_settled`, `statement_replaced`,
        `statement_not_compared`.
        """
        _require(staff, *KEEPERS)
        row = await self._row(statement_no)
        _require_current(row)
        written = note.strip()
        if not 0 < len(written) <= 200:
            raise InvalidRequest(faults=(FieldFault("note", "请填写处理结果，最多200字"),))
        act = _act(staff.username, "settled", statement_no, {"line_id": line_id, "note": written}, address)
        record = self._followed(row["id"], statement_no, staff.username, act)
        if not await repository.settle(row["id"], _id(line_id), written, staff.username, clock.now(), record):
            raise Conflict("该差异已处理或已不存在", code="difference_settled")
        return self._view(await self._row(statement_no))

    def _followed(self, statement_id: uuid.UUID, statement_no: str, by: str, act: Act | None) -> repository.Record:
        async def record(tx: Transaction) -> None:
            open_count = await repository.count_open(tx, statement_id)
            if open_count:
                facts = _StatementFacts(statement_id, statement_no)
                await open_task(tx, facts, TaskKind.STATEMENT, f"快递对账单有{open_count}处差异待处理")
            else:
                await close_task(tx, statement_id, [TaskKind.STATEMENT], Outcome.ANSWERED, by)
            if act is not None:
                await self._audit.record(act, tx)

        return record

    async def _row(self, statement_no: str) -> Row:
        row = await repository.find(statement_no)
        if row is None:
            raise NotFound("未找到该对账单")
        return row

    def _same(self, row: Row) -> CourierStatementView:
        if row["status"] == StatementStatus.REPLACED:
            raise Conflict("该文件早先上传过，已被后来的对账单替代", code="statement_replaced")
        return self._view(row)

    def _view(self, row: Row) -> CourierStatementView:
        return views.statement(row, self._couriers.name(row["courier"]))


def _require(staff: StaffCaller, *roles: Role) -> None:
    staff.require_role(*roles)
    if not staff.covers_province:
        raise Forbidden("快递对账由省级人员办理", code="scope_required")


def _require_current(row: Row) -> None:
    if row["status"] == StatementStatus.REPLACED:
        raise Conflict("该对账单已被新文件替代", code="statement_replaced")
    if row["status"] != StatementStatus.COMPARED:
        raise Conflict(f"该对账单现为“{STATUS_TEXT[row['status']]}”，不能进行此操作", code="statement_not_compared")


def _first_of(month: str) -> date:
    try:
        first_on = date.fromisoformat(f"{month}-01") if len(month) == 7 else None
    except ValueError:
        first_on = None
    if first_on is None or not _EARLIEST <= first_on <= clock.beijing_date():
        raise InvalidRequest(faults=(FieldFault("month", "请填写已开始的月份，如 2026-10"),))
    return first_on


def _month(statement_id: uuid.UUID, courier: str, first_on: date) -> Month:
    following = (first_on + timedelta(days=31)).replace(day=1)
    return Month(
        statement_id=statement_id,
        courier=courier,
        first_on=first_on,
        begins_at=clock.from_beijing(f"{first_on} 00:00:00"),
        ends_at=clock.from_beijing(f"{following} 00:00:00"),
    )


def _file(statement_no: str) -> str:
    return f"courier-statements/{statement_no}"


def _told(refusal: InvalidRequest) -> str:
    """Say in the room of the column why a file cannot be read: the first lines at fault."""
    faults = "；".join(dict.fromkeys(fault.message for fault in refusal.faults)) or refusal.detail
    return faults if len(faults) <= _MOST_WORDS else f"{faults[: _MOST_WORDS - 1]}…"


def _act(by: str, action: str, statement_no: str, details: Mapping[str, Any], address: str) -> Act:
    return Act(by, f"courier_statement.{action}", "courier_statement", statement_no, details, address)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(hex=text)
    except ValueError:
        raise NotFound("未找到该差异") from None
