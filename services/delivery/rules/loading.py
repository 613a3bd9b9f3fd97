"""Reads the rule files of a data folder (courier_rules.json, postage_rules.json); called by commands that load data."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from app import clock
from services.delivery.rules import repository
from services.delivery.rules.types import CourierLine, PostageLine

COURIER_FILE, POSTAGE_FILE = "courier_rules.json", "postage_rules.json"
L = TypeVar("L", CourierLine, PostageLine)


def rule_faults(folder: Path) -> list[str]:
    """List every fault of the rule files of a folder."""
    return _faults(folder / COURIER_FILE, CourierLine) + _faults(folder / POSTAGE_FILE, PostageLine)


def _faults(file: Path, kind: type[L]) -> list[str]:
    try:
        codes = [line.rule_code for line in _read(file, kind)]
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        return [f"{file.name}: 内容不符合要求：{fault}"]
    return [f"{file.name}: 规则编号重复：{code}" for code in sorted({code for code in codes if codes.count(code) > 1})]


async def load_rules(folder: Path) -> None:
    """Write the lines of a folder; what administrators changed stays. Idempotent. Raises: msgspec.DecodeError."""
    couriers, postage = _read(folder / COURIER_FILE, CourierLine), _read(folder / POSTAGE_FILE, PostageLine)
    await repository.load(couriers, postage, clock.now())


def _read(file: Path, kind: type[L]) -> list[L]:
    """Read one file; a folder without it has no lines."""
    return msgspec.json.decode(file.read_bytes(), type=list[kind]) if file.is_file() else []  # type: ignore[valid-type]  # the kind is a value here
