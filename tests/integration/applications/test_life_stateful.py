"""Any course of commands by citizen, staff, sweeps and time: a case moves along the table only, a refusal changes
nothing, and its due days are those of a slow count of its days."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Coroutine
from datetime import date, datetime, timedelta
from typing import Any

import chinese_calendar
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app import clock, db
from app.errors import SanjinError
from services.applications import sweeps
from services.applications.reviewing.types import CorrectionPoint, ReviewAction
from services.applications.states import FORCED, TRANSITIONS, Act, Correction
from services.staff.types import Role

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"
LIVES, STEPS = 30, 40
SEQUENCES = int(os.environ.get("SJT_PROPERTY_SEQUENCES", "40"))
PROMISED, LEGAL = 6, 15
LIMITS = {
    "promised_time": {"length": PROMISED, "unit": "working_days"},
    "legal_time": {"length": LEGAL, "unit": "working_days"},
}
COMMANDS: dict[Act, Callable[[Any, str], Coroutine[Any, Any, Any]]] = {
    Act.RECEIVE: lambda w, no: w.applications.desk.receive(w.window, no, HERE),
    Act.RETURN: lambda w, no: w.applications.desk.return_to_citizen(w.window, no, "请修改", HERE),
    Act.WITHDRAW: lambda w, no: w.applications.withdraw(w.citizen, no, "不办了"),
    Act.REQUEST_CORRECTION: lambda w, no: w.applications.desk.request_correction(
        w.window, no, "", HERE, points=[CorrectionPoint(target="materials.M02", text="照片不清")]
    ),
    Act.RESUBMIT: lambda w, no: w.applications.resubmit(w.citizen, no),
    Act.ACCEPT: lambda w, no: w.applications.desk.accept(w.window, no, HERE),
    Act.NOT_ACCEPT: lambda w, no: w.applications.desk.not_accept(w.window, no, "不属于职权", HERE),
    Act.SUSPEND: lambda w, no: w.applications.desk.suspend(w.reviewer, no, "专家评审", HERE),
    Act.RESUME: lambda w, no: w.applications.desk.resume(w.reviewer, no, HERE, result="通过"),
    Act.EXTEND: lambda w, no: w.applications.desk.extend(w.chief, no, 4, "案情复杂", HERE),
    Act.APPROVE: lambda w, no: w.applications.desk.approve(w.reviewer, no, HERE),
    Act.DENY: lambda w, no: w.applications.desk.deny(w.reviewer, no, "不符合条件", HERE),
    Act.TERMINATE: lambda w, no: w.applications.desk.terminate(w.reviewer, no, "申请人死亡", HERE),
    Act.CLOSE: lambda w, no: w.applications.desk.hand_over(w.window, no, HERE),
}

ENDINGS = (Act.WITHDRAW, Act.NOT_ACCEPT, Act.DENY, Act.TERMINATE)
BEGINNINGS: list[tuple[Act, ...]] = [
    (),
    (Act.RECEIVE,),
    (Act.RETURN,),
    (Act.REQUEST_CORRECTION,),
    (Act.ACCEPT,),
    (Act.RECEIVE, Act.ACCEPT, Act.EXTEND),
    (Act.ACCEPT, Act.SUSPEND),
    (Act.ACCEPT, Act.APPROVE),
    (Act.ACCEPT, Act.DENY),
]
FEWEST_EDGES = 28
"""Of some forty edges in the two tables; fewer would mean that the courses have become dull."""


def counted(start: date, length: int, is_paused: Callable[[date], bool]) -> date:
    """Count working days the slow way: one day after the other, each looked up by itself."""
    day, left = start, length
    while left:
        day += timedelta(days=1)
        if chinese_calendar.is_workday(day) and not is_paused(day):
            left -= 1
    return day


class CaseLife(RuleBasedStateMachine):
    """One case in a room of real tables."""

    world: Any
    loop: asyncio.AbstractEventLoop
    at: list[datetime]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    @initialize(
        day=st.dates(date(2026, 1, 5), date(2026, 5, 8)), hour=st.integers(8, 22), begun=st.sampled_from(BEGINNINGS)
    )
    def submit(self, day: date, hour: int, begun: tuple[Act, ...]) -> None:
        """Begin somewhere in the course of a case: its later states would be reached too rarely from its start."""
        self.at[0] = clock.from_beijing(f"{day} {hour:02}:00:00")
        self.number = self.run(self.world.submitted())
        for act in begun:
            if act is Act.APPROVE:
                self.pay()
            self.command(act)

    async def row(self) -> dict[str, Any]:
        row = await db.fetch_row("SELECT * FROM application WHERE application_no = $1", self.number)
        step = await db.fetch_row(
            "SELECT count(*) AS steps FROM timeline_entry WHERE application_id = $1", row["id"] if row else None
        )
        papers = await db.fetch_row(
            "SELECT count(*) AS papers FROM case_document WHERE application_id = $1", row["id"] if row else None
        )
        return dict(row or {}) | dict(step or {}) | dict(papers or {})

    def attempt(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Try something; a refusal leaves the case as it was."""
        before = self.run(self.row())
        try:
            self.run(work)
        except SanjinError as refusal:
            status = refusal.status
        else:
            return True
        assert status in (400, 403, 409)
        assert self.run(self.row()) == before
        return False

    @rule(act=st.sampled_from(sorted(COMMANDS)))
    def command(self, act: Act) -> None:
        before = self.run(self.row())
        done = self.attempt(COMMANDS[act](self.world, self.number))
        edge = TRANSITIONS.get((before["status"], act))
        if done:
            assert edge is not None
            after = self.run(self.row())
            assert (after["status"], after["version"]) == (edge.to, before["version"] + 1)
            assert after["papers"] == before["papers"] + (act is not Act.RESUBMIT)

    @rule(which=st.integers(0, 1000))
    def sensible_command(self, which: int) -> None:
        """Do something that the table allows, and rarely something that ends the case."""
        status = self.run(self.row())["status"]
        possible = sorted(act for start, act in TRANSITIONS if start == status and act in COMMANDS)
        weighed = [act for act in possible for _ in range(1 if act in ENDINGS else 6)]
        for act in weighed[which % len(weighed) :][:1] if weighed else []:
            self.command(act)

    @rule(correction=st.sampled_from(Correction))
    def force(self, correction: Correction) -> None:
        before = self.run(self.row())
        desk = self.world.applications.desk
        if self.attempt(desk.force(self.world.administrator, self.number, correction, "依法更正", HERE)):
            assert (before["status"], correction) in FORCED

    @rule()
    def review(self) -> None:
        desk = self.world.applications.desk
        self.attempt(desk.review(self.world.reviewer, self.number, "审查", ReviewAction.PASS, "可以", HERE))

    @rule()
    def pay(self) -> None:
        self.run(self.world.pay(self.number))

    @rule(days=st.integers(1, 9), hour=st.integers(8, 22))
    def let_time_pass(self, days: int, hour: int) -> None:
        day = clock.beijing_date(self.at[0]) + timedelta(days=days)
        self.at[0] = clock.from_beijing(f"{day} {hour:02}:00:00")

    @rule()
    def sweep(self) -> None:
        before = self.run(self.row())
        progress = self.world.applications.progress
        self.run(sweeps.accept_by_silence(progress))
        self.run(sweeps.expire_corrections(progress))
        after = self.run(self.row())
        if after["status"] == "ACCEPTED" != before["status"]:
            received = counted(clock.beijing_date(before["received_at"]) - timedelta(days=1), 1, lambda _: False)
            if clock.to_beijing(before["received_at"]).hour >= 18 or received != clock.beijing_date(
                before["received_at"]
            ):
                received = counted(clock.beijing_date(before["received_at"]), 1, lambda _: False)
            assert clock.beijing_date(after["accepted_at"]) == received
            assert clock.beijing_date() > counted(received, 5, lambda _: False)

    @rule()
    def react(self) -> None:
        self.run(self.world.react(40))

    @invariant()
    def moves_along_the_table(self) -> None:
        """Whatever happened between two looks is a chain of edges."""
        if hasattr(self, "number"):
            self.run(self.check_steps())

    async def check_steps(self) -> None:
        known = {(start.value, edge.to.value, edge.emits) for (start, _), edge in (*TRANSITIONS.items(),)}
        known |= {(start.value, edge.to.value, edge.emits) for (start, _), edge in (*FORCED.items(),)}
        row = await self.row()
        steps = await db.fetch_all(
            "SELECT event, from_status, to_status FROM timeline_entry WHERE application_id = $1 ORDER BY id", row["id"]
        )
        status = "DRAFT"
        for step in steps:
            if step["event"] == "bill.confirmed":
                continue
            assert step["from_status"] == status
            assert (step["from_status"], step["to_status"], step["event"]) in known
            status = step["to_status"]
        assert status == row["status"]

    @invariant()
    def clock_equals_the_slow_count(self) -> None:
        if hasattr(self, "number"):
            self.run(self.check_clock())

    async def check_clock(self) -> None:
        row = await self.row()
        pauses = await db.fetch_all(
            "SELECT begun_at, ended_at FROM application_pause WHERE application_id = $1", row["id"]
        )
        running = [pause for pause in pauses if pause["ended_at"] is None]
        assert bool(running) == (row["status"] == "SUSPENDED")
        if row["status"] != "ACCEPTED":
            return
        spans = [(clock.beijing_date(each["begun_at"]), clock.beijing_date(each["ended_at"])) for each in pauses]

        def is_paused(day: date) -> bool:
            return any(begun <= day < ended for begun, ended in spans)

        start = clock.beijing_date(row["accepted_at"])
        assert row["promised_due_on"] == counted(start, PROMISED + row["extension_days"], is_paused)
        assert row["legal_due_on"] == counted(start, LEGAL + row["extension_days"], is_paused)


@pytest.fixture
async def life(world: Any, monkeypatch: pytest.MonkeyPatch, narrowed: Any) -> type[CaseLife]:
    """A case whose time stands still until it is let pass."""
    world.catalogue.publish(**LIMITS)
    at = [clock.from_beijing("2026-01-05 10:00:00")]
    monkeypatch.setattr(clock, "now", lambda: at[0])
    world.chief = narrowed(roles=frozenset({Role.APPROVER}), username="chief")
    facts = {"world": world, "loop": asyncio.get_running_loop(), "at": at}
    return type("Life", (CaseLife,), facts)


async def test_case_life(life: type[CaseLife]) -> None:
    checks = settings(
        max_examples=SEQUENCES,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, life, settings=checks)


async def test_long_lives_walk_most_edges(life: type[CaseLife]) -> None:
    for seed in range(LIVES):
        await asyncio.to_thread(_live, life(), random.Random(seed))
    walked = await db.fetch_all("SELECT DISTINCT from_status, to_status, event FROM timeline_entry")
    assert len(walked) >= FEWEST_EDGES


def _live(case: CaseLife, chance: random.Random) -> None:
    case.submit(date(2026, 1, 5) + timedelta(days=chance.randrange(90)), chance.randrange(8, 23), ())
    for _ in range(STEPS):
        for step in chance.choices(
            (
                lambda: case.sensible_command(chance.randrange(1000)),
                lambda: case.let_time_pass(chance.randrange(1, 10), chance.randrange(8, 23)),
                case.sweep,
                case.react,
                case.pay,
                lambda: case.force(chance.choice(list(Correction))),
            ),
            weights=(10, 3, 2, 3, 1, 2),
        ):
            step()
        case.moves_along_the_table()
        case.clock_equals_the_slow_count()
