"""Real-name verification (实名认证): check name and ID number with the platform, and merge who proves to be one person.

Used by the accounts service. No transaction is open while a platform is asked.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

import structlog

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest
from app.identifiers import id_birth_date, id_number_fault, mask_id_number, mask_name, normalise_id_number
from app.limits import RateLimits
from app.revocations import Recent, Revocations
from app.tokens import Caller
from services.accounts import proof_repository as repository
from services.accounts.ports import ActionRequired, Failed, IdentityProvider, Places, Verdict
from services.accounts.proof_repository import PENDING_LIFETIME, Claim, Verified
from services.accounts.types import RealNameRequest

log = structlog.get_logger()
_ASK_RATE = "30/minute"
_BEGIN_RATE = "10/hour"
_NUMBER_RATE = "20/day"
_DOTS = re.compile("[•・．]")


class RealNames:
    """The check and its consequences."""

    def __init__(
        self,
        cipher: FieldCipher,
        places: Places,
        providers: Mapping[str, IdentityProvider],
        limits: RateLimits,
        revocations: Revocations,
    ) -> None:
        self._cipher = cipher
        self._places = places
        self._providers = providers
        self._limits = limits
        self._revocations = revocations

    async def verify(self, caller: Caller, subject: str, request: RealNameRequest) -> Verified | ActionRequired:
        """Verify the caller; the same request again asks how an open check ended.

        Raises: InvalidRequest (number not well made), Conflict `real_name_mismatch`, `already_verified`,
        `account_closed`; TooManyRequests; what the port raises. Idempotent.
        """
        await self._limits.hit(_ASK_RATE, "real-name", caller.citizen_id.hex)
        name, number = normalise_name(request.name), normalise_id_number(request.id_number)
        fault = id_number_fault(number, await self._places.known_codes(), clock.beijing_date())
        if fault:
            raise InvalidRequest(faults=(FieldFault("id_number", fault),))
        claim = await self._claim(caller, name, number)
        check = await self._open_check(claim, name)
        if check is not None:
            verdict = await self._providers[caller.provider].finish_real_name(check["reference"])
            if isinstance(verdict, ActionRequired):
                return verdict
        else:
            verdict = await self._begin(claim, name, number, subject, request.code)
        return await self._conclude(claim, check["id"] if check is not None else None, verdict)

    async def _begin(self, claim: Claim, name: str, number: str, subject: str, code: str) -> Verdict:
        await self._limits.hit(_BEGIN_RATE, "real-name-begin", claim.citizen_id.hex)
        await self._limits.hit(_NUMBER_RATE, "real-name-number", claim.id_number_hash)
        return await self._providers[claim.provider].begin_real_name(name, number, subject, code)

    async def _conclude(self, claim: Claim, check_id: uuid.UUID | None, verdict: Verdict) -> Verified | ActionRequired:
        if isinstance(verdict, ActionRequired):
            await repository.record_open_check(claim, verdict.reference, clock.now())
            return verdict
        if isinstance(verdict, Failed):
            await repository.record_failed_check(claim, check_id, clock.now())
            log.info("real_name_failed", provider=claim.provider, reason=verdict.reason)
            raise Conflict("姓名与身份证号不一致，或不是本人的账号", code="real_name_mismatch")
        verified = await repository.record_verified(claim, check_id, clock.now())
        if verified.merged:
            log.info("citizen_merged", from_citizen=claim.citizen_id.hex, into_citizen=verified.citizen_id.hex)
            await self._revocations.announce(Recent(merges=((claim.citizen_id, verified.citizen_id),)))
        return verified

    async def _open_check(self, claim: Claim, name: str) -> Row | None:
        check = await repository.find_open_check(claim, clock.now() - PENDING_LIFETIME)
        if check is None or self._cipher.decrypt("citizen.name", check["name_cipher"]) != name:
            return None
        return check

    async def _claim(self, caller: Caller, name: str, number: str) -> Claim:
        return Claim(
            citizen_id=caller.citizen_id,
            identity_id=caller.identity_id,
            provider=caller.provider,
            name_cipher=self._cipher.encrypt("citizen.name", name),
            name_masked=mask_name(name),
            id_number_cipher=self._cipher.encrypt("citizen.id_number", number),
            id_number_hash=self._cipher.lookup("id_number", number),
            id_number_masked=mask_id_number(number),
            birth_year=id_birth_date(number).year,
            number_home=await self._places.home_of(number[:6]),
        )


def normalise_name(text: str) -> str:
    """Trim a name and write its middle dot (间隔号) in the one way of ID cards: 买买提•江 → 买买提·江."""
    return _DOTS.sub("·", text.strip())
