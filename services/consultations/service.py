"""The consultations' door: ask, read, add words, end; and what comes by a platform's chat.

Handlers and reactions call it; `desk` is the staff's side, `sending` brings answers out.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.ids import dated_no, new_id
from app.limits import RateLimits
from app.tokens import Caller
from services.consultations import repository, words
from services.consultations.desk import ConsultationDesk
from services.consultations.ports import Audit, CustomerMessages, Matters, People
from services.consultations.repository import NewEntry, NewThread
from services.consultations.sending import Sending
from services.consultations.states import PROVINCE, Author, Status
from services.consultations.types import (
    ConsultationLine,
    ConsultationView,
    NewConsultation,
    NewMessage,
    Place,
    Written,
)

RATE = "30/hour"
MOST_SHOWN = 200
_STEP = 200
_CHAT_TITLE = "微信客服咨询"


class ConsultationService:
    """Use cases of citizens about their threads.

    Args:
        chats: a platform's chat by (provider, app id).
        months: how long a thread is kept after the last word.
    """

    def __init__(
        self,
        *,
        people: People,
        matters: Matters,
        audit: Audit,
        cipher: FieldCipher,
        limits: RateLimits,
        chats: dict[tuple[str, str], CustomerMessages],
        months: int,
    ) -> None:
        self._people, self._matters = people, matters
        self._cipher, self._limits = cipher, limits
        self.months = months
        self.sending = Sending(chats, cipher)
        self.desk = ConsultationDesk(people, matters, audit, cipher, self.sending)

    async def start(self, caller: Caller, new: NewConsultation) -> ConsultationView:
        """Open a thread about an own case, an item, or anything.

        Raises: TooManyRequests, NotFound (case, item), InvalidRequest. Idempotent: yes, where a key is given.
        """
        await self._limits.hit(RATE, "consultation", caller.citizen_id.hex)
        place, person = await self._place(caller, new), await self._people.identity(caller.identity_id)
        now = clock.now()
        thread = NewThread(
            consultation_no=dated_no("ZX", now),
            citizen_id=caller.citizen_id,
            identity_id=caller.identity_id,
            provider=caller.provider,
            app_id=person.app_id,
            subject=person.subject,
            application_no=new.application_no,
            item_code=new.item_code or place.item_code,
            division_code=place.division_code,
            department_code=place.department_code,
            title=new.title.strip() or place.title,
            status=Status.OPEN,
        )
        number = await repository.start(thread, self._entry(new.text, f"new:{new.key}" if new.key else ""))
        return await self.own(caller, number)

    async def list_own(
        self, caller: Caller, before: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[ConsultationLine], uuid.UUID | None]:
        """Return a page of own threads, newest first; those begun in the chat before signing in are joined first."""
        if before is None:
            await repository.join_strangers(await self._people.identity(caller.identity_id))
        rows = await repository.list_own(caller.citizen_id, before, limit + 1)
        return [words.line(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def own(self, caller: Caller, consultation_no: str) -> ConsultationView:
        """Return an own thread with its newest messages. Raises: NotFound."""
        row = await self._own(caller, consultation_no)
        entries = await repository.list_entries(row["id"], MOST_SHOWN)
        return ConsultationView(
            **words.line_facts(row),
            messages=[words.message_view(self._cipher, entry) for entry in entries],
            may_write=row["status"] != Status.CLOSED,
        )

    async def write(self, caller: Caller, consultation_no: str, new: NewMessage) -> ConsultationView:
        """Add words to an own thread. Raises: NotFound, TooManyRequests, Conflict `consultation_closed`."""
        await self._own(caller, consultation_no)
        await self._limits.hit(RATE, "consultation", caller.citizen_id.hex)
        entry = self._entry(new.text, f"app:{new.key}" if new.key else "")
        if not await repository.ask_again(caller.citizen_id, consultation_no, entry):
            raise Conflict("该咨询已结束，请发起新的咨询", code="consultation_closed")
        return await self.own(caller, consultation_no)

    async def mark_read(self, caller: Caller, consultation_no: str) -> None:
        """Note that all answers were seen. Raises: NotFound. Idempotent: yes."""
        if not await repository.mark_read(caller.citizen_id, consultation_no):
            raise NotFound("未找到该咨询")

    async def close(self, caller: Caller, consultation_no: str) -> ConsultationView:
        """End an own thread. Raises: NotFound. Idempotent: yes."""
        await self._own(caller, consultation_no)
        await repository.close_own(caller.citizen_id, consultation_no, clock.now())
        return await self.own(caller, consultation_no)

    async def take(self, written: Written) -> str:
        """Take what somebody wrote at a platform; return the thread's number. Idempotent: yes, by its key."""
        person = await self._people.known(written.provider, written.app_id, written.subject)
        thread = NewThread(
            consultation_no=dated_no("ZX", clock.now()),
            citizen_id=person.citizen_id if person else None,
            identity_id=person.identity_id if person else None,
            provider=written.provider,
            app_id=written.app_id,
            subject=written.subject,
            division_code=PROVINCE,
            title=_CHAT_TITLE,
            status=Status.ANSWERED if written.opens_quietly else Status.OPEN,
        )
        entry = NewEntry(
            author_kind=Author.SYSTEM if written.opens_quietly else Author.CITIZEN,
            kind=written.kind,
            content_cipher=self._cipher.encrypt(words.CONTENT, written.text[: words.LONGEST]),
            dedupe_key=f"push:{written.key}",
            at=written.written_at,
        )
        return await repository.take(thread, entry, waits=not written.opens_quietly)

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Give a merged person's threads to the person that stays. Idempotent: yes."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def forget_old(self) -> None:
        """Delete threads whose time is over, in small steps."""
        before = clock.now() - timedelta(days=31 * self.months)
        while await repository.forget(before, _STEP) == _STEP:
            continue

    def opened(self, sealed: str) -> Written | None:
        """Open what the push door has handed on; None where it does not open."""
        return words.opened(self._cipher, sealed)

    async def _place(self, caller: Caller, new: NewConsultation) -> Place:
        if new.application_no and new.item_code:
            raise InvalidRequest(faults=(FieldFault("item_code", "请只选择办件或事项其中一个"),))
        if new.application_no:
            return await self._matters.of_case(caller, new.application_no)
        if new.item_code:
            return await self._matters.of_item(new.item_code)
        return Place(PROVINCE, title="咨询")

    def _entry(self, text: str, key: str) -> NewEntry:
        return NewEntry(
            author_kind=Author.CITIZEN,
            content_cipher=self._cipher.encrypt(words.CONTENT, text),
            dedupe_key=key or f"app:{new_id().hex}",
            at=clock.now(),
        )

    async def _own(self, caller: Caller, consultation_no: str) -> Row:
        row = await repository.find_own(caller.citizen_id, consultation_no)
        if row is None:
            await repository.join_strangers(await self._people.identity(caller.identity_id))
            row = await repository.find_own(caller.citizen_id, consultation_no)
        if row is None:
            raise NotFound("未找到该咨询")
        return row
