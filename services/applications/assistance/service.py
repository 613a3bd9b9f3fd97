"""The door of assistances (帮办) for both sides: staff opens, the citizen consents on their phone, staff fills in.

Staff reach exactly one case of the citizen, the one begun under the consent, and only while it lasts. The consent
covers filling in; handing in only where its wording says so, else the citizen hands in on their own phone.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from app import clock
from app.db import Row
from app.errors import Conflict, Forbidden, NotFound, ServiceUnavailable
from app.identifiers import mask_name
from app.ids import dated_no
from app.tokens import Caller
from services.applications.assistance import repository
from services.applications.assistance.consent import (
    CODE_LIFETIME,
    HELP_LIFETIME,
    STATUS_TEXT,
    AssistanceStatus,
    consents,
    new_code,
    qr_svg,
    qr_text,
    status_at,
)
from services.applications.assistance.repository import Consent, NewAssistance, Trace
from services.applications.assistance.types import (
    AssistanceOffer,
    AssistanceView,
    AssistedCaller,
    OpenedAssistance,
    StaffAssistanceView,
)
from services.applications.drafts.service import Drafts, Wish
from services.applications.handing_in import HandingIn
from services.applications.own import find, trace_of
from services.applications.parts import Parts
from services.applications.types import ApplicationView, MaterialRef, UploadView
from services.applications.uploads import UploadService
from services.applications.views import application_view
from services.staff.types import Act, Role, StaffCaller

_TRIES = 5
_PROVIDER = "WINDOW"
Page = tuple[list[AssistanceView], uuid.UUID | None]


class AssistanceService:
    """Use cases of an assistance; one that is not the caller's is not found."""

    def __init__(self, parts: Parts, drafts: Drafts, handing_in: HandingIn, uploads: UploadService) -> None:
        self._catalogue, self._people, self._audit = parts.catalogue, parts.people, parts.audit
        self._cipher, self._vault = parts.cipher, parts.vault
        self._drafts, self._handing_in, self._uploads = drafts, handing_in, uploads

    async def open(self, staff: StaffCaller, item_code: str, address: str) -> OpenedAssistance:
        """Offer help with one item; the answer holds the code, which is shown only now.

        Raises: Forbidden `role_required`, NotFound (item), Conflict `item_closed`.
        """
        staff.require_role(Role.WINDOW)
        item, now = await self._catalogue.open_item(item_code), clock.now()
        number = dated_no("BB", now)
        for _ in range(_TRIES):
            code = new_code()
            new = NewAssistance(
                assistance_no=number,
                staff_username=staff.username,
                staff_shown=staff.display_name,
                item_code=item_code,
                item_name=item.record.name,
                code_hash=self._hash(code),
                expires_at=now + CODE_LIFETIME,
                at=now,
            )
            if await repository.add(new, self._staff_trace(staff, "opened", number, address, item_code=item_code)):
                return OpenedAssistance(
                    assistance_no=number,
                    item_code=item_code,
                    item_name=item.record.name,
                    code=code,
                    qr_text=qr_text(code),
                    qr_svg=qr_svg(qr_text(code)),
                    expires_at=clock.rfc3339(new.expires_at),
                )
        raise ServiceUnavailable

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
            raise _over()
        return await self.show(caller, row["assistance_no"])

    async def decline(self, caller: Caller, code: str, address: str) -> None:
        """Decline; the code is spent. Raises: NotFound, Conflict `assistance_over`."""
        row = await self._by_code(code)
        if not await repository.decline(row["id"], clock.now(), self._citizen_trace(caller, "declined", row, address)):
            raise _over()

    async def show(self, caller: Caller, assistance_no: str) -> AssistanceView:
        """Show the citizen one of their assistances. Raises: NotFound."""
        return _view(await self._helped(caller, assistance_no))

    async def list_own(self, caller: Caller, after: uuid.UUID | None, limit: int) -> Page:
        """Return a page of the citizen's assistances, newest first, and the id to continue after."""
        return _page(await repository.list_helped(caller.citizen_id, after, limit + 1), limit)

    async def end_own(self, caller: Caller, assistance_no: str, address: str) -> AssistanceView:
        """End an assistance as its citizen, at any time. Idempotent. Raises: NotFound."""
        row = await self._helped(caller, assistance_no)
        trace = self._citizen_trace(caller, "ended", row, address)
        await repository.end(row, "CITIZEN", clock.now(), trace)
        return await self.show(caller, assistance_no)

    async def list_given(self, staff: StaffCaller, after: uuid.UUID | None, limit: int) -> Page:
        """Return a page of the assistances that the caller gave, newest first, and the id to continue after."""
        staff.require_role(Role.WINDOW)
        return _page(await repository.list_given(staff.username, after, limit + 1), limit)

    async def given(self, staff: StaffCaller, assistance_no: str, address: str) -> StaffAssistanceView:
        """Show an assistance to the member of staff who gives it, with the case while it lasts. Raises: NotFound."""
        row = await self._given(staff, assistance_no)
        if status_at(row, clock.now()) is not AssistanceStatus.ACTIVE:
            return StaffAssistanceView(assistance=_view(row), citizen_shown="", application=None)
        caller = await self._assisted(staff, row, address)
        case = None
        if row["application_no"]:
            case = self._case((await find(self._people, caller, row["application_no"])).row)
            await self._record(caller, row["application_no"], "assisted_view")
        return StaffAssistanceView(assistance=_view(row), citizen_shown=caller.citizen_shown, application=case)

    async def fill_in(
        self,
        staff: StaffCaller,
        assistance_no: str,
        address: str,
        *,
        form: Mapping[str, Any] | None,
        materials: Sequence[MaterialRef] | None,
        version: int | None = None,
    ) -> ApplicationView:
        """Begin the citizen's case, or change it while it is a draft.

        Raises: NotFound, Conflict `assistance_over`, and as the citizen's own drafts do.
        """
        row = await self._active(staff, assistance_no)
        caller = await self._assisted(staff, row, address)
        if row["application_no"]:
            held = await find(self._people, caller, row["application_no"])
            changed, _ = await self._drafts.change(held, Wish(form=form, materials=materials), version)
            view = self._case(changed)
        else:
            view = await self._drafts.begin(caller, row["item_code"], form or {}, materials or ())
            if not await repository.bind_case(row, view.application_no, caller.actor, clock.now()):
                raise _over()
        await self._record(caller, view.application_no, "assisted_draft")
        return view

    async def upload(self, staff: StaffCaller, assistance_no: str, address: str, content: bytes) -> UploadView:
        """Store a file for the citizen's case. Raises: NotFound, Conflict `assistance_over`, and as uploads do."""
        caller = await self._assisted(staff, await self._active(staff, assistance_no), address)
        view = await self._uploads.save(caller, "material", content)
        trace = self._staff_trace(staff, "uploaded", assistance_no, address, upload_id=view.upload_id)
        await self._audit.record(trace.act)
        return view

    async def hand_in(
        self, staff: StaffCaller, assistance_no: str, address: str, version: int | None = None
    ) -> ApplicationView:
        """Hand the case in where the consent says so; the assistance ends with it.

        Raises: NotFound, Conflict `assistance_over`, `nothing_filled_in`, Forbidden `citizen_must_submit`, and as the
        citizen's own submission does.
        """
        row = await self._active(staff, assistance_no)
        if not row["may_submit"]:
            raise Forbidden("申请人只同意代为填写，请申请人本人在手机上提交", code="citizen_must_submit")
        if not row["application_no"]:
            raise Conflict("尚未填写申请内容", code="nothing_filled_in")
        caller = await self._assisted(staff, row, address)
        held = await find(self._people, caller, row["application_no"])
        submitted = await self._handing_in.submit(held, version)
        await repository.end(row, "SUBMITTED", clock.now())
        return application_view(submitted, kept_days=self._drafts.kept_days)

    async def end_given(self, staff: StaffCaller, assistance_no: str, address: str) -> StaffAssistanceView:
        """End an assistance as its member of staff. Idempotent. Raises: NotFound."""
        row = await self._given(staff, assistance_no)
        await repository.end(row, "STAFF", clock.now(), self._staff_trace(staff, "ended", assistance_no, address))
        return await self.given(staff, assistance_no, address)

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
        row = await repository.find_by_code(self._hash(code), clock.now())
        if row is None:
            raise NotFound("帮办码无效或已过期")
        return row

    async def _helped(self, caller: Caller, assistance_no: str) -> Row:
        row = await repository.find_helped(assistance_no, caller.citizen_id)
        if row is None:
            raise NotFound("未找到该帮办")
        return row

    async def _given(self, staff: StaffCaller, assistance_no: str) -> Row:
        staff.require_role(Role.WINDOW)
        row = await repository.find_given(assistance_no, staff.username)
        if row is None:
            raise NotFound("未找到该帮办")
        return row

    async def _active(self, staff: StaffCaller, assistance_no: str) -> Row:
        row = await self._given(staff, assistance_no)
        if status_at(row, clock.now()) is not AssistanceStatus.ACTIVE:
            raise _over()
        return row

    async def _assisted(self, staff: StaffCaller, row: Row, address: str) -> AssistedCaller:
        person = await self._people.profile(row["citizen_id"])
        return AssistedCaller(
            citizen_id=person.citizen_id,
            session_id=staff.session_id,
            identity_id=staff.staff_id,
            provider=_PROVIDER,
            expires_at=int(row["expires_at"].timestamp()),
            assistance_no=row["assistance_no"],
            staff_username=staff.username,
            staff_shown=staff.display_name,
            citizen_shown=mask_name(person.name),
            address=address,
        )

    async def _record(self, caller: AssistedCaller, application_no: str, action: str) -> None:
        trace = trace_of(caller, application_no, action)
        assert trace is not None, "both are known"
        await self._audit.record(trace)

    def _case(self, row: Row) -> ApplicationView:
        return application_view(row, self._vault.open(row), kept_days=self._drafts.kept_days)

    def _hash(self, code: str) -> str:
        return self._cipher.lookup("assistance.code", code)

    def _staff_trace(self, staff: StaffCaller, action: str, number: str, address: str, **details: Any) -> Trace:
        return Trace(Act(staff.username, f"assistance.{action}", "assistance", number, details, address), self._audit)

    def _citizen_trace(self, caller: Caller, action: str, row: Row, address: str, **details: Any) -> Trace:
        details |= {"staff": row["staff_username"], "item_code": row["item_code"]}
        who, number = f"citizen:{caller.citizen_id.hex}", row["assistance_no"]
        return Trace(Act(who, f"assistance.{action}", "assistance", number, details, address), self._audit)


def _page(rows: Sequence[Row], limit: int) -> Page:
    return [_view(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None


def _view(row: Row) -> AssistanceView:
    status = status_at(row, clock.now())
    return AssistanceView(
        assistance_no=row["assistance_no"],
        status=status,
        status_text=STATUS_TEXT[status],
        staff_shown=row["staff_shown"],
        item_code=row["item_code"],
        item_name=row["item_name"],
        may_submit=row["may_submit"],
        application_no=row["application_no"],
        consented_at=clock.rfc3339_or_none(row["consented_at"]),
        expires_at=clock.rfc3339(row["expires_at"]),
        ended_at=clock.rfc3339_or_none(row["ended_at"] or row["declined_at"]),
    )


def _over() -> Conflict:
    return Conflict("帮办已结束或尚未获得同意", code="assistance_over")
