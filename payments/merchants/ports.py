"""What this part needs from outside: channels made of stored accounts, platform certificates, and a witness of changes.

channels/making.py implements the factory over the vendors' clients; the command line implements the witness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.db import Transaction
from payments.merchants.records import Merchant, PlatformKey
from payments.ports import PaymentChannel, PlatformGateway


class UnusableMerchant(Exception):
    """This account cannot work as it stands. The text is Chinese, for operators, and holds no secret."""


class CertificateSource(Protocol):
    """A merchant account whose provider hands out certificates that change by themselves."""

    async def fetch_certificates(self) -> list[PlatformKey]:
        """Download the certificates of the platform, proved genuine.

        Raises: ProviderUnavailable, ProviderRejected (the account is not in certificate mode), ProviderProtocolError.
        """
        ...


@dataclass(frozen=True, slots=True)
class MadeChannel:
    """What an account becomes in this process. `faults` are Chinese remarks on keys that had to be left out."""

    channel: PaymentChannel
    gateway: PlatformGateway | None = None
    certificates: CertificateSource | None = None
    faults: tuple[str, ...] = ()


class ChannelFactory(Protocol):
    """Makes channels of stored accounts. Blocking (it reads files and keys): called in a thread."""

    def make(self, merchant: Merchant, keys: Sequence[PlatformKey]) -> MadeChannel:
        """Make the channel of an account that believes these keys: its own and those of accounts at its address.

        Raises: UnusableMerchant when a secret is missing or wrong; other accounts go on.
        """
        ...

    def check_key(self, channel: str, key: PlatformKey) -> PlatformKey:
        """Return the key with its own end, if it has one. Raises: UnusableMerchant when it cannot be read."""
        ...

    def stamp(self, references: Sequence[str]) -> object:
        """Return something that differs once a secret file of these references was changed."""
        ...


class Witness(Protocol):
    """Keeps the memory of a change, in the transaction of the change itself."""

    async def __call__(self, tx: Transaction, action: str, code: str, details: Mapping[str, Any]) -> None:
        """Record that `action` was done to the account `code`; `details` hold no secret."""
        ...
