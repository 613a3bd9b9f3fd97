"""The viewer of a case's materials (材料查看): what there is to leaf through, and each page as a picture.

Handlers of the staff call it. A look is audited once; its pages are opened by short signed links, for staff only.
"""

from __future__ import annotations

from msgspec import Struct

from app.crypto import FieldCipher
from app.db import Row
from app.errors import NotFound
from app.storage import FileStore
from services.applications import upload_repository
from services.applications.files import kinds
from services.applications.files.links import FileLinks
from services.applications.files.page_drawing import page_as_png
from services.applications.ports import Audit
from services.applications.scope import case_in_scope
from services.applications.uploads import StoredFile
from services.staff.types import Act, Role, StaffCaller

_LOOKERS = (Role.WINDOW, Role.REVIEWER, Role.APPROVER)
_LOOK_SECONDS = 900
_PURPOSE = "file_look"


class Sheet(Struct, frozen=True, kw_only=True):
    """One page to look at: of which material, the how-manieth of its file, and the token that opens it."""

    material_code: str
    material_name: str
    upload_id: str
    page: int
    pages: int
    token: str
    is_picture: bool


class MaterialViewer:
    """Use cases of the viewer."""

    def __init__(self, storage: FileStore, audit: Audit, cipher: FieldCipher) -> None:
        self._storage, self._audit = storage, audit
        self._links = FileLinks(cipher, _PURPOSE, _LOOK_SECONDS)

    async def look(self, staff: StaffCaller, application_no: str, address: str) -> list[Sheet]:
        """Return every page of a case's files, in the order of the materials; audited. Raises: NotFound, Forbidden."""
        staff.require_role(*_LOOKERS)
        case = await case_in_scope(staff, application_no, at_intake=True)
        files = await upload_repository.list_case_files(case["id"])
        details = {"status": case["status"], "files": len(files)}
        act = Act(staff.username, "case.materials_viewed", "application", application_no, details, address)
        await self._audit.record(act)
        return [sheet for row in files for sheet in self._sheets(row)]

    async def page(self, staff: StaffCaller, token: str, page: int) -> StoredFile:
        """Return a page of a look as a picture.

        Raises: NotFound `link_ended`, or no such page; Forbidden; ServiceUnavailable.
        """
        staff.require_role(*_LOOKERS)
        row = await upload_repository.find(self._links.read(token))
        if row is None:
            raise NotFound("文件不存在")
        content = await self._storage.get(row["storage_key"])
        if row["content_type"] != kinds.PDF:
            return StoredFile(row["content_type"], content)
        return StoredFile(kinds.PNG, await page_as_png(content, page))

    def _sheets(self, row: Row) -> list[Sheet]:
        token, _ = self._links.make(row["upload_id"])
        is_picture = row["content_type"] != kinds.PDF
        return [
            Sheet(
                material_code=row["material_code"],
                material_name=row["material_name"] or row["material_code"],
                upload_id=str(row["upload_id"]),
                page=row["page"] if is_picture else number,
                pages=row["pages"],
                token=token,
                is_picture=is_picture,
            )
            for number in range(1, row["pages"] + 1)
        ]
