"""Ports of payments and notify fulfilled by the accounts room: rooms that may not know each other meet here."""

from __future__ import annotations

import uuid

from payments.types import Payer
from services.accounts.service import AccountsService
from services.accounts.types import PlatformIdentity


class AccountPayers:
    """Names people at the payment channels (port payments.ports.Payers)."""

    def __init__(self, accounts: AccountsService) -> None:
        self._accounts = accounts

    async def payer(self, citizen_id: uuid.UUID, identity_id: uuid.UUID, channel: str) -> Payer | None:
        """Prefer the signed-in identity; else the person's newest one at this channel."""
        listed = [found for found in await self._accounts.identities(citizen_id) if found.provider == channel]
        signed_in = [found for found in listed if found.identity_id == identity_id]
        chosen: PlatformIdentity | None = next(iter(signed_in + listed), None)
        return None if chosen is None else Payer(chosen.app_id, chosen.subject)
