"""What direct pushes need from outside: the cases of a member of staff, and the open phones of the person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from app.events import DomainEvent
from notify.pushing.types import PushedCase

S = TypeVar("S", contravariant=True)
Live = Callable[[DomainEvent], Awaitable[None]]
"""Tells a person's open phones; whatever becomes of it, the notice stands."""


class Cases(Protocol[S]):
    """Knows the cases; `S` is the member of staff as the house knows them."""

    async def case(self, staff: S, subject_no: str) -> PushedCase:
        """Return a case that this member of staff works on. Raises: Forbidden (role), NotFound (scope)."""
        ...
