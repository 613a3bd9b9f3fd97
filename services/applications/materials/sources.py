"""Sources that stand in for files: the owner's licences, and data that other bodies share; each may be away.

The check of materials calls it. Only number, digest and time of what was seen are kept, never a copy.
Source: 国令第716号 第七条 (共享能获得的信息不得要求重复提供); GB/T 36901-2018 (证照使用).
"""

from __future__ import annotations

from app import clock
from app.errors import FieldFault, NotFound, ProviderUnavailable, ServiceUnavailable
from services.applications.materials.owner import Owner
from services.applications.materials.types import KeptMaterial, Source
from services.applications.ports import SharedData
from services.catalogue.types import Item, Material
from services.licences.service import LicenceService

_VALID = "VALID"
_AWAY = (ProviderUnavailable, ServiceUnavailable)


class Sources:
    """Looks things up for the owner of a case."""

    def __init__(self, licences: LicenceService, shared: SharedData | None) -> None:
        self._licences, self._shared = licences, shared

    async def licence(
        self, owner: Owner, material: Material, licence_no: str, path: str
    ) -> tuple[list[KeptMaterial], FieldFault | None]:
        """Take a licence for a material if it is the owner's, valid and of the right type."""
        try:
            found = await self._licences.licence(owner.citizen_id, licence_no)
        except NotFound:
            return [], FieldFault(f"{path}.licence_no", "未找到该证照")
        except _AWAY:
            return [], FieldFault(f"{path}.source", f"电子证照暂时无法获取，请上传《{material.name}》")
        if found.type_code != material.licence_type:
            return [], FieldFault(f"{path}.licence_no", f"该证照不能作为《{material.name}》使用")
        if found.status != _VALID:
            return [], FieldFault(f"{path}.licence_no", f"证照当前为“{found.status_text}”，请上传《{material.name}》")
        return [
            KeptMaterial(
                material_code=material.code,
                material_name=material.name,
                source=Source.LICENCE,
                reference=licence_no,
                reference_hash=found.sha256,
                seen_at=clock.now(),
            )
        ], None

    async def shared(self, owner: Owner, item: Item, material: Material) -> KeptMaterial | None:
        """Look a material up in shared data; None where nobody shares it or the source is away."""
        if self._shared is None:
            return None
        try:
            seen = await self._shared.look(owner.citizen_id, owner.enterprise_id, item.record.item_code, material)
        except _AWAY:
            return None
        if seen is None:
            return None
        return KeptMaterial(
            material_code=material.code,
            material_name=material.name,
            source=Source.SHARED,
            reference=seen.reference,
            reference_hash=seen.sha256,
            seen_at=clock.now(),
        )
