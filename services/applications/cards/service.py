"""Cards (黄牌、红牌): issues them when a deadline is near or past, settles them, shows them to officer and chief.

Issued by a sweep and settled by reactions, so that nothing of it costs a citizen or an officer time.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from app import clock, metrics
from app.clock import BEIJING
from app.db import Row
from app.events import DomainEvent
from app.jobs import Reaction
from services.applications.cards import repository
from services.applications.cards.repository import NewCard
from services.applications.cards.types import COLOUR_TEXT, STAGE_TEXT, STAGES, CardView, Colour, Reach, Stage
from services.applications.clock import OFFICE_ENDS, Calendar
from services.applications.dues import DELIVERY_WORKING_DAYS, RECEIPT_WORKING_DAYS, receipt_due
from services.applications.paper.completeness import counted_from
from services.applications.states import Status
from services.delivery.mailing.types import MailingView
from services.staff.types import Role, StaffCaller

FindMailings = Callable[[Sequence[str]], Awaitable[Mapping[str, MailingView]]]
"""Finds the originals that some cases need, by case."""
_BATCH = 500
_ENDS_A_STAGE = (
    "application.correction_requested application.returned application.accepted application.not_accepted "
    "application.withdrawn application.terminated application.approved application.denied application.closed "
    "application.reopened"
).split()
_MOVES_RECEIPT = ("mailing.asked", "mailing.asked_again")


class CardService:
    """Use cases of cards.

    Args:
        calendar: working days, and when a deadline is near.
        mailings: the originals that cases need: they move the end of acceptance.
    """

    def __init__(self, calendar: Calendar, mailings: FindMailings) -> None:
        self._calendar, self._mailings = calendar, mailings

    async def list_open(
        self, staff: StaffCaller, colour: str = "", after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[CardView], uuid.UUID | None]:
        """Return a page of open cards in scope and the id to continue after: an officer's own, the chief's all.

        Raises: Forbidden.
        """
        staff.require_role(Role.WINDOW, Role.REVIEWER, Role.APPROVER, Role.AUDITOR)
        officer = None if staff.may(Role.APPROVER, Role.AUDITOR) else staff.username
        rows = await repository.list_open(staff.divisions, staff.departments, officer, colour, after, limit + 1)
        return [_view(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def issue_due(self) -> None:
        """Issue the cards that are due today, in pages, and settle those whose stage has ended. Idempotent."""
        today = clock.beijing_date()
        for reach in self.reaches(today):
            after = None
            while rows := await repository.list_due(reach, after, _BATCH):
                await repository.issue(await self._new_cards(reach, rows), clock.now())
                after = rows[-1]["id"]
        await repository.settle(clock.now())
        await self.settle_moved()
        await self._measure()

    def reaches(self, today: date) -> Iterator[Reach]:
        """Name which cases get a card on a day. A red one says more than a yellow one, and comes beside it."""
        for colour in Colour:
            yield self._receipt(colour, today)
            is_red = colour is Colour.RED
            column, until = ("promised_due_on", _before(today)) if is_red else ("due_soon_on", today)
            yield Reach(Stage.REVIEW, colour, (Status.ACCEPTED,), column, until)
            yield self._delivery(colour, today)

    async def settle_of(self, event: DomainEvent) -> None:
        """A stage of the case may have ended. Idempotent."""
        await repository.settle(clock.now(), event.subject_no)

    async def settle_moved(self, application_no: str | None = None) -> None:
        """Settle the cards whose day of acceptance was put off by originals, of one case or of all. Idempotent."""
        after = None
        while rows := await repository.list_receipt_cards(application_no, after, _BATCH):
            since = await self._since(rows)
            moved = [row["id"] for row in rows if self._is_later(since[row["application_no"]], row["due_on"])]
            await repository.settle_cards(moved, clock.now())
            after = rows[-1]["id"]

    async def put_off(self, event: DomainEvent) -> None:
        """Originals were asked for: in time, they put off the end of acceptance. Idempotent."""
        await self.settle_moved(event.subject_no)

    def reactions(self) -> Mapping[str, Sequence[tuple[str, Reaction]]]:
        """Return event name → reactions for the table of reactions."""
        return {
            **dict.fromkeys(_ENDS_A_STAGE, (("applications.settle_cards", self.settle_of),)),
            **dict.fromkeys(_MOVES_RECEIPT, (("applications.put_off_cards", self.put_off),)),
        }

    async def _new_cards(self, reach: Reach, rows: Sequence[Row]) -> list[NewCard]:
        if reach.stage is not Stage.RECEIPT:
            return [NewCard(row, reach.stage, reach.colour, self._due_on(reach.stage, row)) for row in rows]
        since = await self._since(rows)
        return [
            NewCard(row, reach.stage, reach.colour, receipt_due(self._calendar, begun).on)
            for row in rows
            if (begun := since[row["application_no"]]) is not None and self._has_come(reach, begun)
        ]

    async def _since(self, rows: Sequence[Row]) -> dict[str, datetime | None]:
        """Return by case since when its five days run; None while originals are awaited."""
        mailings = await self._mailings([row["application_no"] for row in rows])
        return {
            row["application_no"]: counted_from(self._calendar, row["received_at"], mailings.get(row["application_no"]))
            for row in rows
        }

    def _is_later(self, since: datetime | None, due_on: date) -> bool:
        return since is None or receipt_due(self._calendar, since).on > due_on

    @staticmethod
    def _has_come(reach: Reach, since: datetime) -> bool:
        return isinstance(reach.until, datetime) and since < reach.until

    def _receipt(self, colour: Colour, today: date) -> Reach:
        last = self._last_start(colour, today, RECEIPT_WORKING_DAYS)
        # Nothing is received on a holiday, and what came in after a day's office hours counts from a later day.
        while not self._calendar.is_working_day(last):
            last = _before(last)
        until = datetime.combine(last, OFFICE_ENDS, BEIJING)
        return Reach(Stage.RECEIPT, colour, STAGES[Stage.RECEIPT], "received_at", until)

    def _delivery(self, colour: Colour, today: date) -> Reach:
        last = self._last_start(colour, today, DELIVERY_WORKING_DAYS)
        until = datetime.combine(last + timedelta(days=1), datetime.min.time(), BEIJING)
        return Reach(Stage.DELIVERY, colour, STAGES[Stage.DELIVERY], "decided_at", until)

    def _last_start(self, colour: Colour, today: date, length: int) -> date:
        """Return the last day from which a period of so many working days is near its end, or past it, today."""
        if colour is Colour.RED:
            return self._calendar.days_back(_before(today), length)
        return self._calendar.days_back(today, length - self._calendar.yellow_left(length))

    def _due_on(self, stage: Stage, row: Row) -> date:
        if stage is Stage.DELIVERY:
            decided_on = clock.beijing_date(row["decided_at"])
            return self._calendar.add_working_days(decided_on, DELIVERY_WORKING_DAYS).on
        due_on: date = row["promised_due_on"]
        return due_on

    @staticmethod
    async def _measure() -> None:
        counts = {(row["colour"], row["stage"]): row["count"] for row in await repository.count_open()}
        for colour in Colour:
            for stage in Stage:
                metrics.DUE_CARDS_OPEN.labels(colour.value, stage.value).set(counts.get((colour.value, stage.value), 0))


def _before(day: date) -> date:
    return day - timedelta(days=1)


def _view(row: Row) -> CardView:
    return CardView(
        application_no=row["application_no"],
        item_name=row["item_name"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        stage=row["stage"],
        stage_text=STAGE_TEXT[row["stage"]],
        colour=row["colour"],
        colour_text=COLOUR_TEXT[row["colour"]],
        due_on=row["due_on"].isoformat(),
        officer=row["officer"],
        issued_at=clock.rfc3339(row["created_at"]),
    )
