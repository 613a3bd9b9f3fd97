"""The staff's side of an assistance: offer it, fill in the one case, upload, hand in where the consent says so, end it.

The service is the door. Staff reach exactly the case that was begun under the consent, and only while it lasts.
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
from services.applications.assistance import repository
from services.applications.assistance.consent import (
    CODE_LIFETIME,
    AssistanceStatus,
    code_hash,
    new_code,
    qr_svg,
    qr_text,
    status_at,
)
from services.applications.assistance.repository import NewAssistance, Trace
from services.applications.assistance.types import AssistedCaller, OpenedAssistance, StaffAssistanceView
from services.applications.assistance.views import Page, over, page_of, view_of
from services.applications.drafts.service import Drafts, Wish
from services.applications.handing_in import HandingIn
from services.applications.own import find, trace_of
from services.applications.parts import Parts
from services.applications.states import Status
from services.applications.types import ApplicationView, MaterialRef, UploadView
from services.applications.uploads import UploadService
from services.applications.views import application_view
from services.staff.types import Act, Role, StaffCaller

_TRIES = 5
_PROVIDER = "WINDOW"


class Helping:
    """Use cases of staff; an assistance of another member of staff is not found."""

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
                code_hash=code_hash(self._cipher, code),
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

    async def list_given(self, staff: StaffCaller, after: uuid.UUID | None, limit: int) -> Page:
        """Return a page of the assistances that the caller gave, newest first, and the id to continue after."""
        staff.require_role(Role.WINDOW)
        return page_of(await repository.list_given(staff.username, after, limit + 1), limit)

    async def given(self, staff: StaffCaller, assistance_no: str, address: str) -> StaffAssistanceView:
        """Show an assistance to the member of staff who gives it, with the case while it lasts. Raises: NotFound."""
        row = await self._given(staff, assistance_no)
        if status_at(row, clock.now()) is not AssistanceStatus.ACTIVE:
            return StaffAssistanceView(assistance=view_of(row), citizen_shown="", application=None)
        caller = await self._assisted(staff, row, address)
        case = None
        if row["application_no"]:
            case = self._case((await find(self._people, caller, row["application_no"])).row)
            await self._record(caller, row["application_no"], "assisted_view")
        return StaffAssistanceView(assistance=view_of(row), citizen_shown=caller.citizen_shown, application=case)

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
            if held.row["status"] != Status.DRAFT:
                raise over()
            changed, _ = await self._drafts.change(held, Wish(form=form, materials=materials), version)
            view = self._case(changed)
        else:
            view = await self._drafts.begin(caller, row["item_code"], form or {}, materials or ())
            if not await repository.bind_case(row, view.application_no, caller.actor, clock.now()):
                await self._drafts.forget(view.application_no)
                raise over()
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

    async def _given(self, staff: StaffCaller, assistance_no: str) -> Row:
        staff.require_role(Role.WINDOW)
        row = await repository.find_given(assistance_no, staff.username)
        if row is None:
            raise NotFound("未找到该帮办")
        return row

    async def _active(self, staff: StaffCaller, assistance_no: str) -> Row:
        row = await self._given(staff, assistance_no)
        if status_at(row, clock.now()) is not AssistanceStatus.ACTIVE:
            raise over()
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

    def _staff_trace(self, staff: StaffCaller, action: str, number: str, address: str, **details: Any) -> Trace:
        return Trace(Act(staff.username, f"assistance.{action}", "assistance", number, details, address), self._audit)
