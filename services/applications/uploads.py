"""Files that citizens send: what they really are, made harmless, stored under their digest's row.

Called by the upload door, and by the staff's viewer for files of cases in scope. Declared types are not believed.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app import clock
from app.db import Row
from app.errors import InvalidRequest, NotFound, PayloadTooLarge
from app.ids import new_id
from app.storage import FileStore
from app.tokens import Caller
from services.applications import upload_repository
from services.applications.files import kinds, papers
from services.applications.files.links import FileLinks
from services.applications.files.ports import VirusScan
from services.applications.ports import Audit
from services.applications.routing.guard import covers_body, covers_intake
from services.applications.types import FileLink, UploadView
from services.staff.types import Act, Role, StaffCaller

_workshop = ThreadPoolExecutor(2, "pictures")
"""A picture takes four bytes a pixel, twice, while it is encoded anew: few at a time."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file read back."""

    content_type: str
    content: bytes = field(repr=False)


class UploadService:
    """Use cases of files.

    Args:
        limit_bytes: largest file that is taken.
        links: makes and reads short links.
        scan: looks for viruses; None where the house has no scanner.
    """

    def __init__(
        self, storage: FileStore, audit: Audit, limit_bytes: int, links: FileLinks, scan: VirusScan | None = None
    ) -> None:
        self._storage, self._audit = storage, audit
        self._limit_bytes = limit_bytes
        self._links, self._scan = links, scan

    async def save(self, caller: Caller, purpose: str, content: bytes) -> UploadView:
        """Check, scan, clean and store one file. Pictures are decoded and encoded anew, without position or camera
        data; PDF files are written anew, without scripts, attachments or names of authors.

        Raises: InvalidRequest (`upload_empty`, `upload_damaged`, `upload_infected`), PayloadTooLarge,
        UnsupportedMediaType, ServiceUnavailable when the file store or the scanner is away. Nothing is kept then.
        """
        if not content:
            raise InvalidRequest("上传的文件是空的", code="upload_empty")
        if len(content) > self._limit_bytes:
            raise PayloadTooLarge(f"文件不能超过 {self._limit_bytes // 1_048_576} MiB")
        content_type = kinds.sniffed(content)
        scanned_at = await self._scanned(content)
        pages, kept = await _cleaned(content, content_type)
        upload_id, digest = new_id(), hashlib.sha256(kept).hexdigest()
        storage_key = f"uploads/{upload_id.hex}"
        await self._storage.put(storage_key, kept)
        upload = upload_repository.NewUpload(
            upload_id,
            caller.citizen_id,
            purpose,
            content_type,
            len(kept),
            digest,
            storage_key,
            clock.now(),
            pages,
            scanned_at,
        )
        await upload_repository.add_upload(upload)
        return UploadView(
            upload_id=str(upload_id),
            purpose=purpose,
            content_type=content_type,
            size=len(kept),
            sha256=digest,
            pages=pages,
        )

    async def own_file(self, caller: Caller, upload_id: uuid.UUID) -> StoredFile:
        """Return an own file. Raises: NotFound (also for somebody else's)."""
        row = await upload_repository.find_own(caller.citizen_id, upload_id)
        if row is None:
            raise NotFound("文件不存在")
        return StoredFile(row["content_type"], await self._storage.get(row["storage_key"]))

    async def case_file(self, staff: StaffCaller, upload_id: uuid.UUID, address: str) -> StoredFile:
        """Return a file of a submitted case within the caller's scope; audited. Raises: NotFound, Forbidden."""
        case = await self._case_of(staff, upload_id, address)
        return StoredFile(case["content_type"], await self._storage.get(case["storage_key"]))

    async def _case_of(self, staff: StaffCaller, upload_id: uuid.UUID, address: str) -> Row:
        staff.require_role(Role.WINDOW, Role.REVIEWER, Role.APPROVER)
        rows = await upload_repository.list_cases_of(upload_id)
        case = next((row for row in rows if covers_body(staff, row) or covers_intake(staff, row)), None)
        if case is None:
            raise NotFound("文件不存在")
        details = {"application_no": case["application_no"]}
        await self._audit.record(
            Act(staff.username, "upload.viewed", "upload", upload_id.hex, details, address),
        )
        return case

    async def own_link(self, caller: Caller, upload_id: uuid.UUID) -> FileLink:
        """Return a short link to an own file. Raises: NotFound."""
        if await upload_repository.find_own(caller.citizen_id, upload_id) is None:
            raise NotFound("文件不存在")
        return self._link(upload_id)

    async def case_link(self, staff: StaffCaller, upload_id: uuid.UUID, address: str) -> FileLink:
        """Return a short link to a file of a case in the caller's scope; audited. Raises: NotFound, Forbidden."""
        await self._case_of(staff, upload_id, address)
        return self._link(upload_id)

    async def linked_file(self, token: str) -> StoredFile:
        """Return the file of a link. Raises: NotFound `link_ended`."""
        row = await upload_repository.find(self._links.read(token))
        if row is None:
            raise NotFound("文件不存在")
        return StoredFile(row["content_type"], await self._storage.get(row["storage_key"]))

    def _link(self, upload_id: uuid.UUID) -> FileLink:
        token, ends_at = self._links.make(upload_id)
        return FileLink(path=f"/files/{token}", expires_at=clock.rfc3339(datetime.fromtimestamp(ends_at, UTC)))

    async def _scanned(self, content: bytes) -> datetime | None:
        if self._scan is None:
            return None
        if await self._scan.find(content):
            raise InvalidRequest("文件含有病毒，已拒绝上传，请检查您的设备", code="upload_infected")
        return clock.now()


async def _cleaned(content: bytes, content_type: str) -> tuple[int, bytes]:
    """Return the pages and what is kept of a file. Raises: InvalidRequest `upload_damaged`."""
    if content_type == kinds.PDF:
        return await papers.written_anew(content)
    return 1, await asyncio.get_running_loop().run_in_executor(_workshop, _encoded_anew, content, content_type)


def _encoded_anew(content: bytes, content_type: str) -> bytes:
    # Loaded with the first picture, in its thread: processes that get none need not hold the decoders.
    from services.applications.files import pictures

    return pictures.encoded_anew(content, content_type)
