"""Packages of any shape under any ends of their parts, on the real tables: parts begin in order and never twice, the
whole ends exactly when all of them have. Jobs may run late, twice, out of order or not at all."""

from __future__ import annotations

import asyncio
import os
import secrets
import uuid
from datetime import date
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app import clock, db
from app.crypto import FieldCipher
from app.errors import SanjinError
from app.events import DomainEvent
from services.applications import moves, repository
from services.applications.clock import Calendar
from services.applications.packages import repository as packages_repository
from services.applications.packages.course import PackageCourse
from services.applications.packages.numbers import package_no
from services.applications.packages.repository import Change, NewPackage, NewPart
from services.applications.packages.states import PackageStatus, Part, PartStatus, course, promised_on
from services.applications.packages.vault import PackageVault
from services.applications.repository import Answers
from services.applications.states import TRANSITIONS, Act, Correction, Status, forced_edge
from services.applications.types import Actor, ActorKind
from services.catalogue.codes import TimeUnit
from services.catalogue.records import TimeLimit
from tests.property.package_parts import GivenCatalogue, GivenFiler, GivenTerms, NothingToSend
from tests.property.scratch import Runner, walk

HOUSE = Actor(ActorKind.SYSTEM)
SEQUENCES = int(os.environ.get("SJT_PACKAGE_SEQUENCES", "40"))
ACTS = [
    Act.ACCEPT,
    Act.APPROVE,
    Act.DENY,
    Act.NOT_ACCEPT,
    Act.REQUEST_CORRECTION,
    Act.RESUBMIT,
    Act.WITHDRAW,
    Act.DELIVER,
    Act.CLOSE,
]
CODES = [f"ITEM{place}" for place in range(6)]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Any packages of two to six items in which each may wait for earlier ones."""
    count = draw(st.integers(2, 6))
    return {
        CODES[place]: tuple(sorted(draw(st.sets(st.sampled_from(CODES[:place]), max_size=3)))) if place else ()
        for place in range(count)
    }


ENDS = st.sampled_from(["GRANTED", "GRANTED", "GRANTED", "", "REFUSED", "NOT_ACCEPTED", "WITHDRAWN", "TERMINATED"])
COURSES = st.sampled_from(
    [
        (Act.ACCEPT, Act.APPROVE),
        (Act.ACCEPT, Act.APPROVE),
        (Act.ACCEPT, Act.APPROVE, Act.DELIVER, Act.CLOSE),
        (Act.ACCEPT, Act.DENY, Act.CLOSE),
        (Act.DELIVER, Act.CLOSE),
        (Act.NOT_ACCEPT,),
        (Act.WITHDRAW,),
    ]
)


@settings(max_examples=500)
@given(graph=graphs(), data=st.data(), withdrawn=st.booleans())
def test_course_of_any_parts_keeps_the_order_and_ends_only_with_all(
    graph: dict[str, tuple[str, ...]], data: st.DataObject, withdrawn: bool
) -> None:
    parts = []
    for code, depends_on in graph.items():
        outcome = data.draw(ENDS)
        begun = data.draw(st.integers(0, 3)) > 0 if not depends_on else data.draw(st.booleans())
        closed = bool(outcome) and data.draw(st.booleans())
        stood = data.draw(st.sampled_from(PartStatus))
        status = Status.CLOSED if closed else Status.APPROVED if outcome else Status.ACCEPTED
        number = code if begun else None
        parts.append(Part(code, depends_on, stood, number, status if begun else "", outcome if begun else ""))
    seen = course(parts, withdrawn=withdrawn)
    by_code = {part.item_code: part for part in parts}
    for code, standing in seen.standing.items():
        part = by_code[code]
        before = [seen.standing[other] for other in part.depends_on]
        assert (code in seen.ready) == (
            part.application_no is None and not withdrawn and all(s is PartStatus.DONE for s in before)
        )
        if part.application_no is not None:
            assert standing not in (PartStatus.WAITING, PartStatus.ASKED, PartStatus.SKIPPED)
            assert (standing is PartStatus.DONE) == (part.outcome == "GRANTED")
    ended = all(
        part.case_status == Status.CLOSED
        if part.application_no
        else seen.standing[part.item_code] is PartStatus.SKIPPED
        for part in parts
    )
    assert (seen.status is PackageStatus.CLOSED) == ended


@given(graph=graphs(), days=st.lists(st.integers(0, 30), min_size=6, max_size=6))
def test_promise_is_the_longest_of_all_paths(graph: dict[str, tuple[str, ...]], days: list[int]) -> None:
    length = dict(zip(CODES, days, strict=True))

    def paths(code: str) -> list[int]:
        return [length[code] + rest for other in graph[code] for rest in paths(other)] or [length[code]]

    times = {
        code: (waits, TimeLimit(length=length[code], unit=TimeUnit.CALENDAR_DAYS)) for code, waits in graph.items()
    }
    start = date(2026, 3, 2)
    longest = max(max(paths(code)) for code in graph)
    assert (promised_on(times, start, Calendar()) - start).days == longest


class Packages(RuleBasedStateMachine):
    """One package; every rule is something that staff, citizens, machines or time may do."""

    runner: Runner

    @initialize(graph=graphs(), lacking=st.sets(st.sampled_from(CODES), max_size=2))
    def begin(self, graph: dict[str, tuple[str, ...]], lacking: set[str]) -> None:
        self.graph, self.citizen_id = graph, uuid.uuid4()
        cipher = FieldCipher({"test": secrets.token_bytes(32)}, secrets.token_bytes(32))
        catalogue, self.filer = GivenCatalogue(), GivenFiler()
        catalogue.terms = GivenTerms(tuple(graph))
        self.filer.lacking = {code for code in lacking if graph.get(code)}
        bundle: Any = SimpleNamespace(catalogue=catalogue, vault=moves.FormVault(cipher))
        self.course = PackageCourse(bundle, self.filer, PackageVault(cipher), NothingToSend())  # type: ignore[arg-type]
        self.closings = self.openings = 0
        self.number = self.runner.run(self._submitted())

    async def _submitted(self) -> str:
        await db.execute("DELETE FROM pgqueuer")
        now = clock.now()
        draft = NewPackage(
            package_no(now),
            self.citizen_id,
            "WECHAT",
            "PKG",
            1,
            "一件事",
            "140105",
            Answers("{}", None),
            "[]",
            "[]",
            now,
        )
        row = await packages_repository.add_draft(draft)
        first = [code for code, waits in self.graph.items() if not waits]
        turn = await self.course.turn(row, await self.course._catalogue.package_terms("PKG", 1), first, now)
        change = Change(
            status="HANDLING",
            at=now,
            parts=[NewPart(code, place, waits) for place, (code, waits) in enumerate(self.graph.items(), 1)],
            standing=dict.fromkeys(turn.children, "STARTED"),
            children=turn.children,
            sets={"submitted_at": now},
        )
        assert await packages_repository.change(row, change) is not None
        return str(row["package_no"])

    @rule(which=st.integers(0, 5), acts=COURSES)
    def a_part_takes_its_course(self, which: int, acts: tuple[Act, ...]) -> None:
        for act in acts:
            self.runner.run(self._moves(which, act))

    @rule(which=st.integers(0, 5), acts=COURSES, runners=st.integers(2, 4))
    def runners_meet_a_part_that_has_moved(self, which: int, acts: tuple[Act, ...], runners: int) -> None:
        self.a_part_takes_its_course(which, acts)
        self.runners_look_at_once(runners)

    @rule(which=st.integers(0, 5), act=st.sampled_from(ACTS))
    def somebody_moves_a_case(self, which: int, act: Act) -> None:
        self.runner.run(self._moves(which, act))

    async def _moves(self, which: int, act: Act) -> None:
        cases = [part for part in await self._parts() if part["application_no"]]
        case = await repository.find_case(cases[which % len(cases)]["application_no"])
        if case is not None and (Status(case["status"]), act) in TRANSITIONS:
            await moves.make(moves.planned(case, act, HOUSE))

    @rule(which=st.integers(0, 5), correction=st.sampled_from(Correction))
    def an_administrator_forces(self, which: int, correction: Correction) -> None:
        self.runner.run(self._forces(which, correction))

    async def _forces(self, which: int, correction: Correction) -> None:
        cases = [part for part in await self._parts() if part["application_no"]]
        case = await repository.find_case(cases[which % len(cases)]["application_no"])
        assert case is not None
        try:
            edge = forced_edge(case["status"], case["outcome"], correction)
        except SanjinError:
            return
        await moves.make(moves.along(case, edge, HOUSE))

    @rule(times=st.integers(1, 3), newest=st.booleans())
    def a_job_runs(self, times: int, newest: bool) -> None:
        self.runner.run(self._job(times, newest))

    async def _job(self, times: int, newest: bool) -> None:
        order = "DESC" if newest else "ASC"
        row = await db.fetch_row(
            "DELETE FROM pgqueuer WHERE id = (SELECT id FROM pgqueuer WHERE entrypoint = 'event'"
            f" ORDER BY id {order} LIMIT 1) RETURNING payload"
        )
        if row is not None:
            event = msgspec.json.decode(row["payload"], type=DomainEvent)
            self.closings += event.name == "package.closed"
            self.openings += event.name == "package.reopened"
            for _ in range(times):
                await self.course.carry_on_case(event.subject_no)

    @rule()
    def a_job_is_lost(self) -> None:
        self.runner.run(
            db.execute(
                "DELETE FROM pgqueuer WHERE id = (SELECT max(id) FROM pgqueuer WHERE entrypoint = 'event'"
                " AND position('\"package.'::bytea IN payload) = 0)"
            )
        )

    @rule(runners=st.integers(1, 4))
    def runners_look_at_once(self, runners: int) -> None:
        async def look() -> None:
            await asyncio.gather(*(self.course.carry_on(self.number) for _ in range(runners)))

        self.runner.run(look())

    @rule(ticks=st.integers(1, 40))
    def a_runner_dies_in_the_middle(self, ticks: int) -> None:
        async def killed() -> None:
            task = asyncio.ensure_future(self.course.carry_on(self.number))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.runner.run(killed())

    @rule()
    def the_citizen_answers(self) -> None:
        self.filer.lacking.clear()
        self.runner.run(self.course.carry_on(self.number))

    @rule()
    def the_citizen_withdraws(self) -> None:
        self.runner.run(self._withdrawn())

    async def _withdrawn(self) -> None:
        row = await packages_repository.find(self.number)
        assert row is not None
        if row["status"] != "CLOSED":
            change = Change(status=row["status"], at=clock.now(), sets={"withdrawn_at": clock.now()})
            await packages_repository.change(row, change)

    async def _parts(self) -> Any:
        row = await packages_repository.find(self.number)
        assert row is not None
        return await packages_repository.list_parts(row["id"])

    @invariant()
    def no_part_is_made_twice_or_before_its_turn(self) -> None:
        self.runner.run(self._in_order())

    async def _in_order(self) -> None:
        rows = await db.fetch_all(
            "SELECT a.item_code, EXISTS (SELECT 1 FROM timeline_entry t WHERE t.application_id = a.id"
            " AND t.event = 'application.approved') AS was_granted FROM application a WHERE a.package_no = $1",
            self.number,
        )
        made = {row["item_code"]: row["was_granted"] for row in rows}
        assert len(made) == len(rows)
        for code in made:
            assert all(made.get(other) for other in self.graph[code]), code

    def teardown(self) -> None:
        """Let everything come to rest, then compare the package with what its parts say."""
        if hasattr(self, "number"):
            self.runner.run(self._rest())

    async def _rest(self) -> None:
        await self.course.carry_on(self.number)
        await self.course.carry_on(self.number)
        row, parts = await packages_repository.find(self.number), await self._parts()
        assert row is not None
        waiting = {
            part["item_code"]
            for part in parts
            if part["application_no"] is None and part["status"] != PartStatus.SKIPPED
        }
        live = {part["item_code"] for part in parts if part["application_no"] and part["case_status"] != "CLOSED"}
        assert (row["status"] == "CLOSED") == (not waiting and not live)
        assert (row["closed_at"] is not None) == (row["status"] == "CLOSED")
        for part in parts:
            if part["item_code"] in waiting and part["item_code"] not in self.filer.lacking:
                outcomes = {other["outcome"] for other in parts if other["item_code"] in self.graph[part["item_code"]]}
                assert outcomes != {"GRANTED"}, "its turn has come and nothing is missing"
        for _ in range(200):
            if await db.fetch_row("SELECT 1 FROM pgqueuer WHERE entrypoint = 'event'") is None:
                break
            await self._job(1, newest=False)
        after = await packages_repository.find(self.number)
        assert after is not None
        assert after["status"] == row["status"]
        assert self.closings == self.openings + (row["status"] == "CLOSED"), "told once an ending"


@pytest.mark.timeout(120 + 3 * SEQUENCES)
def test_packages_of_any_shape_end_exactly_when_their_parts_have() -> None:
    walk(Packages, SEQUENCES, steps=20)
