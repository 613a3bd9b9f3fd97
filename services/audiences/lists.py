"""Uploaded lists of people: read beside the request, matched by keyed hash, and forgotten but for who was meant."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from datetime import date, timedelta

import msgspec
import structlog

from app import clock, db, sheet_reading
from app.crypto import FieldCipher
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, PayloadTooLarge
from services.audiences import list_repository, numbers, people, repository
from services.audiences.list_repository import Tally
from services.audiences.ports import Audit, Places
from services.audiences.types import MOST_BYTES, MOST_LINES, BadLine, Criteria, ListView, Tagged
from services.staff.types import Act, Role, StaffCaller

READERS = (Role.PUBLISHER, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
STATUS_TEXT = {"READING": "读取中", "READY": "可用", "BROKEN": "无法使用"}
_FORSAKEN = timedelta(minutes=10)
_COLUMNS = {"id_number": "id_number_hash", "phone": "phone_hash"}
_AT_ONCE = 2
log = structlog.get_logger()


class Lists:
    """Use cases of staff about uploaded lists, always within their divisions."""

    def __init__(self, cipher: FieldCipher, audit: Audit, places: Places) -> None:
        self._cipher, self._audit, self._places = cipher, audit, places
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._readings: set[asyncio.Task[None]] = set()

    async def upload(self, staff: StaffCaller, name: str, content: bytes, address: str) -> ListView:
        """Take a file; it is read beside the request, and the list shows how far that is.

        Only people of the caller's divisions are found: an upload must not tell who else has an account.
        Raises: Forbidden, InvalidRequest, PayloadTooLarge.
        """
        staff.require_role(Role.PUBLISHER)
        if not 0 < len(name) <= 100:
            raise InvalidRequest(faults=(FieldFault("name", "请填写名单名称，最多100字"),))
        if len(content) > MOST_BYTES:
            raise PayloadTooLarge(f"名单文件不能超过{MOST_BYTES // 1_048_576}MB，请分成几份")
        kind = await asyncio.to_thread(sheet_reading.kind_of, content)
        digest = hashlib.sha256(content).hexdigest()
        async with db.transaction() as tx:
            list_id = await list_repository.add_list(tx, name, staff.username, staff.divisions, digest)
            details = {"sha256": digest, "bytes": len(content)}
            await self._audit.record(_act(staff, "uploaded", list_id, address, details), tx)
        task = asyncio.create_task(self._read(list_id, staff, content, kind, address))
        self._readings.add(task)
        task.add_done_callback(self._readings.discard)
        return await self.show(staff, list_id)

    async def settle(self) -> None:
        """Wait until everything that this process reads is read."""
        await asyncio.gather(*self._readings)

    async def page(
        self, staff: StaffCaller, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[ListView], uuid.UUID | None]:
        """Return a page of lists in scope, newest first, and where the next begins. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await list_repository.list_lists(staff.divisions, after, limit + 1)
        return [_view(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def show(self, staff: StaffCaller, list_id: uuid.UUID) -> ListView:
        """Return one list with its report. Raises: Forbidden, NotFound."""
        staff.require_role(*READERS)
        row = await list_repository.find_list(list_id, staff.divisions)
        if row is None:
            raise NotFound("未找到该名单")
        return _view(row)

    async def require_ready(self, list_id: str, scope: Sequence[str]) -> None:
        """Refuse a list that cannot be used within a scope. Raises: InvalidRequest."""
        try:
            row = await list_repository.find_list(uuid.UUID(hex=list_id), scope)
        except ValueError:
            row = None
        if row is None or row["status"] != "READY":
            raise InvalidRequest(faults=(FieldFault("audience.list_id", "没有这个名单，或名单尚不可用"),))

    async def tag(self, staff: StaffCaller, list_id: uuid.UUID, tag: str, address: str, *, give: bool) -> Tagged:
        """Give all people of a list a word, or take it back from them; their own choice of it stays.

        Raises: Forbidden, NotFound, Conflict for a list that cannot be used. Idempotent.
        """
        staff.require_role(Role.PUBLISHER)
        if (await self.show(staff, list_id)).status != "READY":
            raise Conflict("名单尚不可用")
        change = list_repository.add_tag if give else list_repository.remove_tag
        async with db.transaction() as tx:
            count = await change(tx, list_id, tag)
            details = {"tag": tag, "people": count}
            await self._audit.record(_act(staff, "tagged" if give else "untagged", list_id, address, details), tx)
        return Tagged(tag=tag, people=count)

    async def end_forsaken(self) -> None:
        """Declare broken what a process that has died was reading. Idempotent."""
        for list_id in await list_repository.list_forsaken(clock.now() - _FORSAKEN):
            async with db.transaction() as tx:
                await list_repository.end_reading(tx, list_id, "读取中断，请重新上传")

    async def _read(self, list_id: uuid.UUID, staff: StaffCaller, content: bytes, kind: str, address: str) -> None:
        tally, fault = Tally(), ""
        async with self._gate:
            try:
                await self._take_rows(list_id, staff, content, kind, tally)
            except InvalidRequest as refusal:
                fault = refusal.detail
            except db.AWAY as error:
                log.warning("list_not_read", list_id=list_id.hex, error=type(error).__name__)
                return
        async with db.transaction() as tx:
            await list_repository.end_reading(tx, list_id, fault)
            details = {"lines": tally.lines, "matched": tally.matched, "bad": tally.bad, "fault": fault}
            await self._audit.record(_act(staff, "read", list_id, address, details), tx)

    async def _take_rows(self, list_id: uuid.UUID, staff: StaffCaller, content: bytes, kind: str, tally: Tally) -> None:
        divisions, today = await self._places.known_codes(), clock.beijing_date()
        column: int | None = None
        line = 0
        async with aclosing(sheet_reading.batches(content, kind)) as batches:
            async for rows in batches:
                cells: list[tuple[int, str]] = []
                for row in rows:
                    line += 1
                    if line == 1 and (column := numbers.column_of(row)) is not None:
                        continue
                    if any(cell.strip() for cell in row):
                        cells.append((line, numbers.cell_of(row, column)))
                if tally.lines + len(cells) > MOST_LINES:
                    raise InvalidRequest(f"名单不能超过{MOST_LINES}行，请分成几份")
                found = await asyncio.to_thread(_numbers_of, cells, divisions, today)
                await self._take_numbers(list_id, staff, found, tally)

    async def _take_numbers(
        self,
        list_id: uuid.UUID,
        staff: StaffCaller,
        found: list[tuple[int, numbers.Number | numbers.Fault]],
        tally: Tally,
    ) -> None:
        hashed: dict[str, list[str]] = {kind: [] for kind in _COLUMNS}
        for line, each in found:
            tally.lines += 1
            if isinstance(each, numbers.Fault):
                tally.note_bad(line, each.sentence)
            else:
                hashed[each.kind].append(each.text)
        people_here: list[uuid.UUID] = []
        for kind, texts in hashed.items():
            hashes = await asyncio.to_thread(self._hashes, kind, texts)
            within = people.condition(Criteria(), staff.divisions, clock.beijing_date().year)
            known = await repository.find_by_hashes(within, _COLUMNS[kind], hashes) if hashes else {}
            people_here += [known[each] for each in hashes if each in known]
            tally.unknown += sum(each not in known for each in hashes)
        async with db.transaction() as tx:
            fresh = await list_repository.add_members(tx, list_id, sorted(set(people_here)))
            tally.matched += fresh
            tally.doubled += len(people_here) - fresh
            if not await list_repository.save_tally(tx, list_id, tally):
                raise InvalidRequest("名单已被关闭")

    def _hashes(self, kind: str, texts: Sequence[str]) -> list[str]:
        return [self._cipher.lookup(kind, text) for text in texts]


def _numbers_of(
    cells: list[tuple[int, str]], divisions: frozenset[str], today: date
) -> list[tuple[int, numbers.Number | numbers.Fault]]:
    return [(line, numbers.read(cell, divisions, today)) for line, cell in cells]


def _act(staff: StaffCaller, done: str, list_id: uuid.UUID, address: str, details: dict[str, object]) -> Act:
    return Act(staff.username, f"audience_list.{done}", "audience_list", list_id.hex, details, address)


def _view(row: db.Row) -> ListView:
    counts = {name: row[name] for name in ("lines", "matched", "unknown", "doubled", "bad")}
    return ListView(
        list_id=row["id"].hex,
        name=row["name"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        fault=row["fault"],
        uploaded_by=row["uploaded_by"],
        created_at=clock.rfc3339(row["created_at"]),
        bad_lines=msgspec.json.decode(row["bad_lines"], type=list[BadLine]),
        **counts,
    )
