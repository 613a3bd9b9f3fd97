"""Which tests must meet one worker of a parallel run: those that share one running product or one house.

xdist's own groups are carried in the names of tests and are lost with this pytest, so the folders say it.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

GROUPS = {
    "tests/e2e/test_start_and_stop.py": "starts and stops of its own",
    "tests/e2e/test_crashes.py": "starts and stops of its own",
    "tests/e2e/test_many_callbacks.py": "starts and stops of its own",
    "tests/e2e/": "the running product",
    "tests/integration/doors/": "the whole house",
}
"""Beginning of a test's name → group; the first that fits counts. Every other test may run anywhere."""


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives each group to one worker, all other tests to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for beginning, group in GROUPS.items() if nodeid.startswith(beginning)), nodeid)


def scheduler(config: Any, log: Any) -> Together | None:
    """Make the scheduler of `--dist loadgroup`."""
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None
