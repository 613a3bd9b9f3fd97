"""Gathers what a rule reads: checked answers, the person, where materials come from, licences, the fee.

Called by the use cases; each value is kept with its source and the moment it was seen. What cannot be had is left out,
and the case goes to a person then.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from app import clock, identifiers
from app.db import Row
from app.errors import ProviderUnavailable
from services.accounts.types import CitizenProfile
from services.applications.instant.types import InputSeen, Rule
from services.applications.parts import Parts

_GIVEN = frozenset({"UPLOAD", "LICENCE", "SHARED", "EARLIER"})


class Inputs:
    """Reads the inputs of a rule from the rooms that hold them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def gather(self, rule: Rule, row: Row) -> list[InputSeen]:
        """Return the inputs that are there; one that is not is left out. Raises: ProviderUnavailable never."""
        answers = self._parts.vault.open(row)
        person = await self._parts.people.profile(row["citizen_id"])
        seen = []
        for each in rule.inputs:
            value = await self._value(each.source, row, answers, person)
            if value is not None:
                at = clock.rfc3339(clock.now())
                seen.append(InputSeen(name=each.name, title=each.title, source=each.source, value=value, seen_at=at))
        return seen

    async def _value(self, source: str, row: Row, answers: dict[str, Any], person: CitizenProfile) -> Any:
        kind, _, rest = source.partition(".")
        if kind == "form":
            value = answers.get(rest)
            return value if isinstance(value, str | int | bool) else None
        if kind == "person":
            return person_value(rest, person)
        if kind == "materials":
            code, _, part = rest.rpartition(".")
            return material_value(row, code, part)
        if kind == "licences":
            return await self._has_licence(row, rest.rpartition(".")[0])
        return row["fee_fen"] if rest == "amount_fen" else row["fee_paid_at"] is not None

    async def _has_licence(self, row: Row, type_code: str) -> bool | None:
        try:
            found = await self._parts.licences.usable_for(row["citizen_id"], row["enterprise_id"], type_code)
        except ProviderUnavailable:
            return None
        return bool(found)


def person_value(name: str, person: CitizenProfile) -> str | int | None:
    """Return one value of the applicant's verified identity; nothing of an unverified one."""
    if name == "real_name_level":
        return person.real_name_level
    if not person.id_number:
        return None
    if name == "age":
        return age_on(clock.beijing_date(), identifiers.id_birth_date(person.id_number))
    return {"name": person.name, "id_number": person.id_number, "phone": person.phone}.get(name) or None


def material_value(row: Row, code: str, part: str) -> str:
    """Return where a material comes from, or how it stands: GIVEN, PROMISED, LATER, MISSING."""
    listed = msgspec.json.decode(row["materials"] or "[]")
    source = next((each.get("source", "UPLOAD") for each in listed if each["material_code"] == code), "")
    if part == "source":
        return str(source)
    if source in _GIVEN:
        return "GIVEN"
    return {"PROMISE": "PROMISED", "LATER": "LATER"}.get(source, "MISSING")


def age_on(day: date, born_on: date) -> int:
    """Return full years of age; a birthday counts from its morning."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))
