"""Promises in place of files, and files that come later: read, signed, kept, broken, awaited, ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, NotFound
from services.applications.materials import sweeps
from services.applications.materials.reactions import MaterialReactions
from tests.integration.applications.conftest import ITEM
from tests.integration.applications.materials.steps import (
    ALL,
    HERE,
    Phones,
    accept,
    begin,
    filed,
    material,
    number_of,
    paths,
    rows,
)

pytestmark = pytest.mark.anyio


async def test_promise_is_read_signed_and_kept_by_its_words(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    lists(material("A", "commitment"), material("C"))
    phone = phones(world.citizen)
    text = f"/api/v1/items/{ITEM['item_code']}/materials"
    status, words, _ = await phone("GET", f"{text}/A/promise")
    assert (status, words["kind"], words["working_days"]) == (200, "PROMISE", None)
    assert "材料A" in words["text"]
    assert "撤销已作出的决定" in words["text"]
    assert (await phone("GET", f"{text}/C/promise"))[1]["code"] == "promise_not_offered"
    assert (await phone("GET", f"{text}/A/promise?kind=later"))[1]["code"] == "promise_not_offered"
    assert (await phone("GET", f"{text}/Z/promise"))[0] == 404
    photo = {"material_code": "C", "upload_id": str(await world.photo())}
    promise = {"material_code": "A", "source": "promise", "text_sha256": words["text_sha256"]}
    await filed(phone, promise, photo)
    kept = await db.fetch_row("SELECT kind, text, text_sha256, signed_by, withdrawn_at FROM case_promise")
    assert tuple(kept.values()) == ("PROMISE", words["text"], words["text_sha256"], world.citizen.citizen_id, None)


async def test_promise_not_chosen_any_more_is_forgotten_with_the_draft_and_kept_after(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    lists(material("A", "commitment"))
    phone, photo = phones(world.citizen), str(await world.photo())
    upload, promise = {"material_code": "A", "upload_id": photo}, {"material_code": "A", "source": "promise"}
    one = f"{ALL}/{(await begin(phone, promise))[1]['application_no']}"
    assert (await phone("PATCH", one, {"materials": [upload]}))[0] == 200
    assert await db.fetch_all("SELECT 1 FROM case_promise") == []
    await phone("PATCH", one, {"materials": [promise]})
    await phone("POST", f"{one}/submit", {})
    await world.applications.desk.request_correction(world.window, number_of(one), "请提交原件", HERE)
    assert (await phone("POST", f"{one}/correction", {"materials": [upload]}))[0] == 200
    kept = await db.fetch_all("SELECT withdrawn_at IS NOT NULL AS withdrawn FROM case_promise")
    assert [row["withdrawn"] for row in kept] == [True]


async def test_who_broke_a_promise_is_offered_none(
    world: Any, phones: Phones, lists: Callable[..., None], far_reviewer: Any, acts: Any
) -> None:
    lists(material("A", "commitment"))
    phone, promise = phones(world.citizen), {"material_code": "A", "source": "promise"}
    one = await filed(phone, promise)
    check = world.applications.promise_checks.note
    with pytest.raises(Conflict) as early:
        await check(world.reviewer, number_of(one), "A", True, "与登记不符", HERE)
    assert early.value.stable_code == "case_not_accepted"
    await accept(world, one)
    for staff, code in ((far_reviewer, "A"), (world.reviewer, "Z")):
        with pytest.raises(NotFound):
            await check(staff, number_of(one), code, True, "与登记不符", HERE)
    with pytest.raises(Forbidden):
        await check(world.window, number_of(one), "A", True, "与登记不符", HERE)
    assert (await begin(phone, promise))[0] == 201
    [shown] = await check(world.reviewer, number_of(one), "A", True, "与登记不符", HERE)
    assert (shown.source, (await acts())[-1]) == ("PROMISE", "case.promise_checked")
    assert await paths(await begin(phone, promise)) == (400, {"materials[0].source"})
    assert (await begin(phones(world.other), promise))[0] == 201
    merged = {"from_citizen_id": world.citizen.citizen_id.hex, "into_citizen_id": world.other.citizen_id.hex}
    await MaterialReactions(world.applications.materials).take_over(SimpleNamespace(facts=merged))
    assert await paths(await begin(phones(world.other), promise)) == (400, {"materials[0].source"})


async def test_promise_is_taken_back_before_the_decision_and_the_material_awaited(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    lists(material("A", "commitment"))
    phone, photo = phones(world.citizen), str(await world.photo())
    one = await filed(phone, {"material_code": "A", "source": "promise"})
    await accept(world, one)
    back = f"{one}/materials/A/withdraw-promise"
    assert (await phones(world.other)("POST", back, {}))[0] == 404
    assert (await phone("POST", back, {"version": 1}))[1]["code"] == "stale_version"
    assert (await phone("POST", f"{one}/materials/Z/withdraw-promise", {}))[0] == 404
    version = (await phone("GET", one))[1]["version"]
    status, view, _ = await phone("POST", back, {})
    assert (status, view["status"], view["version"]) == (200, "ACCEPTED", version + 1)
    assert (view["materials"][0]["source"], view["materials"][0]["due_on"] is not None) == ("LATER", True)
    assert (await phone("POST", back, {}))[1]["code"] == "invalid_transition"
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.approve(world.reviewer, number_of(one), HERE)
    assert refused.value.stable_code == "materials_awaited"
    status, view, _ = await phone("POST", f"{one}/materials/A/supply", {"upload_ids": [photo]})
    assert (status, view["materials"][0]["source"], view["materials"][0]["upload_id"]) == (200, "UPLOAD", photo)
    await world.applications.desk.approve(world.reviewer, number_of(one), HERE)
    assert (await phone("POST", back, {}))[1]["code"] == "invalid_transition"
    steps = [step.event for step in (await world.applications.timeline(world.citizen, number_of(one))).data]
    assert steps[3:5] == ["application.promise_withdrawn", "application.material_supplied"]


async def test_deferred_material_is_accepted_without_and_supplied_in_time(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    lists(material("A", "deferral"), material("C"))
    phone, photos = phones(world.citizen), [str(await world.photo()) for _ in range(3)]
    one = await filed(phone, {"material_code": "A", "source": "later"}, {"material_code": "C", "upload_id": photos[0]})
    assert (await rows())[0] == ("A", 1, "LATER", "", False, False)
    await accept(world, one)
    due_on = (await phone("GET", one))[1]["materials"][0]["due_on"]
    assert due_on > (clock.beijing_date() + timedelta(days=10)).isoformat()
    case = await world.applications.desk.case(world.reviewer, number_of(one), HERE)
    assert [(part.material_code, part.state) for part in case.materials] == [("A", "AWAITED"), ("C", "PROVIDED")]
    supply = f"{one}/materials/A/supply"
    version = (await phone("GET", one))[1]["version"]
    foreign = str(await world.photo(world.other))
    for wrong, path in (([foreign], "upload_ids[0]"), ([*photos], "upload_ids"), ([], "upload_ids")):
        status, problem, _ = await phone("POST", supply, {"upload_ids": wrong})
        assert (status, problem["errors"][0]["path"]) == (400, path)
    assert (await phone("POST", f"{one}/materials/C/supply", {"upload_ids": photos[1:]}))[1]["code"] == (
        "invalid_transition"
    )
    assert (await phones(world.other)("POST", supply, {"upload_ids": photos[1:]}))[0] == 404
    assert (await phone("GET", one))[1]["version"] == version
    status, view, _ = await phone("POST", supply, {"upload_ids": photos[1:], "version": version})
    assert (status, [part["upload_id"] for part in view["materials"]]) == (200, [*photos[1:], photos[0]])
    assert (await rows())[:2] == [("A", 1, "UPLOAD", "", False, True), ("A", 2, "UPLOAD", "", False, True)]
    await sweeps.lapse_awaited(world.applications.materials)
    assert await world.status(number_of(one)) == "ACCEPTED"


async def test_deferred_material_not_supplied_in_time_ends_the_case_as_withdrawn(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    lists(material("A", "deferral"))
    phone = phones(world.citizen)
    one = await filed(phone, {"material_code": "A", "source": "later"})
    await world.applications.desk.accept(world.window, number_of(one), HERE)
    await sweeps.lapse_awaited(world.applications.materials)
    shown = (await phone("GET", one))[1]
    assert (shown["status"], shown["materials"][0]["due_on"] is not None) == ("ACCEPTED", True), (
        "the sweep sets the day"
    )
    await db.execute("UPDATE application_material SET due_on = current_date - 2")
    await sweeps.lapse_awaited(world.applications.materials)
    await sweeps.lapse_awaited(world.applications.materials)
    shown = (await phone("GET", one))[1]
    assert (shown["status"], shown["outcome"], shown["reason"][:8]) == ("CLOSED", "WITHDRAWN", "承诺补交的材料逾")
    assert (await phone("POST", f"{one}/materials/A/supply", {"upload_ids": [str(await world.photo())]}))[0] == 409
    assert (await world.react()).count("application.withdrawn") == 1
    step = (await world.applications.timeline(world.citizen, number_of(one))).data[-1]
    assert (step.title, step.actor_kind) == ("逾期未补交材料，视为撤回", "SYSTEM")
    papers = (await world.applications.documents.list_own(world.citizen, number_of(one))).data
    assert [paper.kind for paper in papers] == ["ACCEPTANCE", "WITHDRAWAL"]
    facts = await db.fetch_row("SELECT facts::text AS text FROM case_document WHERE kind = 'WITHDRAWAL'")
    assert "《材料A》" in facts["text"]


async def test_every_overdue_case_is_ended_however_many_cannot_be(
    world: Any, phones: Phones, lists: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lists(material("A", "deferral"))
    phone = phones(world.citizen)
    ones = [await filed(phone, {"material_code": "A", "source": "later"}) for _ in range(4)]
    for one in ones:
        await world.applications.desk.accept(world.window, number_of(one), HERE)
    await db.execute("UPDATE application_material SET due_on = current_date - 2")
    lapse, broken = world.applications.materials.lapse, {number_of(one) for one in ones[:2]}

    async def fails(number: str) -> None:
        if number in broken:
            raise NotFound
        await lapse(number)

    monkeypatch.setattr(world.applications.materials, "lapse", fails)
    monkeypatch.setattr(sweeps, "_BATCH", 2)
    await sweeps.lapse_awaited(world.applications.materials)
    assert [await world.status(number_of(one)) for one in ones] == ["ACCEPTED"] * 2 + ["CLOSED"] * 2
