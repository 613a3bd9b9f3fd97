"""What versions need from outside; wiring hands it in."""

from __future__ import annotations

from typing import Protocol

from app.db import Transaction
from services.staff.types import Act


class Audit(Protocol):
    """The audit trail of staff."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act in the transaction of the act itself, as its last statement."""
