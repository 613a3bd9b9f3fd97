"""A case's materials for the officer in charge, and whether they let it be granted; the desk calls it."""

from __future__ import annotations

from datetime import date

from app import clock
from app.db import Row
from app.errors import Conflict
from services.applications.materials import repository, rules
from services.applications.materials.types import SOURCE_TEXT, STATE_TEXT, Source
from services.applications.types import CaseMaterial
from services.catalogue.types import Item
from services.licences.service import LicenceService


async def describe_materials(row: Row, item: Item) -> list[CaseMaterial]:
    """List a case's materials: each with its source, its state and the file to open."""
    today = clock.beijing_date()
    return [_described(each, item, today) for each in await repository.list_described(row["id"])]


async def require_settled(row: Row, item: Item, licences: LicenceService) -> None:
    """Refuse to grant a case while a material is awaited, or on a licence that has ended or changed meanwhile.

    Raises: Conflict `materials_awaited`, `licence_no_longer_valid`.
    """
    listed = rules.listed(row)
    awaited = [part["material_code"] for part in listed if part["source"] == Source.LATER]
    if awaited:
        names = "、".join(f"《{material.name}》" for code in awaited if (material := item.material(code)))
        raise Conflict(f"申请人尚未补交{names}", code="materials_awaited")
    if any(part["source"] == Source.LICENCE for part in listed):
        for part in await repository.list_described(row["id"]):
            if part["source"] == Source.LICENCE:
                await licences.require_unchanged(part["reference"], part["reference_hash"])


def _described(row: Row, item: Item, today: date) -> CaseMaterial:
    material = item.material(row["material_code"])
    state = rules.state_of(row["source"], row["due_on"], today)
    return CaseMaterial(
        material_code=row["material_code"],
        material_name=row["material_name"] or (material.name if material else row["material_code"]),
        page=row["page"],
        upload_id=str(row["upload_id"] or ""),
        content_type=row["content_type"] or "",
        size=row["size_bytes"] or 0,
        sha256=row["sha256"] or row["reference_hash"] or row["text_sha256"] or "",
        source=row["source"],
        source_text=SOURCE_TEXT[row["source"]],
        state=state,
        state_text=STATE_TEXT[state],
        reference=row["reference"],
        seen_at=clock.rfc3339_or_none(row["seen_at"]),
        due_on=row["due_on"].isoformat() if row["due_on"] else None,
        supplied_at=clock.rfc3339_or_none(row["supplied_at"]),
    )
