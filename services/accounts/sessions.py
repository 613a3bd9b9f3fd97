"""Sessions of citizens: opened by a platform's code, kept by refresh tokens, ended by whoever has reason to.

The door of the room calls it. It must not know a person beyond what a token says of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from app import clock
from app.crypto import FieldCipher, hash_secret
from app.errors import Conflict, Forbidden, Unauthenticated
from app.ids import new_id, new_secret
from app.limits import RateLimits
from app.revocations import Recent, Revocations
from app.tokens import ACCESS_SECONDS, AccessTokens
from services.accounts import repository
from services.accounts.ports import IdentityProvider, ProvenIdentity
from services.accounts.repository import SignIn
from services.accounts.types import SignedIn, Tokens
from services.accounts.views import citizen_view

log = structlog.get_logger()
SESSION_LIFETIME = timedelta(days=30)
REFRESH_LIFETIME = timedelta(days=7)
REFRESH_GRACE = timedelta(seconds=10)
"""A refresh token shown again within this time is a race of the same phone, not theft. It still gives nothing."""
_SESSION_KEY = "identity.session_key"


class Sessions:
    """Opens, prolongs and ends sessions. `login_rate`: how often one address may sign in or refresh."""

    def __init__(
        self,
        tokens: AccessTokens,
        cipher: FieldCipher,
        limits: RateLimits,
        revocations: Revocations,
        providers: Mapping[str, IdentityProvider],
        login_rate: str,
    ) -> None:
        self._tokens = tokens
        self._cipher = cipher
        self._limits = limits
        self._revocations = revocations
        self._providers = providers
        self._login_rate = login_rate

    async def sign_in(self, provider: str, code: str, address: str) -> SignedIn:
        """Open a session by the platform's single-use code; `address` is for the rate limit only.

        Raises: TooManyRequests, Unauthenticated `login_code_invalid`, Forbidden, ProviderUnavailable.
        """
        await self._limits.hit(self._login_rate, "login", address)
        port = self._providers[provider]
        proven = await port.sign_in(code)
        refresh_token = new_secret()
        sign_in = self._sign_in(provider, port.app_id, proven, refresh_token)
        person = await repository.open_session(sign_in)
        if person is None:
            await repository.record_identity(sign_in)
            person = await repository.open_session(sign_in)
        if person is None or person["status"] != "ACTIVE":
            raise Forbidden("账号已注销，暂不能登录", code="account_closed")
        access_token = self._tokens.issue(
            person["id"], sign_in.session_id, person["identity_id"], provider, person["real_name_level"]
        )
        return SignedIn(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_in=ACCESS_SECONDS,
            citizen=citizen_view(person),
        )

    async def refresh(self, refresh_token: str, address: str) -> Tokens:
        """Exchange a refresh token, which is good for one exchange.

        Of concurrent exchanges one wins. The others, and a retry within 10 seconds, get Conflict and no tokens: an
        answer that was lost on the way cannot be told from a stolen token, and signing in anew costs the phone
        nothing. Shown again later, a used token means theft: the session ends.

        Raises: TooManyRequests, Unauthenticated `refresh_token_invalid`, `refresh_token_reused`, Conflict
        `refresh_token_used`.
        """
        await self._limits.hit(self._login_rate, "refresh", address)
        now, successor = clock.now(), new_secret()
        row = await repository.rotate_refresh_token(
            hash_secret(refresh_token), now, hash_secret(successor), now + REFRESH_LIFETIME, REFRESH_GRACE
        )
        if row is None or row["outcome"] == "ENDED":
            raise Unauthenticated("登录已过期，请重新登录", code="refresh_token_invalid")
        if row["outcome"] == "RACED":
            raise Conflict("登录凭证刚刚已更新，请使用新的凭证", code="refresh_token_used")
        if row["outcome"] == "REUSED":
            await self.end(row["id"], "REFRESH_REUSED")
            log.warning("refresh_token_reused", session=row["id"].hex)
            raise Unauthenticated("登录已失效，请重新登录", code="refresh_token_reused")
        access_token = self._tokens.issue(
            row["citizen_id"], row["id"], row["identity_id"], row["provider"], row["real_name_level"]
        )
        return Tokens(access_token=access_token, refresh_token=successor, expires_in=ACCESS_SECONDS)

    async def end(self, session_id: uuid.UUID, reason: str) -> None:
        """End a session: its tokens are refused by every process from now on. Idempotent."""
        await repository.revoke_session(session_id, clock.now(), reason)
        await self._revocations.announce(Recent(sessions=(session_id,)))

    async def withdraw_consent(self, provider: str, app_id: str, subject: str, at: datetime) -> None:
        """End what a person allowed us at a platform: sessions at once, notices until the next sign-in.

        Idempotent: yes; a sign-in after `at` (aware UTC) is left alone.
        """
        row = await repository.find_identity_by_subject(provider, app_id, subject)
        if row is not None:
            ended = await repository.withdraw_identity(row["id"], at)
            await self._revocations.announce(Recent(sessions=tuple(ended)))

    async def session_keys(self, identity_id: uuid.UUID) -> tuple[str, ...]:
        """Return WeChat's session keys of an identity, the newest first; secrets that never leave the server."""
        row = await repository.find_identity(identity_id)
        stored = (row["session_key_cipher"], row["previous_session_key_cipher"]) if row is not None else ()
        return tuple(self._cipher.decrypt(_SESSION_KEY, value) for value in stored if value is not None)

    def _sign_in(self, provider: str, app_id: str, proven: ProvenIdentity, refresh_token: str) -> SignIn:
        now = clock.now()
        session_key = proven.session_key
        return SignIn(
            provider=provider,
            app_id=app_id,
            subject=proven.subject,
            union_id=proven.union_id,
            user_id=proven.user_id,
            session_key_cipher=self._cipher.encrypt(_SESSION_KEY, session_key) if session_key else None,
            signed_in_at=now,
            session_id=new_id(),
            session_expires_at=now + SESSION_LIFETIME,
            refresh_hash=hash_secret(refresh_token),
            refresh_expires_at=now + REFRESH_LIFETIME,
        )
