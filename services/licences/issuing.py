"""Issuing a licence: number, document, seal, and only then it counts; continued by a sweep where the seal is away.

The service and the sweeps call it. It must not decide who gets a licence: a granted case does.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import NotFound, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from app.events import DomainEvent
from app.identifiers import id_birth_date, id_sex, is_uscc, make_licence_number, mask_id_number, mask_name
from app.ids import dated_no, random_text
from app.storage import FileStore
from services.licences import repository, sweep_repository
from services.licences.kinds import Kind
from services.licences.ports import Holders, SealAuthority
from services.licences.shelf import KindShelf
from services.licences.states import LicenceStatus
from services.licences.types import NewLicence, Sealed

HOLDER_COLUMN, CONTENT_COLUMN = "licence.holder", "licence.content"
_UNTOUCHED = timedelta(seconds=30)
_PAGE = 50
log = structlog.get_logger()


class Issuing:
    """Makes licences out of granted cases."""

    def __init__(
        self,
        cipher: FieldCipher,
        storage: FileStore,
        shelf: KindShelf,
        seals: SealAuthority | None,
        holders: Holders | None,
    ) -> None:
        self._cipher, self._storage, self._shelf = cipher, storage, shelf
        self._seals, self._holders = seals, holders

    async def issue(self, new: NewLicence) -> str:
        """Issue a licence; return its number. The document is drawn, sealed and stored before it counts.

        Where the seal authority does not answer, or refuses, the licence waits for the sweep under its number.
        Idempotent: yes, one licence per case and type; a repeat finishes what an interrupted try began.
        Raises: ServiceUnavailable when the file store is away; the job runs again.
        """
        prepared = await self._prepare(new)
        row = await repository.reserve(prepared, make_licence_number)
        if row["status"] == LicenceStatus.PREPARING:
            was_there = row["licence_no"] != prepared.licence_no
            try:
                await self._finish(row, may_be_sealed=was_there)
            except (ProviderUnavailable, ProviderRejected, ProviderProtocolError) as error:
                log.warning("licence_waits_for_seal", licence_no=row["licence_no"], code=error.stable_code)
        return str(row["licence_no"])

    async def continue_prepared(self) -> int:
        """Finish licences that wait for their seal; return how many were finished. Idempotent.

        One that is refused does not keep the others waiting; an authority that is away is left alone till next time.
        """
        after: uuid.UUID | None = None
        finished = 0
        while rows := await sweep_repository.list_preparing(after, clock.now() - _UNTOUCHED, _PAGE):
            for row in rows:
                after = row["id"]
                try:
                    await self._finish(row, may_be_sealed=True)
                    finished += 1
                except ProviderUnavailable:
                    return finished
                except (ProviderRejected, ProviderProtocolError) as error:
                    log.error("licence_not_sealed", licence_no=row["licence_no"], code=error.stable_code)
        return finished

    async def copy(self, row: Row, purpose: str) -> bytes:
        """Draw a copy for one purpose, which stands across it with the day."""
        today = clock.beijing_date().isoformat()
        return await self._draw(row, f"仅供{purpose}使用 {today}")

    async def _prepare(self, new: NewLicence) -> repository.Prepared:
        now = clock.now()
        kind = await self._shelf.kind(new.type_code, new.type_name)
        name, number = new.holder_name, new.holder_id_number
        if new.enterprise_id is not None and self._holders is not None:
            name, number = await self._holders.enterprise(new.enterprise_id)
        person = _person(new.holder_name, new.holder_id_number)
        return repository.Prepared(
            new=new,
            kind=kind,
            expires_on=new.expires_on or clock.last_day_of_months(new.issued_on, kind.validity_months),
            holder_cipher=self._cipher.encrypt_json(HOLDER_COLUMN, {"name": name, "id_number": number}),
            holder_shown=name[:64] if new.enterprise_id is not None else mask_name(name),
            content_cipher=self._cipher.encrypt_json(CONTENT_COLUMN, kind.content(person, new.answers)),
            licence_no=dated_no("ZZ", now, 12),
            serial=f"{clock.beijing_date(now):%Y%m%d}{random_text(12)}",
            at=now,
        )

    async def _finish(self, row: Row, *, may_be_sealed: bool) -> None:
        storage_key = f"licences/{row['id'].hex}.pdf"
        content = await self._document(row, storage_key)
        sealed = await self._sealed(row, content, may_be_sealed=may_be_sealed)
        if sealed is not None and sealed.pdf != content:
            storage_key, content = f"licences/{row['id'].hex}.sealed.pdf", sealed.pdf
            await self._storage.put(storage_key, content)
        event = DomainEvent(
            name="licence.issued",
            subject_no=row["subject_no"],
            citizen_id=row["citizen_id"].hex,
            facts={"licence_no": row["licence_no"], "type_name": row["type_name"]},
        )
        kind = await self._shelf.kind(row["type_code"], row["type_name"])
        stored = (storage_key, hashlib.sha256(content).hexdigest())
        await repository.finish(row, kind, sealed, stored, event)

    async def _document(self, row: Row, storage_key: str) -> bytes:
        """Return the drawn document, that of an earlier try where there is one: the seal is on its very bytes."""
        try:
            return await self._storage.get(storage_key)
        except NotFound:
            content = await self._draw(row, "")
            await self._storage.put(storage_key, content)
            return content

    async def _sealed(self, row: Row, content: bytes, *, may_be_sealed: bool) -> Sealed | None:
        if self._seals is None:
            return None
        reference, owner = row["licence_no"], row["issuer_code"]
        if may_be_sealed:
            found = await self._seals.find(content, reference, owner)
            if found is not None:
                return found
        return await self._seals.seal(content, reference, owner)

    async def _draw(self, row: Row, watermark: str) -> bytes:
        # Loaded with the first document, for it takes 8 MiB of memory and the processes that answer draw few.
        from services.licences.document import Document, draw

        holder = self._cipher.decrypt_json(HOLDER_COLUMN, row["holder_cipher"])
        kind = await self._shelf.kind(row["type_code"], row["type_name"])
        number = holder["id_number"]
        document = Document(
            title=row["type_name"],
            licence_no=row["licence_no"],
            identifier=row["identifier"],
            holder_name=holder["name"],
            holder_id_shown=number if is_uscc(number) else mask_id_number(number),
            issuer_name=row["issuer_name"],
            issued_on=row["issued_on"].isoformat(),
            expires_on=row["expires_on"].isoformat() if row["expires_on"] else "长期",
            lines=printed_lines(kind, self._content(row)),
            is_sealed=self._seals is not None,
            watermark=watermark,
        )
        return await asyncio.to_thread(draw, document)

    def _content(self, row: Row) -> dict[str, str]:
        return open_content(self._cipher, row)


def open_content(cipher: FieldCipher, row: Row) -> dict[str, str]:
    """Return the printed fields of a licence by key; one of before types had fields has none."""
    if row["content_cipher"] is None:
        return {}
    content: dict[str, str] = cipher.decrypt_json(CONTENT_COLUMN, row["content_cipher"])
    return content


def printed_lines(kind: Kind, content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is printed besides holder, number and days; sensitive values are masked also there."""
    return tuple(
        f"{field.name}：{field.hidden(content[field.key]) if field.sensitive else content[field.key]}"
        for field in kind.fields
        if field.key in content and field.key not in ("name", "id_number")
    )


def _person(name: str, number: str) -> dict[str, str]:
    person = {"name": name, "id_number": number}
    try:
        return person | {"sex": id_sex(number), "born_on": id_birth_date(number).isoformat()}
    except (ValueError, IndexError):
        return person
