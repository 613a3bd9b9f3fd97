"""The door of lockers' terminals (自助柜): a code typed there opens a box, once. Called by the systems' door.

A terminal is a system of a department; a locker that holds nothing of its departments is not found.
"""

from __future__ import annotations

from collections.abc import Sequence

from app import clock, db
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, NotFound
from services.delivery.collecting import repository, views
from services.delivery.collecting.repository import Record
from services.delivery.collecting.service import hashed_code
from services.delivery.collecting.types import COLLECTOR_TEXT, CollectionStatus, Collector, LockerOpened


class Lockers:
    """Use cases of lockers' terminals."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    async def open(
        self, departments: Sequence[str], place_code: str, code: str, system: str, record: Record
    ) -> LockerOpened:
        """Hand the result over whose code was typed; say which box to open.

        Nobody knows whose code a wrong one was meant to be, so the door limits the tries of each locker.
        Idempotent: yes, while the code lives: the same code at the same locker gets the same answer, unless the box
        holds something else by then.
        Raises: NotFound `code_wrong` (unknown, expired, of other departments: callers cannot tell which).
        """
        async with db.transaction() as tx:
            now = clock.now()
            row = await repository.lock_by_code(tx, place_code, hashed_code(self._cipher, place_code, code))
            if row is None or row["department_code"] not in departments or row["code_until"] <= now:
                raise NotFound("取件码不正确或已失效，请在三晋通重新获取", code="code_wrong")
            if row["status"] == CollectionStatus.READY:
                collector = Collector(row["code_for"])
                told = views.event(row, "collected", collector_text=COLLECTOR_TEXT[collector])
                await repository.give(tx, row, collector, system, now, told)
                await record(tx)
                return _opened(row, clock.rfc3339(now))
            await _require_same(tx, row, system)
            return _opened(row, clock.rfc3339(row["collected_at"]))


async def _require_same(tx: db.Transaction, row: Row, system: str) -> None:
    is_ours = row["status"] == CollectionStatus.COLLECTED and row["given_by"] == system
    if not is_ours or await repository.is_box_in_use(tx, row):
        raise Conflict("该办理结果已领取", code="already_collected")


def _opened(row: Row, opened_at: str) -> LockerOpened:
    return LockerOpened(
        place_code=row["place_code"], application_no=row["subject_no"], box=row["box"], opened_at=opened_at
    )
