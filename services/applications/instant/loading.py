"""Reads rule files (data/rules) and makes them the current rules; called by the commands that load the catalogue.

All rules or none: a faulty file is named with its faults and nothing is changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from services.applications.instant import repository
from services.applications.instant.checking import check_rules
from services.applications.instant.types import CurrentRule, Rule
from services.catalogue.types import ItemRecord


class FaultyRules(Exception):
    """Rules that cannot be loaded; `faults` lists (file, Chinese sentence)."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        self.faults = faults
        super().__init__("\n".join(f"{file}: {fault}" for file, fault in faults))


def rule_faults(folder: Path, items: Iterable[ItemRecord]) -> list[tuple[str, str]]:
    """List every fault of the rule files of a folder as (file, sentence)."""
    rules, faults = _read(folder)
    return faults + check_rules(rules, {record.item_code: record for record in items})


async def load_rules(folder: Path, items: Iterable[ItemRecord]) -> int:
    """Check the rule files and make them the current rules; return how many. Idempotent. Raises: FaultyRules."""
    if faults := rule_faults(folder, items):
        raise FaultyRules(faults)
    rules, _ = _read(folder)
    try:
        await repository.save_rules([CurrentRule(rule, digest(rule)) for rule in rules.values()])
    except ValueError as fault:
        raise FaultyRules([("rules", str(fault))]) from fault
    return len(rules)


def digest(rule: Rule) -> str:
    """Return the SHA-256 of a rule's content, whatever the spacing of its file."""
    return hashlib.sha256(msgspec.json.encode(rule, order="sorted")).hexdigest()


def _read(folder: Path) -> tuple[dict[str, Rule], list[tuple[str, str]]]:
    rules: dict[str, Rule] = {}
    faults: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.json")):
        name = f"rules/{path.name}"
        try:
            rules[name] = msgspec.json.decode(path.read_bytes(), type=Rule)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            faults.append((name, f"内容不符合要求：{fault}"))
    return rules, faults
