"""Passwords and one-time codes (TOTP) of staff: checks that cost the same whether or not the account exists.

Called by the staff service. Hashing runs in threads, two at a time: each takes 64 MiB for a moment.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import string
from collections.abc import Sequence

import pyotp

from app.crypto import hash_password, password_matches

_STEP_SECONDS = 30
_WINDOW_STEPS = 1
_PARALLEL = 2
_SYMBOLS = "-_.!"
_ISSUER = "三晋通工作台"


class Passwords:
    """Argon2id off the event loop."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_PARALLEL)
        self._nobody: str | None = None

    async def matches(self, stored: str | None, password: str) -> bool:
        """Compare a password with a stored hash; with None (no such account) it takes as long and fails."""
        async with self._turns:
            if self._nobody is None:
                self._nobody = await asyncio.to_thread(hash_password, secrets.token_urlsafe(16))
            right = await asyncio.to_thread(password_matches, stored or self._nobody, password)
        return right and stored is not None

    async def among(self, stored: Sequence[str], password: str) -> bool:
        """Tell whether a password is one of those whose hashes are given."""
        async with self._turns:
            for one in stored:
                if await asyncio.to_thread(password_matches, one, password):
                    return True
        return False

    async def hashed(self, password: str) -> str:
        """Hash a password for storage."""
        async with self._turns:
            return await asyncio.to_thread(hash_password, password)


def new_password() -> str:
    """Make a password of 16 characters with letters of both cases, digits and symbols."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SYMBOLS)
    drawn = [secrets.choice(kind) for kind in kinds]
    drawn += [secrets.choice("".join(kinds)) for _ in range(16 - len(kinds))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def new_totp_secret() -> str:
    """Make a TOTP secret (base32)."""
    return pyotp.random_base32()


def totp_uri(secret: str, username: str) -> str:
    """Write what the QR code of a TOTP secret holds. Source: Google Authenticator, Key Uri Format."""
    return pyotp.TOTP(secret, interval=_STEP_SECONDS).provisioning_uri(name=username, issuer_name=_ISSUER)


def matching_step(secret: str, code: str, now_seconds: int) -> int | None:
    """Return the time step whose code was given, one step early or late allowed; None where none fits.

    Source: RFC 6238, 5.2. The caller lets each step serve once.
    """
    totp = pyotp.TOTP(secret, interval=_STEP_SECONDS)
    step = now_seconds // _STEP_SECONDS
    found = None
    for candidate in range(step - _WINDOW_STEPS, step + _WINDOW_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(candidate).encode(), code.encode()):
            found = candidate
    return found
