"""Access tokens: short-lived, signed, checked without I/O; the revocation set makes a logout immediate."""

from __future__ import annotations

import hmac
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace

import jwt
import msgspec

from app.clock import timestamp
from app.errors import SettingsError, Unauthenticated

ACCESS_SECONDS = 900
_CACHE_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the citizen, the session and the platform identity they signed in with.

    `level` is the real-name level when the token was made. Levels only rise, so it may prove enough, never too little.
    """

    citizen_id: uuid.UUID
    session_id: uuid.UUID
    identity_id: uuid.UUID
    provider: str
    expires_at: int
    level: str = ""


class _Claims(msgspec.Struct):
    sub: uuid.UUID
    sid: uuid.UUID
    idn: uuid.UUID
    prv: str
    exp: int
    lvl: str = ""


class AccessTokens:
    """Issues and checks the citizens' access tokens (JWT, HS256, key id in the header).

    Verified tokens are remembered until they expire, bounded in number, so that a repeated token costs one look-up.
    """

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys or any(len(key) < 32 for key in keys.values()):
            raise SettingsError("SJT_TOKEN_KEYS 需要至少一个 32 字节密钥")
        self._keys = keys
        self._key_of = {_header(key_id, key): key for key_id, key in keys.items()}
        self._current = next(iter(keys))
        self._verified: dict[str, Caller] = {}
        self._revoked: dict[uuid.UUID, int] = {}
        self._prune_at = 1_000
        self._surviving: dict[uuid.UUID, tuple[uuid.UUID, int]] = {}

    def issue(
        self, citizen_id: uuid.UUID, session_id: uuid.UUID, identity_id: uuid.UUID, provider: str, level: str = ""
    ) -> str:
        """Make an access token that lives ACCESS_SECONDS. `level` is the citizen's real-name level now."""
        issued = timestamp()
        claims = {
            "sub": citizen_id.hex,
            "sid": session_id.hex,
            "idn": identity_id.hex,
            "prv": provider,
            "lvl": level,
            "iat": issued,
            "exp": issued + ACCESS_SECONDS,
        }
        return jwt.encode(claims, self._keys[self._current], algorithm="HS256", headers={"kid": self._current})

    def verify(self, token: str) -> Caller:
        """Check a token. Raises Unauthenticated (expired, forged, revoked)."""
        caller = self._verified.get(token)
        if caller is None:
            caller = self._redirected(self._decode(token))
            if len(self._verified) >= _CACHE_LIMIT:
                self._verified.clear()
            self._verified[token] = caller
        if caller.expires_at <= timestamp():
            self._verified.pop(token, None)
            raise Unauthenticated("登录已过期，请重新登录", code="token_expired")
        if caller.session_id in self._revoked:
            raise Unauthenticated("登录已失效，请重新登录", code="token_revoked")
        return caller

    def revoke(self, session_id: uuid.UUID) -> None:
        """Refuse every token of a session from now on, in this process; forgets it when its tokens have expired."""
        now = timestamp()
        if len(self._revoked) >= self._prune_at:
            self._revoked = {sid: until for sid, until in self._revoked.items() if until > now}
            self._prune_at = 2 * len(self._revoked) + 1_000
        self._revoked[session_id] = now + ACCESS_SECONDS

    def redirect(self, old_citizen: uuid.UUID, surviving: uuid.UUID) -> None:
        """Let tokens issued before a merge speak for the surviving citizen, in this process, until they expire.

        Idempotent. Verified tokens are looked at anew, so that the everyday check pays nothing for it.
        """
        now = timestamp()
        target = self._surviving.get(surviving, (surviving, 0))[0]
        known = self._surviving.get(old_citizen)
        self._surviving[old_citizen] = (target, now + ACCESS_SECONDS)
        if known is not None and known[0] == target:
            return
        self._surviving = {
            old: (target if towards == old_citizen else towards, until)
            for old, (towards, until) in self._surviving.items()
            if until > now
        }
        self._verified = {token: self._redirected(caller) for token, caller in self._verified.items()}

    def _redirected(self, caller: Caller) -> Caller:
        target = self._surviving.get(caller.citizen_id)
        return caller if target is None else replace(caller, citizen_id=target[0])

    def _decode(self, token: str) -> Caller:
        """Check signature and claims.

        The header must be one of those that `issue` writes, letter for letter, so that nothing in a token chooses how
        it is checked; and a first sight of a token costs a tenth of what the library's general decoding costs.
        """
        try:
            signed, _, signature = token.encode("ascii").rpartition(b".")
            header, _, payload = signed.partition(b".")
            expected = urlsafe_b64encode(hmac.digest(self._key_of[header], signed, "sha256")).rstrip(b"=")
            if not hmac.compare_digest(signature, expected):
                raise ValueError("signature")
            claims = msgspec.json.decode(urlsafe_b64decode(payload + b"=="), type=_Claims)
        except (KeyError, ValueError, msgspec.DecodeError) as error:
            raise Unauthenticated("登录凭证无效，请重新登录", code="token_invalid") from error
        return Caller(claims.sub, claims.sid, claims.idn, claims.prv, claims.exp, claims.lvl)


def _header(key_id: str, key: bytes) -> bytes:
    return jwt.encode({}, key, algorithm="HS256", headers={"kid": key_id}).partition(".")[0].encode()
