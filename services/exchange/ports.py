"""What the exchange room needs from its neighbours; their services fulfil it, wiring hands them in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Protocol

from app.db import Transaction
from app.signatures import SigningKey
from services.staff.types import Act


class Person(Protocol):
    """A citizen in plain text, as the body in charge gets it by law."""

    @property
    def name(self) -> str: ...
    @property
    def id_number(self) -> str: ...
    @property
    def phone(self) -> str: ...


class People(Protocol):
    """The accounts room, as far as a body in charge may know an applicant's agent."""

    async def profile(self, citizen_id: uuid.UUID) -> Person:
        """Return a citizen in plain text. Raises: NotFound."""


class Departments(Protocol):
    """The catalogue room, as far as messages name the body in charge."""

    async def department_names(self) -> Mapping[str, str]:
        """Return the name of every department by its 统一社会信用代码."""


class Audit(Protocol):
    """The audit trail of staff; systems leave their traces in it, too."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act in the transaction of the act itself, as its last statement."""


class EventSender(Protocol):
    """Sends one event to a department system.

    Called by the deliverer with nothing open in the database. Sending again is harmless: the receiver knows the event
    by its number.
    """

    async def send(self, system_code: str, url: str, key: SigningKey, event_no: str, body: bytes) -> int:
        """Send an event, signed; return the status of the answer, whatever it is.

        Raises:
            ProviderUnavailable: no answer, or a failure of theirs. It waits and is sent again.
            ProviderProtocolError: an answer too large to be one. The same.
        """
