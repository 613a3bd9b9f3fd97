"""What the enterprises need from outside: the business register (市场主体登记), which knows legal representatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The person is the legal representative (法定代表人); the address is as the register prints it."""

    address: str


@dataclass(frozen=True, slots=True)
class NotConfirmed:
    """They are not, or the enterprise does not exist or no longer operates; `reason` is for the log only."""

    reason: str


RegisterVerdict = Confirmed | NotConfirmed


class BusinessRegister(Protocol):
    """The register of enterprises of the market regulation authority (市场监管).

    Asked when a citizen says that they represent an enterprise; nothing else of the house depends on it being there.
    No database transaction is open during the call. It reads only, so an adapter may ask again by itself.
    """

    async def legal_representative_matches(
        self, uscc: str, name: str, person_name: str, id_number: str
    ) -> RegisterVerdict:
        """Compare enterprise and person with the register.

        Raises:
            ProviderUnavailable: nobody knows; the caller changes nothing and lets it pass to the citizen (503).
            ProviderRejected, ProviderProtocolError: a person must look; the caller changes nothing.
        """
