"""A process that dies at any moment of a submission, of an answer or of a step leaves a whole package or none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app import db
from services.applications.packages import sweeps
from services.applications.states import Act
from tests.integration.packages.conftest import LOST_CARDS, Town, parts_of
from tests.integration.packages.test_package_course import FUND, HOUSING, TRANSFER

pytestmark = pytest.mark.anyio


async def _killed_after(ticks: int, work: Coroutine[Any, Any, Any]) -> None:
    """Run until so many turns of the loop are over, then die wherever it is."""
    task = asyncio.ensure_future(work)
    for _ in range(ticks):
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_submission_that_dies_leaves_a_draft_or_the_whole_package(town: Town) -> None:
    seen = set()
    for ticks in range(0, 44, 4):
        draft = await town.draft(LOST_CARDS)
        number = draft["package_no"]
        await _killed_after(ticks, town.applications.packages.submit(town.citizen, number))
        view = await town.view(number)
        rows = await db.fetch_all("SELECT 1 FROM application WHERE package_no = $1", number)
        assert (view["status"], len(rows)) in (("DRAFT", 0), ("HANDLING", 3))
        seen.add(view["status"])
        if view["status"] == "DRAFT":
            assert (await town.phone("POST", f"package-cases/{number}/submit", {}))[0] == 200
    names = [event.name for event in await town.events()]
    assert names.count("application.submitted") == 3 * names.count("package.submitted") == 33
    assert "DRAFT" in seen


async def test_step_that_dies_is_taken_once_by_whoever_comes_next(town: Town) -> None:
    for ticks in range(0, 24, 4):
        view = await town.submitted(HOUSING)
        await town.act(str(parts_of(view)[TRANSFER]["application_no"]), Act.ACCEPT, Act.APPROVE)
        await _killed_after(ticks, town.applications.packages.course.carry_on(view["package_no"]))
        await sweeps.continue_open(town.applications.packages)
        begun = parts_of(await town.view(view["package_no"]))[FUND]
        assert begun["status"] == "STARTED"
        rows = await db.fetch_all("SELECT 1 FROM application WHERE package_no = $1", view["package_no"])
        assert len(rows) == 2
