"""The kinds of licences as this process knows them: read from the database, kept for a minute. The room's parts ask."""

from __future__ import annotations

from app import clock
from services.licences import sweep_repository
from services.licences.kinds import Kind, plain_kind

_KEPT_SECONDS = 60.0


class KindShelf:
    """Answers from memory nearly always; a kind that nobody configured has its least fields only."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}
        self._until_seconds = 0.0

    async def kind(self, code: str, name: str) -> Kind:
        """Return a kind by its code."""
        kinds = await self.all()
        return kinds.get(code) or plain_kind(code, name)

    async def all(self) -> dict[str, Kind]:
        """Return every configured kind by its code."""
        if clock.monotonic() >= self._until_seconds:
            self._kinds = await sweep_repository.list_kinds()
            self._until_seconds = clock.monotonic() + _KEPT_SECONDS
        return self._kinds
