"""What the consultations room needs from outside; wiring hands it in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Protocol

from app.db import Transaction
from app.tokens import Caller
from services.consultations.states import Told
from services.consultations.types import Place
from services.staff.types import Act


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands behind a platform's name for somebody."""

    citizen_id: uuid.UUID
    identity_id: uuid.UUID
    provider: str
    app_id: str
    subject: str = field(repr=False)


class CustomerMessages(Protocol):
    """A platform's chat with one application's users."""

    async def send(self, subject: str, text: str) -> Told:
        """Send one text to somebody who wrote within 48 hours. Never raises for what the platform does.

        Called after the try was written down, with no transaction open. There is no idempotency number: UNKNOWN
        obliges the caller never to send the same again, and to tell by other means.
        """
        ...


class People(Protocol):
    """The accounts room, as far as threads need it."""

    async def identity(self, identity_id: uuid.UUID) -> Person:
        """Return a signed-in identity. Raises: NotFound."""
        ...

    async def known(self, provider: str, app_id: str, subject: str) -> Person | None:
        """Return who a platform means; None for a stranger."""
        ...

    async def shown_name(self, citizen_id: uuid.UUID) -> str:
        """Return the masked name of a person, "" where there is none (any more)."""
        ...


class Matters(Protocol):
    """What a consultation may be about."""

    async def of_case(self, caller: Caller, application_no: str) -> Place:
        """Return whose staff handles an own case. Raises: NotFound."""
        ...

    async def of_item(self, item_code: str) -> Place:
        """Return whose staff handles an item. Raises: NotFound."""
        ...

    async def require_body(self, division_code: str, department_code: str) -> None:
        """Refuse a division or department that does not exist. Raises: InvalidRequest."""
        ...


class Audit(Protocol):
    """The audit trail of staff."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act in the transaction of the act itself, as its last statement."""
