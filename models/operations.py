"""An operation for migrations that make many tables at once. Used by the files in models/migrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tortoise.migrations.operations import Operation


class Together(Operation):
    """Runs several operations as one.

    The library copies the whole state of the models around every single operation; for the first migration, which
    makes all tables, that copying took most of a fresh start. Here it happens once.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations
        self.atomic: bool | None = None
        self.reversible = False

    def describe(self) -> str:
        return f"{len(self.operations)} operations together"

    def state_forward(self, app_label: str, state: Any) -> None:
        # Queries over the models are built anew by every operation; nobody asks any before all have been.
        state.apps._build_initial_querysets = lambda: None
        for operation in self.operations:
            operation.state_forward(app_label, state)
        del state.apps._build_initial_querysets
        state.apps._build_initial_querysets()

    async def database_forward(self, app_label: str, old_state: Any, new_state: Any, state_editor: Any = None) -> None:
        for operation in self.operations:
            await operation.database_forward(app_label, old_state, new_state, state_editor)
