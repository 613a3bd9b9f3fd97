"""What the archive offers for a form over HTTP: own things only, each with its source, plain values at L2 only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from typing import Any

import pytest

from app import db
from app.crypto import FieldCipher
from app.ids import new_id
from handlers.citizen import applications, archive
from services.accounts.types import Acting
from tests.integration.applications.conftest import FORM, ITEM, item_of
from tests.integration.applications.materials.steps import material
from tests.integration.applications.phoning import phones_of

pytestmark = pytest.mark.anyio
PREFILL, HERE = f"/api/v1/items/{ITEM['item_code']}/prefill", "127.0.0.1"
ID_CARD = ITEM["results"][0]["licence_type"]
Phones = Callable[..., Any]


@pytest.fixture
async def phones(world: Any, cipher: FieldCipher) -> AsyncIterator[Phones]:
    async with phones_of(world, cipher, (*applications.ROUTES, *archive.ROUTES)) as phone:
        yield phone


def form_with(**parts: Any) -> dict[str, Any]:
    form = deepcopy(ITEM["form"])
    form["properties"] |= parts
    return form


async def offered(phone: Any, query: str = "") -> dict[str, Any]:
    status, view, _ = await phone("GET", PREFILL + query)
    assert status == 200, view
    return {each["field"]: each for each in view["fields"]}


async def ways(phone: Any, query: str = "") -> dict[str, list[str]]:
    _, view, _ = await phone("GET", PREFILL + query)
    return {part["material_code"]: [way["source"] for way in part["ways"]] for part in view["materials"]}


async def test_profile_fills_what_the_form_names_with_its_source(world: Any, phones: Phones) -> None:
    found = await offered(phones(world.citizen))
    assert {name: each["value"] for name, each in found.items()} == {
        "applicant_name": "张伟",
        "id_number": "140105199003070012",
        "phone": "13800000001",
    }
    assert {name: each["source"]["text"] for name, each in found.items()} == {
        "applicant_name": "来自您的实名认证信息",
        "id_number": "来自您的实名认证信息",
        "phone": "来自您绑定的手机号",
    }
    _, _, headers = await phones(world.citizen)("GET", PREFILL)
    assert headers["Cache-Control"] == "no-store"


async def test_earlier_answers_of_an_accepted_case_are_offered_with_where_they_come_from(
    world: Any, phones: Phones
) -> None:
    phone = phones(world.citizen)
    await world.submitted()
    assert "residence_address" not in await offered(phone), "not accepted yet"
    number = await world.accepted()
    found = await offered(phone)
    assert set(found) == {"applicant_name", "id_number", "phone", "residence_address", "reason"}
    assert found["residence_address"]["value"] == FORM["residence_address"]
    source = found["residence_address"]["source"]
    assert (source["kind"], source["reference"]) == ("earlier", number)
    assert source["text"] == f"来自{source['at'][:10]}办理的“{ITEM['name']}”"


async def test_somebody_elses_answers_are_never_offered(world: Any, phones: Phones) -> None:
    number = await world.accepted()
    assert "residence_address" not in await offered(phones(world.other))
    for column, value in (("agent_id", new_id()), ("assisted_by", "helper"), ("enterprise_id", new_id())):
        await db.execute(f"UPDATE application SET {column} = $1 WHERE application_no = $2", value, number)
        assert "residence_address" not in await offered(phones(world.citizen)), column
        empty = "''" if column == "assisted_by" else "NULL"
        await db.execute(f"UPDATE application SET {column} = {empty}")
    assert "residence_address" in await offered(phones(world.citizen))


async def test_below_l2_nothing_sensitive_is_offered(world: Any, phones: Phones) -> None:
    await world.accepted()
    world.people.level = "L1"
    found = await offered(phones(world.citizen))
    assert {name: each["value"] for name, each in found.items()} == {"reason": "遗失"}
    raw = (await phones(world.citizen)("GET", PREFILL))[1]
    assert FORM["id_number"] not in str(raw)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "string", "title": "现居住地址", "x-sensitive": True},
        {"type": "array", "title": "常住户口所在地地址", "items": {"type": "string"}},
        {"type": "string", "title": "常住户口所在地地址", "format": "cn-mobile"},
        {"type": "string", "title": "常住户口所在地地址", "maxLength": 5},
        {"type": "string", "title": "常住户口所在地地址", "const": "无"},
    ],
)
async def test_answer_to_another_question_is_not_offered(world: Any, phones: Phones, part: dict[str, Any]) -> None:
    await world.accepted()
    world.catalogue.publish(form=form_with(residence_address=part))
    assert "residence_address" not in await offered(phones(world.citizen))


async def test_answer_that_became_sensitive_is_not_offered_masked_or_plain_below_l2(world: Any, phones: Phones) -> None:
    await world.accepted()
    plain = {"type": "string", "title": "常住户口所在地地址"}
    world.catalogue.publish(form=form_with(residence_address=plain))
    assert (await offered(phones(world.citizen)))["residence_address"]["value"] == FORM["residence_address"]
    world.people.level = "L1"
    assert "residence_address" not in await offered(phones(world.citizen))


async def test_licence_fills_a_field_that_asks_for_it(world: Any, phones: Phones) -> None:
    await world.approved()
    await world.react()
    page, _ = await world.licences.list_own(world.citizen.citizen_id, None, 10)
    part = {"type": "string", "title": "证照编号", "x-prefill": f"licence:{ID_CARD}:licence_no"}
    world.catalogue.publish(form=form_with(card_no=part))
    found = await offered(phones(world.citizen))
    assert (found["card_no"]["value"], found["card_no"]["source"]["kind"]) == (page[0].licence_no, "licence")
    assert "card_no" not in await offered(phones(world.other))


async def test_materials_come_with_every_way_to_provide_them(world: Any, phones: Phones) -> None:
    phone = phones(world.citizen)
    number = await world.approved()
    await world.react()
    photo = ITEM["materials"][1]
    world.catalogue.versions[2] = item_of(
        version=2,
        materials=[
            ITEM["materials"][0],
            material("A", "licence", "commitment"),
            material("B", "deferral"),
            material("P", name=photo["name"], kind="photo"),
            material("S", "shared_data"),
        ],
    )
    assert await ways(phone) == {
        "A": ["licence", "promise", "upload"],
        "B": ["later", "upload"],
        "P": ["earlier", "upload"],
        "S": ["upload"],
    }
    assert (await ways(phones(world.other)))["P"] == ["upload"]
    _, view, _ = await phone("GET", PREFILL)
    earlier = next(part for part in view["materials"] if part["material_code"] == "P")["ways"][0]
    assert (earlier["application_no"], earlier["text"][:2]) == (number, "沿用")
    await db.execute("UPDATE upload SET created_at = now() - interval '200 days'")
    await db.execute("UPDATE licence SET status = 'REVOKED'")
    assert ((await ways(phone))["P"], (await ways(phone))["A"]) == (["upload"], ["promise", "upload"])


async def test_enterprise_fills_its_own_form_and_its_agent_reads_nothing_of_it(world: Any, phones: Phones) -> None:
    world.catalogue.publish(
        form=form_with(
            uscc={"type": "string", "title": "统一社会信用代码", "format": "cn-uscc"},
            entity_name={"type": "string", "title": "企业名称"},
        )
    )
    enterprise_id, phone = new_id(), phones(world.citizen)
    query = f"?enterprise_id={enterprise_id}"
    assert (await phone("GET", PREFILL + query))[0] == 404
    own = Acting(
        citizen_id=world.citizen.citizen_id, enterprise_id=enterprise_id, caller_shown="*伟", principal_shown="汾河商贸"
    )
    world.people.acts_as[world.citizen.citizen_id] = own
    found = await offered(phone, query)
    assert (found["entity_name"]["value"], found["entity_name"]["source"]["kind"]) == (
        "太原汾河商贸有限公司",
        "enterprise",
    )
    assert "uscc" not in await offered(phone)
    world.people.acts_as[world.citizen.citizen_id] = Acting(
        citizen_id=world.other.citizen_id,
        agent_id=world.citizen.citizen_id,
        mandate_no="M1",
        caller_shown="*伟",
        principal_shown="李*",
    )
    assert await offered(phone, "?mandate_no=M1") == {}
    assert (await phone("GET", f"{PREFILL}{query}&mandate_no=M1"))[0] == 400


async def test_sensitive_answers_of_another_representative_are_not_offered(world: Any, phones: Phones) -> None:
    enterprise_id = new_id()
    await world.accepted()
    await db.execute("UPDATE application SET enterprise_id = $1", enterprise_id)
    for each in (world.citizen, world.other):
        world.people.acts_as[each.citizen_id] = Acting(
            citizen_id=each.citizen_id, enterprise_id=enterprise_id, caller_shown="*伟", principal_shown="汾河商贸"
        )
    query = f"?enterprise_id={enterprise_id}"
    assert "residence_address" in await offered(phones(world.citizen), query)
    found = await offered(phones(world.other), query)
    assert "residence_address" not in found
    assert found["reason"]["value"] == FORM["reason"], "what is not sensitive is the enterprise's"


async def test_agent_learns_nothing_of_what_the_principal_filed_before(world: Any, phones: Phones) -> None:
    number = await world.accepted()
    assert "earlier" in str(await ways(phones(world.citizen)))
    agent = world.other.citizen_id
    world.people.acts_as[agent] = Acting(
        citizen_id=world.citizen.citizen_id,
        agent_id=agent,
        mandate_no="M1",
        caller_shown="李*",
        principal_shown="*伟",
    )
    assert "earlier" not in str(await ways(phones(world.other), "?mandate_no=M1"))
    await db.execute("UPDATE application SET agent_id = $1 WHERE application_no = $2", agent, number)
    assert "earlier" in str(await ways(phones(world.other), "?mandate_no=M1")), "what the agent filed is known"


async def test_unknown_item_and_strangers_are_refused(world: Any, phones: Phones) -> None:
    phone = phones(world.citizen)
    assert (await phone("GET", "/api/v1/items/X/prefill"))[0] == 404
    assert (await phone("GET", f"{PREFILL}?surprise=1"))[0] == 400
    world.catalogue.is_open = False
    assert (await phone("GET", PREFILL))[1]["code"] == "item_closed"
