"""What the operations room needs from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from app.db import Transaction
from services.staff.types import Act


class Breakers(Protocol):
    """The breakers of all processes, as far as they are known."""

    @property
    def names(self) -> tuple[str, ...]:
        """The providers that there are."""

    async def breakers(self) -> Mapping[str, list[str]]:
        """Return the breakers that are not closed, provider → states, one a process."""


class Audit(Protocol):
    """The audit trail."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act, in the caller's transaction."""
