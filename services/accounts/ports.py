"""What the accounts room needs from outside: platforms that prove who somebody is, and the table of divisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from services.accounts.types import PhoneProof


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """Who the platform says is calling. `session_key` is a secret of the platform and never leaves the server."""

    subject: str = field(repr=False)
    union_id: str | None = field(default=None, repr=False)
    user_id: str | None = field(default=None, repr=False)
    session_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProvenPhone:
    """A phone number that the platform vouches for.

    `once_key` is set where the proof itself could be shown again by somebody else; it then serves one citizen only.
    """

    number: str = field(repr=False)
    once_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Passed:
    """Name and ID number are the caller's own."""


@dataclass(frozen=True, slots=True)
class Failed:
    """They are not; `reason` is the platform's code, for the log."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The person has to do something first, at `url`; ask again with `reference`."""

    reference: str
    url: str


Verdict = Passed | Failed | ActionRequired


class IdentityProvider(Protocol):
    """A platform by which citizens sign in; one object per mini-program.

    Every method may raise ProviderUnavailable (nobody knows what happened: the phone starts again with a new code),
    ProviderRejected or ProviderProtocolError (a person must look). Nothing is retried by the caller. No database
    transaction is open during a call.
    """

    @property
    def app_id(self) -> str:
        """The mini-program that this object speaks for."""
        ...

    async def sign_in(self, code: str) -> ProvenIdentity:
        """Exchange the phone's single-use login code.

        Raises: Unauthenticated `login_code_invalid` (used, expired, of another app), Forbidden `login_refused`.
        """
        ...

    async def phone(self, proof: PhoneProof, subject: str) -> ProvenPhone:
        """Turn the proof that the signed-in `subject` just sent into a phone number, as the platform prints it.

        Raises: InvalidRequest (malformed, not genuine, used, or of somebody else).
        """
        ...

    async def begin_real_name(self, name: str, id_number: str, subject: str, code: str) -> Verdict:
        """Have name and ID number checked against the owner of the account `subject`.

        `Passed` is returned only where the platform says that they are this very person's: the caller becomes that
        citizen, with all their cases. Raises: InvalidRequest where the `code` is not usable.
        """
        ...

    async def finish_real_name(self, reference: str) -> Verdict:
        """Ask how a check that required an action ended; `ActionRequired` again while it has not."""
        ...


class Places(Protocol):
    """The divisions (行政区划), current and retired."""

    async def known_codes(self) -> frozenset[str]:
        """Return every six-digit code that was ever in use, for ID numbers."""
        ...

    async def region(self, code: str) -> str | None:
        """Return the full Chinese name of a current division (山西省太原市小店区); None where it is not current."""
        ...

    async def home_of(self, code: str) -> str:
        """Return the current division in which a code of this province lies today; "" for other provinces.

        A retired county is its successor's, or else its city's.
        """
        ...
