"""What follows in a package when one of its cases has moved: begin what waited, ask, withdraw, close, send.

Called by reactions, by the sweep, and after the citizen's own acts. Every step looks at the package as it is now, so
that a repeated or late job does nothing, and one that was lost is made up for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, SanjinError, StaleVersion
from app.events import DomainEvent
from services.applications import moves
from services.applications import repository as case_repository
from services.applications.documents import letters
from services.applications.packages import repository
from services.applications.packages.children import NewChild
from services.applications.packages.delivering import JointDelivery
from services.applications.packages.filing import Filer
from services.applications.packages.merging import Filing
from services.applications.packages.numbers import child_no
from services.applications.packages.repository import Change
from services.applications.packages.states import EMITS, Course, PackageStatus, Part, PartStatus, course
from services.applications.packages.vault import PackageVault
from services.applications.packages.views import stored_materials, stored_parts
from services.applications.parts import Parts
from services.applications.states import TRANSITIONS, Act, Status
from services.catalogue.types import PackageTerms

log = structlog.get_logger()
_LOOKS = 5
"""So often a package is looked at again when somebody else has changed it meanwhile."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the parts whose turn has come lead to: cases to begin, and what others still lack."""

    children: Mapping[str, NewChild]
    asked: Mapping[str, Sequence[FieldFault]]
    names: Mapping[str, str]


class PackageCourse:
    """Steps of package cases that follow by themselves. All idempotent."""

    def __init__(self, parts: Parts, filer: Filer, vault: PackageVault, delivering: JointDelivery) -> None:
        self._catalogue, self._case_vault = parts.catalogue, parts.vault
        self._filer, self._vault, self._delivering = filer, vault, delivering

    async def carry_on_case(self, application_no: str) -> None:
        """Take what follows from a move of a case; nothing where it is no part of a package. Idempotent."""
        package_no = await repository.find_of_case(application_no)
        if package_no is not None:
            await self.carry_on(package_no)

    async def carry_on(self, package_no: str) -> None:
        """Bring a package to where its parts say that it is. Idempotent.

        Raises: StaleVersion when others keep changing it; the job runs again.
        """
        for _ in range(_LOOKS):
            row = await repository.find(package_no)
            if row is None or row["status"] == PackageStatus.DRAFT:
                return
            parts = stored_parts(await repository.list_parts(row["id"]))
            change = await self._change(row, parts)
            if change is None or await repository.change(row, change) is not None:
                break
        else:
            raise StaleVersion
        await self._withdraw_cases(package_no)
        await self._delivering.send(package_no)

    async def follow(self, package_no: str) -> None:
        """Carry on after an act that is written already; what cannot be done now is left to the sweep, not refused."""
        try:
            await self.carry_on(package_no)
        except SanjinError as error:
            log.warning("package_not_carried_on", package_no=package_no, error=error.stable_code)

    async def turn(self, row: Row, terms: PackageTerms, ready: Sequence[str], at: datetime) -> Turn:
        """Make the cases of the parts whose turn has come; what others lack is told instead. Reads only."""
        answers, materials = self._vault.open(row), stored_materials(row)
        children: dict[str, NewChild] = {}
        asked: dict[str, Sequence[FieldFault]] = {}
        for part in terms.record.items:
            if part.item_code not in ready:
                continue
            try:
                filed = await self._filer.file(row["citizen_id"], terms, part, answers, materials)
            except Conflict:
                continue  # the item is closed for now; the sweep comes back to it
            if filed.is_complete:
                children[part.item_code] = self._child(row, filed, at)
            else:
                asked[part.item_code] = (*filed.wrong, *filed.missing)
        return Turn(children, asked, {code: terms.items[code].record.name for code in asked})

    async def asked(self, row: Row, terms: PackageTerms, parts: Sequence[Part]) -> Mapping[str, Sequence[FieldFault]]:
        """Return what the citizen is asked for now, by item."""
        ready = course(parts, withdrawn=row["withdrawn_at"] is not None).ready
        return (await self.turn(row, terms, ready, clock.now())).asked if ready else {}

    async def _change(self, row: Row, parts: Sequence[Part]) -> Change | None:
        """Return what has to be written, None where everything stands as it should."""
        now = clock.now()
        stands = course(parts, withdrawn=row["withdrawn_at"] is not None)
        turn = Turn({}, {}, {})
        if stands.ready:
            terms = await self._catalogue.package_terms(row["package_code"], row["package_version"])
            turn = await self.turn(row, terms, stands.ready, now)
        standing = {
            **stands.standing,
            **dict.fromkeys(turn.asked, PartStatus.ASKED),
            **dict.fromkeys(turn.children, PartStatus.STARTED),
        }
        stored = {part.item_code: part.status for part in parts}
        if standing == stored and stands.status == row["status"] and not turn.children:
            return None
        newly_asked = [code for code in turn.asked if stored[code] is not PartStatus.ASKED]
        names = {code: turn.names[code] for code in newly_asked}
        events = [*_asking(row, names, now), *_moving(row, stands, now)]
        moved = {} if stands.status == row["status"] else _moved_columns(stands.status, now)
        return Change(
            status=stands.status, at=now, standing=standing, children=turn.children, sets=moved, events=events
        )

    def _child(self, row: Row, filed: Filing, at: datetime) -> NewChild:
        record = filed.item.record
        return NewChild(
            application_no=child_no(row["package_no"], record.item_code),
            package_no=row["package_no"],
            package_name=row["package_name"],
            citizen_id=row["citizen_id"],
            provider=row["provider"],
            item_code=record.item_code,
            item_version=record.version,
            item_name=record.name,
            division_code=record.division_code,
            department_code=record.department_code,
            intake_division_code=row["division_code"],
            answers=self._case_vault.close(filed.answers, filed.item),
            fee_fen=filed.item.fee_fen(filed.answers),
            materials=filed.materials,
            at=at,
        )

    async def _withdraw_cases(self, package_no: str) -> None:
        """Withdraw what still can be of a package that the citizen has withdrawn."""
        row = await repository.find(package_no)
        if row is None or row["withdrawn_at"] is None:
            return
        for part in await repository.list_parts(row["id"]):
            if part["application_no"] is None or not may_be_withdrawn(part["case_status"]):
                continue
            case = await case_repository.find_case(part["application_no"])
            if case is not None and may_be_withdrawn(case["status"]):
                move = moves.planned(
                    case,
                    Act.WITHDRAW,
                    moves.citizen_actor(case["citizen_id"]),
                    told=f"您已撤回“{row['package_name']}”",
                    sets={"reason": row["reason"], "closed_at": clock.now()},
                    pause_ends=case["status"] == Status.SUSPENDED,
                    document=letters.withdrawn(row["reason"]),
                )
                # None: somebody moved the case meanwhile; its event or the sweep leads here again.
                await case_repository.advance(move)


def may_be_withdrawn(case_status: str) -> bool:
    """Tell whether a case that stands so can still be withdrawn."""
    return (Status(case_status), Act.WITHDRAW) in TRANSITIONS


def _asking(row: Row, names: Mapping[str, str], at: datetime) -> list[DomainEvent]:
    facts = {"package_name": row["package_name"], "item_name": row["package_name"]}
    return [
        _event(row, "package.answers_asked", at, facts | {"item_code": code, "part_name": name}, part=code)
        for code, name in names.items()
    ]


def _moving(row: Row, stands: Course, at: datetime) -> list[DomainEvent]:
    before = PackageStatus(row["status"])
    name = EMITS[before, stands.status] if stands.status is not before else ""
    if not name:
        return []
    counts = {status: sum(each is status for each in stands.standing.values()) for status in PartStatus}
    facts = {
        "package_name": row["package_name"],
        "item_name": row["package_name"],
        "package_code": row["package_code"],
        "parts": len(stands.standing),
        "granted": counts[PartStatus.DONE],
        "failed": counts[PartStatus.FAILED],
        "skipped": counts[PartStatus.SKIPPED],
        "result": f"共{len(stands.standing)}项，办成{counts[PartStatus.DONE]}项",
    }
    return [_event(row, name, at, facts)]


def _moved_columns(status: PackageStatus, at: datetime) -> dict[str, Any]:
    return {"closed_at": at if status is PackageStatus.CLOSED else None}


def _event(row: Row, name: str, at: datetime, facts: Mapping[str, Any], part: str = "") -> DomainEvent:
    return DomainEvent(
        name=name,
        subject_no=row["package_no"],
        citizen_id=row["citizen_id"].hex,
        occurred_at=at,
        part=part,
        facts=dict(facts),
    )
