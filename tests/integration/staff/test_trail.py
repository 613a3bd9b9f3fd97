"""The audit trail to look at: filters and pages; the check in the background, a run at a time, and what it finds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, NotFound
from services.staff.audit import AuditTrail
from services.staff.trail import Trail
from services.staff.types import Act, AuditFilter, Role, StaffCaller
from tests.integration.operations.conftest import ADMINISTRATOR, AUDITOR, CLERK

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trail(audit: AuditTrail) -> Trail:
    """Twelve acts, two a page of the check, three pages a run."""
    for number in range(12):
        await audit.record(
            Act(f"clerk-{number % 2}", f"case.act_{number}", "application", f"BJ{number % 3}", {"n": number})
        )
    return Trail(audit)


@pytest.fixture(autouse=True)
def _short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.staff.trail._PAGE", 2)
    monkeypatch.setattr("services.staff.trail._PAGES_A_RUN", 3)


async def _checked(trail: Trail, caller: StaffCaller = AUDITOR, *, from_start: bool = True) -> tuple[str, int, str]:
    await trail.start_check(caller, "a", from_start=from_start)
    for _ in range(20):
        await trail.check()
    found = await trail.checked(caller)
    return found.status, found.checked_seq, found.reason


async def test_acts_are_found_by_actor_family_number_and_day(trail: Trail) -> None:
    today = clock.now()
    for wanted, count in (
        (AuditFilter(actor="clerk-1"), 6),
        (AuditFilter(action="case."), 12),
        (AuditFilter(action="case"), 0),
        (AuditFilter(action="case.act_3"), 1),
        (AuditFilter(action="%."), 0),
        (AuditFilter(object_no="BJ2"), 4),
        (AuditFilter(since=today - timedelta(days=1), before=today + timedelta(days=1)), 12),
        (AuditFilter(before=today - timedelta(days=1)), 0),
    ):
        assert len((await trail.page(AUDITOR, wanted, None, 50)).data) == count, wanted


async def test_pages_follow_each_other(trail: Trail) -> None:
    first = await trail.page(ADMINISTRATOR, AuditFilter(), None, 5)
    assert ([row.seq for row in first.data], first.next_cursor) == ([12, 11, 10, 9, 8], "8")
    last = await trail.page(ADMINISTRATOR, AuditFilter(), 3, 5)
    assert ([row.seq for row in last.data], last.next_cursor) == ([2, 1], None)
    assert (await trail.show(AUDITOR, 4)).details == {"n": 3}
    with pytest.raises(NotFound):
        await trail.show(AUDITOR, 99)


async def test_others_do_not_read_it(trail: Trail) -> None:
    with pytest.raises(Forbidden):
        await trail.page(CLERK, AuditFilter(), None, 5)
    with pytest.raises(Forbidden):
        await trail.start_check(CLERK, "a", from_start=True)


async def test_check_goes_on_from_where_its_last_run_came_to(trail: Trail) -> None:
    begun = await trail.start_check(AUDITOR, "a", from_start=True)
    assert (begun.status, begun.checked_seq, begun.head_seq) == ("RUNNING", 0, 12)
    with pytest.raises(Conflict):
        await trail.start_check(AUDITOR, "a", from_start=True)
    await trail.check()
    assert (await trail.checked(AUDITOR)).checked_seq == 6
    await trail.check()
    found = await trail.checked(AUDITOR)
    assert (found.status, found.checked_seq, found.newest_seq, found.started_by) == ("INTACT", 12, 13, "auditor")
    await trail.check()
    assert (await trail.checked(AUDITOR)).status == "INTACT"
    row = await db.fetch_row("SELECT count(*) AS n FROM pgqueuer WHERE entrypoint = 'staff.check_chain'")
    assert row is not None
    assert row["n"] >= 1


async def test_only_what_is_new_can_be_checked(trail: Trail) -> None:
    assert await _checked(trail) == ("INTACT", 12, "")
    await db.execute("UPDATE audit_entry SET actor = 'x' WHERE seq = 3")
    assert await _checked(trail, from_start=False) == ("INTACT", 13, "")
    assert (await _checked(trail))[::2] == ("BROKEN", "altered_entry")


@pytest.mark.parametrize(
    ("change", "broken_at", "reason"),
    [
        ("UPDATE audit_entry SET details = '{}' WHERE seq = 7", 7, "altered_entry"),
        ("DELETE FROM audit_entry WHERE seq = 5", 5, "missing_entry"),
    ],
)
async def test_break_is_named_where_it_is(trail: Trail, change: str, broken_at: int, reason: str) -> None:
    await db.execute(change)
    assert (await _checked(trail))[::2] == ("BROKEN", reason)
    assert (await trail.checked(AUDITOR)).broken_at_seq == broken_at


async def test_end_that_was_cut_off_with_its_head_is_found_by_the_next_check(trail: Trail) -> None:
    assert (await _checked(trail))[0] == "INTACT"
    await db.execute("DELETE FROM audit_entry WHERE seq > 8")
    await db.execute("UPDATE audit_head SET seq = 8, entry_hash = (SELECT entry_hash FROM audit_entry WHERE seq = 8)")
    for from_start in (False, True):
        status, _, reason = await _checked(trail, from_start=from_start)
        assert (status, reason) == ("BROKEN", "anchor_missing")


async def test_check_that_fell_asleep_can_be_started_anew(trail: Trail) -> None:
    await trail.start_check(AUDITOR, "a", from_start=True)
    await db.execute("UPDATE audit_check SET checked_at = now() - interval '16 minutes'")
    assert (await _checked(trail, ADMINISTRATOR))[0] == "INTACT"


def test_roles_of_the_callers_are_what_they_are_named() -> None:
    assert AUDITOR.may(Role.AUDITOR)
    assert not CLERK.may(Role.AUDITOR, Role.ADMINISTRATOR)
