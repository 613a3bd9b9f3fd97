"""The table of divisions as the catalogue uses it: chains of areas, retired codes, and places named in a question.

Kept a minute in this process; called by the service, the search and the areas' door. It must not change anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.db import Row
from app.errors import FieldFault, InvalidRequest
from app.identifiers import division_prefix
from services.catalogue.areas import repository
from services.catalogue.shelf import Shelf
from services.catalogue.types import DivisionView

_KEPT_SECONDS = 60.0
_AREA_KINDS = ("current", "statistical")
_END = re.compile("(?:省|市|区|县)$")
_TOO_COMMON = frozenset({"城", "矿", "郊", "城区", "矿区", "郊区", "市辖区"})


@dataclass(frozen=True, slots=True)
class Area:
    """A citizen's area: its own code and those above it, nearest first, and the prefixes below it and of its city."""

    code: str = ""
    chain: tuple[str, ...] = ()
    below: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Divisions:
    """All divisions: areas to choose, every code ever used, successors, parents, and names that people type."""

    areas: tuple[DivisionView, ...]
    codes: frozenset[str]
    successors: dict[str, str]
    parents: dict[str, str]
    names: dict[str, str]
    named: re.Pattern[str]

    def area(self, division: str) -> Area | None:
        """Return an area; a retired code stands for its successor. None when nobody knows the code."""
        code = self.successors.get(division, division)
        if code not in self.parents:
            return None
        chain, parent = [code], self.parents[code]
        while parent:
            chain.append(parent)
            parent = self.parents.get(parent, "")
        below = division_prefix(code)
        return Area(code, tuple(chain), below, below[:4])


class DivisionTable:
    """The divisions, read again every minute."""

    def __init__(self) -> None:
        self._shelf: Shelf[Divisions] = Shelf(_KEPT_SECONDS, most=1)

    async def table(self) -> Divisions:
        """Return all divisions."""
        return self._shelf.fresh("table") or await self._shelf.get("table", _load)

    async def area(self, division: str) -> Area:
        """Return the area of a code, everywhere for an empty one. Raises InvalidRequest."""
        if not division:
            return Area()
        area = (await self.table()).area(division)
        if area is None:
            raise InvalidRequest(faults=(FieldFault("division", "行政区划不存在"),))
        return area

    async def without_places(self, text: str) -> tuple[str, Area | None]:
        """Return a question without the first place it names, and that place."""
        table = await self.table()
        found = table.named.search(text)
        if found is None:
            return text, None
        return f"{text[: found.start()]} {text[found.end() :]}", table.area(table.names[found.group()])

    def forget(self) -> None:
        """Drop what is kept, after an import in this process."""
        self._shelf.clear()


async def _load() -> Divisions:
    rows = await repository.list_divisions()
    areas = tuple(
        DivisionView(
            code=row["code"], name=row["name"], level=row["level"], parent_code=row["parent_code"], kind=row["kind"]
        )
        for row in rows
        if row["kind"] in _AREA_KINDS
    )
    names: dict[str, str] = {}
    for area in areas:
        if area.kind == "current":
            for name in (area.name, _END.sub("", area.name)):
                if len(name) > 1 and name not in _TOO_COMMON:
                    names.setdefault(name, area.code)
    longest = sorted(names, key=len, reverse=True)
    return Divisions(
        areas,
        frozenset(row["code"] for row in rows if row["kind"] != "statistical"),
        _successors(rows, frozenset(area.code for area in areas)),
        {area.code: area.parent_code for area in areas},
        names,
        re.compile("|".join(map(re.escape, longest)) or "(?!)"),
    )


def _successors(rows: Sequence[Row], current: frozenset[str]) -> dict[str, str]:
    """Return retired code → its successor; where a county was divided among several, the city or province above."""
    found = {}
    for row in rows:
        code = row["code"]
        if code not in current:
            above = (row["successor_code"], row["parent_code"], f"{code[:4]}00", f"{code[:2]}0000")
            successor = next((other for other in above if other in current), "")
            if successor:
                found[code] = successor
    return found
