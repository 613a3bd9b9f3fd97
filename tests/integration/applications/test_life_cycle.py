"""The whole life of a case by its staff: pre-check, one correction, extension, opinions, termination; what is refused
leaves the case as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, InvalidRequest, InvalidTransition, StaleVersion
from services.applications import sweeps
from services.applications.reviewing.types import CorrectionPoint, ReviewAction
from services.applications.types import MaterialRef
from services.staff.types import Role, StaffCaller

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"
PHOTO = CorrectionPoint(target="materials.M02", text="照片背景应为白色")
EXTENSION = {"name": "延长审批", "kind": "1", "basis": "行政许可法第四十二条", "days": 6}


@pytest.fixture
def chief(narrowed: Callable[..., StaffCaller]) -> StaffCaller:
    return narrowed(roles=frozenset({Role.APPROVER}), username="chief")


async def whole(number: str) -> dict[str, Any]:
    row = await db.fetch_row("SELECT * FROM application WHERE application_no = $1", number)
    steps = await db.fetch_row("SELECT count(*) AS steps FROM timeline_entry")
    papers = await db.fetch_row("SELECT count(*) AS papers FROM case_document")
    acts = await db.fetch_row("SELECT count(*) AS acts FROM audit_entry")
    assert row is not None
    assert steps is not None
    assert papers is not None
    assert acts is not None
    return dict(row) | dict(steps) | dict(papers) | dict(acts)


async def refused(number: str, attempt: Awaitable[Any], code: str) -> None:
    """Expect a refusal that leaves row, timeline, documents and audit as they were."""
    before = await whole(number)
    with pytest.raises((Conflict, InvalidRequest, InvalidTransition, Forbidden)) as refusal:
        await attempt
    assert refusal.value.stable_code == code
    assert await whole(number) == before


async def test_pre_check_receives_and_keeps_the_five_days_running(world: Any) -> None:
    number = await world.submitted()
    before = await whole(number)
    line = await world.applications.desk.receive(world.window, number, HERE)
    after = await whole(number)
    assert (line.status, after["received_at"]) == ("RECEIVED", before["received_at"])
    assert (await world.react())[-1] == "application.received"
    accepted = await world.applications.desk.accept(world.window, number, HERE)
    assert accepted.status == "ACCEPTED"


async def test_returned_case_is_mended_and_handed_in_again(world: Any) -> None:
    number = await world.submitted()
    desk = world.applications.desk
    await desk.return_to_citizen(world.window, number, "请改选补领", HERE)
    view, _ = await world.applications.detail(world.citizen, number)
    assert (view.status, view.reason) == ("RETURNED", "请改选补领")
    assert view.correction_due_at is not None
    await world.applications.resubmit(world.citizen, number)
    assert await world.status(number) == "SUBMITTED"


async def test_returned_case_that_nobody_mends_ends(world: Any) -> None:
    number = await world.submitted()
    await world.applications.desk.return_to_citizen(world.window, number, "请改选补领", HERE)
    await db.execute("UPDATE application SET correction_due_at = now() - interval '1 minute'")
    await sweeps.expire_corrections(world.applications.progress)
    view, _ = await world.applications.detail(world.citizen, number)
    assert (view.status, view.outcome) == ("CLOSED", "TERMINATED")


async def test_received_case_nobody_answers_is_accepted_as_of_the_next_working_day(world: Any) -> None:
    number = await world.submitted()
    await world.applications.desk.receive(world.window, number, HERE)
    # A Saturday night: it counts as received on Monday, and so does its acceptance.
    saturday = clock.from_beijing("2026-03-07 23:00:00")
    await db.execute("UPDATE application SET received_at = $1", saturday)
    await sweeps.accept_by_silence(world.applications.progress)
    row = await whole(number)
    assert row["status"] == "ACCEPTED"
    assert clock.beijing_date(row["accepted_at"]).isoformat() == "2026-03-09"
    papers = await world.applications.documents.list_own(world.citizen, number)
    assert [paper.title for paper in papers.data] == ["收件凭证", "受理通知书"]


async def test_correction_lists_every_point_to_the_citizen(world: Any) -> None:
    number = await world.submitted()
    points = [PHOTO, CorrectionPoint(target="form.phone", text="请填写本人手机号")]
    await world.applications.desk.request_correction(world.window, number, "", HERE, points=points)
    view, _ = await world.applications.detail(world.citizen, number)
    raw = await whole(number)
    assert view.reason == raw["reason"]
    assert "照片背景应为白色" in view.reason
    assert raw["corrections"] == 1
    course = (await world.applications.desk.case(world.window, number, HERE)).course
    assert [(point.target, point.text) for point in course.correction_points] == [
        ("materials.M02", "照片背景应为白色"),
        ("form.phone", "请填写本人手机号"),
    ]
    assert all(point.title for point in course.correction_points)


async def test_correction_about_something_the_item_has_not_is_refused(world: Any) -> None:
    number = await world.submitted()
    for points in ([CorrectionPoint(target="materials.X9", text="缺")], [CorrectionPoint(target="form.x", text="错")]):
        attempt = world.applications.desk.request_correction(world.window, number, "", HERE, points=points)
        await refused(number, attempt, "invalid_request")
    await refused(number, world.applications.desk.request_correction(world.window, number, "", HERE), "invalid_request")


async def test_second_correction_only_repeats_or_concerns_what_is_new(world: Any) -> None:
    number = await world.submitted()
    desk = world.applications.desk
    await desk.request_correction(world.window, number, "", HERE, points=[PHOTO])
    await world.applications.resubmit(world.citizen, number)
    phone = CorrectionPoint(target="form.phone", text="请填写本人手机号")
    late = desk.request_correction(world.window, number, "", HERE, points=[PHOTO, phone])
    await refused(number, late, "correction_already_given")
    other = desk.request_correction(world.window, number, "还缺一份证明", HERE)
    await refused(number, other, "correction_already_given")
    await refused(number, desk.return_to_citizen(world.window, number, "不符", HERE), "correction_already_given")
    again = await desk.request_correction(world.window, number, "", HERE, points=[PHOTO])
    assert again.status == "CORRECTION"


async def test_second_correction_of_a_new_answer_is_allowed(world: Any, form: dict[str, Any]) -> None:
    number = await world.submitted()
    desk = world.applications.desk
    await desk.request_correction(world.window, number, "", HERE, points=[PHOTO])
    files = [MaterialRef(material_code="M02", upload_id=await world.photo())]
    await world.applications.resubmit(world.citizen, number, form=form | {"phone": "13800000009"}, materials=files)
    phone = CorrectionPoint(target="form.phone", text="号码不是本人的")
    assert (await desk.request_correction(world.window, number, "", HERE, points=[phone])).status == "CORRECTION"


async def test_not_accepted_names_the_right_body_and_the_remedy(world: Any) -> None:
    number = await world.submitted()
    body = "太原市公安局万柏林分局"
    await world.applications.desk.not_accept(world.window, number, "不属于本机关职权", HERE, right_body=body)
    step = (await world.applications.timeline(world.citizen, number)).data[-1]
    assert body in step.told
    assert "行政复议" in step.told
    row = await db.fetch_row("SELECT facts FROM case_document")
    assert row is not None
    assert body in row["facts"]
    assert "行政诉讼" in row["facts"]


async def test_suspension_tells_its_days_and_resumption_its_result(world: Any) -> None:
    number = await world.accepted()
    desk = world.applications.desk
    await desk.suspend(world.reviewer, number, "专家评审", HERE, reason="疑难", expected_days=8)
    await desk.resume(world.reviewer, number, HERE, result="专家同意")
    pause = (await desk.case(world.reviewer, number, HERE)).course.pauses[0]
    assert (pause.name, pause.expected_days, pause.reason, pause.result) == ("专家评审", 8, "疑难", "专家同意")
    assert pause.ended_at is not None


async def test_extension_is_the_heads_act_within_law_and_item_once(world: Any, chief: StaffCaller) -> None:
    world.catalogue.publish(special_procedures=[EXTENSION])
    number = await world.accepted()
    desk = world.applications.desk
    before = await whole(number)
    await refused(number, desk.extend(world.reviewer, number, 3, "案情复杂", HERE), "role_required")
    await refused(number, desk.extend(chief, number, 7, "案情复杂", HERE), "invalid_request")
    await refused(number, desk.suspend(world.reviewer, number, "延长审批", HERE), "invalid_request")
    await desk.extend(chief, number, 6, "案情复杂", HERE)
    after = await whole(number)
    calendar = world.applications.parts.calendar
    assert after["legal_due_on"] == calendar.add_working_days(before["legal_due_on"], 6).on
    assert after["promised_due_on"] == calendar.add_working_days(before["promised_due_on"], 6).on
    await refused(number, desk.extend(chief, number, 1, "还是复杂", HERE), "already_extended")
    view, _ = await world.applications.detail(world.citizen, number)
    assert view.extension_days == 6


async def test_extension_after_the_legal_day_is_too_late(world: Any, chief: StaffCaller) -> None:
    number = await world.accepted()
    await db.execute("UPDATE application SET legal_due_on = '2026-01-05'")
    await refused(number, world.applications.desk.extend(chief, number, 5, "复杂", HERE), "extension_too_late")


async def test_reviews_are_kept_and_audited_without_moving_the_case(world: Any, acts: Any) -> None:
    number = await world.accepted()
    desk, before = world.applications.desk, await whole(number)
    begun = clock.now() - timedelta(hours=2)
    await desk.review(
        world.reviewer, number, "现场勘验", ReviewAction.PASS, "现场符合要求", HERE, begun_at=begun, version=3
    )
    after = await whole(number)
    assert after["version"] == before["version"]
    reviews = (await desk.case(world.reviewer, number, HERE)).course.reviews
    assert [(each.step, each.action, each.officer) for each in reviews] == [("现场勘验", "PASS", "reviewer")]
    assert "case.reviewed" in await acts()
    stale = desk.review(world.reviewer, number, "审查", ReviewAction.PASS, "可以", HERE, version=2)
    await refused(number, stale, "stale_version")


async def test_review_before_acceptance_is_refused(world: Any) -> None:
    number = await world.submitted()
    attempt = world.applications.desk.review(world.reviewer, number, "审查", ReviewAction.OTHER, "尚早", HERE)
    await refused(number, attempt, "invalid_transition")


async def test_late_case_is_explained_to_the_citizen(world: Any) -> None:
    number = await world.accepted()
    desk = world.applications.desk
    await refused(number, desk.explain_overdue(world.reviewer, number, "系统核验延迟", HERE), "not_overdue")
    await db.execute("UPDATE application SET promised_due_on = '2026-01-05', due_soon_on = '2026-01-04'")
    view, _ = await world.applications.detail(world.citizen, number)
    assert view.due_text == "已超期"
    await desk.explain_overdue(world.reviewer, number, "系统核验延迟", HERE)
    view, _ = await world.applications.detail(world.citizen, number)
    assert view.overdue_reason == "系统核验延迟"
    assert (await world.applications.timeline(world.citizen, number)).data[-1].told == "系统核验延迟"


async def test_officer_ends_a_case_whose_applicant_is_gone(world: Any) -> None:
    number = await world.accepted()
    await world.applications.desk.suspend(world.reviewer, number, "专家评审", HERE)
    line = await world.applications.desk.terminate(world.reviewer, number, "申请人死亡", HERE)
    assert (line.status, line.outcome) == ("CLOSED", "TERMINATED")
    assert await db.fetch_row("SELECT 1 FROM application_pause WHERE ended_at IS NULL") is None


async def test_stale_version_is_told_where_the_case_stands(world: Any) -> None:
    number = await world.accepted()
    with pytest.raises(StaleVersion) as refusal:
        await world.applications.desk.terminate(world.reviewer, number, "申请人死亡", HERE, version=2)
    current = refusal.value.current
    assert current is not None
    assert (current["version"], current["status"], current["status_text"]) == (3, "ACCEPTED", "已受理")


async def test_two_officers_at_once_one_wins_and_one_number_is_used(world: Any, chief: StaffCaller) -> None:
    number = await world.accepted()
    desk = world.applications.desk
    results = await asyncio.gather(
        desk.terminate(world.reviewer, number, "申请人死亡", HERE, version=3),
        desk.deny(world.reviewer, number, "不符合条件", HERE, version=3),
        desk.extend(chief, number, 5, "复杂", HERE, version=3),
        return_exceptions=True,
    )
    lost = [result for result in results if isinstance(result, Exception)]
    assert len(lost) == 2
    assert all(isinstance(error, Conflict) and error.status == 409 for error in lost)
    papers = await db.fetch_all("SELECT kind FROM case_document WHERE kind <> 'ACCEPTANCE'")
    assert len(papers) == 1
