"""From one merged form and materials named once to what each department gets; pure, called by the use cases.

A fault of an item's own form is told with the path of the merged form, for that is what the citizen has before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.errors import FieldFault
from services.applications.materials.types import KeptMaterial
from services.applications.types import MaterialRef
from services.catalogue.types import Item, PackageItem, PackageTerms

Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filing:
    """What one part would be handed in with: its own answers and materials, what is wrong, and what is missing."""

    part: PackageItem
    item: Item
    answers: dict[str, Any]
    materials: tuple[KeptMaterial, ...]
    wrong: tuple[FieldFault, ...]
    missing: tuple[FieldFault, ...]

    @property
    def is_complete(self) -> bool:
        """Tell whether it can be handed in as it is."""
        return not self.wrong and not self.missing


@dataclass(frozen=True, slots=True)
class Named:
    """The materials of a package that one item gets, under its codes; `places` are their indexes in the whole."""

    refs: tuple[MaterialRef, ...]
    places: tuple[int, ...]

    def whole_path(self, path: str) -> str:
        """Return the path in the whole package's materials of a fault in these ones."""
        head, _, rest = path.partition("]")
        index = head.removeprefix("materials[")
        return f"materials[{self.places[int(index)]}]{rest}" if index.isdigit() else path


def named(materials: Sequence[MaterialRef], codes: Mapping[str, str]) -> Named:
    """Pick what an item gets; `codes` are united code → the item's own."""
    found = [(place, ref) for place, ref in enumerate(materials) if ref.material_code in codes]
    refs = tuple(msgspec.structs.replace(ref, material_code=codes[ref.material_code]) for _, ref in found)
    return Named(refs, tuple(place for place, _ in found))


def answer_faults(
    terms: PackageTerms, part: PackageItem, item: Item, own: Answers
) -> tuple[list[FieldFault], list[FieldFault]]:
    """Return what is wrong and what is missing in an item's own answers, by the paths of the merged form."""
    wrong: list[FieldFault] = []
    missing: list[FieldFault] = []
    for fault in item.form_faults(own):
        known = wrong if _field_of(fault.path) in own else missing
        known.append(FieldFault(terms.merged_path(part, fault.path), fault.message))
    return wrong, missing


def waits_for(filed: Sequence[Filing]) -> dict[str, tuple[str, ...]]:
    """Return item → those it depends on among the parts that are there; what does not apply is not waited for."""
    present = {each.part.item_code for each in filed}
    return {each.part.item_code: tuple(code for code in each.part.depends_on if code in present) for each in filed}


def faults_of(terms: PackageTerms, answers: Answers, filed: Sequence[Filing]) -> tuple[FieldFault, ...]:
    """Return everything that keeps a package from being handed in, once each.

    What a part that waits for others lacks is none: it may come out of what the others grant, and the citizen is asked
    for it when that part's turn comes.
    """
    depends = waits_for(filed)
    found = list(terms.form_faults(answers))
    for each in filed:
        found += each.wrong
        found += () if depends[each.part.item_code] else each.missing
    first: dict[str, FieldFault] = {}
    for fault in found:
        first.setdefault(fault.path, fault)
    return tuple(first.values())


def unknown_materials(terms: PackageTerms, materials: Sequence[MaterialRef]) -> list[FieldFault]:
    """Return the named materials that the package does not have."""
    return [
        FieldFault(f"materials[{index}].material_code", "该一件事没有此项材料")
        for index, ref in enumerate(materials)
        if terms.material(ref.material_code) is None
    ]


def _field_of(path: str) -> str:
    return path.removeprefix("form.").split(".")[0].split("[")[0]
