"""What the applications room needs from its neighbours; their services fulfil it, wiring hands them in."""

from __future__ import annotations

import uuid
from typing import Protocol

from app.db import Transaction
from app.tokens import Caller
from services.accounts.types import CitizenProfile, Level, PlainAddress
from services.catalogue.types import Item
from services.staff.types import Act


class Catalogue(Protocol):
    """The catalogue of items.

    Called before every submission and whenever a case needs the terms it was made under. Reads only; answers come
    from memory nearly always.
    """

    async def open_item(self, item_code: str) -> Item:
        """Return the published version of an item that takes applications.

        Raises:
            NotFound: no such item. The caller refuses the request.
            Conflict: the item is closed or suspended. The caller refuses the request.
        """

    async def item(self, item_code: str, version: int) -> Item:
        """Return the version that a case was made under, also when a newer one is published. Raises: NotFound."""


class People(Protocol):
    """The accounts room, as far as a case needs its applicant."""

    async def require_level(self, caller: Caller, least: Level) -> None:
        """Refuse callers below a real-name level. Raises: Forbidden; the caller lets it pass to the citizen."""

    async def profile(self, citizen_id: uuid.UUID) -> CitizenProfile:
        """Return a citizen in plain text, for the officer in charge and for a licence. Raises: NotFound."""

    async def plain_address(self, citizen_id: uuid.UUID, address_id: uuid.UUID) -> PlainAddress:
        """Return an own address in plain text. Raises: NotFound; nothing may be sent anywhere then."""


class Audit(Protocol):
    """The audit trail of staff."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act in the transaction of the act itself, as its last statement: no act without its trace."""
