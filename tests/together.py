"""How a parallel run is shared out: a file at a time, what shares one running product or house to one worker, and
what takes long first, so that nobody waits at the end for the one who began the longest last.

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
    "tests/contract/couriers/": "the couriers",
    "tests/contract/fiscal/": "the fiscal platform and the seal",
    "tests/contract/seal/": "the fiscal platform and the seal",
    "tests/architecture/": "the plan of the house",
}
"""Beginning of a test's name → group; the first that fits counts. Every other file may run anywhere."""
LONG = (
    "the running product",
    "starts and stops of its own",
    "the whole house",
    "tests/integration/campaigns/test_kills.py",
    "tests/contract/faults/",
    "tests/integration/applications/test_queue_load.py",
    "tests/integration/exchange/",
    "the couriers",
    "tests/integration/applications/test_life_stateful.py",
    "tests/property/test_payments_stateful.py",
    "tests/property/test_notices_stateful.py",
    "tests/property/",
    "tests/unit/test_docs.py",
    "the plan of the house",
)
"""What begins first, by the beginning of its name; the other files follow, those with the most tests at the front."""


class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives each group to one worker, and files, whose fixtures are then made once, to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((group for beginning, group in GROUPS.items() if nodeid.startswith(beginning)), file)

    def _assign_work_unit(self, node: Any) -> None:
        first = next((unit for beginning in LONG for unit in self.workqueue if unit.startswith(beginning)), None)
        if first is not None:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


def scheduler(config: Any, log: Any) -> Together | None:
    """Make the scheduler of `--dist loadgroup`."""
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None
