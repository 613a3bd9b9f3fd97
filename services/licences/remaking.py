"""Licences whose physical copy was lost or spoilt on its way (遗失、毁损): the old number ends, its case makes another.

The applications room calls it. What the issuing body has ended itself is not made again.
"""

from __future__ import annotations

from collections.abc import Mapping

from app import clock
from app.errors import NotFound
from services.licences import reading_repository, remaking_repository, repository, views
from services.licences.states import VOIDABLE, Course, LicenceStatus

_LOOKS = 3
"""So often a licence is looked at again when somebody else has changed it meanwhile."""


class Remaking:
    """Use cases of ending a licence so that its case issues the next version of it."""

    async def void(self, licence_no: str, *, reason: str, actor: str) -> bool:
        """End a licence because its physical copy is lost or spoilt; every check says so from now on.

        Returns whether its case has to make it again: not where the body has ended it or a newer version counts. The
        holder is told by whoever has it made again, so no event is emitted. Idempotent: yes.
        Raises: NotFound.
        """
        for _ in range(_LOOKS):
            row = await reading_repository.find_licence(licence_no)
            if row is None:
                raise NotFound("未找到该证照")
            if views.status_of(row) not in VOIDABLE:
                return await remaking_repository.is_voided(row["id"])
            change = repository.StatusChange(
                row, Course.VOID, LicenceStatus.CANCELLED, reason, actor[:64], clock.now(), None
            )
            if await repository.change_status(change):
                return True
        return False

    async def numbers_of(self, subject_no: str) -> Mapping[str, str]:
        """Return licence type → number of the newest licence that was issued for a case."""
        return await remaking_repository.list_numbers(subject_no)
