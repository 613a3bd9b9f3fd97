"""The door of the accounts room: sign in and out, who am I, phone, real name, preferences, addresses.

Handlers call it for the person themselves; other rooms ask it for levels, profiles, identities and addresses.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, InvalidRequest, NotFound
from app.identifiers import is_mobile_phone, mask_phone, normalise_id_number, normalise_phone
from app.limits import RateLimits
from app.revocations import Recent, Revocations
from app.tokens import AccessTokens, Caller
from services.accounts import lookup_repository, repository
from services.accounts.addresses.service import AddressBook
from services.accounts.addresses.types import PlainAddress
from services.accounts.contacts import ContactBook
from services.accounts.enterprises.ports import BusinessRegister
from services.accounts.enterprises.service import EnterpriseService
from services.accounts.levels import Levels
from services.accounts.mandates.service import MandateService
from services.accounts.ports import ActionRequired, IdentityProvider, Places
from services.accounts.real_name import RealNames
from services.accounts.repository import PhoneToBind
from services.accounts.representation import Representation
from services.accounts.sessions import Sessions
from services.accounts.types import (
    TOPIC_NAMES,
    Acting,
    AuthorityRules,
    CitizenProfile,
    CitizenView,
    EnterpriseProfile,
    Level,
    OnBehalfOf,
    PersonContacts,
    PhoneProof,
    PlatformIdentity,
    PreferenceChoices,
    Preferences,
    RealNameAction,
    RealNameRequest,
    RealNameVerified,
    Represented,
    SignedIn,
    Tokens,
)
from services.accounts.views import citizen_view, platform_identity, verified
from services.accounts.wishes import Wishes

log = structlog.get_logger()
PHONE_PROOF_LIFETIME = timedelta(days=90)
"""Carriers leave a number idle for 90 days before somebody else gets it; then its proof may serve that person."""
_PHONE_RATE = "20/hour"
_AUTHORITY = AuthorityRules()


class AccountsService:
    """Use cases of citizens. `providers` names the identity port of each platform (WECHAT, ALIPAY).

    Args:
        login_rate: how often one address may sign in or refresh, as `30/minute`.
        register: the business register; without it no enterprise can be bound.
        authority: real-name level, and longest days of mandates and of a register's answer.
        tags: the words that people may say of themselves.
    """

    def __init__(
        self,
        *,
        tokens: AccessTokens,
        cipher: FieldCipher,
        limits: RateLimits,
        revocations: Revocations,
        places: Places,
        providers: Mapping[str, IdentityProvider],
        login_rate: str = "30/minute",
        register: BusinessRegister | None = None,
        authority: AuthorityRules = _AUTHORITY,
        tags: Collection[str] = (),
    ) -> None:
        self._cipher = cipher
        self._limits = limits
        self._revocations = revocations
        self._providers = providers
        self._sessions = Sessions(tokens, cipher, limits, revocations, providers, login_rate)
        self._levels = Levels()
        self._contacts = ContactBook(cipher)
        self._real_names = RealNames(cipher, places, providers, limits, revocations)
        self.wishes = Wishes(cipher, places, tags)
        self.addresses = AddressBook(cipher, places, self.wishes.home_of_number)

        async def require_authority(caller: Caller) -> None:
            await self.require_level(caller, authority.level)

        self.enterprises = EnterpriseService(
            cipher=cipher,
            limits=limits,
            register=register,
            profile=self.profile,
            require_level=require_authority,
            proof_days=authority.proof_days,
        )
        self.mandates = MandateService(
            cipher=cipher,
            places=places,
            limits=limits,
            enterprises=self.enterprises,
            profile=self.profile,
            require_level=require_authority,
            most_days=authority.mandate_days,
        )
        self.representation = Representation(self.enterprises, self.mandates)

    async def sign_in(self, provider: str, code: str, address: str) -> SignedIn:
        """Sign somebody in by the platform's single-use code; a stranger becomes a citizen of level L0.

        Args:
            address: network address of the caller, for the rate limit only.

        Raises: TooManyRequests, Unauthenticated `login_code_invalid`, Forbidden, ProviderUnavailable.
        """
        return await self._sessions.sign_in(provider, code, address)

    async def refresh(self, refresh_token: str, address: str) -> Tokens:
        """Exchange a refresh token, which is good for one exchange.

        Raises: TooManyRequests, Unauthenticated `refresh_token_invalid`, `refresh_token_reused`, Conflict
        `refresh_token_used`.
        """
        return await self._sessions.refresh(refresh_token, address)

    async def sign_out(self, caller: Caller) -> None:
        """End the caller's session: its tokens are refused by every process from now on. Idempotent."""
        await self._sessions.end(caller.session_id, "SIGNED_OUT")

    async def me(self, caller: Caller) -> CitizenView:
        """Show the caller to themselves, masked."""
        return citizen_view(await self._citizen(caller.citizen_id))

    async def bind_phone(self, caller: Caller, proof: PhoneProof) -> CitizenView:
        """Bind the phone number that the platform vouches for; level L1 at least. Idempotent for the same number.

        Raises: InvalidRequest (proof not genuine, no mainland number), Conflict `phone_proof_used`, what the port
        raises.
        """
        await self._limits.hit(_PHONE_RATE, "phone", caller.citizen_id.hex)
        identity = await self.identity(caller.identity_id)
        proven = await self._providers[caller.provider].phone(proof, identity.subject)
        number = normalise_phone(proven.number)
        if not is_mobile_phone(number):
            raise InvalidRequest("仅支持绑定中国大陆手机号", code="phone_unsupported")
        now = clock.now()
        phone = PhoneToBind(
            cipher=self._cipher.encrypt("citizen.phone", number),
            lookup=self._cipher.lookup("phone", number),
            masked=mask_phone(number),
            proof_hash=self._cipher.lookup("phone_proof", proven.once_key) if proven.once_key else "",
            bound_at=now,
            proof_free_at=now - PHONE_PROOF_LIFETIME,
        )
        if not await repository.bind_phone(caller.citizen_id, phone):
            raise Conflict("该手机号授权已被使用，请先完成实名认证合并账号", code="phone_proof_used")
        return await self.me(caller)

    async def verify_real_name(self, caller: Caller, request: RealNameRequest) -> RealNameVerified | RealNameAction:
        """Verify name and ID number with the caller's platform; who proved the same number before is the same person.

        Idempotent: the same request again asks how an open check ended, and a verified person stays verified.
        Raises: InvalidRequest, Conflict `real_name_mismatch`, `already_verified`; TooManyRequests; port errors.
        """
        citizen = await self._citizen(caller.citizen_id)
        if citizen["id_number_hash"] is not None:
            number = normalise_id_number(request.id_number)
            if citizen["id_number_hash"] != self._cipher.lookup("id_number", number):
                raise Conflict("您已完成实名认证，不能更换身份", code="already_verified")
            return verified(citizen, merged=False)
        identity = await self.identity(caller.identity_id)
        outcome = await self._real_names.verify(caller, identity.subject, request)
        if isinstance(outcome, ActionRequired):
            return RealNameAction(certify_id=outcome.reference, url=outcome.url)
        return verified(await self._citizen(outcome.citizen_id), merged=outcome.merged)

    async def preferences(self, citizen_id: uuid.UUID) -> Preferences:
        """Return how the citizen wants to be served; defaults where they never said."""
        return await self.wishes.read(citizen_id)

    async def set_preferences(self, citizen_id: uuid.UUID, preferences: Preferences) -> Preferences:
        """Replace the citizen's preferences. Raises: InvalidRequest (unknown division or tag). Idempotent."""
        return await self.wishes.replace(citizen_id, preferences)

    def preference_choices(self) -> PreferenceChoices:
        """Say which tags and topics there are."""
        return PreferenceChoices(tags=list(self.wishes.tags), topics=TOPIC_NAMES)

    async def require_level(self, caller: Caller, least: Level) -> None:
        """Refuse callers below a real-name level. Raises: Forbidden `real_name_required` or `phone_required`."""
        if caller.level < least:
            await self._levels.require(caller.citizen_id, least)

    async def profile(self, citizen_id: uuid.UUID) -> CitizenProfile:
        """Return a citizen in plain text, for rooms that must print it; never log it. Raises: NotFound.

        A citizen who was merged is answered by the survivor.
        """
        return self._profile(await self._citizen(citizen_id))

    async def profiles(self, citizen_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, CitizenProfile]:
        """Return citizens in plain text, in one statement; never log them. Unknown ones are left out."""
        return {row["id"]: self._profile(row) for row in await lookup_repository.list_profiles(citizen_ids)}

    async def find_citizens(self, *, phone: str = "", id_number: str = "") -> list[uuid.UUID]:
        """Find active citizens by a phone number or an ID number in full, by keyed hash. Raises: InvalidRequest."""
        if id_number:
            number = normalise_id_number(id_number)
            return await lookup_repository.find_by_id_number(self._cipher.lookup("id_number", number))
        number = normalise_phone(phone)
        if not is_mobile_phone(number):
            raise InvalidRequest("请填写完整的手机号或身份证号", code="lookup_incomplete")
        return await lookup_repository.find_by_phone(self._cipher.lookup("phone", number))

    async def identity(self, identity_id: uuid.UUID) -> PlatformIdentity:
        """Return one sign-in identity, as the payer of an order. Raises: NotFound."""
        row = await repository.find_identity(identity_id)
        if row is None:
            raise NotFound("登录身份不存在")
        return platform_identity(row)

    async def identities(self, citizen_id: uuid.UUID) -> list[PlatformIdentity]:
        """List a citizen's sign-in identities, the latest used first: where a notice can go."""
        return [platform_identity(row) for row in await repository.list_identities(citizen_id)]

    async def contacts_of(self, citizen_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, PersonContacts]:
        """Return how people can be reached, in one statement, by the ids asked for; somebody gone is left out."""
        return await self._contacts.of(citizen_ids)

    async def known_identity(self, provider: str, app_id: str, subject: str) -> PlatformIdentity | None:
        """Return who a platform means by its name for somebody; None for a stranger."""
        row = await repository.find_identity_by_subject(provider, app_id, subject)
        return None if row is None else platform_identity(row)

    async def session_keys(self, identity_id: uuid.UUID) -> tuple[str, ...]:
        """Return WeChat's session keys of an identity, the newest first; secrets that never leave the server."""
        return await self._sessions.session_keys(identity_id)

    async def plain_address(self, citizen_id: uuid.UUID, address_id: uuid.UUID) -> PlainAddress:
        """Return an own address in plain text, for a shipment. Raises: NotFound."""
        return await self.addresses.plain(citizen_id, address_id)

    async def acting(self, caller: Caller, on_behalf_of: OnBehalfOf, item_code: str) -> Acting:
        """Say for whom the caller may begin a case. Raises: NotFound, Forbidden `mandate_not_live`, `mandate_scope`."""
        return await self.representation.acting(caller, on_behalf_of, item_code)

    async def may_act_for(self, caller: Caller, case: Row) -> Acting | None:
        """Say how the caller may act in a case that is not plainly their own; None where they may not."""
        return await self.representation.may_act_for(caller, case)

    async def represented(self, caller: Caller) -> Sequence[Represented]:
        """List for whom the caller may act today, and in which items."""
        return await self.representation.represented(caller)

    async def enterprise_profile(self, enterprise_id: uuid.UUID) -> EnterpriseProfile:
        """Return an enterprise in plain text, for forms and licences; never log it. Raises: NotFound."""
        return await self.enterprises.profile(enterprise_id)

    async def announce_merge(self, old: uuid.UUID, survivor: uuid.UUID) -> None:
        """Let every process know that tokens of the old citizen now speak for the survivor. Idempotent."""
        await self._revocations.announce(Recent(merges=((old, survivor),)))

    async def withdraw_consent(self, provider: str, app_id: str, subject: str, at: datetime) -> None:
        """End what a person allowed us at a platform: sessions at once, notices until the next sign-in.

        Idempotent: yes; a sign-in after `at` (aware UTC) is left alone.
        """
        await self._sessions.withdraw_consent(provider, app_id, subject, at)

    def _profile(self, row: Row) -> CitizenProfile:
        return CitizenProfile(
            citizen_id=row["id"],
            real_name_level=row["real_name_level"],
            name=self._plain("citizen.name", row["name_cipher"]),
            id_number=self._plain("citizen.id_number", row["id_number_cipher"]),
            phone=self._plain("citizen.phone", row["phone_cipher"]),
        )

    async def _citizen(self, citizen_id: uuid.UUID) -> Row:
        row = await repository.find_citizen(citizen_id)
        if row is None:
            raise NotFound("账号不存在")
        return row

    def _plain(self, column: str, stored: bytes | None) -> str:
        return "" if stored is None else self._cipher.decrypt(column, stored)
