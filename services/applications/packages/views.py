"""Rows of package cases as views. Pure; called by the package use cases only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from app import clock
from app.db import Row
from app.errors import FieldFault
from services.applications.packages.states import (
    DECIDED,
    PART_TEXT,
    STATUS_TEXT,
    PackageStatus,
    Part,
    PartStatus,
    explanation,
)
from services.applications.packages.types import (
    Asked,
    PackageCaseSummary,
    PackageCaseView,
    PartView,
)
from services.applications.states import OUTCOME_TEXT, TO_CORRECT
from services.applications.states import STATUS_TEXT as CASE_TEXT
from services.applications.types import MaterialRef, Sibling
from services.applications.views import moment
from services.catalogue.types import PackageItem, PackageTerms


def stored_parts(rows: Sequence[Row]) -> tuple[Part, ...]:
    """Read stored parts with their cases as what the rules of `states` work on."""
    return tuple(
        Part(
            item_code=row["item_code"],
            depends_on=tuple(msgspec.json.decode(row["depends_on"])),
            status=PartStatus(row["status"]),
            application_no=row["application_no"],
            case_status=row["case_status"] or "",
            outcome=row["outcome"] or "",
        )
        for row in rows
    )


def package_view(row: Row, form: Mapping[str, Any], parts: Sequence[PartView]) -> PackageCaseView:
    """Show a package case to its citizen; `form` is whole or masked, as the caller decides."""
    return PackageCaseView(
        package_no=row["package_no"],
        package_code=row["package_code"],
        package_version=row["package_version"],
        package_name=row["package_name"],
        division_code=row["division_code"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        result_text=result_text(row["status"], parts),
        version=row["version"],
        form=dict(form),
        materials=stored_materials(row),
        optional_items=msgspec.json.decode(row["chosen"]),
        parts=list(parts),
        parts_total=len(parts),
        parts_decided=sum(part.status in DECIDED for part in parts),
        reason=row["reason"],
        created_at=clock.rfc3339(row["created_at"]),
        submitted_at=moment(row["submitted_at"]),
        withdrawn_at=moment(row["withdrawn_at"]),
        closed_at=moment(row["closed_at"]),
        promised_due_on=_day(row["promised_due_on"]),
        updated_at=clock.rfc3339(row["updated_at"]),
    )


def part_views(
    rows: Sequence[Row], terms: PackageTerms, asked: Mapping[str, Sequence[FieldFault]], *, withdrawn: bool
) -> list[PartView]:
    """Show the parts of a package that was handed in, each with its case as it is now."""
    parts = stored_parts(rows)
    by_code = {part.item_code: part for part in parts}
    names = {row["item_code"]: row["case_name"] or item_name(terms, row["item_code"]) for row in rows}
    return [
        _part_view(
            row, part, names[part.item_code], explanation(part, by_code, names, withdrawn=withdrawn), terms, asked
        )
        for row, part in zip(rows, parts, strict=True)
    ]


def planned_views(terms: PackageTerms, parts: Sequence[PackageItem]) -> list[PartView]:
    """Show the parts that a draft's answers call for."""
    codes = {part.item_code for part in parts}
    return [
        _blank(terms, part.item_code, [code for code in part.depends_on if code in codes], "尚未提交") for part in parts
    ]


def summary(row: Row) -> PackageCaseSummary:
    """Show a line of the citizen's list."""
    return PackageCaseSummary(
        package_no=row["package_no"],
        package_code=row["package_code"],
        package_name=row["package_name"],
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        version=row["version"],
        parts_total=row["total"],
        parts_decided=row["decided"],
        needs_you=row["needs_you"],
        submitted_at=moment(row["submitted_at"]),
        promised_due_on=_day(row["promised_due_on"]),
        closed_at=moment(row["closed_at"]),
        updated_at=clock.rfc3339(row["updated_at"]),
    )


def sibling(row: Row, terms: PackageTerms) -> Sibling:
    """Show a part to the officer of another part."""
    case_status = row["case_status"] or ""
    item = terms.items.get(row["item_code"])
    return Sibling(
        item_code=row["item_code"],
        item_name=row["case_name"] or item_name(terms, row["item_code"]),
        department_code=item.record.department_code if item else "",
        status=case_status or row["status"],
        status_text=CASE_TEXT[case_status] if case_status else PART_TEXT[row["status"]],
        application_no=row["application_no"],
        outcome=row["outcome"] or "",
    )


def result_text(status: str, parts: Sequence[PartView]) -> str:
    """Say in one line how a package has ended; "" before."""
    if status != PackageStatus.CLOSED:
        return ""
    done = sum(part.status == PartStatus.DONE for part in parts)
    if done == len(parts):
        return "全部办成"
    return f"共{len(parts)}项，办成{done}项" if done else "均未办成"


def stored_materials(row: Row) -> list[MaterialRef]:
    """Read the materials of a package case."""
    return msgspec.json.decode(row["materials"], type=list[MaterialRef])


def item_name(terms: PackageTerms, item_code: str) -> str:
    """Return an item's name, its code where it is not published any more."""
    item = terms.items.get(item_code)
    return item.record.name if item else item_code


def entity_tag(row: Row, parts: Sequence[Row]) -> str:
    """Return the ETag of a package case as read: its version, and the last change of it or of any of its cases."""
    latest = max([row["updated_at"], *(part["updated_at"] for part in parts if part["updated_at"] is not None)])
    paid = sum(part["fee_paid_at"] is not None for part in parts)
    return f'"{row["version"]}.{int(latest.timestamp() * 1000)}.{paid}"'


def _part_view(
    row: Row,
    part: Part,
    name: str,
    why: str,
    terms: PackageTerms,
    asked: Mapping[str, Sequence[FieldFault]],
) -> PartView:
    blank = _blank(terms, part.item_code, list(part.depends_on), why)
    wanted = [Asked(path=fault.path, message=fault.message) for fault in asked.get(part.item_code, ())]
    changes: dict[str, Any] = {
        "item_name": name,
        "status": part.status.value,
        "status_text": PART_TEXT[part.status],
        "asked": wanted,
    }
    if part.application_no is not None:
        changes |= {
            "application_no": part.application_no,
            "case_status": part.case_status,
            "case_status_text": CASE_TEXT[part.case_status],
            "outcome": part.outcome,
            "outcome_text": OUTCOME_TEXT[part.outcome],
            "needs_correction": part.case_status in TO_CORRECT,
            "correction_due_at": moment(row["correction_due_at"]),
            "reason": row["reason"],
            "fee_fen": row["fee_fen"],
            "fee_paid_at": moment(row["fee_paid_at"]),
            "promised_due_on": _day(row["promised_due_on"]),
            "closed_at": moment(row["closed_at"]),
        }
    return msgspec.structs.replace(blank, **changes)


def _blank(terms: PackageTerms, item_code: str, depends_on: list[str], why: str) -> PartView:
    item = terms.items.get(item_code)
    return PartView(
        item_code=item_code,
        item_name=item_name(terms, item_code),
        department_code=item.record.department_code if item else "",
        division_code=item.record.division_code if item else "",
        depends_on=depends_on,
        status=PartStatus.WAITING.value,
        status_text=PART_TEXT[PartStatus.WAITING],
        explanation=why,
        asked=[],
        application_no=None,
        case_status="",
        case_status_text="",
        outcome="",
        outcome_text="",
        needs_correction=False,
        correction_due_at=None,
        reason="",
        fee_fen=0,
        fee_paid_at=None,
        promised_due_on=None,
        closed_at=None,
    )


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
