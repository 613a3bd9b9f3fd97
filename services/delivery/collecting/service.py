"""Results that are fetched at a point or a locker: made ready, told of, handed over against a one-time code.

The delivery room shows it as `.collecting`; the applications room calls it for citizens and staff, the locker's door
for terminals. Codes are kept by keyed hash only and stand in no log, notice or page of staff.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta

from app import clock, db
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, StaleVersion
from app.events import DomainEvent
from services.delivery.collecting import repository, views
from services.delivery.collecting.repository import Record
from services.delivery.collecting.types import (
    COLLECTOR_TEXT,
    CodeView,
    CollectionStatus,
    CollectionView,
    Collector,
    Deposit,
    NewCollection,
    PlaceKind,
    PlaceView,
    Proof,
)
from services.delivery.types import DeliveryMethod
from services.staff.types import Role, StaffCaller

READERS = (Role.WINDOW, Role.DISPATCHER, Role.ADMINISTRATOR)
CODE_SECONDS = 15 * 60
_DIGITS = 8
_KEPT = {PlaceKind.POINT: timedelta(days=30), PlaceKind.LOCKER: timedelta(days=7)}
"""So long a result lies ready at each kind of place."""
_CODE = "collection.code"
_KIND_OF = {DeliveryMethod.COUNTER: PlaceKind.POINT, DeliveryMethod.LOCKER: PlaceKind.LOCKER}


class Collecting:
    """Use cases of self-collection. Ownership and scope of single cases are the caller's business."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    async def places(self, division_code: str) -> list[PlaceView]:
        """Return the places of a division and of those in it."""
        prefix = division_code[:2] if division_code.endswith("0000") else division_code.removesuffix("00")
        return [views.place_view(row) for row in await repository.list_places(prefix)]

    async def places_of(self, division_code: str, department_code: str) -> list[PlaceView]:
        """Return the places where results of a body may be fetched, its own first."""
        return [views.place_view(row) for row in await repository.list_places_of(division_code, department_code)]

    async def require_place(
        self, method: DeliveryMethod, place_code: str, division_code: str, department_code: str
    ) -> str:
        """Return the place of a choice; a window needs none, a locker does.

        Raises: InvalidRequest (no locker named), Conflict `place_not_offered`.
        """
        if not place_code:
            if method is DeliveryMethod.LOCKER:
                raise InvalidRequest(faults=(FieldFault("place_code", "自助柜领取请选择取件柜"),))
            return ""
        offered = await repository.list_places_of(division_code, department_code)
        kind = _KIND_OF.get(method)
        if not any(row["place_code"] == place_code and row["place_kind"] == kind for row in offered):
            raise Conflict("该办件的结果不能在所选地点领取", code="place_not_offered")
        return place_code

    async def prepare(self, new: NewCollection) -> None:
        """Begin the collection of a result at the place of its choice, else at its body's own. Idempotent: yes."""
        places = await repository.list_places_of(new.division_code, new.department_code)
        usual = next((row["place_code"] for row in places if row["place_kind"] == PlaceKind.POINT), "")
        await repository.prepare(new, usual, clock.now())

    async def find(self, subject_no: str) -> CollectionView | None:
        """Return the collection of a case; None where its result goes another way."""
        row = await repository.find(subject_no)
        return views.collection_view(row) if row else None

    async def page(
        self,
        staff: StaffCaller,
        statuses: Sequence[CollectionStatus],
        place_code: str = "",
        after: uuid.UUID | None = None,
        limit: int = 20,
    ) -> tuple[list[CollectionView], uuid.UUID | None]:
        """Return results in scope that are to be fetched, oldest first. Raises: Forbidden."""
        staff.require_role(*READERS)
        rows = await repository.list_page(
            staff.divisions, staff.departments, [status.value for status in statuses], place_code, after, limit + 1
        )
        following = rows[limit - 1]["id"] if len(rows) > limit else None
        return [views.collection_view(row) for row in rows[:limit]], following

    async def deposit(self, subject_no: str, deposit: Deposit, record: Record, *, version: int | None = None) -> None:
        """Note that a result lies ready at its place, and tell the citizen.

        Raises: NotFound, Conflict `not_preparing`, `place_not_offered`, `box_taken`, StaleVersion, InvalidRequest.
        """
        row = await self._open(subject_no, version)
        if row["status"] != CollectionStatus.PREPARING:
            raise Conflict("该办理结果已放入自取点", code="not_preparing")
        place_code = deposit.place_code or row["place_code"]
        offered = await repository.list_places_of(row["division_code"], row["department_code"])
        place = next((each for each in offered if each["place_code"] == place_code), None)
        if place is None and place_code:
            raise Conflict("该办件的结果不能放在所选地点", code="place_not_offered")
        box, now = _box(place, deposit.box), clock.now()
        keep_until = now + _KEPT[PlaceKind(place["place_kind"]) if place else PlaceKind.POINT]
        until = clock.beijing_date(keep_until).isoformat()
        ready = views.event(row, "ready", until=until, **views.told_place(place))
        if not await repository.deposit(row, place_code, box, now, keep_until, ready, record):
            await self._open(subject_no, row["version"])
            raise Conflict(f"{box}号格口已存放其他办件的结果", code="box_taken")

    async def new_code(self, subject_no: str, collector: Collector) -> CodeView:
        """Make a one-time code for a result that lies ready; an earlier one holds no more.

        Raises: NotFound, Conflict `not_ready`.
        """
        row = await repository.find(subject_no)
        if row is None:
            raise NotFound("该办件没有待领取的结果")
        code, now = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}", clock.now()
        until = now + timedelta(seconds=CODE_SECONDS)
        hashed = hashed_code(self._cipher, row["place_code"], code)
        if await repository.set_code(subject_no, hashed, until, collector, now) is None:
            raise Conflict("办理结果尚未备好或已领取，不能获取取件码", code="not_ready")
        return CodeView(
            application_no=subject_no,
            code=code,
            expires_at=clock.rfc3339(until),
            expires_in=CODE_SECONDS,
            place=views.known_place(row),
            box=row["box"],
        )

    async def hand_over(
        self, subject_no: str, proof: Proof, given_by: str, record: Record, *, version: int | None = None
    ) -> None:
        """Hand a result over: against its code, or to whom staff have identified in person and say why.

        Raises: NotFound, StaleVersion, InvalidRequest, Conflict `not_ready`, `code_wrong`, `code_expired`.
        """
        if not proof.code and len(proof.reason.strip()) < 2:
            raise InvalidRequest(faults=(FieldFault("reason", "未使用取件码时，请写明核验身份的方式和原因"),))
        async with db.transaction() as tx:
            row = await repository.lock_ready(tx, subject_no)
            refusal = _refusal(row, version) or (await self._code_refusal(tx, row, proof) if row else None)
            if row is not None and refusal is None:
                collector = Collector(row["code_for"]) if proof.code else proof.collector
                now = clock.now()
                await repository.give(tx, row, collector, given_by, now, _collected(row, collector))
                await record(tx)
        # Raised outside: a wrong try must stay counted.
        if refusal is not None:
            raise refusal

    async def settle(self, subject_no: str, *, is_given: bool) -> None:
        """End what is open of a case that ended: given at its own window, or not wanted any more. Idempotent."""
        await repository.settle(subject_no, is_given=is_given, at=clock.now())

    async def _open(self, subject_no: str, version: int | None) -> Row:
        row = await repository.find(subject_no)
        if row is None:
            raise NotFound("该办件没有待领取的结果")
        if version is not None and row["version"] != version:
            raise StaleVersion(current={"version": row["version"], "status": row["status"]})
        return row

    async def _code_refusal(self, tx: db.Transaction, row: Row, proof: Proof) -> Conflict | None:
        if not proof.code:
            return None
        if not row["code_hash"] or row["code_until"] <= clock.now():
            return Conflict("取件码已失效，请申请人在三晋通重新获取", code="code_expired")
        if secrets.compare_digest(row["code_hash"], hashed_code(self._cipher, row["place_code"], proof.code)):
            return None
        left = await repository.count_wrong_try(tx, row)
        words = f"还可尝试{left}次" if left else "该码已作废，请申请人重新获取"
        return Conflict(f"取件码不正确，{words}", code="code_wrong")


def hashed_code(cipher: FieldCipher, place_code: str, code: str) -> str:
    """Return the keyed hash by which a code is known at its place."""
    return cipher.lookup(_CODE, f"{place_code}|{code}")


def _refusal(row: Row | None, version: int | None) -> Conflict | None:
    if row is None:
        return Conflict("没有待领取的结果：尚未备好，或已被领取", code="not_ready")
    if version is not None and row["version"] != version:
        return StaleVersion(current={"version": row["version"], "status": row["status"]})
    return None


def _box(place: Row | None, box: str) -> str:
    if place is None or place["place_kind"] != PlaceKind.LOCKER:
        return ""
    if not (box.isascii() and box.isdigit() and len(box) <= 3 and 1 <= int(box) <= place["place_boxes"]):
        raise InvalidRequest(faults=(FieldFault("box", f"请填写格口号（1至{place['place_boxes']}）"),))
    return str(int(box))


def _collected(row: Row, collector: Collector) -> DomainEvent:
    return views.event(row, "collected", collector_text=COLLECTOR_TEXT[collector])
