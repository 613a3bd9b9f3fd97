"""Brings the file of kinds (证照类型) into the database, all or nothing; called by app/loading.py beside the catalogue.

It is told which types the catalogue names, so that one that no kind describes is found before anybody applies.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from services.licences import sweep_repository
from services.licences.kinds import Kind, faults_of, read_kinds

FILE = "licence_types.json"


class FaultyKinds(Exception):
    """The file cannot be used; the message lists every fault."""


async def load_kinds(folder: Path) -> int:
    """Make the kinds of a data folder the current ones; return how many are new or changed. Idempotent.

    Raises: FaultyKinds, in which case nothing is written.
    """
    kinds, faults = _read(folder)
    faults = faults or faults_of(kinds, ())
    if faults:
        raise FaultyKinds("\n".join(faults))
    return await sweep_repository.save_kinds(kinds)


def kind_faults(folder: Path, used: Iterable[tuple[str, str]]) -> list[str]:
    """List what is wrong with the file, and which types the catalogue names without their being in it.

    Args:
        used: codes of licence types, each behind the words that say where it stands; empty ones name none.
    """
    kinds, faults = _read(folder)
    return [f"{FILE}: {fault}" for fault in faults or faults_of(kinds, used)]


def _read(folder: Path) -> tuple[tuple[Kind, ...], list[str]]:
    try:
        return read_kinds(folder / FILE), []
    except msgspec.DecodeError as fault:
        return (), [f"内容不符合要求：{fault}"]
    except OSError:
        return (), ["文件不存在或不可读"]
