"""Any order of issuing, changing, expiring, losing seals and racing leaves chains of versions that are sound: one live
version at most, the newest issued one; numbers rise and verify; the history folds to the status."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import clock, db
from app.crypto import FieldCipher
from app.errors import InvalidTransition, NotFound
from app.storage import FileStore
from services.licences import sweep_repository
from services.licences.kinds import read_kinds
from services.licences.service import LicenceService
from services.licences.states import LIVE, TRANSITIONS, Course, LicenceStatus, after, effective
from services.licences.sweeps import expire
from services.licences.types import Change
from tests.fakes.seal_authority import FakeSealAuthority
from tests.integration.licences.conftest import FOOD_LICENCE, NEW, ROOT
from tests.property.scratch import Runner, scratch_database

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CARD = NEW.type_code
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("issue"), st.sampled_from([CARD, FOOD_LICENCE]), st.integers(0, 5)),
        st.tuples(st.just("race"), st.sampled_from([CARD, FOOD_LICENCE]), st.integers(0, 5)),
        st.tuples(st.just("repeat"), st.just(""), st.integers(0, 20)),
        st.tuples(st.just("change"), st.sampled_from(list(Change)), st.integers(0, 20)),
        st.tuples(st.just("expire"), st.just(""), st.integers(0, 20)),
        st.tuples(st.just("trouble"), st.sampled_from(["", "away", "lost", "refused"]), st.just(0)),
        st.tuples(st.just("sweep"), st.just(""), st.just(0)),
    ),
    min_size=4,
    max_size=16,
)


def check_character(text: str) -> str:
    """ISO 7064 MOD 37,36 as the standard's text says it: the hybrid system, written down independently of the house."""
    carried = 36
    for sign in text:
        summed = (carried + ALPHABET.index(sign)) % 36
        carried = (summed or 36) * 2 % 37
    return ALPHABET[(1 - carried) % 36]


class Fate:
    """One holder's licences under one course of events."""

    def __init__(self, folder: Path) -> None:
        self.seals = FakeSealAuthority()
        cipher = FieldCipher({"k": secrets.token_bytes(32)}, secrets.token_bytes(32), "aes")
        self.licences = LicenceService(cipher, FileStore(f"file://{folder}"), seals=self.seals)
        self.holder = uuid.uuid4()
        self.cases: list[Any] = []

    async def run(self, steps: list[tuple[str, Any, int]]) -> None:
        for name, what, which in steps:
            await getattr(self, name)(what, which)
            await self.check()
        await self.trouble("", 0)
        await self.sweep("", 0)
        rows = await self.check()
        assert not [row for row in rows if row["status"] == "PREPARING"]
        assert len({row["subject_no"] for row in rows}) == len(rows) == len(self.cases)

    def case(self, type_code: str, which: int) -> Any:
        number = secrets.token_hex(8).upper()
        earlier = [case.subject_no for case in self.cases if case.type_code == type_code]
        new = replace(NEW, subject_no=number, citizen_id=self.holder, type_code=type_code, type_name="某证")
        self.cases.append(new)
        return new, earlier[which % len(earlier)] if earlier and which else ""

    async def named(self, new: Any, earlier: str) -> Any:
        row = await db.fetch_row("SELECT licence_no FROM licence WHERE subject_no = $1", earlier)
        return replace(new, supersedes=row["licence_no"]) if row else new

    async def issue(self, type_code: str, which: int) -> None:
        await self.licences.issue(await self.named(*self.case(type_code, which)))

    async def race(self, type_code: str, which: int) -> None:
        news = [await self.named(*self.case(type_code, which)) for _ in range(3)]
        await asyncio.gather(*(self.licences.issue(new) for new in [*news, news[0]]))

    async def repeat(self, _: str, which: int) -> None:
        if self.cases:
            await self.licences.issue(self.cases[which % len(self.cases)])

    async def change(self, change: Change, which: int) -> None:
        row = await self.one(which)
        if row is None:
            return
        stands = effective(row["status"], row["expires_on"], clock.beijing_date())
        expected = TRANSITIONS.get((stands, change))
        try:
            found = await self.licences.change_status(row["licence_no"], change, actor="reviewer", reason="依法")
        except (InvalidTransition, NotFound):
            assert expected is None or row["status"] == "PREPARING"
            return
        assert found is expected is after(stands, change)

    async def expire(self, _: str, which: int) -> None:
        row = await self.one(which)
        if row is not None:
            past = clock.beijing_date() - timedelta(days=1)
            await db.execute("UPDATE licence SET expires_on = $2 WHERE id = $1", row["id"], past)
        await expire()

    async def trouble(self, trouble: Any, _: int) -> None:
        self.seals.trouble = trouble

    async def sweep(self, _: str, __: int) -> None:
        await db.execute("UPDATE licence SET created_at = created_at - interval '1 minute'")
        await self.licences.issuing.continue_prepared()

    async def one(self, which: int) -> Any:
        rows = await self.rows()
        return rows[which % len(rows)] if rows else None

    async def rows(self) -> list[Any]:
        return list(await db.fetch_all("SELECT * FROM licence WHERE citizen_id = $1 ORDER BY id", self.holder))

    async def check(self) -> list[Any]:
        rows = await self.rows()
        chains: dict[tuple[str, str], list[Any]] = {}
        for row in rows:
            chains.setdefault((row["type_code"], row["serial"]), []).append(row)
            parts = row["identifier"].removeprefix("1.2.156.3005.2.").split(".")
            assert parts[:4] == [row["type_code"], row["issuer_code"], row["serial"], f"{row['version']:03d}"]
            assert check_character("".join(parts[:4])) == parts[4]
        for chain in chains.values():
            assert [row["version"] for row in sorted(chain, key=lambda row: row["version"])] == [
                *range(1, len(chain) + 1)
            ]
            live = [row for row in chain if row["status"] in LIVE]
            assert len(live) <= 1
            issued = [row["version"] for row in chain if row["status"] != "PREPARING"]
            assert all(row["version"] == max(issued) for row in live)
        assert sum(row["type_code"] == CARD and row["status"] in LIVE for row in rows) <= 1
        for row in rows:
            await self.check_history(row)
        return rows

    async def check_history(self, row: Any) -> None:
        steps = await db.fetch_all("SELECT * FROM licence_change WHERE licence_id = $1 ORDER BY id", row["id"])
        stands = LicenceStatus.PREPARING
        for step in steps:
            assert step["from_status"] == stands
            stands = LicenceStatus(step["to_status"])
        assert stands == row["status"]
        assert [step["change"] for step in steps].count(Course.ISSUE) == (row["status"] != "PREPARING")
        assert (row["sha256"] != "" and row["seal_no"] != "") == (row["status"] != "PREPARING")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """A loop with the house's database of its own, and the configured kinds."""
    with scratch_database() as runner:
        runner.run(sweep_repository.save_kinds(read_kinds(ROOT / "data" / "licence_types.json")))
        yield runner


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_chains_stay_sound_whatever_happens(runner: Runner, tmp_path: Path, steps: list[tuple[str, Any, int]]) -> None:
    runner.run(Fate(tmp_path).run(steps))


@given(
    status=st.sampled_from(list(LicenceStatus)),
    changes=st.lists(st.sampled_from(list(Change)), max_size=12),
)
def test_no_change_leads_back_from_an_end(status: LicenceStatus, changes: list[Change]) -> None:
    ends = {LicenceStatus.REVOKED, LicenceStatus.CANCELLED, LicenceStatus.WITHDRAWN}
    for change in changes:
        try:
            moved = after(status, change)
        except InvalidTransition:
            continue
        assert status not in ends
        assert status is not LicenceStatus.PREPARING
        status = moved
