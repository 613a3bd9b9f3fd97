"""The staff's side of threads: the queue of a scope, claim, answer, hand on, end. Handlers of the console call it.

Every act leaves an audit row without a word of what was said.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, InvalidTransition, NotFound, StaleVersion
from app.events import DomainEvent
from app.ids import new_id
from services.consultations import desk_repository, repository, words
from services.consultations.desk_repository import Queue, Step
from services.consultations.ports import Audit, Matters, People
from services.consultations.repository import NewEntry
from services.consultations.sending import Sending, answered
from services.consultations.states import TRANSITIONS, Author, Sent, Status
from services.consultations.states import Act as Deed
from services.consultations.types import StaffLine, StaffThread
from services.staff.types import Act, Role, StaffCaller

ANSWERERS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.ADMINISTRATOR)
READERS = (*ANSWERERS, Role.AUDITOR)
_MOST_SHOWN = 300


class ConsultationDesk:
    """Use cases of staff about threads in their scope."""

    def __init__(self, people: People, matters: Matters, audit: Audit, cipher: FieldCipher, sending: Sending) -> None:
        self._people, self._matters, self._audit = people, matters, audit
        self._cipher, self._sending = cipher, sending

    async def queue(
        self,
        staff: StaffCaller,
        status: str = "",
        *,
        mine: bool = False,
        after: uuid.UUID | None = None,
        limit: int = 20,
    ) -> tuple[list[StaffLine], uuid.UUID | None]:
        """Return threads in scope, oldest first: those of a status, else all that go on. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await desk_repository.list_queue(
            Queue(
                divisions=staff.divisions,
                departments=staff.departments,
                statuses=(status,) if status else (Status.OPEN, Status.ANSWERED),
                officer=staff.username if mine else "",
                after=after,
                limit=limit + 1,
            )
        )
        names = {row["citizen_id"]: await self._name(row) for row in rows[:limit]}
        lines = [words.staff_line(row, names[row["citizen_id"]]) for row in rows[:limit]]
        return lines, rows[limit - 1]["id"] if len(rows) > limit else None

    async def waiting(self, staff: StaffCaller) -> int:
        """Count the threads in scope that wait for an answer. Raises: Forbidden."""
        staff.require_role(*READERS)
        return await desk_repository.count_open(staff.divisions, staff.departments)

    async def of_case(self, staff: StaffCaller, application_no: str) -> list[StaffLine]:
        """Return the threads about a case within the scope, newest first, without names. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await desk_repository.list_of_case(staff.divisions, staff.departments, application_no)
        return [words.staff_line(row, "") for row in rows]

    async def thread(self, staff: StaffCaller, consultation_no: str, address: str = "") -> StaffThread:
        """Return a thread in scope with its messages; the look is audited. Raises: NotFound, Forbidden."""
        row = await self._in_scope(staff, consultation_no, READERS)
        await self._audit.record(_act(staff, row, "viewed", address))
        return await self._shown(staff, row)

    async def peek(self, staff: StaffCaller, consultation_no: str) -> StaffThread:
        """Return the same for a page that is open already and renews itself. Raises: NotFound, Forbidden."""
        return await self._shown(staff, await self._in_scope(staff, consultation_no, READERS))

    async def claim(
        self, staff: StaffCaller, consultation_no: str, *, version: int | None = None, address: str = ""
    ) -> StaffThread:
        """Take a thread on. Raises: NotFound, Forbidden, Conflict `claimed_by_other`, InvalidTransition, StaleVersion.

        Idempotent: yes.
        """
        row = await self._workable(staff, consultation_no)
        if row["officer"] != staff.username:
            await self._take(staff, row, Deed.CLAIM, {"officer": staff.username}, version, address)
        return await self.peek(staff, consultation_no)

    async def answer(
        self, staff: StaffCaller, consultation_no: str, text: str, *, version: int | None = None, address: str = ""
    ) -> StaffThread:
        """Answer: the person gets it by the platform's chat while that is open, otherwise by a notice.

        Raises: as `claim`. Whoever answers has claimed the thread with it.
        """
        row, now = await self._workable(staff, consultation_no), clock.now()
        row = await self._joined(row)
        way = self._sending.way(row, now)
        message_no = new_id()
        entry = NewEntry(
            author_kind=Author.STAFF,
            author=staff.username,
            content_cipher=self._cipher.encrypt(words.CONTENT, text),
            dedupe_key=f"staff:{message_no.hex}",
            at=now,
            delivery=way,
        )
        told = answered(row, message_no, now) if way is Sent.NOTICED else None
        sets = {"officer": staff.username, "answered_at": now}
        await self._take(staff, row, Deed.ANSWER, sets, version, address, entry=entry, events=[told] if told else [])
        return await self.peek(staff, consultation_no)

    async def route(
        self,
        staff: StaffCaller,
        consultation_no: str,
        division_code: str,
        department_code: str,
        reason: str,
        *,
        version: int | None = None,
        address: str = "",
    ) -> None:
        """Hand a thread to another division or department; it leaves the caller's queue where out of their scope.

        Raises: as `claim`, InvalidRequest for a body that does not exist.
        """
        row = await self._workable(staff, consultation_no)
        await self._matters.require_body(division_code, department_code)
        sets: dict[str, object] = {"officer": "", "division_code": division_code, "department_code": department_code}
        said = "您的咨询已转交其他部门答复" + (f"：{reason}" if reason else "")
        await self._take(staff, row, Deed.ROUTE, sets, version, address, entry=self._note(said))

    async def close(
        self, staff: StaffCaller, consultation_no: str, *, version: int | None = None, address: str = ""
    ) -> StaffThread:
        """End a thread. Raises: as `claim`."""
        row = await self._workable(staff, consultation_no)
        note = self._note("工作人员已结束本次咨询，如仍有疑问请发起新的咨询")
        await self._take(staff, row, Deed.CLOSE, {"closed_at": clock.now()}, version, address, entry=note)
        return await self.peek(staff, consultation_no)

    async def _take(
        self,
        staff: StaffCaller,
        row: Row,
        deed: Deed,
        sets: dict[str, object],
        version: int | None,
        address: str,
        *,
        entry: NewEntry | None = None,
        events: Sequence[DomainEvent] = (),
    ) -> None:
        to_status = TRANSITIONS.get((Status(row["status"]), deed))
        if to_status is None:
            raise InvalidTransition("该咨询已结束")
        if version is not None and version != row["version"]:
            raise StaleVersion
        unread = 1 if entry is not None else 0
        step = Step(row["id"], row["status"], row["version"], to_status, sets, unread)
        citizen = row["citizen_id"].hex if row["citizen_id"] else ""
        changed = DomainEvent(
            name="consultation.changed",
            subject_no=row["consultation_no"],
            citizen_id=citizen,
            facts={"status": str(to_status)},
        )
        act = _act(staff, row, _DONE[deed], address, {str(k): v for k, v in sets.items() if k in _SHOWN})
        if await desk_repository.advance(step, entry, [changed, *events], act, self._audit) is None:
            raise StaleVersion

    async def _workable(self, staff: StaffCaller, consultation_no: str) -> Row:
        row = await self._in_scope(staff, consultation_no, ANSWERERS)
        if row["officer"] not in ("", staff.username) and not staff.may(Role.ADMINISTRATOR):
            raise Conflict("该咨询已由其他工作人员认领", code="claimed_by_other")
        return row

    async def _in_scope(self, staff: StaffCaller, consultation_no: str, roles: Sequence[Role]) -> Row:
        staff.require_role(*roles)
        row = await desk_repository.find(consultation_no)
        if row is None:
            raise NotFound("未找到该咨询")
        staff.require_scope(row["division_code"], row["department_code"])
        return row

    async def _joined(self, row: Row) -> Row:
        """Find a stranger who has signed in since: a notice can reach them then."""
        if row["citizen_id"] is not None:
            return row
        person = await self._people.known(row["provider"], row["app_id"], row["subject"])
        if person is None:
            return row
        await repository.join_strangers(person)
        return {**row, "citizen_id": person.citizen_id, "identity_id": person.identity_id}

    async def _shown(self, staff: StaffCaller, row: Row) -> StaffThread:
        entries = await repository.list_entries(row["id"], _MOST_SHOWN)
        is_free = row["officer"] in ("", staff.username) or staff.may(Role.ADMINISTRATOR)
        acts = [deed for deed in _DONE if (Status(row["status"]), deed) in TRANSITIONS]
        return StaffThread(
            **words.staff_facts(row, await self._name(row)),
            messages=[words.staff_message(self._cipher, entry) for entry in entries],
            chat_until=words.chat_until(row),
            acts=[str(deed) for deed in acts] if is_free and staff.may(*ANSWERERS) else [],
        )

    async def _name(self, row: Row) -> str:
        found = await self._people.shown_name(row["citizen_id"]) if row["citizen_id"] else ""
        return found or "未实名用户"

    def _note(self, text: str) -> NewEntry:
        return NewEntry(
            author_kind=Author.SYSTEM,
            content_cipher=self._cipher.encrypt(words.CONTENT, text),
            dedupe_key=f"system:{new_id().hex}",
            at=clock.now(),
        )


_DONE = {Deed.CLAIM: "claimed", Deed.ANSWER: "answered", Deed.ROUTE: "routed", Deed.CLOSE: "closed"}
_SHOWN = ("division_code", "department_code")


def _act(staff: StaffCaller, row: Row, done: str, address: str, details: dict[str, object] | None = None) -> Act:
    return Act(staff.username, f"consultation.{done}", "consultation", row["consultation_no"], details or {}, address)
