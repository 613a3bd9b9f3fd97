"""What a package needs around its course: terms, a filer and a catalogue that say what a test gives them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass
class GivenTerms:
    """A package whose items ask nothing; only the order of its parts matters here."""

    codes: tuple[str, ...]

    @property
    def record(self) -> Any:
        return SimpleNamespace(items=[SimpleNamespace(item_code=code) for code in self.codes])

    @property
    def items(self) -> dict[str, Any]:
        return {code: _item(code) for code in self.codes}


def _item(code: str) -> Any:
    record = SimpleNamespace(
        item_code=code,
        version=1,
        name=f"事项{code}",
        division_code="140105",
        department_code="11140105MB0001177F",
        delivery=SimpleNamespace(legs=()),
        results=(),
    )
    return SimpleNamespace(record=record, fee_fen=lambda answers: 0, sensitive=frozenset())


class GivenFiler:
    """Every part is complete but those that lack an answer."""

    def __init__(self) -> None:
        self.lacking: set[str] = set()

    async def file(self, citizen_id: uuid.UUID, terms: Any, part: Any, answers: Any, materials: Any) -> Any:
        lacks = part.item_code in self.lacking
        return SimpleNamespace(
            item=_item(part.item_code), answers={}, materials=(), is_complete=not lacks, wrong=(), missing=()
        )


class GivenCatalogue:
    """The catalogue with the one package of this run."""

    terms: GivenTerms

    async def package_terms(self, package_code: str, version: int) -> GivenTerms:
        return self.terms


class NothingToSend:
    """Deliveries have their own tests."""

    async def send(self, package_no: str) -> None:
        """All results come by themselves."""
