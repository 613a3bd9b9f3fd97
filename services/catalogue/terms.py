"""The terms of one item version as other rooms use them: form check, fees due, materials needed; pure.

Made by the service, kept by callers only for the length of a use case; must not change the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import FieldFault
from services.catalogue.codes import ItemStatus, Necessity, Substitute
from services.catalogue.forms import FormChecker, prefill_sources, sensitive_paths, walk
from services.catalogue.records import Condition, FeeItem, ItemRecord, Material

Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One version of an item with its form compiled."""

    record: ItemRecord
    content_hash: str
    checker: FormChecker
    sensitive: frozenset[tuple[str, ...]]
    prefill: Mapping[str, str]

    @property
    def is_open(self) -> bool:
        """Tell whether new applications are taken."""
        return self.record.status is ItemStatus.OPEN

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the form's top-level fields by name, those of conditional parts too."""
        found: dict[str, Mapping[str, Any]] = {}
        for path, part in walk(self.record.form):
            if len(path) == 1 and "type" in part:
                found.setdefault(path[0], part)
        return found

    def form_faults(self, answers: object) -> tuple[FieldFault, ...]:
        """Return the faults of a form's answers, with paths that begin with `form`."""
        return self.checker.faults(answers)

    def fees(self, answers: Answers) -> tuple[FeeItem, ...]:
        """Return the fee items that these answers make due."""
        return tuple(fee for fee in self.record.fees.items if holds(fee.condition, answers))

    def fee_fen(self, answers: Answers) -> int:
        """Return what these answers cost, in fen; 0 for an item without fee."""
        return sum(fee.amount_fen for fee in self.fees(answers))

    def needed_materials(self, answers: Answers) -> tuple[Material, ...]:
        """Return the materials these answers call for, without those that the form itself becomes."""
        return tuple(material for material in self.record.materials if _is_needed(material, answers))

    def material(self, code: str) -> Material | None:
        """Return the material of this code."""
        return next((material for material in self.record.materials if material.code == code), None)


def make_item(record: ItemRecord, content_hash: str, divisions: frozenset[str]) -> Item:
    """Compile a record. `divisions` are the codes that ID numbers may begin with. Raises ValueError."""
    checker = FormChecker(record.form, divisions)
    return Item(record, content_hash, checker, sensitive_paths(record.form), prefill_sources(record.form))


def holds(condition: Condition | None, answers: Answers) -> bool:
    """Tell whether a condition is met; no condition always is."""
    return condition is None or answers.get(condition.field) in condition.values


def is_generated(material: Material) -> bool:
    """Tell whether the platform draws this material from the form, so that nobody uploads it."""
    return material.blank is not None and material.blank.from_form


def may_be_spared(material: Material) -> bool:
    """Tell whether a licence or shared data stands in for this material (免证办)."""
    return bool({Substitute.LICENCE, Substitute.SHARED_DATA} & set(material.substitutes))


def _is_needed(material: Material, answers: Answers) -> bool:
    if is_generated(material):
        return False
    if material.necessity is Necessity.CONDITIONAL:
        return material.condition is not None and holds(material.condition, answers)
    return material.necessity is Necessity.REQUIRED
