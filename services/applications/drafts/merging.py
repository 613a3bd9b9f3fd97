"""How answers of several hands become one form: patches of single fields, and the move to a newer form. Pure.

A patch names only what its device has changed (RFC 7396), so that patches of two devices meet field by field: the later
one counts for a field that both name, and neither loses what only the other one names.
Source: RFC 7396 JSON Merge Patch, section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.errors import FieldFault
from services.applications import forms
from services.catalogue.types import Item


@dataclass(frozen=True, slots=True)
class Merged:
    """Answers that may be stored, and what was left out of them with the reason."""

    answers: dict[str, Any] = field(repr=False)
    left_out: tuple[FieldFault, ...] = ()


def merged(answers: Any, patch: Any) -> Any:
    """Return the answers with a patch applied: null takes an answer out, lists are replaced as a whole."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(answers) if isinstance(answers, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def merged_plainly(_: Item, answers: Mapping[str, Any], patch: Mapping[str, Any]) -> Merged:
    """Apply a whole patch, right or wrong; whoever stores the answers checks them."""
    return Merged(merged(answers, patch))


def merged_sound(item: Item, answers: Mapping[str, Any], patch: Mapping[str, Any]) -> Merged:
    """Apply those fields of a patch that are right as they stand; the others keep what was stored (自动保存)."""
    wanted, left_out = dict(patch), list[FieldFault]()
    while True:
        result = merged(answers, wanted)
        faults = forms.draft_faults(item, result)
        wrong = {_field_of(fault.path) for fault in faults} & wanted.keys()
        if not wrong:
            return Merged(result, tuple(left_out))
        left_out += [fault for fault in faults if _field_of(fault.path) in wrong]
        wanted = {name: value for name, value in wanted.items() if name not in wrong}


def carried(old: Item, new: Item, answers: Mapping[str, Any]) -> Merged:
    """Return the answers of an old version that still fit a new one: the same field, of the same type, and right."""
    before, now = old.fields, new.fields
    gone = [name for name in answers if name not in now or _kind(before.get(name)) != _kind(now[name])]
    kept = {name: value for name, value in answers.items() if name not in gone}
    while wrong := {_field_of(fault.path) for fault in forms.draft_faults(new, kept)} & kept.keys():
        gone += sorted(wrong)
        kept = {name: value for name, value in kept.items() if name not in wrong}
    return Merged(kept, tuple(_left_out(gone, before)))


def _left_out(names: Iterable[str], parts: Mapping[str, Mapping[str, Any]]) -> list[FieldFault]:
    return [
        FieldFault(f"form.{name}", f"“{parts.get(name, {}).get('title', name)}”在新版表单中不适用，请重新填写")
        for name in names
    ]


def _kind(part: Mapping[str, Any] | None) -> Any:
    return None if part is None else (part.get("type"), part.get("format"))


def _field_of(path: str) -> str:
    return path.removeprefix("form.").partition(".")[0].partition("[")[0]
