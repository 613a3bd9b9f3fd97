"""Sources that stand in for files: the owner's licences, and data that other bodies share; each may be away.

The check of materials calls it. Only number, digest and time of what was seen are kept, never a copy.
Source: 国令第716号 第七条 (共享能获得的信息不得要求重复提供); GB/T 36901-2018 (证照使用).
"""

from __future__ import annotations

from app import clock
from app.errors import FieldFault, ProviderUnavailable, ServiceUnavailable
from services.applications.materials.owner import Owner
from services.applications.materials.types import KeptMaterial, Source
from services.applications.ports import SharedData
from services.catalogue.types import Item, Material
from services.licences.service import LicenceService
from services.licences.types import UsableLicence

_AWAY = (ProviderUnavailable, ServiceUnavailable)


class Sources:
    """Looks things up for the owner of a case."""

    def __init__(self, licences: LicenceService, shared: SharedData | None) -> None:
        self._licences, self._shared = licences, shared

    @property
    def shares(self) -> bool:
        """Tell whether any body shares data here."""
        return self._shared is not None

    async def usable(self, owner: Owner, material: Material) -> list[UsableLicence]:
        """Return the owner's valid licences that may stand for a material; none while the licences are away."""
        return await self.usable_of_type(owner, material.licence_type)

    async def usable_of_type(self, owner: Owner, type_code: str) -> list[UsableLicence]:
        """Return the owner's valid licences of a type; none while the licences are away."""
        try:
            return await self._licences.usable_for(owner.citizen_id, owner.enterprise_id, type_code)
        except _AWAY:
            return []

    async def licence(
        self, owner: Owner, material: Material, licence_no: str, path: str
    ) -> tuple[list[KeptMaterial], FieldFault | None]:
        """Take a licence for a material if it is the owner's, valid and of the right type."""
        try:
            usable = await self._licences.usable_for(owner.citizen_id, owner.enterprise_id, material.licence_type)
        except _AWAY:
            return [], FieldFault(f"{path}.source", f"电子证照暂时无法获取，请上传《{material.name}》")
        found = next((licence for licence in usable if licence.licence_no == licence_no), None)
        if found is None:
            return [], FieldFault(f"{path}.licence_no", f"没有可以作为《{material.name}》的有效电子证照，请上传")
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
