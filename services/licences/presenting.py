"""Presentation codes (亮证码) and what verifiers learn: made by the holder, asked and fetched once, logged.

The service shows it as `.presenting`; handlers call it. It must not know HTTP, nor tell a verifier more than the least.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec

from app import clock
from app.crypto import FieldCipher, hash_secret
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.events import DomainEvent
from app.ids import new_secret
from app.tokens import Caller
from services.licences import presentation_repository as repository
from services.licences import views
from services.licences.issuing import open_content
from services.licences.kinds import Kind
from services.licences.ports import Holders, ShowLevel
from services.licences.qr import qr_svg
from services.licences.shelf import KindShelf
from services.licences.states import TEXT, LicenceStatus
from services.licences.types import (
    AskedFields,
    AskedList,
    PresentationView,
    VerificationResult,
    VerificationView,
    VerifiedLicence,
)

ANSWER_SECONDS = 180
"""So long a request waits for the holder, and its answer for the verifier."""
_ASKED = 20
_ASKED_TEXT, _CONSENTED_TEXT, _REFUSED_TEXT = "等待持证人同意", "持证人已同意", "持证人已拒绝"
FindOwn = Callable[[uuid.UUID, str], Awaitable[Row]]


class Presenting:
    """Use cases around showing a licence.

    Args:
        find_own: finds a licence that a citizen may show. Raises NotFound.
        code_seconds: life of a one-time code; the rules allow 60 to 300.
        least_level: real-name level needed to show any licence; a type may ask for more.
    """

    def __init__(
        self,
        cipher: FieldCipher,
        shelf: KindShelf,
        holders: Holders | None,
        find_own: FindOwn,
        *,
        code_seconds: int,
        least_level: ShowLevel,
    ) -> None:
        if not 60 <= code_seconds <= 300:
            raise ValueError("presentation codes live 60 to 300 seconds")
        self._cipher, self._shelf, self._holders, self._find_own = cipher, shelf, holders, find_own
        self._code_seconds, self._least_level = code_seconds, least_level

    async def present(self, caller: Caller, licence_no: str, *, asks_first: bool = False) -> PresentationView:
        """Make a one-time code for a licence that is valid; logged.

        Args:
            asks_first: whoever scans it learns nothing before the holder consents; else showing it is the consent to
                the least (which licence, whose by masked name, whether it is valid).

        Raises: NotFound, Forbidden `real_name_required`, Conflict `licence_not_valid`.
        """
        row = await self._find_own(caller.citizen_id, licence_no)
        kind = await self._shelf.kind(row["type_code"], row["type_name"])
        if self._holders is not None:
            await self._holders.require_level(caller, max(self._least_level, kind.show_level or "L2"))
        _require_valid(row)
        now, code = clock.now(), new_secret(18)
        expires_at = now + timedelta(seconds=self._code_seconds)
        presentation_id = await repository.add_code(
            row, caller.citizen_id, hash_secret(code), now, expires_at, not asks_first
        )
        return PresentationView(
            presentation_id=presentation_id.hex,
            code=code,
            expires_at=clock.rfc3339(expires_at),
            expires_in=self._code_seconds,
            asks_first=asks_first,
            qr_svg=qr_svg(code),
        )

    async def verify(self, code: str, by_shown: str) -> VerifiedLicence:
        """Exchange a code whose showing was the consent for the least that proves the licence; once, and logged.

        Raises: NotFound `presentation_invalid` (unknown, used, expired, or it asks first: callers cannot tell which).
        """
        now = clock.now()
        row = await repository.use_code(hash_secret(code), now, by_shown)
        if row is None:
            raise _invalid()
        return views.verified(row, now)

    async def ask(self, code: str, verifier: str, purpose: str, fields: Sequence[str]) -> VerificationView:
        """Ask the holder of a shown code for fields of the licence; the code is used up, by one verifier only.

        What its type does not let verifiers see is left out. Where only the least is asked and showing the code was the
        consent to that, nobody is asked again.
        Raises: NotFound `presentation_invalid`, InvalidRequest (a field that this type does not have).
        """
        now = clock.now()
        row = await repository.find_code(hash_secret(code), now)
        if row is None:
            raise _invalid()
        granted = _may_learn(await self._shelf.kind(row["type_code"], row["type_name"]), fields)
        is_consented = row["in_advance"] and not granted
        token, expires_at = new_secret(), now + timedelta(seconds=ANSWER_SECONDS)
        asking = repository.Asking(verifier, purpose, granted, hash_secret(token), is_consented, now, expires_at)
        if not await repository.ask(row, asking, None if is_consented else _asked_event(row, verifier)):
            raise _invalid()
        return VerificationView(
            verification_id=row["id"].hex,
            token=token,
            status="CONSENTED" if is_consented else "ASKED",
            status_text=_CONSENTED_TEXT if is_consented else _ASKED_TEXT,
            fields=granted,
            expires_at=clock.rfc3339(expires_at),
        )

    async def asked(self, citizen_id: uuid.UUID) -> AskedList:
        """Return the requests that wait for somebody's word, oldest first."""
        rows = await repository.list_asked(citizen_id, clock.now(), _ASKED)
        return AskedList(data=[await self._asked_view(row) for row in rows])

    async def consent(self, citizen_id: uuid.UUID, presentation_id: uuid.UUID, fields: Sequence[str] | None) -> None:
        """Let a verifier learn what they asked for, or some of it.

        Raises: NotFound, InvalidRequest (a field that was not asked for), Conflict `presentation_ended`.
        """
        row = await self._own_request(citizen_id, presentation_id)
        asked: list[str] = msgspec.json.decode(row["asked_fields"])
        granted = asked if fields is None else list(dict.fromkeys(fields))
        if not set(granted) <= set(asked):
            raise InvalidRequest(faults=(FieldFault("fields", "只能同意核验方所请求的内容"),))
        await self._answer(row, granted)

    async def refuse(self, citizen_id: uuid.UUID, presentation_id: uuid.UUID) -> None:
        """Let a verifier learn nothing. Raises: NotFound, Conflict `presentation_ended`."""
        await self._answer(await self._own_request(citizen_id, presentation_id), None)

    async def result(self, verification_id: uuid.UUID, token: str) -> VerificationResult:
        """Tell a verifier how their request stands, and once, after consent, what they asked for; logged.

        Raises: NotFound `presentation_invalid` (unknown, another's token, fetched already, too late).
        """
        now = clock.now()
        row = await repository.find_request(verification_id)
        if row is None or not hmac.compare_digest(row["verifier_hash"], hash_secret(token)):
            raise _invalid()
        if row["refused_at"] is not None:
            return _result(row, "REFUSED", _REFUSED_TEXT)
        if row["fetched_at"] is not None or row["expires_at"] <= now:
            raise _invalid()
        if row["consented_at"] is None:
            return _result(row, "ASKED", _ASKED_TEXT)
        if not await repository.fetch(row, now):
            raise _invalid()
        kind = await self._shelf.kind(row["type_code"], row["type_name"])
        keys: list[str] = msgspec.json.decode(row["asked_fields"])
        return VerificationResult(
            verification_id=row["id"].hex,
            status="CONSENTED",
            status_text=_CONSENTED_TEXT,
            licence=views.verified(row, now),
            fields=views.verifier_fields(kind, keys, open_content(self._cipher, row)),
        )

    async def _own_request(self, citizen_id: uuid.UUID, presentation_id: uuid.UUID) -> Row:
        row = await repository.find_request(presentation_id)
        if row is None or row["citizen_id"] != citizen_id:
            raise NotFound("未找到该核验请求")
        return row

    async def _answer(self, row: Row, granted: list[str] | None) -> None:
        if not await repository.answer(row, granted, clock.now()):
            raise Conflict("该核验请求已答复或已过期", code="presentation_ended")

    async def _asked_view(self, row: Row) -> AskedFields:
        kind = await self._shelf.kind(row["type_code"], row["type_name"])
        keys: list[str] = msgspec.json.decode(row["asked_fields"])
        return AskedFields(
            presentation_id=row["id"].hex,
            licence_no=row["licence_no"],
            type_name=row["type_name"],
            verifier=row["verifier"],
            purpose=row["purpose"],
            fields=views.verifier_fields(kind, keys, open_content(self._cipher, row)),
            asked_at=clock.rfc3339(row["used_at"]),
            expires_at=clock.rfc3339(row["expires_at"]),
        )


def _may_learn(kind: Kind, fields: Sequence[str]) -> list[str]:
    known = {field.key for field in kind.fields}
    faults = [FieldFault(f"fields[{place}]", "该证照没有此项") for place, key in enumerate(fields) if key not in known]
    if faults:
        raise InvalidRequest(faults=tuple(faults))
    return [field.key for field in kind.verifiable() if field.key in fields]


def _require_valid(row: Row) -> None:
    status = views.status_of(row)
    if status is not LicenceStatus.VALID:
        raise Conflict(f"证照当前为“{TEXT[status]}”，不能出示", code="licence_not_valid")


def _asked_event(row: Row, verifier: str) -> DomainEvent:
    return DomainEvent(
        name="licence.asked",
        subject_no=row["licence_no"],
        citizen_id=row["citizen_id"].hex,
        part=row["id"].hex,
        facts={
            "presentation_id": row["id"].hex,
            "licence_no": row["licence_no"],
            "type_name": row["type_name"],
            "verifier": verifier,
        },
    )


def _result(row: Row, status: str, text: str) -> VerificationResult:
    return VerificationResult(verification_id=row["id"].hex, status=status, status_text=text)


def _invalid() -> NotFound:
    return NotFound("亮证码无效或已过期，请持证人重新出示", code="presentation_invalid")
