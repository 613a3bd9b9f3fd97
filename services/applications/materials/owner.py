"""Whose archive a case may draw on, and whose files it may use; made by the use cases, asks nobody."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from app.db import Row
from app.tokens import Caller
from services.accounts.types import Acting


@dataclass(frozen=True, slots=True)
class Owner:
    """The person or the enterprise that a case is for, and who is at work on it.

    An agent's own archive is never drawn on for a principal, nor a person's for an enterprise.
    """

    citizen_id: uuid.UUID
    enterprise_id: uuid.UUID | None
    caller_id: uuid.UUID

    @classmethod
    def of(cls, row: Row, caller: Caller) -> Owner:
        """Return the owner of a stored case, with the caller who goes on with it."""
        return cls(row["citizen_id"], row["enterprise_id"], caller.citizen_id)

    @classmethod
    def acting(cls, caller: Caller, acting: Acting | None) -> Owner:
        """Return the owner of a case to be begun: the caller, or whom they act for."""
        if acting is None:
            return cls(caller.citizen_id, None, caller.citizen_id)
        return cls(acting.citizen_id, acting.enterprise_id, caller.citizen_id)

    @property
    def people(self) -> tuple[uuid.UUID, ...]:
        """Return those whose uploads and promises count: the applicant, and the agent who acts for them."""
        return tuple(dict.fromkeys((self.citizen_id, self.caller_id)))
