"""Materials over HTTP: licences, earlier materials and shared data in place of files, each where allowed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict
from services.licences.types import Change
from tests.integration.applications.materials.steps import (
    ALL,
    HERE,
    Phones,
    Register,
    accept,
    begin,
    filed,
    licensed,
    material,
    number_of,
    paths,
    rows,
)

pytestmark = pytest.mark.anyio


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
