"""Materials over HTTP: licences, earlier materials, promises and later supply in place of files, each where allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Conflict, Forbidden, NotFound, ProviderUnavailable
from handlers.citizen import applications, materials
from services.applications.materials import sweeps
from services.applications.materials.reactions import MaterialReactions
from services.applications.ports import Seen
from services.licences.types import Change
from tests.integration.applications.conftest import FORM, ITEM, item_of
from tests.integration.applications.phoning import phones_of

pytestmark = pytest.mark.anyio
ALL, HERE = "/api/v1/applications", "127.0.0.1"
ID_CARD = ITEM["results"][0]["licence_type"]
PHOTO = ITEM["materials"][1]
Phones = Callable[..., Any]


def material(code: str, *substitutes: str, **changes: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": f"材料{code}",
        "kind": "certificate",
        "forms": ["electronic"],
        "source": "government",
        "necessity": "required",
        "instructions": "上传照片",
        "standard": "清晰完整",
        "substitutes": list(substitutes),
        "licence_type": ID_CARD if "licence" in substitutes else "",
        "max_files": 2,
    } | changes


@pytest.fixture
def lists(world: Any) -> Callable[..., None]:
    """Let the item ask for these materials."""

    def set_materials(*listed: dict[str, Any]) -> None:
        world.catalogue.versions = {1: item_of(materials=list(listed))}

    return set_materials


@pytest.fixture
async def phones(world: Any, cipher: FieldCipher) -> AsyncIterator[Phones]:
    async with phones_of(world, cipher, (*applications.ROUTES, *materials.ROUTES)) as phone:
        yield phone


async def begin(phone: Any, *named: dict[str, Any]) -> tuple[int, Any]:
    body = {"item_code": ITEM["item_code"], "form": FORM, "materials": list(named)}
    status, view, _ = await phone("POST", ALL, body)
    return status, view


async def filed(phone: Any, *named: dict[str, Any]) -> str:
    status, view = await begin(phone, *named)
    assert status == 201, view
    one = f"{ALL}/{view['application_no']}"
    status, view, _ = await phone("POST", f"{one}/submit", {})
    assert status == 200, view
    return one


def number_of(one: str) -> str:
    return one.rpartition("/")[2]


async def licensed(world: Any) -> str:
    """Let the citizen have the licence that the item gives; return its number."""
    number = await world.approved()
    await world.react()
    page, _ = await world.licences.list_own(world.citizen.citizen_id, None, 10)
    assert number
    return str(page[0].licence_no)


async def accept(world: Any, one: str) -> None:
    await world.applications.desk.accept(world.window, number_of(one), HERE)
    await MaterialReactions(world.applications.materials).start_later(SimpleNamespace(subject_no=number_of(one)))
    await world.pay(number_of(one))


async def paths(answer: tuple[int, Any]) -> tuple[int, set[str]]:
    return answer[0], {fault["path"] for fault in answer[1].get("errors", ())}


async def rows() -> list[tuple[Any, ...]]:
    found = await db.fetch_all(
        "SELECT material_code, page, source, reference, due_on IS NOT NULL AS due, supplied_at IS NOT NULL AS supplied"
        " FROM application_material ORDER BY material_code, page"
    )
    return [tuple(row.values()) for row in found]


async def test_needed_material_is_asked_for_with_every_way_to_provide_it(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    lists(material("A", "licence", "commitment"), material("B", "deferral"), material("C"))
    phone = phones(world.citizen)
    _, view = await begin(phone)
    status, problem, _ = await phone("POST", f"{ALL}/{view['application_no']}/submit", {})
    assert (status, problem["code"]) == (400, "application_incomplete")
    assert {fault["path"]: fault["message"] for fault in problem["errors"]} == {
        "materials.A": "请上传《材料A》，也可使用电子证照、选择告知承诺",
        "materials.B": "请上传《材料B》，也可选择容缺后补",
        "materials.C": "请上传《材料C》",
    }


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ({"material_code": "Z", "source": "licence", "licence_no": "X"}, "materials[0].material_code"),
        ({"material_code": "C", "source": "licence", "licence_no": "X"}, "materials[0].source"),
        ({"material_code": "C", "source": "promise"}, "materials[0].source"),
        ({"material_code": "C", "source": "later"}, "materials[0].source"),
        ({"material_code": "C", "source": "shared"}, "materials[0].source"),
        ({"material_code": "F", "source": "earlier", "application_no": "X"}, "materials[0].source"),
        ({"material_code": "A", "source": "licence"}, "materials[0].licence_no"),
        ({"material_code": "A", "source": "licence", "licence_no": "X"}, "materials[0].licence_no"),
        ({"material_code": "C", "source": "earlier"}, "materials[0].application_no"),
        ({"material_code": "C", "source": "earlier", "application_no": "X"}, "materials[0].application_no"),
        ({"material_code": "C"}, "materials[0].upload_id"),
        ({"material_code": "A", "source": "promise", "licence_no": "X"}, "materials[0].licence_no"),
        ({"material_code": "A", "source": "promise", "text_sha256": "ab"}, "materials[0].text_sha256"),
        ({"material_code": "A", "source": "shared"}, "materials[0].source"),
        ({"material_code": "A", "source": "guess"}, "materials[0].source"),
    ],
)
async def test_way_that_is_not_allowed_or_not_whole_is_refused_with_its_path(
    world: Any, phones: Phones, lists: Callable[..., None], named: dict[str, Any], path: str
) -> None:
    lists(
        material("A", "licence", "commitment", "shared_data"),
        material("C"),
        material("F", kind="form"),
    )
    assert await paths(await begin(phones(world.citizen), named)) == (400, {path})
    assert await db.fetch_all("SELECT 1 FROM application") == []


async def test_two_ways_for_one_material_are_refused(world: Any, phones: Phones, lists: Callable[..., None]) -> None:
    lists(material("A", "commitment"))
    both = [{"material_code": "A", "source": "promise"}, {"material_code": "A", "upload_id": str(await world.photo())}]
    found = {"materials[0].source", "materials[1].source"}
    assert await paths(await begin(phones(world.citizen), *both)) == (400, found)


async def test_own_valid_licence_stands_for_a_material(world: Any, phones: Phones, lists: Callable[..., None]) -> None:
    licence_no = await licensed(world)
    await db.execute("DELETE FROM application_material")
    lists(material("A", "licence"))
    named = {"material_code": "A", "source": "licence", "licence_no": licence_no}
    assert await paths(await begin(phones(world.other), named)) == (400, {"materials[0].licence_no"})
    phone = phones(world.citizen)
    one = await filed(phone, named)
    assert await rows() == [("A", 1, "LICENCE", licence_no, False, False)]
    kept = await db.fetch_row("SELECT upload_id, reference_hash, seen_at FROM application_material")
    licence = await db.fetch_row("SELECT sha256 FROM licence WHERE licence_no = $1", licence_no)
    assert (kept["upload_id"], kept["reference_hash"]) == (None, licence["sha256"])
    assert abs(kept["seen_at"] - clock.now()) < timedelta(minutes=1)
    shown = (await phone("GET", one))[1]["materials"]
    assert shown == [
        {
            "material_code": "A",
            "material_name": "材料A",
            "page": 1,
            "upload_id": None,
            "source": "LICENCE",
            "state": "PROVIDED",
            "reference": licence_no,
            "due_on": None,
        }
    ]
    case = await world.applications.desk.case(world.reviewer, number_of(one), HERE)
    assert [(part.source_text, part.state, part.sha256) for part in case.materials] == [
        ("电子证照（免提交）", "PROVIDED", licence["sha256"])
    ]


async def test_licence_that_ends_after_the_draft_is_refused_at_submission_and_at_the_decision(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    licence_no = await licensed(world)
    lists(material("A", "licence"))
    phone = phones(world.citizen)
    named = {"material_code": "A", "source": "licence", "licence_no": licence_no}
    early = f"{ALL}/{(await begin(phone, named))[1]['application_no']}"
    one = await filed(phone, named)
    await accept(world, one)
    await world.licences.change_status(licence_no, Change.REVOKE)
    status, problem, _ = await phone("POST", f"{early}/submit", {})
    assert (status, problem["errors"][0]["path"]) == (400, "materials.A")
    assert (await phone("GET", early))[1]["version"] == 1
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.approve(world.reviewer, number_of(one), HERE)
    assert refused.value.stable_code == "licence_no_longer_valid"
    assert await world.status(number_of(one)) == "ACCEPTED"


async def test_material_of_an_accepted_case_is_used_again(
    world: Any, phones: Phones, lists: Callable[..., None]
) -> None:
    lists(material("A"))
    phone, photos = phones(world.citizen), [str(await world.photo()) for _ in range(2)]
    first = await filed(phone, *({"material_code": "A", "upload_id": photo} for photo in photos))
    named = {"material_code": "B", "source": "earlier", "application_no": number_of(first)}
    lists(material("B", name="材料A"))
    assert (await begin(phone, named))[0] == 400, "not accepted yet"
    await accept(world, first)
    assert (await begin(phones(world.other), named))[0] == 400, "somebody else's"
    one = await filed(phone, named)
    shown = (await phone("GET", one))[1]["materials"]
    assert [(part["upload_id"], part["source"], part["reference"]) for part in shown] == [
        (photo, "EARLIER", number_of(first)) for photo in photos
    ]
    lists(material("B", name="别的材料"))
    assert (await begin(phone, named))[0] == 400, "another material"
    lists(material("B", name="材料A"))
    await db.execute("UPDATE upload SET created_at = now() - interval '181 days'")
    status, problem = await begin(phone, named)
    assert (status, problem["errors"][0]["message"]) == (400, "《材料A》已超过可以沿用的期限，请重新上传")


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


class Register:
    """What another body shares in these tests."""

    seen: Seen | None = Seen("户籍1401", "ab" * 32)
    is_away = False

    async def look(self, *_: Any) -> Seen | None:
        if self.is_away:
            raise ProviderUnavailable
        return self.seen


async def test_shared_data_spares_a_material_and_its_absence_asks_for_the_file(
    world: Any, phones: Phones, lists: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    register = Register()
    monkeypatch.setattr(world.applications.drafts._check._sources, "_shared", register)
    lists(material("A", "shared_data"), material("C", "shared_data"))
    phone, photo = phones(world.citizen), str(await world.photo())
    number = (await begin(phone, {"material_code": "C", "upload_id": photo}))[1]["application_no"]
    one = f"{ALL}/{number}"
    register.is_away = True
    status, problem, _ = await phone("POST", f"{one}/submit", {})
    assert (status, problem["errors"]) == (
        400,
        [{"path": "materials.A", "message": "请上传《材料A》，也可使用共享数据"}],
    )
    assert (await phone("GET", one))[1]["version"] == 1
    register.is_away = False
    status, view, _ = await phone("POST", f"{one}/submit", {})
    assert (status, [(part["source"], part["reference"]) for part in view["materials"]]) == (
        200,
        [("SHARED", "户籍1401"), ("UPLOAD", "")],
    )
    register.is_away = True
    await world.applications.desk.request_correction(world.window, number, "请核对住址", HERE)
    assert (await phone("POST", f"{one}/correction", {}))[0] == 200, "what was seen once is not asked for again"
