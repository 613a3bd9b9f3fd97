"""Answers of a form: what must not be stored, what a draft may still lack, and the parting of sensitive answers.

Pure; called by the use cases. The item's own schema is compiled and kept by the catalogue. The open part of a form
holds masked values in place of the sensitive ones, so that reading a case needs no key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from app import identifiers
from app.errors import FieldFault, InvalidRequest
from services.applications.materials import rules
from services.catalogue.types import Item

Path = tuple[str | int, ...]
_LONGEST_NAME = 4


class Questions(Protocol):
    """Whatever has a form: an item, or a package with its merged one."""

    def form_faults(self, answers: object) -> tuple[FieldFault, ...]:
        """Return the faults of a form's answers, with paths that begin with `form`."""


def draft_faults(item: Questions, answers: Mapping[str, Any]) -> list[FieldFault]:
    """Return what is wrong with answers; what is not there yet is no fault of a draft."""
    return [*_unstorable(answers), *(fault for fault in item.form_faults(answers) if not _is_missing(fault, answers))]


def check_draft(item: Item, answers: Mapping[str, Any]) -> None:
    """Refuse answers that are wrong; they may be incomplete. Raises: InvalidRequest."""
    faults = draft_faults(item, answers)
    if faults:
        raise InvalidRequest(faults=tuple(faults))


def lacking(item: Item, answers: Mapping[str, Any], material_codes: frozenset[str]) -> list[FieldFault]:
    """Return everything that keeps a case from being handed in: faulty or missing answers, missing materials."""
    missing = [part for part in item.needed_materials(answers) if part.code not in material_codes]
    return [
        *_unstorable(answers),
        *item.form_faults(answers),
        *(FieldFault(f"materials.{part.code}", rules.demand(part)) for part in missing),
    ]


def check_complete(
    item: Item, answers: Mapping[str, Any], material_codes: frozenset[str], others: Sequence[FieldFault] = ()
) -> None:
    """Refuse a case that cannot be submitted, for what it lacks and for `others`.

    Raises: InvalidRequest `application_incomplete` with every fault at once (一次性告知).
    """
    faults = (*lacking(item, answers, material_codes), *others)
    if faults:
        raise InvalidRequest("请补全申请内容后再提交", code="application_incomplete", faults=faults)


def part_sensitive(
    answers: Mapping[str, Any], sensitive: frozenset[tuple[str, ...]]
) -> tuple[dict[str, Any], list[tuple[list[str | int], Any]]]:
    """Split answers into a form with masked values and the list of (path, value) to be encrypted."""
    shown: dict[str, Any] = _copied(answers)
    hidden: list[tuple[list[str | int], Any]] = []
    for pattern in sorted(sensitive):
        for path in list(_matching(shown, pattern)):
            holder = _holder(shown, path)
            hidden.append((list(path), holder[path[-1]]))
            holder[path[-1]] = masked(holder[path[-1]])
    return shown, hidden


def join_sensitive(shown: dict[str, Any], hidden: list[tuple[list[str | int], Any]]) -> dict[str, Any]:
    """Put the sensitive answers back into a parted form; the reverse of `part_sensitive`."""
    for path, value in hidden:
        _holder(shown, tuple(path))[path[-1]] = value
    return shown


def masked(value: Any) -> Any:
    """Mask one answer by its shape; what is no text becomes stars."""
    if not isinstance(value, str):
        return "***"
    if len(value) == 18 and value[:17].isdigit():
        return identifiers.mask_id_number(value)
    if identifiers.is_mobile_phone(value):
        return identifiers.mask_phone(value)
    if value.isascii() and any(letter.isdigit() for letter in value):
        return "*" * max(len(value) - 4, 1) + value[-4:] if len(value) > 8 else "*" * len(value)
    return identifiers.mask_name(value) if len(value) <= _LONGEST_NAME else identifiers.mask_address(value)


def _unstorable(value: Any, path: str = "form") -> Iterator[FieldFault]:
    if isinstance(value, str):
        if "\x00" in value:
            yield FieldFault(path, "包含不允许的字符")
    elif isinstance(value, Mapping):
        for name, part in value.items():
            if "\x00" in name:
                yield FieldFault(path, "字段名包含不允许的字符")
            else:
                yield from _unstorable(part, f"{path}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _unstorable(part, f"{path}[{index}]")


def _is_missing(fault: FieldFault, answers: Mapping[str, Any]) -> bool:
    """Tell whether a fault says only that an answer is not there: its path then leads nowhere."""
    return fault.message.startswith("请填写") and not _is_given(fault.path, answers)


def _is_given(path: str, answers: Mapping[str, Any]) -> bool:
    value: Any = answers
    for step in path.replace("[", ".[").split(".")[1:]:
        if step.startswith("["):
            index = int(step[1:-1])
            if not isinstance(value, list) or index >= len(value):
                return False
            value = value[index]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return False
    return True


def _matching(value: Any, pattern: tuple[str, ...], path: Path = ()) -> Iterator[Path]:
    if not pattern:
        yield path
    elif pattern[0] == "*":
        if isinstance(value, list):
            for index, part in enumerate(value):
                yield from _matching(part, pattern[1:], (*path, index))
    elif isinstance(value, dict) and pattern[0] in value:
        yield from _matching(value[pattern[0]], pattern[1:], (*path, pattern[0]))


def _holder(form: Any, path: Path) -> Any:
    for step in path[:-1]:
        form = form[step]
    return form


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value
