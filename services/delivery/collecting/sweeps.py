"""Results that nobody fetched: a reminder after three days, back to the window after their time. Run by schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from app import clock
from app.db import Row, Transaction
from app.events import DomainEvent
from app.jobs import Sweep
from services.delivery.collecting import repository, views
from services.delivery.tasks.facts import Subject
from services.delivery.tasks.opening import open_task
from services.delivery.tasks.states import TaskKind

_REMINDED_AFTER = timedelta(days=3)
_BATCH = 200


def table() -> Mapping[str, tuple[str, Sweep]]:
    """Return name → (cron expression in UTC, sweep) for wiring."""
    return {
        "delivery.remind_to_collect": ("10 1 * * *", remind),
        "delivery.recall_uncollected": ("15 * * * *", recall_overdue),
    }


async def remind() -> None:
    """Remind once of results that have lain ready for three days. Idempotent: yes, each is claimed once."""
    now = clock.now()
    await repository.remind(now - _REMINDED_AFTER, now, _BATCH, _reminded)


async def recall_overdue() -> None:
    """Have results that were not fetched in time brought back to their window, tell both sides. Idempotent: yes."""
    now = clock.now()
    for row in await repository.list_overdue(now, _BATCH):
        places = await repository.list_places_of(row["division_code"], row["department_code"])
        usual = next((each for each in places if each["place_kind"] == "POINT"), None)
        back = views.event(row, "recalled", **views.told_place(usual))
        code = usual["place_code"] if usual else ""
        await repository.recall(row, code, now, back, partial(_open_task, row))


def _reminded(row: Row) -> DomainEvent:
    until = clock.beijing_date(row["keep_until"]).isoformat()
    return views.event(row, "reminded", until=until, **views.told_place(row))


async def _open_task(row: Row, tx: Transaction) -> None:
    where = f"{row['place_code']} {row['box']}".strip()
    subject = Subject(row["id"], "", row["subject_no"], row["division_code"], row["department_code"])
    await open_task(tx, subject, TaskKind.UNCOLLECTED, f"逾期未领取，请从{where}取回窗口")
