"""kill -9 of a real worker at random moments: nobody is left out, nobody doubled, the counters stay exact."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import db
from app.crypto import FieldCipher
from app.events import DomainEvent
from app.jobs import EVENT
from tests.fakes.campaign_house import CampaignHouse, seed

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]


class Worker:
    """A worker process that can be killed and replaced."""

    def __init__(self, url: str, file: Path, page: int) -> None:
        self._command = [sys.executable, "-m", "tests.fakes.campaign_worker", url, str(file), str(page)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=ROOT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
async def large(database: str, cipher: FieldCipher) -> CampaignHouse:
    """Rooms in which no campaign needs a second person."""
    made = CampaignHouse(cipher, page=4_000, approval_size=1_000_000)
    await made.prepare()
    return made


@pytest.fixture
async def worker(large: CampaignHouse, database: str, tmp_path: Path) -> AsyncIterator[Worker]:
    made = Worker(database, tmp_path / "sent", 400)
    yield made
    made.kill()


async def _value(sql: str) -> int:
    row = await db.fetch_row(sql)
    return int(next(iter(row.values()))) if row else 0


async def _until(sql: str, most_seconds: float = 40.0) -> None:
    async with asyncio.timeout(most_seconds):
        while not await _value(sql):
            await asyncio.sleep(0.02)


async def _killed_in_between(worker: Worker, progress: str, end: str, kills: int) -> None:
    for _ in range(kills):
        before = await _value(progress)
        worker.start()
        await _until(f"SELECT (({progress}) <> {before} OR ({end}))::int")
        await asyncio.sleep(secrets.randbelow(250) / 1000)
        worker.kill()
        # Leases of the dead run out; here they need not be waited for.
        await db.execute("UPDATE notice SET next_try_at = now() WHERE status = 'QUEUED'")
        await db.execute("UPDATE campaign SET updated_at = now() - interval '1 minute'")
    worker.start()
    await _until(f"SELECT ({end})::int")
    worker.kill()


async def test_an_expansion_that_is_killed_again_and_again_reaches_everybody_once(
    large: CampaignHouse, worker: Worker
) -> None:
    await seed(1, 20_000)
    number = await large.started()
    end = "SELECT is_expanded FROM campaign"
    await _killed_in_between(worker, "SELECT count(*) FROM notice", end, 4)
    counted = await large.check_counters(number)
    assert sum(counted.values()) == 20_000
    assert await _value("SELECT count(DISTINCT citizen_id) FROM notice") == 20_000


async def test_sending_that_is_killed_again_and_again_ends_with_exact_counters(
    large: CampaignHouse, worker: Worker, tmp_path: Path
) -> None:
    await seed(1, 1_000)
    number = await large.started(rate_per_second=400)
    await large.expand(number)
    end = "SELECT status = 'FINISHED' FROM campaign"
    await _killed_in_between(worker, "SELECT count(*) FROM notice WHERE status <> 'QUEUED'", end, 4)
    counted = await large.check_counters(number)
    assert sum(counted.values()) == 1_000
    assert "QUEUED" not in counted
    # What was under way when the process died stays unknown and is not repeated: those people have the inbox.
    assert counted["SENT"] > 0
    sent = (tmp_path / "sent").read_text().split()
    assert len(sent) == len(set(sent))


async def test_memory_does_not_grow_with_the_audience(large: CampaignHouse) -> None:
    peaks = []
    for first, last in ((1, 1_000), (1_001, 100_000)):
        await seed(first, last)
        number = await large.started()
        tracemalloc.start()
        await large.expand(number)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        await db.execute("DELETE FROM pgqueuer")
    assert await _value("SELECT count(*) FROM notice") == 101_000
    assert peaks[1] - peaks[0] < 8 * 1_048_576


async def test_the_notice_of_one_person_does_not_wait_behind_a_campaign(large: CampaignHouse) -> None:
    await seed(1, 500)
    await large.expand(await large.started())
    async with db.transaction() as tx:
        tx.emit(DomainEvent(name="application.accepted", subject_no="X"))
    waiting = await db.fetch_all("SELECT entrypoint FROM pgqueuer ORDER BY priority DESC, id")
    assert waiting[0]["entrypoint"] == EVENT
    assert [row["entrypoint"] for row in waiting[1:]] == ["campaign.send"] * 4
