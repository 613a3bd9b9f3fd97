"""Checks rule files against the catalogue: expressions compile, every input exists and has its type. Pure.

Called by `run.py items check` and before rules are loaded; a rule with faults is never loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.applications.instant.engine import CompiledRule, FaultyRule
from services.applications.instant.types import InputType, Rule, RuleInput
from services.catalogue.types import ItemRecord

_FIXED: Mapping[str, InputType] = {
    "person.age": InputType.WHOLE,
    "person.name": InputType.TEXT,
    "person.id_number": InputType.TEXT,
    "person.phone": InputType.TEXT,
    "person.real_name_level": InputType.TEXT,
    "fee.paid": InputType.YES_NO,
    "fee.amount_fen": InputType.WHOLE,
}
_SCHEMA_TYPES = {"string": InputType.TEXT, "integer": InputType.WHOLE, "boolean": InputType.YES_NO}
_MATERIAL_PARTS = ("source", "status")
_LICENCE_TYPE_LENGTH = 21


def check_rule(rule: Rule, items: Mapping[str, ItemRecord]) -> list[str]:
    """Return what is wrong with a rule, in Chinese; empty when it may be loaded. `items` are keyed by item code."""
    faults = [
        *_repeated("输入", [each.name for each in rule.inputs]),
        *_repeated("检查", [each.id for each in rule.checks]),
    ]
    for code in rule.items:
        record = items.get(code)
        if record is None:
            faults.append(f"事项不存在：{code}")
            continue
        if not record.automatic:
            faults.append(f"事项未列入智慧审批：{code}")
        faults += [fault for each in rule.inputs for fault in _input_faults(each, record)]
    try:
        CompiledRule(rule)
    except FaultyRule as fault:
        faults.append(str(fault))
    return list(dict.fromkeys(faults))


def check_rules(rules: Mapping[str, Rule], items: Mapping[str, ItemRecord]) -> list[tuple[str, str]]:
    """Return (file, fault) of all rules, also items and codes that stand in two of them."""
    faults = [(file, fault) for file, rule in rules.items() for fault in check_rule(rule, items)]
    owners: dict[str, str] = {}
    for file, rule in rules.items():
        for key in (rule.code, *rule.items):
            if key in owners:
                faults.append((file, f"已在{owners[key]}中使用：{key}"))
            owners.setdefault(key, file)
    return faults


def _input_faults(given: RuleInput, record: ItemRecord) -> Iterator[str]:
    expected = _expected_type(given.source, record)
    if expected is None:
        yield f"{record.item_code}没有此输入：{given.source}"
    elif expected is not given.type:
        yield f"输入{given.source}的类型应为{expected.value}"


def _expected_type(source: str, record: ItemRecord) -> InputType | None:
    if source in _FIXED:
        return _FIXED[source]
    kind, _, rest = source.partition(".")
    if kind == "form":
        field = _fields(record.form).get(rest, {})
        return _SCHEMA_TYPES.get(field.get("type", ""))
    name, _, part = rest.rpartition(".")
    if kind == "materials" and part in _MATERIAL_PARTS and any(each.code == name for each in record.materials):
        return InputType.TEXT
    if kind == "licences" and part == "valid" and len(name) == _LICENCE_TYPE_LENGTH:
        return InputType.YES_NO
    return None


def _fields(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the top-level fields of a form, those of its conditional parts too."""
    fields = dict(schema.get("properties", {}))
    parts = [schema.get("then"), schema.get("else"), *schema.get("allOf", ())]
    for part in parts:
        if isinstance(part, dict):
            fields |= {name: field for name, field in _fields(part).items() if name not in fields}
    return fields


def _repeated(kind: str, names: list[str]) -> list[str]:
    return [f"{kind}重复：{name}" for name in dict.fromkeys(names) if names.count(name) > 1]
