"""What the audiences room needs from outside: the audit of staff, and the codes of divisions."""

from __future__ import annotations

from typing import Protocol

from app.db import Transaction
from services.staff.types import Act


class Audit(Protocol):
    """Records acts of staff. Called last in the transaction of the act itself."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append one act; it commits or is rolled back with the transaction."""
        ...


class Places(Protocol):
    """The table of divisions."""

    async def known_codes(self) -> frozenset[str]:
        """Return every code that was ever in use."""
        ...
