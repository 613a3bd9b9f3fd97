"""The job queue: counts by kind, parked jobs in harmless words, put back or thrown away with an audit row."""

from __future__ import annotations

import asyncio

import pytest

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, NotFound
from app.job_runner import queries
from services.operations.types import FailedJob
from tests.integration.operations.conftest import ADMINISTRATOR, AUDITOR, CLERK, House

pytestmark = pytest.mark.anyio
PERSONAL = {"event": {"name": "bill.paid", "subject_no": "B1", "facts": {"phone": "13800000001"}}, "reaction": "x.y"}


async def _park(
    name: str, payload: object, times: int = 1, message: str = "provider_unavailable: 服务暂时不可用"
) -> None:
    """Write jobs that have used their tries up."""
    for _ in range(times):
        async with db.transaction() as tx:
            tx.enqueue(name, payload)
    async with db.connection() as link:
        await link.execute("UPDATE pgqueuer SET status = 'failed', attempts = 12 WHERE entrypoint = $1", name)
        await link.execute(
            "INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority, traceback)"
            " SELECT id, 'failed', entrypoint, 0,"
            " jsonb_build_object('exception_type', 'X', 'exception_message', $2::text)"
            " FROM pgqueuer WHERE entrypoint = $1",
            name,
            message,
        )


async def _failed(house: House) -> list[FailedJob]:
    return (await house.operations.failed(AUDITOR, "", 0, 50)).data


async def _acts() -> list[tuple[str, str]]:
    rows = await db.fetch_all("SELECT action, details FROM audit_entry ORDER BY seq")
    return [(row["action"], row["details"]) for row in rows]


async def test_counts_by_kind_and_the_age_of_the_oldest(house: House) -> None:
    await _park("notify.deliver", {}, 2)
    async with db.transaction() as tx:
        tx.enqueue("notify.deliver", {})
        tx.enqueue("event", {})
    await db.execute("UPDATE pgqueuer SET created = now() - interval '90 seconds' WHERE status = 'queued'")
    queue = await house.operations.queue(AUDITOR)
    counted = {one.job: (one.waiting, one.running, one.failed, one.oldest_seconds >= 90) for one in queue.jobs}
    assert counted == {"notify.deliver": (1, 0, 2, True), "event": (1, 0, 0, True)}
    assert queue.runners == 0


async def test_parked_job_shows_numbers_and_code_but_no_payload(house: House) -> None:
    await _park("reaction", PERSONAL)
    (job,) = await _failed(house)
    assert job.facts == {"reaction": "x.y", "name": "bill.paid", "subject_no": "B1"}
    assert (job.job, job.error, job.attempts) == ("reaction", "provider_unavailable", 12)
    assert "13800000001" not in repr(job)


async def test_error_text_of_strangers_is_not_shown(house: House) -> None:
    await _park("event", {"name": "张伟", "subject_no": "张伟 138"}, message="no row for 张伟 13800000001")
    (job,) = await _failed(house)
    assert (job.error, job.facts) == ("X", {})


async def test_requeued_job_waits_again_and_the_act_is_audited(house: House) -> None:
    await _park("reaction", PERSONAL)
    (job,) = await _failed(house)
    await house.operations.requeue(ADMINISTRATOR, job.id, "a")
    row = await db.fetch_row("SELECT status::text AS status, attempts FROM pgqueuer")
    assert row is not None
    assert (row["status"], row["attempts"]) == ("queued", 0)
    assert house.announced == ["jobs"]
    assert [action for action, _ in await _acts()] == ["job.requeued"]
    with pytest.raises(NotFound):
        await house.operations.requeue(ADMINISTRATOR, job.id, "a")


async def test_all_of_one_kind_are_requeued(house: House) -> None:
    await _park("reaction", PERSONAL, 3)
    await _park("event", {})
    assert await house.operations.requeue_all(ADMINISTRATOR, "reaction", "a") == 3
    assert [job.job for job in await _failed(house)] == ["event"]
    with pytest.raises(NotFound):
        await house.operations.requeue_all(ADMINISTRATOR, "reaction", "a")
    assert [action for action, _ in await _acts()] == ["job.all_requeued"]


async def test_discarded_job_leaves_its_audit_row(house: House) -> None:
    await _park("reaction", PERSONAL)
    (job,) = await _failed(house)
    with pytest.raises(InvalidRequest):
        await house.operations.discard(ADMINISTRATOR, job.id, " ", "a")
    await house.operations.discard(ADMINISTRATOR, job.id, "已人工处理", "a")
    assert await db.fetch_all("SELECT 1 FROM pgqueuer") == []
    ((action, details),) = await _acts()
    assert action == "job.discarded"
    assert "B1" in details
    assert "13800000001" not in details
    with pytest.raises(NotFound):
        await house.operations.discard(ADMINISTRATOR, job.id, "再次", "a")


async def test_waiting_job_can_be_neither_requeued_nor_discarded(house: House) -> None:
    async with db.transaction() as tx:
        tx.enqueue("event", {})
    row = await db.fetch_row("SELECT id FROM pgqueuer")
    assert row is not None
    with pytest.raises(NotFound):
        await house.operations.discard(ADMINISTRATOR, row["id"], "x", "a")
    with pytest.raises(NotFound):
        await house.operations.requeue(ADMINISTRATOR, row["id"], "a")


async def test_auditors_look_and_clerks_do_not(house: House) -> None:
    await _park("event", {})
    (job,) = await _failed(house)
    for caller in (AUDITOR, CLERK):
        with pytest.raises(Forbidden):
            await house.operations.requeue(caller, job.id, "a")
        with pytest.raises(Forbidden):
            await house.operations.discard(caller, job.id, "x", "a")
    for look in (house.operations.queue(CLERK), house.operations.failed(CLERK, "", 0, 5)):
        with pytest.raises(Forbidden):
            await look


async def test_parked_jobs_are_paged_and_filtered(house: House) -> None:
    await _park("reaction", {}, 3)
    await _park("event", {}, 2)
    first = await house.operations.failed(AUDITOR, "reaction", 0, 2)
    assert (len(first.data), first.next_cursor) == (2, "2")
    rest = await house.operations.failed(AUDITOR, "reaction", 2, 2)
    assert (len(rest.data), rest.next_cursor) == (1, None)


async def test_sweeps_tell_when_they_ran(house: House) -> None:
    async with db.connection() as link:
        await queries(link).insert_schedule({})
        await link.execute(
            "INSERT INTO pgqueuer_schedules (expression, entrypoint, status, last_run, next_run)"
            " VALUES ('* * * * *', 'frame.job_log', 'queued', now(), now())"
        )
    (sweep,) = (await house.operations.queue(AUDITOR)).sweeps
    assert (sweep.sweep, sweep.schedule, sweep.is_running) == ("frame.job_log", "* * * * *", False)
    assert sweep.last_run_at is not None


async def _park_with_key(times: int) -> list[int]:
    """Write parked jobs that all have the same key, which only those that wait must not share."""
    for _ in range(times):
        async with db.transaction() as tx:
            tx.enqueue("delivery.book", {"shipment_no": "S1"}, dedupe_key="delivery.book:S1")
        await db.execute("UPDATE pgqueuer SET status = 'failed' WHERE status = 'queued'")
    return [row["id"] for row in await db.fetch_all("SELECT id FROM pgqueuer ORDER BY id")]


async def test_job_whose_twin_waits_again_already_is_not_requeued(house: House) -> None:
    (job_id,) = await _park_with_key(1)
    async with db.transaction() as tx:
        tx.enqueue("delivery.book", {"shipment_no": "S1"}, dedupe_key="delivery.book:S1")
    with pytest.raises(Conflict) as refused:
        await house.operations.requeue(ADMINISTRATOR, job_id, "a")
    assert refused.value.stable_code == "job_waits_already"
    assert await _acts() == []
    with pytest.raises(NotFound):
        await house.operations.requeue_all(ADMINISTRATOR, "delivery.book", "a")


async def test_of_twins_one_is_requeued(house: House) -> None:
    await _park_with_key(2)
    await _park("delivery.book", {})
    assert await house.operations.requeue_all(ADMINISTRATOR, "delivery.book", "a") == 2
    assert len(await _failed(house)) == 1


async def test_job_that_is_requeued_at_the_same_time_is_not_discarded(house: House) -> None:
    await _park("reaction", PERSONAL)
    (job,) = await _failed(house)
    begun = asyncio.Event()

    async def requeue_slowly() -> None:
        async with db.transaction() as tx:
            await tx.execute("UPDATE pgqueuer SET status = 'queued' WHERE id = $1", job.id)
            begun.set()
            await asyncio.sleep(0.3)

    requeuing = asyncio.create_task(requeue_slowly())
    await begun.wait()
    with pytest.raises(NotFound):
        await house.operations.discard(ADMINISTRATOR, job.id, "重复", "a")
    await requeuing
    row = await db.fetch_row("SELECT status::text AS status FROM pgqueuer")
    assert row is not None
    assert row["status"] == "queued"
