"""The licences' door: issue, list, look, download, change, re-check; codes and verifiers are its part `presenting`.

The applications room issues and re-checks; holders read and present through the handlers.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, NotFound, ServiceUnavailable, StaleVersion
from app.events import DomainEvent
from app.storage import FileStore
from services.licences import presentation_repository, reading_repository, remaking_repository, repository, views
from services.licences.issuing import Issuing, open_content
from services.licences.ports import Holders, OfdConverter, SealAuthority, ShowLevel
from services.licences.presenting import Presenting
from services.licences.remaking import Remaking
from services.licences.shelf import KindShelf
from services.licences.states import CHANGE_TEXT, TEXT, Change, LicenceStatus, after
from services.licences.types import (
    LicenceHistory,
    LicenceSummary,
    LicenceView,
    NewLicence,
    SealCheck,
    UsableLicence,
)

PRESENTATION_SECONDS = 120
_SHOWS = 20


class LicenceService:
    """Use cases of licences.

    Args:
        ofd: the converter; None where there is none, then PDF is the only form.
        seals: the authority; None where none is connected, then the place of the seal stays empty.
        holders: the accounts room; None where only persons' own licences are asked for and no level is needed.
        presentation_seconds: life of a one-time code; the rules allow 60 to 300.
        show_level: real-name level needed to show a licence.
    """

    def __init__(
        self,
        cipher: FieldCipher,
        storage: FileStore,
        *,
        seals: SealAuthority | None = None,
        ofd: OfdConverter | None = None,
        holders: Holders | None = None,
        presentation_seconds: int = PRESENTATION_SECONDS,
        show_level: ShowLevel = "L2",
    ) -> None:
        self._cipher, self._storage, self._seals, self._holders = cipher, storage, seals, holders
        self._ofd = ofd
        self.shelf = KindShelf()
        self.remaking = Remaking()
        self.issuing = Issuing(cipher, storage, self.shelf, seals, holders)
        self.presenting = Presenting(
            cipher, self.shelf, holders, self._own, code_seconds=presentation_seconds, least_level=show_level
        )

    async def issue(self, new: NewLicence) -> str:
        """Issue a licence; return its number. Idempotent: yes, one licence per case and type.

        Raises: ServiceUnavailable when the file store is away; the job runs again.
        """
        return await self.issuing.issue(new)

    async def issued_types(self, subject_no: str) -> frozenset[str]:
        """Return the licence types already issued for a case; what was voided since has to be issued again."""
        return await remaking_repository.issued_types(subject_no)

    async def list_own(
        self, citizen_id: uuid.UUID, cursor: uuid.UUID | None, limit: int
    ) -> tuple[list[LicenceSummary], uuid.UUID | None]:
        """Return a page of the licences that somebody has, or their enterprises, newest first, and where to go on."""
        rows = await reading_repository.list_own(citizen_id, await self._enterprises(citizen_id), cursor, limit + 1)
        page = [views.summary(row) for row in rows[:limit]]
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def licence(self, citizen_id: uuid.UUID, licence_no: str) -> LicenceView:
        """Return one own licence with its history and latest shows. Raises: NotFound (also for somebody else's)."""
        row = await self._own(citizen_id, licence_no)
        kind = await self.shelf.kind(row["type_code"], row["type_name"])
        changes = await reading_repository.list_changes(row["id"])
        shows = await presentation_repository.list_shows(row["id"], _SHOWS)
        return views.whole(row, kind, open_content(self._cipher, row), changes, shows)

    async def document(self, citizen_id: uuid.UUID, licence_no: str) -> bytes:
        """Return the PDF of an own licence, checked against its digest; the look is logged.

        Raises: NotFound, ServiceUnavailable.
        """
        row = await self._own(citizen_id, licence_no)
        content = await self._checked(row)
        await presentation_repository.log_show(row["id"], "DOWNLOADED", "本人", "", clock.now())
        return content

    async def ofd(self, citizen_id: uuid.UUID, licence_no: str) -> bytes:
        """Return an own licence as OFD. Raises: NotFound, Conflict `ofd_unavailable`, ProviderUnavailable."""
        row = await self._own(citizen_id, licence_no)
        if self._ofd is None:
            raise Conflict("暂不提供 OFD 版式文件，请下载 PDF", code="ofd_unavailable")
        converted = await self._ofd.convert(await self._checked(row))
        await presentation_repository.log_show(row["id"], "DOWNLOADED", "本人", "OFD", clock.now())
        return converted

    async def copy(self, citizen_id: uuid.UUID, licence_no: str, purpose: str) -> bytes:
        """Return a copy for one purpose, which stands across it with the day; logged.

        Raises: NotFound, Conflict `licence_not_valid`.
        """
        row = await self._own(citizen_id, licence_no)
        status = views.status_of(row)
        if status is not LicenceStatus.VALID:
            raise Conflict(f"证照当前为“{TEXT[status]}”，不能出示", code="licence_not_valid")
        content = await self.issuing.copy(row, purpose)
        await presentation_repository.log_show(row["id"], "COPIED", "本人", purpose, clock.now())
        return content

    async def check_document(self, sha256: str) -> SealCheck:
        """Tell anybody who holds a document what it is, how it stands, and whether its seal is genuine.

        Raises: NotFound where no licence has this document: it was altered, or is none of ours.
        """
        row = await reading_repository.find_by_digest(sha256)
        if row is None or row["status"] == LicenceStatus.PREPARING:
            raise NotFound("未找到与该文件一致的证照：文件可能已被改动")
        genuine = self._seals is not None and self._seals.is_genuine(row["sha256"], row["seal_evidence"])
        return views.seal_check(row, genuine)

    async def usable_for(
        self, citizen_id: uuid.UUID, enterprise_id: uuid.UUID | None, type_code: str
    ) -> list[UsableLicence]:
        """Return the valid licences of a type that may stand for a material (免证办): the enterprise's where one is
        named, else the person's own; newest first. Whether the caller may act for them is the caller's business."""
        holder, today = enterprise_id or citizen_id, clock.beijing_date()
        rows = await reading_repository.list_valid(holder, type_code, enterprise_id is not None, today)
        return [views.usable(row) for row in rows]

    async def check(self, licence_no: str, sha256: str) -> bool:
        """Tell whether a licence that a case refers to is still valid and the same document."""
        row = await reading_repository.find_licence(licence_no)
        return row is not None and views.status_of(row) is LicenceStatus.VALID and row["sha256"] == sha256

    async def require_unchanged(self, licence_no: str, sha256: str) -> None:
        """Refuse to decide on a licence that has ended or changed since it was handed in.

        Raises: Conflict `licence_no_longer_valid`.
        """
        if not await self.check(licence_no, sha256):
            raise Conflict("申请所用的电子证照已失效或已变更，请申请人补正", code="licence_no_longer_valid")

    async def history(self, licence_no: str) -> LicenceHistory:
        """Return a licence with its history, for staff; the caller checks rights. Raises: NotFound."""
        row = await self._known(licence_no)
        return views.history(row, await reading_repository.list_changes(row["id"]))

    async def subject_of(self, licence_no: str) -> str:
        """Return the number of the case that a licence came from. Raises: NotFound."""
        return str((await self._known(licence_no))["subject_no"])

    async def change_status(
        self, licence_no: str, change: Change, *, actor: str = "发证机关", reason: str = ""
    ) -> LicenceStatus:
        """Suspend, restore, revoke, cancel or withdraw a licence; the caller checks rights and writes the audit.

        The step stands in the licence's history with who and why, and its holder is told.
        Raises: NotFound, InvalidTransition, StaleVersion when somebody was faster.
        """
        row = await self._known(licence_no)
        to_status = after(views.status_of(row), change)
        event = changed_event(row, change.value, to_status)
        moved = repository.StatusChange(row, change, to_status, reason, actor[:64], event.occurred_at, event)
        if not await repository.change_status(moved):
            raise StaleVersion
        return to_status

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Move everything of a merged citizen to the surviving one. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def _checked(self, row: Row) -> bytes:
        content = await self._storage.get(row["storage_key"])
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise ServiceUnavailable("证照文件校验未通过，请联系窗口", licence_no=row["licence_no"])
        return content

    async def _own(self, citizen_id: uuid.UUID, licence_no: str) -> Row:
        row = await reading_repository.find_own(citizen_id, licence_no)
        if row is None:
            # Asked only where the short question found nothing: few people represent an enterprise.
            enterprises = await self._enterprises(citizen_id)
            row = await reading_repository.find_of_enterprises(enterprises, licence_no) if enterprises else None
        if row is None:
            raise NotFound("未找到该证照")
        return row

    async def _known(self, licence_no: str) -> Row:
        row = await reading_repository.find_licence(licence_no)
        if row is None:
            raise NotFound("未找到该证照")
        return row

    async def _enterprises(self, citizen_id: uuid.UUID) -> Collection[uuid.UUID]:
        return () if self._holders is None else await self._holders.enterprises_of(citizen_id)


def changed_event(row: Row, change: str, to_status: LicenceStatus) -> DomainEvent:
    """Build the event that tells a holder of a change."""
    return DomainEvent(
        name="licence.changed",
        subject_no=row["licence_no"],
        citizen_id=row["citizen_id"].hex,
        facts={
            "licence_no": row["licence_no"],
            "type_name": row["type_name"],
            "change_text": CHANGE_TEXT[change],
            "status_text": TEXT[to_status],
        },
    )
