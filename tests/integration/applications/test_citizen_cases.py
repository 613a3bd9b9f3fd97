"""What citizens do with their own cases, on a real database."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import msgspec
import pytest

from app import db
from app.errors import Conflict, Forbidden, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from services.applications.types import MaterialRef
from services.delivery.types import DeliveryMethod

pytestmark = pytest.mark.anyio


def encoded(view: Any) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(view))
    return shown


def paths(refused: pytest.ExceptionInfo[InvalidRequest]) -> set[str]:
    return {fault.path for fault in refused.value.faults}


async def test_save_draft_complete_is_read_back_whole(world: Any, form: dict[str, Any]) -> None:
    draft = encoded(await world.draft())
    view, tag = await world.applications.detail(world.citizen, draft["application_no"])
    assert encoded(view) == draft | {"materials": encoded(view)["materials"]}
    assert encoded(view)["form"] == form
    assert [part["material_code"] for part in encoded(view)["materials"]] == ["M02"]
    assert (draft["status"], draft["version"], draft["application_no"][:2]) == ("DRAFT", 1, "14")
    assert tag.startswith('"1.')


async def test_sensitive_answers_are_stored_masked_and_encrypted(world: Any, form: dict[str, Any]) -> None:
    await world.draft()
    row = await db.fetch_row("SELECT form, form_cipher FROM application")
    assert row is not None
    assert form["id_number"] not in row["form"]
    assert form["residence_address"] not in row["form"]
    assert form["reason"] in row["form"]
    assert form["id_number"].encode() not in row["form_cipher"]


async def test_submitted_case_shows_sensitive_answers_masked(world: Any) -> None:
    view, _ = await world.applications.detail(world.citizen, await world.submitted())
    assert encoded(view)["form"]["id_number"] == "140105********0012"
    assert encoded(view)["form"]["phone"] == "138****0001"


async def test_save_draft_incomplete_is_kept(world: Any, item_code: str) -> None:
    view = await world.applications.save_draft(world.citizen, item_code, {"reason": "遗失"}, [])
    assert encoded(view)["form"] == {"reason": "遗失"}


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ({"reason": 5}, "form.reason"),
        ({"phone": "123"}, "form.phone"),
        ({"surprise": 1}, "form.surprise"),
        ({"a.b": 1}, "form.a.b"),
        ({"residence_address": "太原市小店区\x00平阳路"}, "form.residence_address"),
    ],
)
async def test_save_draft_faulty_answer_is_refused_with_its_path(
    world: Any, item_code: str, answers: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.save_draft(world.citizen, item_code, answers, [])
    assert path in paths(refused)


async def test_save_draft_unknown_item_is_not_found(world: Any) -> None:
    with pytest.raises(NotFound):
        await world.applications.save_draft(world.citizen, "X", {}, [])


async def test_save_draft_with_another_persons_file_is_refused(world: Any, item_code: str) -> None:
    files = [MaterialRef(material_code="M02", upload_id=await world.photo(world.other))]
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.save_draft(world.citizen, item_code, {}, files)
    assert paths(refused) == {"materials[0].upload_id"}


async def test_save_draft_with_foreign_material_and_too_many_files_names_each(world: Any, item_code: str) -> None:
    photo = await world.photo()
    files = [MaterialRef(material_code=code, upload_id=photo) for code in ("M02", "M99", "M02")]
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.save_draft(world.citizen, item_code, {}, files)
    assert paths(refused) == {"materials[1].material_code", "materials[2]"}


async def test_update_draft_replaces_what_is_given(world: Any, form: dict[str, Any]) -> None:
    number = (await world.draft()).application_no
    changed = await world.applications.update_draft(world.citizen, number, form=form | {"reason": "被盗"}, version=1)
    assert (changed.version, encoded(changed)["form"]["reason"]) == (2, "被盗")
    assert encoded(changed)["form"]["id_number"] == form["id_number"]
    emptied = await world.applications.update_draft(world.citizen, number, materials=[])
    assert encoded(emptied)["materials"] == []
    assert encoded(emptied)["form"]["reason"] == "被盗"


async def test_update_draft_stale_version_is_refused(world: Any, form: dict[str, Any]) -> None:
    number = (await world.draft()).application_no
    await world.applications.update_draft(world.citizen, number, form=form, version=1)
    with pytest.raises(StaleVersion) as refused:
        await world.applications.update_draft(world.citizen, number, form=form, version=1)
    assert (refused.value.status, refused.value.stable_code) == (409, "stale_version")


async def test_update_after_submission_is_refused(world: Any, form: dict[str, Any]) -> None:
    number = await world.submitted()
    with pytest.raises(InvalidTransition):
        await world.applications.update_draft(world.citizen, number, form=form)


async def test_submit_complete_draft_moves_tells_and_notes(world: Any) -> None:
    number = (await world.draft()).application_no
    view = await world.applications.submit(world.citizen, number, version=1)
    assert (view.status, view.version, view.fee_fen) == ("SUBMITTED", 2, 4000)
    assert view.submitted_at is not None
    timeline = await world.applications.timeline(world.citizen, number)
    assert [(step.event, step.title, step.actor_kind) for step in timeline.data] == [
        ("application.submitted", "提交申请", "CITIZEN")
    ]
    assert await world.react() == ["application.submitted"]
    row = await db.fetch_row("SELECT applicant_shown FROM application")
    assert row is not None
    assert row["applicant_shown"] == "*伟"


async def test_submit_incomplete_lists_every_fault_at_once(world: Any, item_code: str) -> None:
    draft = await world.applications.save_draft(world.citizen, item_code, {"reason": "遗失"}, [])
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.submit(world.citizen, draft.application_no)
    assert refused.value.stable_code == "application_incomplete"
    assert {"form.applicant_name", "form.id_number", "materials.M02"} <= paths(refused)


async def test_submit_without_real_name_is_forbidden(world: Any) -> None:
    number = (await world.draft()).application_no
    world.people.level = "L1"
    with pytest.raises(Forbidden):
        await world.applications.submit(world.citizen, number)
    assert await world.status(number) == "DRAFT"


async def test_submit_closed_item_is_refused(world: Any) -> None:
    number = (await world.draft()).application_no
    world.catalogue.is_open = False
    with pytest.raises(Conflict) as refused:
        await world.applications.submit(world.citizen, number)
    assert refused.value.stable_code == "item_closed"


async def test_submit_after_new_version_keeps_the_drafts_own(world: Any) -> None:
    number = (await world.draft()).application_no
    world.catalogue.publish(name="居民身份证补领（新）")
    view, _ = await world.applications.detail(world.citizen, number)
    assert view.newer_item_version == 2
    assert (await world.applications.submit(world.citizen, number)).item_version == 1


async def test_submit_under_a_version_that_may_no_longer_be_used_names_the_new_one(world: Any) -> None:
    number = (await world.draft()).application_no
    world.catalogue.publish(former_until="2026-01-01")
    with pytest.raises(Conflict) as refused:
        await world.applications.submit(world.citizen, number)
    assert refused.value.stable_code == "item_version_withdrawn"
    assert refused.value.current == {"newer_item_version": 2}
    assert await world.status(number) == "DRAFT"


async def test_submit_twice_is_refused(world: Any) -> None:
    number = await world.submitted()
    with pytest.raises(InvalidTransition):
        await world.applications.submit(world.citizen, number)


async def test_submit_at_once_five_times_one_wins(world: Any) -> None:
    number = (await world.draft()).application_no
    submissions = [world.applications.submit(world.citizen, number) for _ in range(5)]
    results = await asyncio.gather(*submissions, return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert all(isinstance(result, Conflict) for result in results if isinstance(result, Exception))
    assert len(await db.fetch_all("SELECT 1 FROM timeline_entry")) == 1
    assert await world.react() == ["application.submitted"]


async def test_case_of_somebody_else_is_not_found(world: Any, form: dict[str, Any]) -> None:
    number = (await world.draft()).application_no
    rooms = world.applications
    for attempt in (
        rooms.detail(world.other, number),
        rooms.timeline(world.other, number),
        rooms.update_draft(world.other, number, form=form),
        rooms.submit(world.other, number),
        rooms.withdraw(world.other, number),
        rooms.resubmit(world.other, number),
        rooms.choose_delivery(world.other, number, DeliveryMethod.COUNTER, None),
        rooms.require_own(world.other, number),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_withdraw_submitted_case_closes_it(world: Any) -> None:
    number = await world.submitted()
    view = await world.applications.withdraw(world.citizen, number, "不需要了")
    assert (view.status, view.outcome, view.reason) == ("CLOSED", "WITHDRAWN", "不需要了")
    with pytest.raises(InvalidTransition):
        await world.applications.withdraw(world.citizen, number)


async def test_withdraw_draft_is_refused(world: Any) -> None:
    number = (await world.draft()).application_no
    with pytest.raises(InvalidTransition):
        await world.applications.withdraw(world.citizen, number)


async def test_correction_is_answered_with_new_answers(world: Any, form: dict[str, Any]) -> None:
    number = await world.submitted()
    with pytest.raises(InvalidTransition):
        await world.applications.resubmit(world.citizen, number)
    await world.applications.desk.request_correction(world.window, number, "住址不完整", "127.0.0.1")
    view, _ = await world.applications.detail(world.citizen, number)
    assert encoded(view)["form"]["id_number"] == form["id_number"]
    again = await world.applications.resubmit(
        world.citizen, number, form=form | {"residence_address": "山西省太原市小店区平阳路99号"}, version=view.version
    )
    assert (again.status, again.reason, again.correction_due_at) == ("SUBMITTED", "", None)
    assert [step.event for step in (await world.applications.timeline(world.citizen, number)).data] == [
        "application.submitted",
        "application.correction_requested",
        "application.corrected",
    ]


async def test_correction_that_is_refused_changes_nothing(world: Any, form: dict[str, Any]) -> None:
    number = await world.submitted()
    await world.applications.desk.request_correction(world.window, number, "住址不完整", "127.0.0.1")
    before = await world.applications.detail(world.citizen, number)
    whole = form | {"residence_address": "山西省太原市小店区平阳路99号"}
    for wish in ({"form": {"reason": "遗失"}}, {"form": whole, "materials": []}):
        with pytest.raises(InvalidRequest):
            await world.applications.resubmit(world.citizen, number, **wish)
        assert encoded(await world.applications.detail(world.citizen, number)) == encoded(before)
    photo = MaterialRef(material_code="M02", upload_id=await world.photo())
    again = await world.applications.resubmit(world.citizen, number, form=whole, materials=[photo])
    kept = encoded(again)["materials"]
    assert [part["upload_id"] for part in kept] == [str(photo.upload_id)]
    assert again.version == before[0].version + 1


async def test_list_own_pages_newest_first_and_filters_by_tab(world: Any) -> None:
    drafts = [(await world.draft()).application_no for _ in range(3)]
    submitted = await world.submitted()
    first, following = await world.applications.list_own(world.citizen, "draft", None, 2)
    second, end = await world.applications.list_own(world.citizen, "draft", following, 2)
    assert [line.application_no for line in (*first, *second)] == drafts[::-1]
    assert end is None
    handling, _ = await world.applications.list_own(world.citizen, "handling")
    assert [line.application_no for line in handling] == [submitted]
    assert await world.applications.list_own(world.other) == ([], None)


async def test_choose_delivery_by_courier_copies_the_address(world: Any) -> None:
    number = (await world.draft()).application_no
    choice = await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COURIER, uuid.UUID(int=1))
    assert (choice.method, choice.receiver_shown[:12]) == ("COURIER", "*伟 138****00")
    assert await world.applications.delivery_choice(world.citizen, number) == choice


async def test_choose_delivery_faulty_wishes_are_refused(world: Any) -> None:
    number = (await world.draft()).application_no
    with pytest.raises(InvalidRequest) as refused:
        await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COURIER, None)
    assert paths(refused) == {"address_id"}
    with pytest.raises(Conflict) as unoffered:
        await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.ELECTRONIC, None)
    assert unoffered.value.stable_code == "method_not_offered"
    with pytest.raises(NotFound):
        await world.applications.delivery_choice(world.citizen, number)
