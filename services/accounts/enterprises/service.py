"""The door of enterprises: bind one that the caller represents, its archive (一企一档), the end of the role.

Handlers call it; mandates and `acting` ask it who represents what. An enterprise of somebody else is not found.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, ProviderUnavailable
from app.identifiers import is_uscc, mask_name, mask_phone, normalise_phone
from app.limits import RateLimits
from app.tokens import Caller
from services.accounts.enterprises import repository
from services.accounts.enterprises.ports import BusinessRegister, NotConfirmed
from services.accounts.enterprises.types import EnterpriseChange, EnterpriseClaim, EnterpriseView
from services.accounts.types import CitizenProfile, EnterpriseProfile

log = structlog.get_logger()
_COLUMN = "enterprise.profile"
_ASK_RATE = "20/day"
_SOURCE = "business_register"
_EMPTY = {"address": "", "legal_representative": "", "phone": ""}


class EnterpriseService:
    """Use cases of legal representatives.

    Args:
        register: says who represents what.
        profile: reads a citizen in plain text.
        require_level: refuses callers whose real-name level is too low for authority over others.
        proof_days: so long an answer of the register is believed; then it is asked again.
    """

    def __init__(
        self,
        *,
        cipher: FieldCipher,
        limits: RateLimits,
        register: BusinessRegister | None,
        profile: Callable[[uuid.UUID], Awaitable[CitizenProfile]],
        require_level: Callable[[Caller], Awaitable[None]],
        proof_days: int,
    ) -> None:
        self._cipher, self._limits, self._register = cipher, limits, register
        self._profile, self._require_level = profile, require_level
        self._proof = timedelta(days=proof_days)

    async def bind(self, caller: Caller, claim: EnterpriseClaim) -> EnterpriseView:
        """Bind the enterprise that the caller represents, as the register confirms; again renews the proof.

        Raises: Forbidden `real_name_required`, InvalidRequest (credit code), Conflict `enterprise_not_confirmed`,
        TooManyRequests; ProviderUnavailable when nobody knows. Idempotent.
        """
        await self._require_level(caller)
        uscc, name = claim.uscc.upper(), claim.name.strip()
        if not is_uscc(uscc):
            raise InvalidRequest(faults=(FieldFault("uscc", "统一社会信用代码不正确，请核对"),))
        if self._register is None:
            raise ProviderUnavailable("企业登记信息核验尚未接通，请稍后再试")
        await self._limits.hit(_ASK_RATE, "enterprise", caller.citizen_id.hex)
        person = await self._profile(caller.citizen_id)
        verdict = await self._register.legal_representative_matches(uscc, name, person.name, person.id_number)
        if isinstance(verdict, NotConfirmed):
            log.info("enterprise_not_confirmed", reason=verdict.reason)
            raise Conflict("企业名称、统一社会信用代码或法定代表人与登记信息不一致", code="enterprise_not_confirmed")
        stored = self._open(await repository.find_profile(uscc))
        profile = stored | {
            "address": verdict.address or stored["address"],
            "legal_representative": person.name,
            "phone": stored["phone"] if stored["legal_representative"] == person.name else person.phone,
        }
        await repository.bind(person.citizen_id, uscc, name, self._close(profile), _SOURCE, clock.now())
        return self._view(await self._own(caller, uscc))

    async def list_own(self, caller: Caller) -> list[EnterpriseView]:
        """List the enterprises that the caller represents, the latest first."""
        return [self._view(row) for row in await repository.list_represented(caller.citizen_id)]

    async def change(self, caller: Caller, uscc: str, change: EnterpriseChange) -> EnterpriseView:
        """Change the archive of an own enterprise. Raises: NotFound, also where the proof is too old. Idempotent."""
        row = await self._own(caller, uscc)
        if row["confirmed_at"] <= self._believed_since():
            raise _unknown()
        profile = self._open(row["profile_cipher"])
        if change.address is not None:
            profile["address"] = change.address.strip()
        if change.phone is not None:
            profile["phone"] = normalise_phone(change.phone)
        await repository.replace_profile(row["id"], self._close(profile))
        return self._view(await self._own(caller, uscc))

    async def unbind(self, caller: Caller, uscc: str) -> None:
        """End the caller's role, and with it every authorisation that the enterprise gave. Raises: NotFound."""
        if not await repository.end_role(caller.citizen_id, uscc.upper(), clock.now()):
            raise _unknown()

    async def role(self, citizen_id: uuid.UUID, enterprise_id: uuid.UUID) -> Row | None:
        """Return an enterprise that a citizen may represent today; None where they may not."""
        return await repository.find_role(citizen_id, enterprise_id, self._believed_since())

    async def require_role(self, citizen_id: uuid.UUID, enterprise_id: uuid.UUID) -> Row:
        """Return an enterprise that a citizen may represent today. Raises: NotFound."""
        row = await self.role(citizen_id, enterprise_id)
        if row is None:
            raise _unknown()
        return row

    async def represented_ids(self, citizen_id: uuid.UUID) -> Sequence[uuid.UUID]:
        """Name the enterprises that a citizen may represent today."""
        since = self._believed_since()
        return [row["id"] for row in await repository.list_represented(citizen_id) if row["confirmed_at"] > since]

    async def profile(self, enterprise_id: uuid.UUID) -> EnterpriseProfile:
        """Return an enterprise in plain text, for rooms that must print it; never log it. Raises: NotFound."""
        row = await repository.find_enterprise(enterprise_id)
        if row is None:
            raise _unknown()
        return EnterpriseProfile(row["id"], row["uscc"], row["name"], **self._open(row["profile_cipher"]))

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Give the roles of a merged citizen to the survivor. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id, clock.now())

    def _believed_since(self) -> datetime:
        return clock.now() - self._proof

    async def _own(self, caller: Caller, uscc: str) -> Row:
        row = await repository.find_represented(caller.citizen_id, uscc.upper())
        if row is None:
            raise _unknown()
        return row

    def _open(self, stored: bytes | None) -> dict[str, str]:
        return dict(_EMPTY) if stored is None else _EMPTY | self._cipher.decrypt_json(_COLUMN, stored)

    def _close(self, profile: dict[str, str]) -> bytes:
        return self._cipher.encrypt_json(_COLUMN, profile)

    def _view(self, row: Row) -> EnterpriseView:
        profile = self._open(row["profile_cipher"])
        return EnterpriseView(
            id=row["id"].hex,
            uscc=row["uscc"],
            name=row["name"],
            address=profile["address"],
            legal_representative=mask_name(profile["legal_representative"]),
            phone=mask_phone(profile["phone"]),
            confirmed_at=clock.rfc3339(row["confirmed_at"]),
            confirmed_until=clock.rfc3339(row["confirmed_at"] + self._proof),
        )


def _unknown() -> NotFound:
    return NotFound("未找到该企业")
