"""The exchange's door for department systems (部门业务系统): pull cases and files, push what was done, read messages.

Handlers call it with requests whose sender `verify` has told. A case outside a system's departments is not found;
every look and every act leaves an audit entry. `delivery` sends events, `keeper` keeps systems and keys.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app import clock, signatures
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from services.applications.service import ApplicationService
from services.exchange import acts, case_repository, messages, repository, views
from services.exchange.case_repository import CaseFile, Scope
from services.exchange.delivery import EventDelivery
from services.exchange.guard import Guard
from services.exchange.keeper import SystemKeeper
from services.exchange.messages import AcceptanceMessage, Body, ProcessMessage, ResultMessage
from services.exchange.outbox import Outbox
from services.exchange.ports import Audit, Departments, EventSender, People
from services.exchange.types import (
    ApplicationRecord,
    CaseChanges,
    CaseMessage,
    Kind,
    MessageTaken,
    SystemCaller,
    SystemFile,
)

_SETTLED = timedelta(seconds=2)
"""A change is listed once it is so old: an older one that commits later would be missed by whoever read on."""
_LONGEST_WRITE = timedelta(seconds=60)
"""No change of a case takes so long to commit; what does, as an import, changes none."""
_MESSAGES_AT_ONCE = 4
"""A message holds a connection while its act asks for more of them: few at a time leave the others enough."""
_BEGINNING = (datetime(2000, 1, 1, tzinfo=UTC), uuid.UUID(int=0))


class ExchangeService:
    """Use cases of department systems."""

    def __init__(
        self,
        *,
        applications: ApplicationService,
        people: People,
        departments: Departments,
        audit: Audit,
        cipher: FieldCipher,
        sender: EventSender,
        loopback_events: bool = False,
    ) -> None:
        self._applications, self._people, self._departments, self._audit = applications, people, departments, audit
        self._guard = Guard(cipher)
        self._turns = asyncio.Semaphore(_MESSAGES_AT_ONCE)
        self.keeper = SystemKeeper(cipher, audit, loopback_events=loopback_events)
        self.delivery = EventDelivery(cipher, sender)
        self.outbox = Outbox(self.render)

    async def verify(self, method: str, target: str, claim: signatures.Claimed | None, body: bytes) -> SystemCaller:
        """Return the system that signed a request. Raises: Unauthenticated with a code for each reason."""
        return await self._guard.verify(method, target, claim, body)

    async def changes(self, system: SystemCaller, cursor: str, limit: int) -> CaseChanges:
        """Return cases of the system that are new or changed since a cursor, oldest change first.

        A case that changes while one reads comes once more, later. Raises: InvalidRequest (cursor).
        """
        now = clock.now()
        oldest = await case_repository.oldest_write(now - _LONGEST_WRITE)
        until = min(now, oldest or now) - _SETTLED
        rows = await case_repository.list_changes(_scope(system), _read_cursor(cursor), until, limit + 1)
        page = rows[:limit]
        following = (
            _make_cursor(page[-1]["updated_at"], page[-1]["id"]) if page else cursor or _make_cursor(*_BEGINNING)
        )
        return CaseChanges(data=[views.change(row) for row in page], next_cursor=following, has_more=len(rows) > limit)

    async def case(self, system: SystemCaller, application_no: str, address: str) -> ApplicationRecord:
        """Return the application data set of one case, in plain text; the look is audited. Raises: NotFound."""
        row = await self._case(system, application_no)
        seen = await self._applications.desk.case(acts.as_staff(system), application_no, address)
        agent = await self._people.profile(row["agent_id"]) if row["agent_id"] else None
        materials = await case_repository.list_materials(row["id"])
        names = {each.material_code: each.material_name for each in seen.materials}
        return views.application(row, seen.applicant, seen.form, agent, materials, names)

    async def material(
        self, system: SystemCaller, application_no: str, upload_id: uuid.UUID, address: str
    ) -> SystemFile:
        """Return a file of one case; the look is audited. Raises: NotFound, ServiceUnavailable (file store)."""
        row = await self._case(system, application_no)
        if not await case_repository.belongs(row["id"], upload_id):
            raise NotFound("文件不存在")
        stored = await self._applications.uploads.case_file(acts.as_staff(system), upload_id, address)
        return SystemFile(stored.content_type, stored.content)

    async def message(
        self, system: SystemCaller, application_no: str, kind: Kind
    ) -> AcceptanceMessage | ProcessMessage | ResultMessage:
        """Return one of the three case messages as a document. Raises: NotFound, also while there is none yet."""
        row = await self._case(system, application_no)
        rendered = await self.render(row, kind)
        if rendered is None:
            raise NotFound("该办件尚无此信息")
        return rendered

    async def render(self, case: Row, kind: Kind) -> AcceptanceMessage | ProcessMessage | ResultMessage | None:
        """Render a case message from what is stored now; None while there is nothing to tell."""
        file = await case_repository.read_file(case)
        names = await self._departments.department_names()
        uscc = case["department_code"]
        return _rendered(file, Body(uscc=uscc, name=names.get(uscc, ""), division_code=case["division_code"]), kind)

    async def receive(self, system: SystemCaller, message: CaseMessage, address: str) -> MessageTaken:
        """Do what a pushed message says, once.

        A message that is refused changes nothing, and its number stays free.
        Raises: NotFound, InvalidRequest, StaleVersion, InvalidTransition, Conflict (also `message_no_reused`).
        Idempotent: yes, by the system and its message number: the same message gets the same answer.
        """
        acts.check(message)
        content = msgspec.json.encode(message, order="deterministic")
        digest = hashlib.sha256(content).hexdigest()
        earlier = await self._answered(system, message, digest)
        if earlier is not None:
            return earlier
        await self._case(system, message.application_no)
        new = repository.NewMessage(
            system_id=system.system_id,
            message_no=message.message_no,
            kind=message.kind.value.upper(),
            application_no=message.application_no,
            content=content.decode(),
            content_sha256=digest,
            at=clock.now(),
        )
        async with self._turns:
            taken = await repository.take_message(new, lambda: self._perform(system, message, address))
        if taken is not None:
            return msgspec.convert(taken, MessageTaken)
        settled = await self._answered(system, message, digest)
        if settled is None:
            raise Conflict("同一消息正在处理，请稍后重发", code="message_in_progress")
        return settled

    async def _perform(self, system: SystemCaller, message: CaseMessage, address: str) -> Any:
        await acts.perform(self._applications, system, message, address)
        now = await repository.case_as_moved(message.application_no)
        return msgspec.to_builtins(views.taken(message.message_no, now))

    async def _answered(self, system: SystemCaller, message: CaseMessage, digest: str) -> MessageTaken | None:
        found = await repository.find_message(system.system_id, message.message_no)
        if found is None:
            return None
        if found["content_sha256"] != digest:
            raise Conflict("该消息编号已用于其他内容", code="message_no_reused")
        return msgspec.json.decode(found["answer"], type=MessageTaken)

    async def _case(self, system: SystemCaller, application_no: str) -> Row:
        row = await case_repository.find_case(_scope(system), application_no)
        if row is None:
            raise NotFound("未找到该办件")
        return row


def _scope(system: SystemCaller) -> Scope:
    return Scope(system.departments, system.item_codes)


def _rendered(file: CaseFile, body: Body, kind: Kind) -> AcceptanceMessage | ProcessMessage | ResultMessage | None:
    match kind:
        case Kind.ACCEPTANCE:
            return messages.acceptance(file.case, body, file.steps, file.documents)
        case Kind.PROCESS:
            return messages.process(file.case, body, file.steps, file.reviews, file.pauses)
        case Kind.RESULT:
            return messages.result(file.case, body, file.steps, file.documents, file.licences, file.by_courier)


def _make_cursor(moment: datetime, row_id: uuid.UUID) -> str:
    micros = int(moment.timestamp()) * 1_000_000 + moment.microsecond
    return base64.urlsafe_b64encode(micros.to_bytes(8) + row_id.bytes).decode()


def _read_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    if not cursor:
        return _BEGINNING
    try:
        given = base64.b64decode(cursor, b"-_", validate=True)
        moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int.from_bytes(given[:8]))
        return moment, uuid.UUID(bytes=given[8:])
    except (binascii.Error, ValueError, OverflowError):
        raise InvalidRequest(faults=(FieldFault("cursor", "不是有效的游标"),)) from None
