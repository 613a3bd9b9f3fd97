"""The door of assistances (帮办): the citizen consents on their own phone and may end it at any time; `helping` is the
staff's side.

The consent covers filling in; handing in only where its wording says so, else the citizen hands in on their own phone.
"""

from __future__ import annotations

import uuid
from typing import Any

from app import clock
from app.db import Row
from app.errors import Conflict, NotFound
from app.tokens import Caller
from services.applications.assistance import repository
from services.applications.assistance.consent import HELP_LIFETIME, code_hash, consents
from services.applications.assistance.helping import Helping
from services.applications.assistance.repository import Consent, Trace
from services.applications.assistance.types import AssistanceOffer, AssistanceView
from services.applications.assistance.views import Page, over, page_of, view_of
from services.applications.drafts.service import Drafts
from services.applications.handing_in import HandingIn
from services.applications.parts import Parts
from services.applications.uploads import UploadService
from services.staff.types import Act


class AssistanceService:
    """Use cases of citizens who are helped; one that is not the caller's is not found."""

    def __init__(self, parts: Parts, drafts: Drafts, handing_in: HandingIn, uploads: UploadService) -> None:
        self._people, self._audit, self._cipher = parts.people, parts.audit, parts.cipher
        self.helping = Helping(parts, drafts, handing_in, uploads)

    async def look(self, code: str) -> AssistanceOffer:
        """Show the citizen who offers what, before they decide. Raises: NotFound (also a code that ran out)."""
        row = await self._by_code(code)
        return AssistanceOffer(
            assistance_no=row["assistance_no"],
            staff_shown=row["staff_shown"],
            item_code=row["item_code"],
            item_name=row["item_name"],
            consents=consents(row["staff_shown"], row["item_name"]),
            expires_at=clock.rfc3339(row["expires_at"]),
        )

    async def consent(self, caller: Caller, code: str, text_sha256: str, address: str) -> AssistanceView:
        """Consent by the wording whose digest is given; the code is spent.

        Raises: Forbidden `real_name_required`, NotFound, Conflict `consent_text_changed`, `assistance_over`.
        """
        await self._people.require_level(caller, "L2")
        row, now = await self._by_code(code), clock.now()
        wordings = consents(row["staff_shown"], row["item_name"])
        chosen = next((one for one in wordings if one.sha256 == text_sha256), None)
        if chosen is None:
            raise Conflict("同意书内容已更新，请重新阅读", code="consent_text_changed")
        given = Consent(
            citizen_id=caller.citizen_id,
            text_sha256=chosen.sha256,
            may_submit=chosen.may_submit,
            expires_at=now + HELP_LIFETIME,
            at=now,
        )
        trace = self._citizen_trace(caller, "consented", row, address, may_submit=chosen.may_submit)
        if not await repository.consent(row["id"], given, trace):
            raise over()
        return await self.show(caller, row["assistance_no"])

    async def decline(self, caller: Caller, code: str, address: str) -> None:
        """Decline; the code is spent. Raises: NotFound, Conflict `assistance_over`."""
        row = await self._by_code(code)
        if not await repository.decline(row["id"], clock.now(), self._citizen_trace(caller, "declined", row, address)):
            raise over()

    async def show(self, caller: Caller, assistance_no: str) -> AssistanceView:
        """Show the citizen one of their assistances. Raises: NotFound."""
        return view_of(await self._helped(caller, assistance_no))

    async def list_own(self, caller: Caller, after: uuid.UUID | None, limit: int) -> Page:
        """Return a page of the citizen's assistances, newest first, and the id to continue after."""
        return page_of(await repository.list_helped(caller.citizen_id, after, limit + 1), limit)

    async def end_own(self, caller: Caller, assistance_no: str, address: str) -> AssistanceView:
        """End an assistance as its citizen, at any time. Idempotent. Raises: NotFound."""
        row = await self._helped(caller, assistance_no)
        trace = self._citizen_trace(caller, "ended", row, address)
        await repository.end(row, "CITIZEN", clock.now(), trace)
        return await self.show(caller, assistance_no)

    async def end_submitted(self, application_no: str) -> None:
        """End what a case was filled in under, once it is handed in by whomever. Idempotent."""
        for row in await repository.list_of_case(application_no):
            await repository.end(row, "SUBMITTED", clock.now())

    async def end_run_out(self, limit: int = 500) -> int:
        """End what has run out, so that the citizen is told. Idempotent. Returns how many."""
        now = clock.now()
        return sum([await repository.end(row, "SYSTEM", now) for row in await repository.list_run_out(now, limit)])

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Give assistances and agents' cases of a merged citizen to the survivor. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def _by_code(self, code: str) -> Row:
        row = await repository.find_by_code(code_hash(self._cipher, code), clock.now())
        if row is None:
            raise NotFound("帮办码无效或已过期")
        return row

    async def _helped(self, caller: Caller, assistance_no: str) -> Row:
        row = await repository.find_helped(assistance_no, caller.citizen_id)
        if row is None:
            raise NotFound("未找到该帮办")
        return row

    def _citizen_trace(self, caller: Caller, action: str, row: Row, address: str, **details: Any) -> Trace:
        details |= {"staff": row["staff_username"], "item_code": row["item_code"]}
        who, number = f"citizen:{caller.citizen_id.hex}", row["assistance_no"]
        return Trace(Act(who, f"assistance.{action}", "assistance", number, details, address), self._audit)
