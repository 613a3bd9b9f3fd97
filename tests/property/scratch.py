"""What drives the house from hypothesis, which is synchronous: an event loop in a thread of its own, with app.db open
on a database that the examples of one test use one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from app import db
from tests.conftest import cloned_database


class Runner:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run on the loop; whoever hangs there is given up after a minute."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)


@contextmanager
def scratch_database() -> Iterator[Runner]:
    """A loop with app.db open on a database as migrations leave it."""
    runner, held = Runner(), AsyncExitStack()
    runner.run(db.start(runner.run(held.enter_async_context(cloned_database()))))
    try:
        yield runner
    finally:
        runner.run(db.stop())
        runner.run(held.aclose())
        runner.stop()


def walk(machine: type[RuleBasedStateMachine], sequences: int, steps: int) -> None:
    """Let a machine, which has a `runner`, walk so many courses of at most so many steps over one database."""
    chosen = settings(
        max_examples=sequences, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with scratch_database() as machine.runner:  # type: ignore[attr-defined]  # every machine of ours declares it
        run_state_machine_as_test(machine, settings=chosen)
