"""Answers of a form: what must not be stored, what a draft may still lack, and the parting of sensitive answers.

Pure; called by the use cases. The item's own schema is compiled and kept by the catalogue. The open part of a form
holds masked values in place of the sensitive ones, so that reading a case needs no key.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app import identifiers
from app.errors import FieldFault, InvalidRequest
from services.applications.types import MaterialRef
from services.catalogue.types import Item

Path = tuple[str | int, ...]
_LONGEST_NAME = 4


def check_draft(item: Item, answers: Mapping[str, Any]) -> None:
    """Refuse answers that are wrong; answers that are not there yet are no fault of a draft. Raises: InvalidRequest."""
    faults = [*_unstorable(answers), *(fault for fault in item.form_faults(answers) if not _is_missing(fault, answers))]
    if faults:
        raise InvalidRequest(faults=tuple(faults))


def check_complete(item: Item, answers: Mapping[str, Any], material_codes: frozenset[str]) -> None:
    """Refuse a case that cannot be submitted: faulty or missing answers, missing materials.

    Raises: InvalidRequest `application_incomplete` with every fault at once (一次性告知).
    """
    faults = [*_unstorable(answers), *item.form_faults(answers)]
    missing = [part for part in item.must_upload(answers) if part.code not in material_codes]
    faults += [FieldFault(f"materials.{part.code}", f"请上传《{part.name}》") for part in missing]
    if faults:
        raise InvalidRequest("请补全申请内容后再提交", code="application_incomplete", faults=tuple(faults))


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


def material_faults(
    item: Item, materials: Sequence[MaterialRef], content_types: Mapping[uuid.UUID, str]
) -> list[FieldFault]:
    """Return what is wrong with named materials; `content_types` holds the uploads that are the citizen's own."""
    faults = []
    counted: dict[str, int] = {}
    for index, part in enumerate(materials):
        path, material = f"materials[{index}]", item.material(part.material_code)
        counted[part.material_code] = counted.get(part.material_code, 0) + 1
        if material is None:
            faults.append(FieldFault(f"{path}.material_code", "该事项没有此项材料"))
        elif part.upload_id not in content_types:
            faults.append(FieldFault(f"{path}.upload_id", "上传文件不存在"))
        elif content_types[part.upload_id] not in material.accepts:
            faults.append(FieldFault(f"{path}.upload_id", f"《{material.name}》不接受此文件格式"))
        elif counted[part.material_code] > material.max_files:
            faults.append(FieldFault(path, f"《{material.name}》最多上传{material.max_files}个文件"))
    return faults
