"""Drafts over HTTP: patches of single answers, autosave, two devices, newer versions of the item, expiry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.crypto import FieldCipher
from handlers.citizen import applications
from services.applications.drafts import sweeps
from tests.integration.applications.conftest import ITEM
from tests.integration.applications.phoning import phones_of

pytestmark = pytest.mark.anyio
ALL = "/api/v1/applications"
Phones = Callable[..., Any]


@pytest.fixture
async def phones(world: Any, cipher: FieldCipher) -> AsyncIterator[Phones]:
    async with phones_of(world, cipher, applications.ROUTES) as phone:
        yield phone


async def begun(phone: Any, **body: Any) -> str:
    status, view, _ = await phone("POST", ALL, {"item_code": ITEM["item_code"], **body})
    assert status == 201, view
    return f"{ALL}/{view['application_no']}"


async def stored() -> tuple[int, str, bytes | None]:
    row = await db.fetch_row("SELECT version, form, form_cipher FROM application")
    assert row is not None
    return row["version"], row["form"], row["form_cipher"]


def form_with(**parts: Any) -> dict[str, Any]:
    form = deepcopy(ITEM["form"])
    form["properties"] |= parts
    return form


async def test_patch_changes_single_answers_and_takes_them_out(world: Any, phones: Phones, form: Any) -> None:
    phone = phones(world.citizen)
    one = await begun(phone, form=form)
    patch = {"reason": "被盗", "phone": "13900000002", "lost_on": None}
    status, view, _ = await phone("PATCH", one, {"form_patch": patch, "version": 1})
    assert (status, view["version"]) == (200, 2)
    assert view["form"] == {k: v for k, v in form.items() if k != "lost_on"} | {
        "reason": "被盗",
        "phone": "13900000002",
    }
    assert (await phone("GET", one))[1]["form"] == view["form"]


async def test_wrong_patch_is_refused_whole_and_changes_nothing(world: Any, phones: Phones, form: Any) -> None:
    phone = phones(world.citizen)
    one, before = await begun(phone, form=form), await stored()
    status, problem, _ = await phone("PATCH", one, {"form_patch": {"reason": "被盗", "phone": "138"}})
    assert (status, [fault["path"] for fault in problem["errors"]]) == (400, ["form.phone"])
    assert (await phone("PATCH", one, {"form": form, "form_patch": {}}))[0] == 400
    assert (await phone("PATCH", one, {"form": form, "autosave": True}))[0] == 400
    assert (await phone("PATCH", one, {"form_patch": {}, "materials": [], "autosave": True}))[0] == 400
    assert await stored() == before


async def test_autosave_keeps_what_is_right_and_names_the_rest(world: Any, phones: Phones) -> None:
    phone = phones(world.citizen)
    one = await begun(phone, form={"phone": "13800000001"})
    patch = {"reason": "遗失", "phone": "1390", "id_number": "1401"}
    status, view, _ = await phone("PATCH", one, {"form_patch": patch, "autosave": True})
    assert (status, view["version"], view["form"]) == (200, 2, {"phone": "13800000001", "reason": "遗失"})
    assert {fault["path"] for fault in view["unsaved"]} == {"form.phone", "form.id_number"}
    status, problem, _ = await phone("PATCH", one, {"form_patch": {"a.b": 1}, "autosave": True})
    assert (status, problem["errors"][0]["path"]) == (400, "form.a.b")


async def test_two_devices_lose_nothing_of_each_other(world: Any, phones: Phones) -> None:
    wechat, alipay = phones(world.citizen), phones(world.citizen, "ALIPAY")
    one = await begun(wechat, form={"reason": "遗失"})
    names = {"applicant_name": "张伟", "phone": "13800000001", "residence_address": "太原市小店区平阳路88号"}
    saves = [
        phone("PATCH", one, {"form_patch": {name: value}, "autosave": True})
        for phone, (name, value) in zip((wechat, alipay, wechat), names.items(), strict=True)
    ]
    assert {status for status, _, _ in await asyncio.gather(*saves)} == {200}
    _, view, _ = await alipay("GET", one)
    assert (view["form"], view["version"]) == (names | {"reason": "遗失"}, 4)


async def test_stale_device_learns_where_the_draft_stands_and_merges(world: Any, phones: Phones) -> None:
    wechat, alipay = phones(world.citizen), phones(world.citizen, "ALIPAY")
    one = await begun(wechat, form={"reason": "遗失"})
    await alipay("PATCH", one, {"form_patch": {"lost_on": "2026-10-01"}, "version": 1})
    mine = {"form_patch": {"reason": "被盗"}, "version": 1, "autosave": True}
    status, problem, _ = await wechat("PATCH", one, mine)
    assert (status, problem["code"], problem["current"]["version"]) == (409, "stale_version", 2)
    status, view, _ = await wechat("PATCH", one, mine | {"version": problem["current"]["version"]})
    assert (status, view["form"]) == (200, {"reason": "被盗", "lost_on": "2026-10-01"})


async def test_drafts_of_both_platforms_are_listed_with_their_end(world: Any, phones: Phones) -> None:
    wechat, alipay = phones(world.citizen), phones(world.citizen, "ALIPAY")
    await begun(wechat)
    await begun(alipay)
    _, page, _ = await alipay("GET", f"{ALL}?tab=draft")
    assert [line["provider"] for line in page["data"]] == ["ALIPAY", "WECHAT"]
    ends_on = (clock.beijing_date() + timedelta(days=90)).isoformat()
    assert {line["expires_on"] for line in page["data"]} == {ends_on}
    assert (await phones(world.other)("GET", f"{ALL}?tab=draft"))[1]["data"] == []


async def test_draft_goes_on_and_is_handed_in_on_the_other_platform(world: Any, phones: Phones, form: Any) -> None:
    one = await begun(phones(world.citizen), form=form)
    alipay = phones(world.citizen, "ALIPAY")
    materials = [{"material_code": "M02", "upload_id": str(await world.photo())}]
    assert (await alipay("PATCH", one, {"materials": materials}))[0] == 200
    status, view, _ = await alipay("POST", f"{one}/submit", {})
    assert (status, view["status"], view["provider"], view["expires_on"]) == (200, "SUBMITTED", "ALIPAY", None)


async def test_upgrade_keeps_what_fits_and_lists_the_rest(world: Any, phones: Phones, form: Any) -> None:
    phone, photo = phones(world.citizen), str(await world.photo())
    one = await begun(phone, form=form, materials=[{"material_code": "M02", "upload_id": photo}])
    changed = form_with(
        reason={"type": "string", "title": "补领原因", "enum": ["丢失"]},
        phone={"type": "integer", "title": "联系电话"},
        email={"type": "string", "title": "电子邮箱"},
    )
    changed["required"] = [*changed["required"], "email"]
    world.catalogue.publish(form=changed, materials=[m for m in ITEM["materials"] if m["code"] != "M02"])
    status, view, headers = await phone("GET", one)
    assert (status, view["item_version"], view["newer_item_version"]) == (200, 1, 2)
    status, moved, _ = await phone("POST", f"{one}/upgrade", {"version": 1})
    assert (status, moved["application"]["item_version"], moved["application"]["version"]) == (200, 2, 2)
    kept = {name: value for name, value in form.items() if name not in ("reason", "phone")}
    assert moved["application"]["form"] == kept
    assert {fault["path"] for fault in moved["dropped"]} == {"form.reason", "form.phone", "materials.M02"}
    assert {fault["path"] for fault in moved["to_answer"]} == {"form.reason", "form.phone", "form.email"}
    view = (await phone("GET", one))[1]
    assert (view["form"], view["materials"], view["newer_item_version"]) == (kept, [], None)
    assert (await phone("GET", one, headers={"If-None-Match": headers["ETag"]}))[0] == 200


async def test_upgrade_where_it_makes_no_sense_is_refused(world: Any, phones: Phones, form: Any) -> None:
    phone = phones(world.citizen)
    one, before = await begun(phone, form=form), await stored()
    assert (await phone("POST", f"{one}/upgrade", {}))[1]["code"] == "item_version_current"
    world.catalogue.publish()
    assert (await phone("POST", f"{one}/upgrade", {"version": 7}))[1]["code"] == "stale_version"
    assert (await phones(world.other)("POST", f"{one}/upgrade", {}))[0] == 404
    world.catalogue.is_open = False
    assert (await phone("POST", f"{one}/upgrade", {}))[1]["code"] == "item_closed"
    assert (await phone("GET", one))[1]["newer_item_version"] is None
    assert await stored() == before
    world.catalogue.is_open = True
    number = await world.submitted()
    assert (await phone("POST", f"{ALL}/{number}/upgrade", {}))[1]["code"] == "invalid_transition"


async def test_new_version_changes_the_tag_of_a_draft(world: Any, phones: Phones) -> None:
    phone = phones(world.citizen)
    one = await begun(phone)
    tag = (await phone("GET", one))[2]["ETag"]
    assert (await phone("GET", one, headers={"If-None-Match": tag}))[0] == 304
    world.catalogue.publish()
    status, view, headers = await phone("GET", one, headers={"If-None-Match": tag})
    assert (status, view["newer_item_version"]) == (200, 2)
    assert (await phone("PATCH", one, {"form_patch": {}}, headers={"If-Match": headers["ETag"]}))[0] == 200


async def test_end_of_a_draft_is_told_once_a_week_before_and_then_comes(world: Any, phones: Phones) -> None:
    phone = phones(world.citizen)
    old, young = await begun(phone), await begun(phone)
    photo = await world.photo()
    await phone("PATCH", old, {"materials": [{"material_code": "M02", "upload_id": str(photo)}]})
    drafts = world.applications.drafts

    async def age(days: int) -> None:
        await db.execute(
            "UPDATE application SET updated_at = updated_at - make_interval(days => $1),"
            " draft_reminded_at = draft_reminded_at - make_interval(days => $1) WHERE application_no = $2",
            days,
            old.rpartition("/")[2],
        )

    async def swept() -> list[str]:
        await sweeps.remind_expiring(drafts)
        await sweeps.forget_expired(drafts)
        return await world.react()

    await age(82)
    assert await swept() == []
    await age(2)
    assert await swept() == ["application.draft_expiring"]
    assert await swept() == []
    await age(6)
    assert (await swept(), (await phone("GET", old))[0]) == ([], 200)
    await age(2)
    assert (await swept(), (await phone("GET", old))[0], (await phone("GET", young))[0]) == ([], 404, 200)
    rows = await db.fetch_all("SELECT 1 FROM application_material")
    assert (rows, len(await db.fetch_all("SELECT 1 FROM upload"))) == ([], 1)


async def test_draft_that_is_touched_after_the_notice_lives_on(world: Any, phones: Phones) -> None:
    phone = phones(world.citizen)
    one = await begun(phone)
    await db.execute("UPDATE application SET updated_at = now() - interval '85 days'")
    await sweeps.remind_expiring(world.applications.drafts)
    assert (await phone("PATCH", one, {"form_patch": {"reason": "遗失"}, "autosave": True}))[0] == 200
    await db.execute("UPDATE application SET draft_reminded_at = draft_reminded_at - interval '100 days'")
    await sweeps.forget_expired(world.applications.drafts)
    assert (await phone("GET", one))[0] == 200
    await db.execute("UPDATE application SET updated_at = now() - interval '85 days'")
    await world.react()
    await sweeps.remind_expiring(world.applications.drafts)
    assert await world.react() == ["application.draft_expiring"]


async def test_untold_draft_is_never_deleted(world: Any, phones: Phones) -> None:
    one = await begun(phones(world.citizen))
    await db.execute("UPDATE application SET updated_at = now() - interval '400 days'")
    await sweeps.forget_expired(world.applications.drafts)
    assert (await phones(world.citizen)("GET", one))[0] == 200


async def test_draft_handed_in_while_the_sweep_looks_is_kept(world: Any, phones: Phones) -> None:
    one = await begun(phones(world.citizen))
    await db.execute(
        "UPDATE application SET updated_at = now() - interval '98 days', draft_reminded_at = now() - interval '8 days'"
    )
    async with db.transaction() as tx:
        await tx.execute("UPDATE application SET status = 'SUBMITTED', updated_at = now()")
        sweeping = asyncio.create_task(sweeps.forget_expired(world.applications.drafts))
        await asyncio.sleep(0.2)
    await sweeping
    assert (await phones(world.citizen)("GET", one))[1]["status"] == "SUBMITTED"


async def test_draft_filed_from_elsewhere_keeps_where_it_came_in(world: Any, phones: Phones) -> None:
    phone = phones(world.citizen)
    one = await begun(phone, division="140106")
    assert (await phone("GET", one))[1]["intake_division_code"] == "140106"
    body = {"item_code": ITEM["item_code"], "division": "140200"}
    status, problem, _ = await phone("POST", ALL, body)
    assert (status, problem["code"], problem["detail"]) == (409, "out_of_reach", "该事项只能在太原市内申请")
    assert (await phone("POST", ALL, body | {"division": "1402"}))[0] == 400


async def test_draft_of_the_other_platform_is_there_once_both_are_one_person(world: Any, phones: Phones) -> None:
    one = await begun(phones(world.other, "ALIPAY"), form={"reason": "遗失"})
    wechat = phones(world.citizen)
    assert (await wechat("GET", one))[0] == 404
    await world.applications.progress.take_over(world.other.citizen_id, world.citizen.citizen_id)
    assert (await wechat("GET", one))[1]["form"] == {"reason": "遗失"}
    status, view, _ = await wechat("PATCH", one, {"form_patch": {"lost_on": "2026-10-01"}, "autosave": True})
    assert (status, view["version"]) == (200, 2)
