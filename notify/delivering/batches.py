"""Delivery of notices in batches, one as five hundred: what is left for each is asked of tables once for all.

The job, the sweep and mass pushes call it with notices they have claimed. A process that dies in here leaves tries
STARTED and notices queued; whoever claims them next knows that they may have been sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from app import clock
from notify.delivering import attempts_repository, course, outcome_repository
from notify.delivering.allowances import Allowances
from notify.delivering.course import Course
from notify.delivering.outcome_repository import Outcomes
from notify.delivering.sending import Sending
from notify.notices_repository import Move, NoticeRecord
from notify.ports import NoticeTable, Recipients
from notify.states import LEASE_SECONDS, Reason
from notify.templates import Shelf

_SLICE = 250
_SLICES_AT_ONCE = 2
_LEAST_LEASE_SECONDS = 60
log = structlog.get_logger()


class Delivering:
    """Sends notices."""

    def __init__(
        self, table: NoticeTable, recipients: Recipients, shelf: Shelf, allowances: Allowances | None = None
    ) -> None:
        self._table = table
        self._recipients = recipients
        self._shelf = shelf
        self._sending = Sending(table, allowances or Allowances())

    async def deliver(self, batch: Sequence[NoticeRecord]) -> None:
        """Try what is left for claimed notices, until a channel took each, or until a later time.

        The claim's lease keeps everybody else away, so all of a batch must have been claimed just now.
        """
        begun_seconds = clock.monotonic()
        open_ones, moves = await self._courses(batch)
        await outcome_repository.record(Outcomes(moves=moves))
        slices = [open_ones[at : at + _SLICE] for at in range(0, len(open_ones), _SLICE)]
        gate = asyncio.Semaphore(_SLICES_AT_ONCE)

        async def run(part: list[Course]) -> None:
            async with gate:
                if clock.monotonic() - begun_seconds > LEASE_SECONDS - _LEAST_LEASE_SECONDS:
                    await _put_back(part)
                else:
                    await self._run(part, begun_seconds + LEASE_SECONDS)

        await asyncio.gather(*(run(part) for part in slices))

    async def _run(self, courses: list[Course], ends_seconds: float) -> None:
        while courses:
            await self._sending.attempt(courses, ends_seconds)
            courses = [each for each in courses if each.move is None]

    async def _courses(self, batch: Sequence[NoticeRecord]) -> tuple[list[Course], list[Move]]:
        """Return the courses that have something to try, and the moves of those that have not."""
        now = clock.now()
        tried = await attempts_repository.outcomes_of([notice for notice in batch if notice.tries > 1])
        ends = {notice.id: course.settled(notice, tried.get(notice.id, {}), now) for notice in batch}
        moves = [end for end in ends.values() if end is not None]
        for end in moves:
            if end.reason == Reason.BROKEN:
                log.error("notice_given_up", notice_id=end.notice.id.hex, tries=end.notice.tries)
        left = [notice for notice in batch if ends[notice.id] is None]
        contacts = await self._recipients.contacts_of([notice.citizen_id for notice in left]) if left else {}
        open_ones = []
        for notice in left:
            template = await self._shelf.exact(notice.template_code, notice.template_version)
            begun = course.begun(
                notice, template, contacts[notice.citizen_id], tried.get(notice.id, {}), self._table.channels, now
            )
            if isinstance(begun, Move):
                moves.append(begun)
            else:
                open_ones.append(begun)
        return open_ones, moves


async def _put_back(courses: Sequence[Course]) -> None:
    """Let others have, at once, what there is no time for."""
    now = clock.now()
    for each in courses:
        each.wait(now)
    await outcome_repository.record(Outcomes(moves=[each.move for each in courses if each.move is not None]))
