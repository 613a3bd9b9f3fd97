"""What staff do with cases: roles, scope, decisions, concurrency, audit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from services.applications.types import Correction
from services.staff.types import Role, StaffCaller

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"
Acts = Callable[[], Awaitable[list[str]]]


async def test_accept_starts_the_clock_bills_and_audits(world: Any, acts: Acts) -> None:
    number = await world.submitted()
    line = await world.applications.desk.accept(world.window, number, HERE)
    assert (line.status, line.version) == ("ACCEPTED", 3)
    assert line.promised_due_on is not None
    assert line.legal_due_on > line.promised_due_on
    assert await acts() == ["case.accept"]
    assert await world.react() == ["application.submitted", "application.accepted", "bill.issued"]
    bills = await world.payments.own_bills(world.citizen, number)
    assert [(bill.amount_fen, bill.lines[0].name) for bill in bills] == [(4000, "居民身份证工本费（丢失补领）")]


async def test_case_shows_applicant_whole_and_is_audited(world: Any, acts: Acts, form: dict[str, Any]) -> None:
    number = await world.submitted()
    view = await world.applications.desk.case(world.reviewer, number, HERE)
    assert (view.applicant.name, view.applicant.id_number) == ("张伟", "140105199003070012")
    assert view.form == form
    assert [(file.material_code, file.content_type) for file in view.materials] == [("M02", "image/jpeg")]
    assert view.acts == ["receive", "return", "accept", "request_correction", "not_accept"]
    assert await acts() == ["case.viewed"]


async def test_queue_shows_own_scope_only_and_masks(world: Any, far_reviewer: StaffCaller) -> None:
    numbers = [await world.submitted() for _ in range(3)]
    await world.draft()
    first, following = await world.applications.desk.queue(world.window, "SUBMITTED", None, 2)
    second, end = await world.applications.desk.queue(world.window, "", following, 2)
    assert [line.application_no for line in (*first, *second)] == numbers
    assert end is None
    assert first[0].applicant_shown == "*伟"
    assert await world.applications.desk.queue(far_reviewer) == ([], None)


async def test_queue_closed_comes_newest_first(world: Any) -> None:
    numbers = [await world.submitted() for _ in range(2)]
    for number in numbers:
        await world.applications.desk.not_accept(world.window, number, "不属于职权范围", HERE)
    closed, _ = await world.applications.desk.queue(world.window, "closed")
    assert [line.application_no for line in closed] == numbers[::-1]


async def test_case_out_of_scope_is_not_found(world: Any, far_reviewer: StaffCaller, acts: Acts) -> None:
    number = await world.submitted()
    desk = world.applications.desk
    for attempt in (
        desk.case(far_reviewer, number, HERE),
        desk.accept(far_reviewer, number, HERE),
        desk.deny(far_reviewer, number, "理由", HERE),
        desk.force(far_reviewer, number, Correction.TERMINATE, "理由", HERE),
        world.applications.aftercare.shipments(far_reviewer, number),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await acts() == []


async def test_case_of_another_department_is_not_found(world: Any, narrowed: Callable[..., StaffCaller]) -> None:
    number = await world.submitted()
    stranger = narrowed(departments=("11140105MB00000009",))
    with pytest.raises(NotFound):
        await world.applications.desk.accept(stranger, number, HERE)


async def test_draft_is_not_there_for_staff(world: Any) -> None:
    number = (await world.draft()).application_no
    with pytest.raises(NotFound):
        await world.applications.desk.case(world.reviewer, number, HERE)


@pytest.mark.parametrize("roles", [(Role.WINDOW,), (Role.CASHIER, Role.PUBLISHER), (Role.ADMINISTRATOR,)])
async def test_approve_without_the_reviewers_role_is_forbidden(
    world: Any, narrowed: Callable[..., StaffCaller], roles: tuple[Role, ...]
) -> None:
    number = await world.accepted()
    with pytest.raises(Forbidden):
        await world.applications.desk.approve(narrowed(roles=frozenset(roles)), number, HERE)


async def test_approve_before_the_fee_is_paid_is_refused(world: Any) -> None:
    number = await world.accepted()
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.approve(world.reviewer, number, HERE)
    assert refused.value.stable_code == "fee_unpaid"
    await world.pay(number)
    await world.pay(number)
    line = await world.applications.desk.approve(world.reviewer, number, HERE)
    assert (line.status, line.outcome, line.fee_paid) == ("APPROVED", "GRANTED", True)
    titles = [step.title for step in (await world.applications.timeline(world.citizen, number)).data]
    assert titles == ["提交申请", "受理", "已缴费", "准予"]


async def test_deny_with_reason_closes_by_itself(world: Any) -> None:
    number = await world.accepted()
    await world.applications.desk.deny(world.reviewer, number, "照片与本人不符", HERE)
    await world.react()
    view, _ = await world.applications.detail(world.citizen, number)
    assert (view.status, view.outcome, view.reason) == ("CLOSED", "REFUSED", "照片与本人不符")
    assert view.closed_at is not None


async def test_decisions_in_the_wrong_state_are_refused(world: Any, acts: Acts) -> None:
    number = await world.submitted()
    desk = world.applications.desk
    for attempt in (
        desk.approve(world.reviewer, number, HERE),
        desk.deny(world.reviewer, number, "理由", HERE),
        desk.resume(world.reviewer, number, HERE),
    ):
        with pytest.raises((InvalidTransition, Conflict)) as refused:
            await attempt
        assert refused.value.status == 409
    with pytest.raises(Conflict):
        await desk.hand_over(world.window, number, HERE)
    assert await acts() == []


async def test_two_who_decide_at_once_one_wins(world: Any, acts: Acts) -> None:
    number = await world.accepted()
    await world.pay(number)
    desk = world.applications.desk
    results = await asyncio.gather(
        desk.approve(world.reviewer, number, HERE),
        desk.deny(world.reviewer, number, "理由", HERE),
        desk.approve(world.reviewer, number, HERE),
        return_exceptions=True,
    )
    lost = [result for result in results if isinstance(result, Exception)]
    assert len(lost) == 2
    assert all(isinstance(error, Conflict) for error in lost)
    assert len(await acts()) == 2
    decided = await db.fetch_all("SELECT 1 FROM timeline_entry WHERE to_status IN ('APPROVED', 'DENIED')")
    assert len(decided) == 1


async def test_decision_on_a_stale_version_is_refused(world: Any) -> None:
    number = await world.accepted()
    with pytest.raises(StaleVersion):
        await world.applications.desk.deny(world.reviewer, number, "理由", HERE, version=2)


async def test_case_that_counts_as_accepted_is_accepted_as_of_its_receipt_and_not_turned_away(world: Any) -> None:
    """Also before the sweep has looked: the body gains no days by its silence."""
    number = await world.submitted()
    await db.execute("UPDATE application SET received_at = received_at - interval '15 days'")
    received = (await db.fetch_row("SELECT received_at FROM application"))["received_at"]
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.not_accept(world.window, number, "不属于职权", "127.0.0.1")
    assert refused.value.stable_code == "notice_too_late"
    assert await world.status(number) == "SUBMITTED"
    await world.applications.desk.accept(world.window, number, "127.0.0.1")
    row = await db.fetch_row("SELECT accepted_at FROM application")
    assert row["accepted_at"] == world.applications.parts.calendar.received_at(received)


async def test_correction_after_five_working_days_is_too_late(world: Any) -> None:
    number = await world.submitted()
    await db.execute("UPDATE application SET received_at = now() - interval '20 days'")
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.request_correction(world.window, number, "缺照片", HERE)
    assert refused.value.stable_code == "notice_too_late"


async def test_suspend_and_resume_move_the_due_day(world: Any) -> None:
    number = await world.accepted()
    desk = world.applications.desk
    before, _ = await world.applications.detail(world.citizen, number)
    with pytest.raises(InvalidRequest):
        await desk.suspend(world.reviewer, number, "没有的程序", HERE)
    suspended = await desk.suspend(world.reviewer, number, "专家评审", HERE)
    assert suspended.status == "SUSPENDED"
    await db.execute("UPDATE application SET accepted_at = accepted_at - interval '10 days'")
    await db.execute("UPDATE application_pause SET begun_at = begun_at - interval '4 days'")
    resumed = await desk.resume(world.reviewer, number, HERE)
    # Ten days were moved into the past, four of them were paused: six days earlier than before.
    assert resumed.status == "ACCEPTED"
    shift = await db.fetch_row(
        "SELECT $1::text::date - $2::text::date AS days", before.promised_due_on, resumed.promised_due_on
    )
    assert shift is not None
    assert shift["days"] == 6


async def test_withdraw_suspended_case_ends_its_pause(world: Any) -> None:
    number = await world.accepted()
    await world.applications.desk.suspend(world.reviewer, number, "专家评审", HERE)
    await world.applications.withdraw(world.citizen, number)
    assert await db.fetch_row("SELECT 1 FROM application_pause WHERE ended_at IS NULL") is None


async def test_force_reverses_a_refusal_by_administrators_only(world: Any, acts: Acts) -> None:
    number = await world.accepted()
    desk = world.applications.desk
    await desk.deny(world.reviewer, number, "材料不实", HERE)
    await world.react()
    with pytest.raises(Forbidden):
        await desk.force(world.reviewer, number, Correction.REVERSE_DENIAL, "复议撤销", HERE)
    with pytest.raises(InvalidTransition):
        await desk.force(world.administrator, number, Correction.REOPEN_DELIVERY, "复议撤销", HERE)
    line = await desk.force(world.administrator, number, Correction.REVERSE_DENIAL, "复议撤销", HERE)
    assert (line.status, line.outcome) == ("ACCEPTED", "")
    assert (await acts())[-1] == "case.forced_reverse_denial"
    assert "application.reopened" in await world.react()


async def test_audit_that_fails_takes_the_decision_back(world: Any) -> None:
    number = await world.submitted()
    await db.execute("DELETE FROM audit_head")
    with pytest.raises(RuntimeError):
        await world.applications.desk.accept(world.window, number, HERE)
    assert await world.status(number) == "SUBMITTED"


async def test_case_file_is_shown_in_scope_only(world: Any, far_reviewer: StaffCaller, acts: Acts) -> None:
    number = await world.submitted()
    view = await world.applications.desk.case(world.reviewer, number, HERE)
    upload = (await db.fetch_all("SELECT id FROM upload"))[0]["id"]
    assert str(upload) == view.materials[0].upload_id
    file = await world.applications.uploads.case_file(world.reviewer, upload, HERE)
    assert file.content_type == "image/jpeg"
    assert (await acts())[-1] == "upload.viewed"
    with pytest.raises(NotFound):
        await world.applications.uploads.case_file(far_reviewer, upload, HERE)
    with pytest.raises(NotFound):
        await world.applications.uploads.case_file(world.reviewer, await world.photo(), HERE)
