"""What silence left behind in the licences room: seals that wait, last days that pass, ends that come near.

Run by the job runner's schedule; every function may run at any time and as often as it likes.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from app import clock
from app.events import DomainEvent
from app.jobs import Sweep
from services.licences import presentation_repository, repository, sweep_repository
from services.licences.kinds import Kind
from services.licences.service import LicenceService, changed_event
from services.licences.states import Course, LicenceStatus

_KEPT = timedelta(days=1)
_PAGE = 200
_REASON, _HOUSE = "有效期届满", "系统"


def table(licences: LicenceService) -> dict[str, tuple[str, Sweep]]:
    """Return sweep → (cron expression, UTC) and what it does, for wiring; a day of Beijing begins at 16:00."""
    return {
        "licences.continue_prepared": ("* * * * *", partial(continue_prepared, licences)),
        "licences.expire": ("1 16 * * *", expire),
        "licences.remind": ("30 1 * * *", partial(remind, licences)),
        "licences.forget_presentations": ("15 * * * *", forget_presentations),
    }


async def forget_presentations() -> None:
    """Delete one-time codes that ended a day ago; the log of shows stays. Idempotent."""
    await presentation_repository.forget_presentations(clock.now() - _KEPT)


async def continue_prepared(licences: LicenceService) -> None:
    """Finish licences that wait for their seal. Idempotent."""
    await licences.issuing.continue_prepared()


async def expire() -> None:
    """Let licences end whose last day has passed, and tell their holders. Idempotent."""
    while rows := await sweep_repository.list_ended(clock.beijing_date(), _PAGE):
        for row in rows:
            event = changed_event(row, Course.EXPIRE.value, LicenceStatus.EXPIRED)
            await repository.change_status(
                repository.StatusChange(
                    row, Course.EXPIRE, LicenceStatus.EXPIRED, _REASON, _HOUSE, event.occurred_at, event
                )
            )


async def remind(licences: LicenceService) -> None:
    """Remind holders of licences that end soon: once for each of the periods that their type names. Idempotent."""
    for kind in (await licences.shelf.all()).values():
        # The nearest period first: whoever comes into two at once is reminded once, of the nearer.
        for days in sorted(kind.reminder_days):
            await _remind(kind, days)


async def _remind(kind: Kind, days: int) -> None:
    today = clock.beijing_date()
    last = today + timedelta(days=days)
    while rows := await sweep_repository.list_ending(kind.code, today, last, days, _PAGE):
        for row in rows:
            left = (row["expires_on"] - today).days
            event = DomainEvent(
                name="licence.expiring",
                subject_no=row["licence_no"],
                citizen_id=row["citizen_id"].hex,
                facts={
                    "licence_no": row["licence_no"],
                    "type_name": row["type_name"],
                    "expires_on": row["expires_on"].isoformat(),
                    "days_left": str(left),
                },
            )
            await sweep_repository.note_reminded(row, today, event)
