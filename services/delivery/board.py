"""The staff's board of parcels (寄送看板): what is to be sent, under way, in trouble, arrived, within one's own scope.

Handlers of the console call it; it reads only. What is done about a parcel belongs to its case and stands there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from app import clock
from app.db import Row
from services.delivery import board_repository
from services.delivery.board_repository import Bounds
from services.delivery.states import CUSTODY_TEXT, MEANINGS, SECTION_TEXT, SECTIONS, Section, ShipmentStatus
from services.delivery.types import BoardLine, SectionCount
from services.staff.types import Role, StaffCaller

READERS = (Role.DISPATCHER, Role.WINDOW, Role.ADMINISTRATOR)
_KEPT = timedelta(days=30)
"""So long a parcel that has come to an end stays on the board."""
_OLDEST_FIRST = frozenset({Section.TO_SEND, Section.EXCEPTION})
"""Columns that are worked off."""
_SECTION_OF = {status: section for section, statuses in SECTIONS.items() for status in statuses}


class DeliveryBoard:
    """Parcels that bodies in the caller's scope send."""

    def __init__(self, courier_name: Callable[[str], str]) -> None:
        self._courier_name = courier_name

    async def counts(self, staff: StaffCaller) -> list[SectionCount]:
        """Return how many parcels stand in each column. Raises: Forbidden."""
        staff.require_role(*READERS)
        found = await board_repository.count(_bounds(staff, tuple(ShipmentStatus)))
        return [
            SectionCount(section=section, title=title, count=sum(found.get(status, 0) for status in SECTIONS[section]))
            for section, title in SECTION_TEXT.items()
        ]

    async def page(
        self, staff: StaffCaller, section: Section, after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[BoardLine], uuid.UUID | None]:
        """Return parcels of a column: those to work off oldest first, the others newest first. Raises: Forbidden."""
        staff.require_role(*READERS)
        bounds = _bounds(staff, SECTIONS[section])
        rows = await board_repository.list_page(bounds, after, limit + 1, oldest_first=section in _OLDEST_FIRST)
        return [self._line(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def search(self, staff: StaffCaller, number: str) -> list[BoardLine]:
        """Return the parcels of a shipment, waybill or case number, whatever has become of them. Raises: Forbidden."""
        staff.require_role(*READERS)
        return [self._line(row) for row in await board_repository.search(staff.divisions, staff.departments, number)]

    def _line(self, row: Row) -> BoardLine:
        status = ShipmentStatus(row["status"])
        return BoardLine(
            shipment_no=row["shipment_no"],
            application_no=row["subject_no"],
            section=_SECTION_OF[status],
            status=status,
            status_text=MEANINGS[status].text,
            custody_text=CUSTODY_TEXT[row["custody"]],
            courier_name=self._courier_name(row["courier"]),
            waybill_no=row["waybill_no"],
            cargo=row["cargo"],
            receiver_shown=row["receiver_shown"],
            division_code=row["division_code"],
            department_code=row["department_code"],
            requested_at=clock.rfc3339(row["created_at"]),
            last_event_at=clock.rfc3339_or_none(row["last_event_at"]),
            delivered_at=clock.rfc3339_or_none(row["delivered_at"]),
        )


def _bounds(staff: StaffCaller, statuses: tuple[ShipmentStatus, ...]) -> Bounds:
    return Bounds(staff.divisions, staff.departments, statuses, clock.now() - _KEPT)
