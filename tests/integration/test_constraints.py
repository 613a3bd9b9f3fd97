"""What the models promise of their rows, the database keeps: every constraint of a model is really there."""

from __future__ import annotations

import pytest
from tortoise import Tortoise

from app import db

pytestmark = pytest.mark.anyio


async def test_every_constraint_of_the_models_is_in_the_database(every_model: str) -> None:
    promised = {
        constraint.name
        for model in Tortoise.apps["models"].values()
        for constraint in getattr(model._meta, "constraints", ())
    }
    assert len(promised) >= 11
    rows = await db.fetch_all(
        "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' UNION SELECT conname FROM pg_constraint"
    )
    assert promised - {row["name"] for row in rows} == set()
