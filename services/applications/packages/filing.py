"""Makes what each part would be handed in with, looking up what stands in for files; nothing is stored here.

Called when a package's draft is checked, when it is handed in, and when a part's turn comes.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from app.errors import Conflict, FieldFault, InvalidRequest
from services.applications.materials import rules
from services.applications.materials.check import MaterialCheck
from services.applications.materials.owner import Owner
from services.applications.materials.types import KeptMaterial
from services.applications.packages import merging
from services.applications.packages.merging import Answers, Filing, Named
from services.applications.types import MaterialRef
from services.catalogue.types import Item, PackageItem, PackageTerms


class Filer:
    """One per process; reads only."""

    def __init__(self, check: MaterialCheck) -> None:
        self._check = check

    async def file(
        self,
        citizen_id: uuid.UUID,
        terms: PackageTerms,
        part: PackageItem,
        answers: Answers,
        materials: Sequence[MaterialRef],
    ) -> Filing:
        """Make one part's filing out of the merged answers and materials; what others share is looked up.

        Raises: Conflict `item_closed`.
        """
        item = terms.items.get(part.item_code)
        if item is None or not item.is_open:
            raise Conflict("其中的事项暂不受理，请稍后再试", code="item_closed", item_code=part.item_code)
        own = terms.own_answers(part, answers)
        wrong, missing = merging.answer_faults(terms, part, item, own)
        owner, codes = Owner(citizen_id, None, citizen_id), terms.handed_on(part, own)
        kept, faults = await self._kept(owner, item, merging.named(materials, codes))
        wrong += faults
        if not faults:
            shared, lacking = await self._lacking(owner, item, own, codes, kept)
            kept, missing = [*kept, *shared], [*missing, *lacking]
        return Filing(part, item, own, tuple(kept), tuple(wrong), tuple(missing))

    async def file_all(
        self,
        citizen_id: uuid.UUID,
        terms: PackageTerms,
        answers: Answers,
        chosen: Sequence[str],
        materials: Sequence[MaterialRef],
    ) -> list[Filing]:
        """Make the filings of all parts that the answers call for. Raises: Conflict `item_closed`."""
        parts = terms.applying(answers, chosen)
        return [await self.file(citizen_id, terms, part, answers, materials) for part in parts]

    async def draft_faults(
        self,
        citizen_id: uuid.UUID,
        terms: PackageTerms,
        answers: Answers,
        chosen: Sequence[str],
        materials: Sequence[MaterialRef],
    ) -> list[FieldFault]:
        """Return what is wrong with named materials, by the rules of every part that gets them by now."""
        faults = merging.unknown_materials(terms, materials)
        owner = Owner(citizen_id, None, citizen_id)
        for part in terms.applying(answers, chosen):
            if (item := terms.items.get(part.item_code)) is not None:
                codes = terms.handed_on(part, terms.own_answers(part, answers))
                _, wrong = await self._kept(owner, item, merging.named(materials, codes))
                faults += wrong
        return list(dict.fromkeys(faults))

    async def _kept(self, owner: Owner, item: Item, named: Named) -> tuple[list[KeptMaterial], list[FieldFault]]:
        try:
            return await self._check.kept(owner, item, named.refs), []
        except InvalidRequest as error:
            return [], [FieldFault(named.whole_path(fault.path), fault.message) for fault in error.faults]

    async def _lacking(
        self, owner: Owner, item: Item, own: Answers, codes: dict[str, str], kept: Sequence[KeptMaterial]
    ) -> tuple[list[KeptMaterial], list[FieldFault]]:
        """Return what others share of the missing materials, and the faults of what is missing still."""
        given = {material.material_code for material in kept}
        missing = [material for material in item.needed_materials(own) if material.code not in given]
        shared = await self._check.shared_for(owner, item, missing) if missing else []
        found = {material.material_code for material in shared}
        united = {own_code: code for code, own_code in codes.items()}
        return shared, [
            FieldFault(f"materials.{united.get(material.code, material.code)}", rules.demand(material))
            for material in missing
            if material.code not in found
        ]
