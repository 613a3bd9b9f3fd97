"""The door of written documents: lists and files for citizens and staff, and the job that draws and seals them.

Numbers are given with the moves (repository.add); a document whose drawing was lost is drawn by a sweep.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from app import clock
from app.db import Row
from app.errors import Conflict, NotFound, SanjinError, ServiceUnavailable
from app.jobs import JobFunction
from app.tokens import Caller
from services.applications import own
from services.applications.documents import letters, repository
from services.applications.documents.ports import Seal
from services.applications.documents.types import DocumentList, DocumentView
from services.applications.parts import Parts
from services.applications.scope import case_in_scope
from services.staff.types import Act, Role, StaffCaller

_READERS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER)
_LOST_AFTER = timedelta(minutes=10)
_BATCH = 200
log = structlog.get_logger()


class DocumentService:
    """Use cases of written documents.

    Args:
        seal: seals files; None leaves the visible place of the seal empty.
    """

    def __init__(self, parts: Parts, seal: Seal | None = None) -> None:
        self._parts, self._seal = parts, seal

    async def list_own(self, caller: Caller, application_no: str) -> DocumentList:
        """List the documents of an own case, oldest first. Raises: NotFound."""
        return await _listed((await own.find(self._parts.people, caller, application_no)).row)

    async def file_own(self, caller: Caller, application_no: str, document_no: str) -> bytes:
        """Return the PDF of a document of an own case. Raises: NotFound, Conflict `document_not_ready`."""
        held = await own.find(self._parts.people, caller, application_no)
        return await self._file(held.row, document_no)

    async def list_for_staff(self, staff: StaffCaller, application_no: str) -> DocumentList:
        """List the documents of a case in scope. Raises: NotFound, Forbidden."""
        staff.require_role(*_READERS)
        return await _listed(await case_in_scope(staff, application_no, at_intake=True))

    async def file_for_staff(self, staff: StaffCaller, application_no: str, document_no: str, address: str) -> bytes:
        """Return the PDF of a document of a case in scope; the look is audited. Raises: as `file_own`, Forbidden."""
        staff.require_role(*_READERS)
        content = await self._file(await case_in_scope(staff, application_no, at_intake=True), document_no)
        act = Act(staff.username, "document.viewed", "document", document_no, {"case": application_no}, address)
        await self._parts.audit.record(act)
        return content

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload, for the job table."""
        return {repository.DRAW: self.draw}

    async def draw(self, payload: Any) -> None:
        """Draw a document, have it sealed and store it; the job `documents.draw`.

        Idempotent: yes, a document that has its file is left alone; of two drawings the first that is noted counts.
        Raises: ServiceUnavailable, ProviderUnavailable (the seal); the job runs again.
        """
        row = await repository.find_undrawn(payload["document_no"])
        if row is None:
            return
        content = await self._drawn(row)
        if self._seal is not None:
            content = (await self._seal.seal(content, row["document_no"], row["issuer_code"])).content
        sha256 = hashlib.sha256(content).hexdigest()
        key = f"documents/{row['id'].hex}-{sha256[:16]}.pdf"
        await self._parts.storage.put(key, content)
        await repository.note_drawn(row["id"], key, sha256)

    async def draw_lost(self) -> None:
        """Draw documents whose job was lost, in pages; one that fails must not hold up the others. Idempotent."""
        made_before, after = clock.now() - _LOST_AFTER, None
        while rows := await repository.list_lost(made_before, after, _BATCH):
            for row in rows:
                try:
                    await self.draw({"document_no": row["document_no"]})
                except SanjinError as error:
                    log.warning("document_not_drawn", document_no=row["document_no"], error=error.stable_code)
            after = rows[-1]["id"]

    async def _drawn(self, row: Row) -> bytes:
        # Loaded with the first document, for it takes 8 MiB of memory and the processes that answer draw none.
        from services.applications.documents.drawing import Letter, draw

        item = await self._parts.catalogue.item(row["item_code"], row["item_version"])
        letter = Letter(
            title=row["title"],
            document_no=row["document_no"],
            issuer_name=item.record.body.name,
            issued_on=letters.day(row["issued_on"]),
            applicant_name=await self._applicant(row),
            item_name=row["item_name"],
            application_no=row["application_no"],
            paragraphs=letters.facts_of(msgspec.json.decode(row["facts"])),
        )
        return await asyncio.to_thread(draw, letter)

    async def _applicant(self, row: Row) -> str:
        if row["enterprise_id"] is not None:
            return (await self._parts.people.enterprise_profile(row["enterprise_id"])).name
        return (await self._parts.people.profile(row["citizen_id"])).name

    async def _file(self, case: Row, document_no: str) -> bytes:
        row = await repository.find(case["id"], document_no)
        if row is None:
            raise NotFound("未找到该文书")
        if not row["sha256"]:
            raise Conflict("文书正在制作，请稍后再试", code="document_not_ready")
        content = await self._parts.storage.get(row["storage_key"])
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise ServiceUnavailable("文书文件校验未通过，请联系窗口", document_no=document_no)
        return content


async def shown_documents(case_id: uuid.UUID) -> list[DocumentView]:
    """Return the documents of a case, oldest first, for whoever may see the case."""
    return [_view(row) for row in await repository.list_of(case_id)]


async def _listed(case: Row) -> DocumentList:
    return DocumentList(data=await shown_documents(case["id"]))


def _view(row: Row) -> DocumentView:
    return DocumentView(
        document_no=row["document_no"],
        kind=row["kind"],
        title=row["title"],
        issued_on=row["issued_on"].isoformat(),
        is_ready=bool(row["sha256"]),
        sha256=row["sha256"],
    )
