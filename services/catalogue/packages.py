"""The terms of one package version (一件事) as the cases room uses them: merged form, items, materials once; pure.

Made by the service from the package's record and its items; must not change either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import FieldFault
from app.ids import settled_text
from services.catalogue.codes import ItemStatus
from services.catalogue.forms import FormChecker, prefill_sources, sensitive_paths
from services.catalogue.records import ItemRecord, PackageItem, PackageRecord
from services.catalogue.terms import Answers, Item, holds, is_generated

_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class UnitedMaterial:
    """One material of a package, asked for once: `used_by` names item and material code wherever it is handed on."""

    code: str
    name: str
    used_by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PackageTerms:
    """One version of a package with its merged form compiled and the open version of each of its items."""

    record: PackageRecord
    checker: FormChecker
    sensitive: frozenset[tuple[str, ...]]
    prefill: Mapping[str, str]
    items: Mapping[str, Item]
    materials: tuple[UnitedMaterial, ...]

    @property
    def is_open(self) -> bool:
        """Tell whether new cases are taken."""
        return self.record.status is ItemStatus.OPEN

    def form_faults(self, answers: object) -> tuple[FieldFault, ...]:
        """Return the faults of the merged answers, with paths that begin with `form`."""
        return self.checker.faults(answers)

    def applying(self, answers: Answers, chosen: Iterable[str] = ()) -> tuple[PackageItem, ...]:
        """Return the parts that these answers call for: conditions decide, optional ones without any are chosen."""
        wanted = frozenset(chosen)
        return tuple(part for part in self.record.items if _applies(part, answers, wanted))

    def optional_items(self) -> frozenset[str]:
        """Return the items that only the citizen's choice adds."""
        return frozenset(part.item_code for part in self.record.items if not part.required and part.condition is None)

    def own_answers(self, part: PackageItem, answers: Answers) -> dict[str, Any]:
        """Return the answers of the item's own form out of the merged ones; what is not answered stays away."""
        return {target: answers[source] for target, source in part.field_map.items() if source in answers}

    def handed_on(self, part: PackageItem, own: Answers) -> dict[str, str]:
        """Return united code → the item's own, of the materials that the item gets with these answers of its form.

        What only other answers call for is not handed on: a department sees no more than it needs.
        """
        item = self.items[part.item_code]
        needed = {m.code for m in item.record.materials if m.condition is None or holds(m.condition, own)}
        return {
            material.code: code
            for material in self.materials
            for item_code, code in material.used_by
            if item_code == part.item_code and code in needed
        }

    def merged_path(self, part: PackageItem, path: str) -> str:
        """Return the path in the merged form from which a path (`form.x`) of the item's own form is filled."""
        rest = path.removeprefix("form.")
        name = rest.split(".")[0].split("[")[0]
        source = part.field_map.get(name)
        return path if source is None else f"form.{source}{rest[len(name) :]}"

    def material(self, code: str) -> UnitedMaterial | None:
        """Return the united material of this code."""
        return next((material for material in self.materials if material.code == code), None)


def make_package(record: PackageRecord, items: Mapping[str, Item], divisions: frozenset[str]) -> PackageTerms:
    """Compile a package over its items. Raises ValueError when its form is no valid schema."""
    listed = [items[part.item_code].record for part in record.items if part.item_code in items]
    return PackageTerms(
        record,
        FormChecker(record.form, divisions),
        sensitive_paths(record.form),
        prefill_sources(record.form),
        items,
        unite(listed),
    )


def unite(items: Iterable[ItemRecord]) -> tuple[UnitedMaterial, ...]:
    """Return the materials of several items, those of one name once, under a code that follows from the name."""
    used: dict[str, list[tuple[str, str]]] = {}
    for item in items:
        for material in item.materials:
            if not is_generated(material):
                used.setdefault(material.name, []).append((item.item_code, material.code))
    return tuple(UnitedMaterial(united_code(name), name, tuple(places)) for name, places in used.items())


def united_code(name: str) -> str:
    """Return the code of a material within packages: the same for a name in every package and version."""
    return "P" + settled_text(name.encode(), _CODE_LENGTH)


def _applies(part: PackageItem, answers: Answers, chosen: frozenset[str]) -> bool:
    if part.condition is not None:
        return holds(part.condition, answers)
    return part.required or part.item_code in chosen
