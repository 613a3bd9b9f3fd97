"""Checks what is named for a case's materials, and looks up what stands in for files; nothing is stored here.

The drafts' use cases call it when materials are named, the citizens' once more when a case is handed in. A source that
is away never blocks: the applicant is told to upload instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app import clock
from app.db import Row
from app.errors import FieldFault, InvalidRequest
from services.applications.drafts.repository import owned_uploads
from services.applications.materials import promises, repository, rules
from services.applications.materials.owner import Owner
from services.applications.materials.sources import Sources
from services.applications.materials.types import KeptMaterial, Source
from services.applications.types import MaterialRef
from services.catalogue.types import Item, Material

Found = tuple[list[KeptMaterial], FieldFault | None]


class MaterialCheck:
    """Turns what a request names into what is stored, or says what is wrong with it.

    Args:
        later_days: working days after acceptance within which deferred materials come in.
        reuse_days: days for which a file of an earlier case may be used again.
    """

    def __init__(self, sources: Sources, *, later_days: int, reuse_days: int) -> None:
        self._sources, self._later_days, self._reuse_days = sources, later_days, reuse_days

    async def kept(self, owner: Owner, item: Item, materials: Sequence[MaterialRef]) -> list[KeptMaterial]:
        """Check named materials and return them as they are stored. Raises: InvalidRequest with every fault."""
        if not materials:
            return []
        faults = rules.named_faults(item, materials)
        if faults:
            raise InvalidRequest(faults=tuple(faults))
        uploads = [part.upload_id for part in materials if part.upload_id is not None]
        content_types = await owned_uploads(owner.people, uploads) if uploads else {}
        found: list[KeptMaterial] = []
        for index, part in enumerate(materials):
            material, path = item.material(part.material_code), f"materials[{index}]"
            assert material is not None, "named_faults has seen it"
            if rules.source_of(part) is Source.UPLOAD:
                fault = rules.file_fault(f"{path}.upload_id", material, part.upload_id, content_types)
                kept = [
                    KeptMaterial(
                        material_code=part.material_code, material_name=material.name, upload_id=part.upload_id
                    )
                ]
            else:
                kept, fault = await self._looked_up(owner, item, material, part, path)
            faults += [fault] if fault else []
            found += kept
        if faults:
            raise InvalidRequest(faults=tuple(faults))
        return found

    async def stored_faults(self, owner: Owner, item: Item, row: Row) -> list[FieldFault]:
        """Return what has become wrong since with what stands in for files of a case (a licence that was revoked)."""
        faults = []
        for part in stand_ins(row):
            material = item.material(part.material_code)
            path = f"materials.{part.material_code}"
            if material is None or not rules.allows(material, rules.source_of(part)):
                faults.append(FieldFault(path, "材料要求已变化，请重新提供"))
                continue
            _, fault = await self._looked_up(owner, item, material, part, path)
            faults += [FieldFault(path, fault.message)] if fault else []
        return faults

    async def shared_for(self, owner: Owner, item: Item, missing: Sequence[Material]) -> list[KeptMaterial]:
        """Look the missing materials up in shared data, where the item allows it and a source is there (免提交)."""
        allowed = [material for material in missing if rules.allows(material, Source.SHARED)]
        found = [await self._sources.shared(owner, item, material) for material in allowed]
        return [kept for kept in found if kept is not None]

    async def _looked_up(self, owner: Owner, item: Item, material: Material, part: MaterialRef, path: str) -> Found:
        source = rules.source_of(part)
        if source is Source.LICENCE:
            return await self._sources.licence(owner, material, part.licence_no, path)
        if source is Source.EARLIER:
            return await self._earlier(owner, material, part.application_no, path)
        if source is Source.SHARED:
            shared = await self._sources.shared(owner, item, material)
            fault = FieldFault(f"{path}.source", f"共享数据暂时无法获取，请上传《{material.name}》")
            return ([], fault) if shared is None else ([shared], None)
        return await self._promised(owner, item, material, part, path)

    async def _earlier(self, owner: Owner, material: Material, application_no: str, path: str) -> Found:
        rows = await repository.list_earlier_of(owner.citizen_id, owner.enterprise_id, application_no)
        pages = [row for row in rows if row["material_name"] == material.name]
        if not pages:
            return [], FieldFault(f"{path}.application_no", f"该办件中没有可以沿用的《{material.name}》")
        oldest_on, now = min(clock.beijing_date(row["uploaded_at"]) for row in pages), clock.now()
        if not rules.is_fresh(oldest_on, clock.beijing_date(now), self._reuse_days):
            return [], FieldFault(f"{path}.application_no", f"《{material.name}》已超过可以沿用的期限，请重新上传")
        if len(pages) > material.max_files or any(row["content_type"] not in material.accepts for row in pages):
            return [], FieldFault(f"{path}.application_no", f"此前的《{material.name}》不符合本事项的要求，请重新上传")
        return [
            KeptMaterial(
                material_code=material.code,
                material_name=material.name,
                source=Source.EARLIER,
                upload_id=row["upload_id"],
                reference=application_no,
                reference_hash=row["sha256"],
                seen_at=now,
            )
            for row in pages
        ], None

    async def _promised(self, owner: Owner, item: Item, material: Material, part: MaterialRef, path: str) -> Found:
        source = rules.source_of(part)
        if source is Source.PROMISE and await repository.has_broken_promise(owner.people):
            return [], FieldFault(f"{path}.source", f"您有不实承诺记录，不适用告知承诺，请上传《{material.name}》")
        signed = promises.promise_of(item.record, material, source, self._later_days)
        if part.text_sha256 not in ("", signed.sha256):
            return [], FieldFault(f"{path}.text_sha256", "承诺书内容已更新，请重新阅读后再承诺")
        return [
            KeptMaterial(material_code=material.code, material_name=material.name, source=source, signed=signed)
        ], None


def all_named(row: Row) -> dict[str, list[MaterialRef]]:
    """Name the materials of a stored case as a request would, by their code and in the order of their pages."""
    named: dict[str, list[MaterialRef]] = {}
    for part in rules.listed(row):
        code, source = part["material_code"], Source(part["source"])
        if source is not Source.UPLOAD and code in named:
            continue
        ref = MaterialRef(
            material_code=code,
            source=rules.WIRE[source],
            upload_id=uuid.UUID(part["upload_id"]) if source is Source.UPLOAD else None,
            licence_no=part["reference"] if source is Source.LICENCE else "",
            application_no=part["reference"] if source is Source.EARLIER else "",
        )
        named.setdefault(code, []).append(ref)
    return named


def stand_ins(row: Row) -> list[MaterialRef]:
    """Name what stands in for files of a stored case; a file, and what others shared with it, needs no second look."""
    return [named[0] for named in all_named(row).values() if named[0].source not in ("upload", "shared")]
