"""Use cases of staff about versions of items: list, compare, publish, withdraw, restore, and the consistency report.

Handlers of the console call it. What a version says is the directory's; staff decide only which one serves citizens.
"""

from __future__ import annotations

import asyncio
import uuid

import msgspec
from msgspec import structs

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, NotFound, StaleVersion
from services.catalogue import rules
from services.catalogue.publishing import repository
from services.catalogue.publishing.changes import changes
from services.catalogue.publishing.elements import elements, said
from services.catalogue.publishing.ports import Audit
from services.catalogue.publishing.states import STATUS_TEXT, TRANSITIONS, VersionAct, VersionStatus, after
from services.catalogue.publishing.types import (
    ChangeList,
    ItemFinding,
    ItemReport,
    VersionDetail,
    VersionList,
    VersionView,
)
from services.catalogue.records import ItemRecord
from services.staff.types import Act, Role, StaffCaller

_READERS = (Role.PUBLISHER, Role.REVIEWER, Role.WINDOW, Role.AUDITOR, Role.ADMINISTRATOR)
_LIVE = (VersionStatus.DRAFT, VersionStatus.PUBLISHED)


class Publishing:
    """Versions of items within the caller's scope."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def page(
        self,
        staff: StaffCaller,
        status: str = "",
        after_id: uuid.UUID | None = None,
        limit: int = 20,
        *,
        text: str = "",
        department_code: str = "",
    ) -> tuple[tuple[VersionView, ...], uuid.UUID | None]:
        """Return versions in scope that wait or are published, and the id to continue after. Raises: Forbidden.

        Args:
            text: the item's code, or words of its name.
        """
        staff.require_role(*_READERS)
        statuses = (status,) if status else _LIVE
        rows = await repository.list_current(
            staff.divisions, staff.departments, statuses, after_id, limit + 1, text, department_code
        )
        page = tuple(_view(row, staff) for row in rows[:limit])
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def versions(self, staff: StaffCaller, item_code: str) -> VersionList:
        """Return all versions of an item in scope, newest first. Raises: NotFound, Forbidden."""
        staff.require_role(*_READERS)
        rows = await repository.list_versions(item_code)
        if not rows:
            raise NotFound("未找到该事项")
        staff.require_scope(rows[0]["division_code"], rows[0]["department_code"])
        return VersionList(data=tuple(_view(row, staff) for row in rows))

    async def version(self, staff: StaffCaller, item_code: str, version: int) -> VersionDetail:
        """Return one version with every element in words. Raises: NotFound, Forbidden."""
        staff.require_role(*_READERS)
        row = await self._in_scope(staff, item_code, version)
        listed = await repository.list_versions(item_code)
        former = [each["version"] for each in listed if each["version"] < version and each["status"] != "DRAFT"]
        return VersionDetail(version=_view(row, staff), elements=elements(_record(row)), follows=max(former, default=0))

    async def compare(self, staff: StaffCaller, item_code: str, version: int, against: int) -> ChangeList:
        """Return what changed from version `against` to `version`. Raises: NotFound, Forbidden."""
        staff.require_role(*_READERS)
        old, new = await self._in_scope(staff, item_code, against), await self._in_scope(staff, item_code, version)
        found = tuple(
            structs.replace(change, before_text=said(change.before), after_text=said(change.after))
            for change in changes(_record(old), _record(new))
        )
        return ChangeList(item_code=item_code, from_version=against, to_version=version, data=found)

    async def act(
        self, staff: StaffCaller, item_code: str, version: int, act: VersionAct, address: str, reason: str = ""
    ) -> VersionView:
        """Publish, withdraw or restore a version.

        A version whose day has not come yet is published on that day. Raises: NotFound, Forbidden, InvalidTransition,
        StaleVersion, Conflict `item_inconsistent` with every finding when the rules refuse it.
        """
        staff.require_role(Role.PUBLISHER)
        row = await self._in_scope(staff, item_code, version)
        to_status = after(row["status"], act)
        if to_status is VersionStatus.PUBLISHED:
            await _require_consistent(_record(row))
        details = {"version": version, "from": row["status"], "reason": reason}
        trace = Act(staff.username, f"item.{act.value}", "item", item_code, details, address)
        moment = clock.now()
        today = clock.beijing_date(moment)
        if not await repository.move(row, to_status, staff.username, today, moment, trace, self._audit):
            raise StaleVersion
        return _view(await self._in_scope(staff, item_code, version), staff)

    async def report(self, staff: StaffCaller) -> ItemReport:
        """Check every version in scope that waits or is published against the rules. Raises: Forbidden."""
        staff.require_role(*_READERS)
        looked_at, findings = 0, []
        async for row in repository.records(_LIVE):
            if staff.covers(row["division_code"], row["department_code"]):
                looked_at += 1
                findings += await asyncio.to_thread(_findings, row)
        return ItemReport(looked_at=looked_at, findings=tuple(findings))

    async def publish_due(self) -> None:
        """Publish the versions whose day has come. Idempotent."""
        await repository.publish_due(clock.beijing_date(), clock.now())

    @staticmethod
    async def _in_scope(staff: StaffCaller, item_code: str, version: int) -> Row:
        row = await repository.find_record(item_code, version)
        if row is None:
            raise NotFound("未找到该事项版本")
        staff.require_scope(row["division_code"], row["department_code"])
        return row


async def _require_consistent(record: ItemRecord) -> None:
    findings = await asyncio.to_thread(rules.check_item, record)
    if findings:
        faults = tuple(FieldFault(finding.path, finding.message) for finding in findings)
        raise Conflict("该版本要素不符合规则，不能发布", code="item_inconsistent", faults=faults)


def _findings(row: Row) -> list[ItemFinding]:
    return [
        ItemFinding(item_code=row["item_code"], version=row["version"], path=finding.path, message=finding.message)
        for finding in rules.check_item(_record(row))
    ]


def _record(row: Row) -> ItemRecord:
    return msgspec.json.decode(row["record"], type=ItemRecord)


def _view(row: Row, staff: StaffCaller) -> VersionView:
    may = staff.may(Role.PUBLISHER)
    return VersionView(
        item_code=row["item_code"],
        version=row["version"],
        name=row["name"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        effective_on=row["effective_on"],
        feed=row["feed"],
        published_at=clock.rfc3339_or_none(row["published_at"]),
        published_by=row["published_by"],
        withdrawn_at=clock.rfc3339_or_none(row["withdrawn_at"]),
        acts=tuple(act.value for act in VersionAct if may and (row["status"], act) in TRANSITIONS),
    )
