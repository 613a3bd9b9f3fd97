"""What the ratings room needs from outside; wiring hands it in."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Protocol

from app.db import Transaction
from app.tokens import Caller
from services.ratings.types import RatedSubject, RaterContact
from services.staff.types import Act


class Subjects(Protocol):
    """The cases and packages that may be rated."""

    async def ended(self, caller: Caller, subject_no: str) -> RatedSubject:
        """Return a case or package of the caller's that has ended.

        Raises:
            NotFound: there is none of the caller's.
            Conflict: `not_closed` it goes on, `rated_as_package` it is a part and the package is rated. The caller
                refuses the request.
        """

    async def note_rated(self, subject_no: str) -> None:
        """Take the case or package off the list of those that wait for a rating. Idempotent."""


class Raters(Protocol):
    """The accounts room, as far as a handler must call somebody."""

    async def contact(self, citizen_id: uuid.UUID) -> RaterContact:
        """Return name and phone in plain text. Raises: NotFound."""


class WorkingDays(Protocol):
    """The working-day calendar."""

    def after(self, start: date, count: int) -> date:
        """Return the day on which so many working days after `start` (Beijing) end; provisional years count too."""


class Audit(Protocol):
    """The audit trail of staff."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act in the transaction of the act itself, as its last statement."""
