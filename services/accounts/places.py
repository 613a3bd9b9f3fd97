"""The divisions as the accounts room needs them, read from their table and kept for ten minutes.

Implements the port `Places`; called by real_name.py and addresses.py. It must not change anything.
"""

from __future__ import annotations

import asyncio

from app import clock, db

_KEPT_SECONDS = 600.0
_EMPTY_KEPT_SECONDS = 5.0


class DivisionTable:
    """Current names and all codes of the divisions."""

    def __init__(self) -> None:
        self._codes: frozenset[str] = frozenset()
        self._regions: dict[str, str] = {}
        self._successors: dict[str, str] = {}
        self._good_until_seconds = 0.0
        self._turn = asyncio.Lock()

    async def known_codes(self) -> frozenset[str]:
        """Return every code that was ever in use."""
        await self._refresh()
        return self._codes

    async def region(self, code: str) -> str | None:
        """Return the full Chinese name of a current division; None otherwise."""
        await self._refresh()
        return self._regions.get(code)

    async def home_of(self, code: str) -> str:
        """Return the current division in which a code lies today; "" outside of the house's province."""
        await self._refresh()
        nearest = (code, self._successors.get(code, ""), f"{code[:4]}00", f"{code[:2]}0000")
        return next((known for known in nearest if known in self._regions), "")

    async def _refresh(self) -> None:
        if clock.monotonic() < self._good_until_seconds:
            return
        async with self._turn:
            if clock.monotonic() < self._good_until_seconds:
                return
            rows = await db.fetch_all("SELECT code, name, parent_code, kind, successor_code FROM division")
            current = {row["code"]: (row["name"], row["parent_code"]) for row in rows if row["kind"] == "current"}
            self._successors = {row["code"]: row["successor_code"] for row in rows if row["successor_code"]}
            self._codes = frozenset(row["code"] for row in rows)
            self._regions = {code: _full_name(code, current) for code in current}
            self._good_until_seconds = clock.monotonic() + (_KEPT_SECONDS if rows else _EMPTY_KEPT_SECONDS)


def _full_name(code: str, current: dict[str, tuple[str, str]]) -> str:
    names: list[str] = []
    while code in current and len(names) < 4:
        name, code = current[code]
        names.append(name)
    return "".join(reversed(names))
