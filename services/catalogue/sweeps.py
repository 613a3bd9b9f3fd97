"""What is hot: how often each item was applied for of late, counted once a night; called by the runner."""

from __future__ import annotations

from services.catalogue.search import repository


async def count_popularity() -> None:
    """Count the cases of the last ninety days into the items' popularity. Idempotent: yes."""
    await repository.count_popularity()
