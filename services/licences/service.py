"""The licences' door: issue, list, show, one-time codes and their verification.

The applications room issues; holders read and present through the handlers; anybody shown a code may verify it.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from datetime import date, timedelta

from app import clock
from app.crypto import FieldCipher, hash_secret
from app.db import Row
from app.errors import Conflict, NotFound, ServiceUnavailable, StaleVersion
from app.events import DomainEvent
from app.identifiers import make_licence_number, mask_id_number, mask_name
from app.ids import dated_no, new_secret, random_text
from app.storage import FileStore
from services.licences import repository
from services.licences.qr import qr_svg
from services.licences.states import CODES, TEXT, Change, LicenceStatus, after, effective
from services.licences.types import (
    LicenceSummary,
    LicenceView,
    NewLicence,
    PresentationView,
    ShowView,
    VerifiedLicence,
)

PRESENTATION_SECONDS = 120
_HOLDER_COLUMN = "licence.holder"
_SHOWS = 20
_KIND_TEXT = {"VIEWED": "查看", "PRESENTED": "出示", "VERIFIED": "被核验", "DOWNLOADED": "下载"}


class LicenceService:
    """Use cases of licences.

    Args:
        presentation_seconds: life of a one-time code; the rules allow 60 to 300.
    """

    def __init__(
        self, cipher: FieldCipher, storage: FileStore, *, presentation_seconds: int = PRESENTATION_SECONDS
    ) -> None:
        if not 60 <= presentation_seconds <= 300:
            raise ValueError("presentation codes live 60 to 300 seconds")
        self._cipher = cipher
        self._storage = storage
        self._presentation_seconds = presentation_seconds

    async def issue(self, new: NewLicence) -> str:
        """Issue a licence; return its number. The document is drawn and stored before it counts.

        Idempotent: yes, one licence per case and type; a repeat finishes what an interrupted try began.
        Raises: ServiceUnavailable when the file store is away; the job runs again.
        """
        now = clock.now()
        serial = f"{clock.beijing_date(now):%Y%m%d}{random_text(12)}"
        holder = {"name": new.holder_name, "id_number": new.holder_id_number}
        row = await repository.reserve(
            repository.Numbered(
                new=new,
                licence_no=dated_no("ZZ", now, 12),
                identifier=make_licence_number(new.type_code, new.issuer_code, serial),
                serial=serial,
                holder_cipher=self._cipher.encrypt_json(_HOLDER_COLUMN, holder),
                holder_shown=mask_name(new.holder_name),
                at=now,
            )
        )
        if row["status"] == LicenceStatus.PREPARING:
            await self._finish(row)
        return str(row["licence_no"])

    async def issued_types(self, subject_no: str) -> frozenset[str]:
        """Return the licence types already issued for a case."""
        return await repository.issued_types(subject_no)

    async def list_own(
        self, citizen_id: uuid.UUID, cursor: uuid.UUID | None, limit: int
    ) -> tuple[list[LicenceSummary], uuid.UUID | None]:
        """Return a page of the holder's licences, newest first, and the id to continue after."""
        rows = await repository.list_own(citizen_id, cursor, limit + 1)
        page = [_summary(row) for row in rows[:limit]]
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def licence(self, citizen_id: uuid.UUID, licence_no: str) -> LicenceView:
        """Return one own licence with its latest shows. Raises: NotFound (also for somebody else's)."""
        row = await self._own(citizen_id, licence_no)
        return _view(row, [_show(each) for each in await repository.list_shows(row["id"], _SHOWS)])

    async def document(self, citizen_id: uuid.UUID, licence_no: str) -> bytes:
        """Return the PDF of an own licence, checked against its digest; the look is logged.

        Raises: NotFound, ServiceUnavailable.
        """
        row = await self._own(citizen_id, licence_no)
        content = await self._storage.get(row["storage_key"])
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise ServiceUnavailable("证照文件校验未通过，请联系窗口", licence_no=licence_no)
        await repository.log_show(row["id"], "DOWNLOADED", "本人", clock.now())
        return content

    async def present(self, citizen_id: uuid.UUID, licence_no: str) -> PresentationView:
        """Make a one-time code (亮证码) for an own licence that is valid; logged.

        Raises: NotFound, Conflict `licence_not_valid`.
        """
        row = await self._own(citizen_id, licence_no)
        status = _status(row)
        if status is not LicenceStatus.VALID:
            raise Conflict(f"证照当前为“{TEXT[status]}”，不能出示", code="licence_not_valid")
        now, code = clock.now(), new_secret(18)
        expires_at = now + timedelta(seconds=self._presentation_seconds)
        await repository.add_presentation(row, hash_secret(code), now, expires_at, "本人")
        return PresentationView(
            code=code,
            expires_at=clock.rfc3339(expires_at),
            expires_in=self._presentation_seconds,
            qr_svg=qr_svg(code),
        )

    async def verify(self, code: str, by_shown: str) -> VerifiedLicence:
        """Exchange a code that somebody was shown for the least that proves the licence; once, and logged.

        Raises: NotFound `presentation_invalid` (unknown, used, expired: callers cannot tell which).
        """
        now = clock.now()
        row = await repository.use_presentation(hash_secret(code), now, by_shown)
        if row is None:
            raise NotFound("亮证码无效或已过期，请持证人重新出示", code="presentation_invalid")
        status = _status(row)
        return VerifiedLicence(
            type_name=row["type_name"],
            status=status,
            status_text=TEXT[status],
            holder_shown=row["holder_shown"],
            issuer_name=row["issuer_name"],
            issued_on=row["issued_on"].isoformat(),
            expires_on=_day(row["expires_on"]),
            verified_at=clock.rfc3339(now),
        )

    async def subject_of(self, licence_no: str) -> str:
        """Return the number of the case that a licence came from. Raises: NotFound."""
        row = await repository.find_licence(licence_no)
        if row is None:
            raise NotFound("未找到该证照")
        return str(row["subject_no"])

    async def change_status(self, licence_no: str, change: Change) -> LicenceStatus:
        """Suspend, restore, revoke, cancel or withdraw a licence; the caller checks rights and writes the audit.

        Raises: NotFound, InvalidTransition, StaleVersion when somebody was faster.
        """
        row = await repository.find_licence(licence_no)
        if row is None:
            raise NotFound("未找到该证照")
        to_status = after(_status(row), change)
        if not await repository.change_status(row["id"], row["status"], to_status):
            raise StaleVersion
        return to_status

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Move everything of a merged citizen to the surviving one. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def _finish(self, row: Row) -> None:
        # Loaded with the first document, for it takes 8 MiB of memory and the processes that answer draw none.
        from services.licences.document import Document, draw

        holder = self._cipher.decrypt_json(_HOLDER_COLUMN, row["holder_cipher"])
        document = Document(
            title=row["type_name"],
            licence_no=row["licence_no"],
            identifier=row["identifier"],
            holder_name=holder["name"],
            holder_id_shown=mask_id_number(holder["id_number"]),
            issuer_name=row["issuer_name"],
            issued_on=row["issued_on"].isoformat(),
            expires_on=_day(row["expires_on"]) or "长期",
        )
        content = await asyncio.to_thread(draw, document)
        storage_key = f"licences/{row['id'].hex}.pdf"
        await self._storage.put(storage_key, content)
        event = DomainEvent(
            name="licence.issued",
            subject_no=row["subject_no"],
            citizen_id=row["citizen_id"].hex,
            facts={"licence_no": row["licence_no"], "type_name": row["type_name"]},
        )
        await repository.finish(row["id"], storage_key, hashlib.sha256(content).hexdigest(), event)

    async def _own(self, citizen_id: uuid.UUID, licence_no: str) -> Row:
        row = await repository.find_own(citizen_id, licence_no)
        if row is None:
            raise NotFound("未找到该证照")
        return row


def _status(row: Row) -> LicenceStatus:
    return effective(row["status"], row["expires_on"], clock.beijing_date())


def _summary(row: Row) -> LicenceSummary:
    status = _status(row)
    return LicenceSummary(
        licence_no=row["licence_no"],
        type_name=row["type_name"],
        status=status,
        status_text=TEXT[status],
        holder_shown=row["holder_shown"],
        issuer_name=row["issuer_name"],
        issued_on=row["issued_on"].isoformat(),
        expires_on=_day(row["expires_on"]),
    )


def _view(row: Row, shows: list[ShowView]) -> LicenceView:
    status = _status(row)
    return LicenceView(
        licence_no=row["licence_no"],
        identifier=row["identifier"],
        type_code=row["type_code"],
        type_name=row["type_name"],
        version=row["version"],
        status=status,
        status_code=CODES[status],
        status_text=TEXT[status],
        holder_shown=row["holder_shown"],
        issuer_code=row["issuer_code"],
        issuer_name=row["issuer_name"],
        issued_on=row["issued_on"].isoformat(),
        expires_on=_day(row["expires_on"]),
        application_no=row["subject_no"],
        sha256=row["sha256"],
        shows=shows,
    )


def _show(row: Row) -> ShowView:
    return ShowView(
        shown_at=clock.rfc3339(row["created_at"]),
        kind=row["kind"],
        kind_text=_KIND_TEXT[row["kind"]],
        by=row["by_shown"],
    )


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
