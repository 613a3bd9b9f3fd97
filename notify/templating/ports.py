"""What the template desk needs from outside: the audit trail, the test recipients, the platforms' own templates."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from app.db import Transaction
from notify.templating.types import TemplateAct

Announce = Callable[[str], Awaitable[None]]


class Audit(Protocol):
    """Records acts of staff. Called last in the transaction of the act itself."""

    async def record(self, act: TemplateAct, tx: Transaction) -> None:
        """Append one act; it commits or is rolled back with the transaction."""
        ...


class Testers(Protocol):
    """The people who get test messages, as the settings name them: nobody else ever does."""

    async def ids(self) -> Sequence[uuid.UUID]:
        """Return those who have an account; empty where nobody has or is named."""
        ...


class PlatformTemplates(Protocol):
    """What a platform says of its own templates."""

    async def keys(self) -> Mapping[str, Sequence[str]]:
        """Return template id → keys of its fields. A read.

        Raises: ProviderUnavailable, ProviderRejected, ProviderProtocolError: nothing is known then.
        """
        ...
