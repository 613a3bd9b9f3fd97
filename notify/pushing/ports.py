"""What direct pushes need from outside: the cases of a member of staff."""

from __future__ import annotations

from typing import Protocol, TypeVar

from notify.pushing.types import PushedCase

S = TypeVar("S", contravariant=True)


class Cases(Protocol[S]):
    """Knows the cases; `S` is the member of staff as the house knows them."""

    async def case(self, staff: S, subject_no: str) -> PushedCase:
        """Return a case that this member of staff works on. Raises: Forbidden (role), NotFound (scope)."""
        ...
