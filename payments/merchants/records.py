"""Stored merchant accounts with the keys that providers sign to them by, and the name of this part's job."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from payments.types import Account, Channel

FETCH_CERTIFICATES = "payments.fetch_account_certificates"
SETTINGS = "settings"
"""The key reference of an account whose secrets are those of the settings."""

Address = tuple[str, str]
"""Where callbacks arrive: (channel, mch_id) for WeChat Pay, (channel, app_id) for Alipay."""


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """A public key or certificate by which a provider signs; `expires_at` None = it does not end."""

    key_id: str
    pem: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key row: only active ones are believed."""

    key: PlatformKey
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant account as stored. A disabled one takes no new orders; those it has are followed to their end."""

    id: uuid.UUID
    account: Account
    key_reference: str
    serial_no: str
    fetches_certificates: bool
    enabled: bool
    keys: tuple[StoredKey, ...] = ()

    @property
    def address(self) -> Address:
        """Where the provider sends the callbacks of this account."""
        account = self.account
        return account.channel, account.mch_id if account.channel == Channel.WECHAT else account.app_id

    @property
    def active_keys(self) -> tuple[PlatformKey, ...]:
        """The keys that are believed, expired certificates among them."""
        return tuple(stored.key for stored in self.keys if stored.active)
