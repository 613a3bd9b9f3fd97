"""Enterprises and mandates over HTTP: both sides, every refusal, and that a refusal changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
from redis.asyncio import Redis

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Forbidden, InvalidRequest, NotFound
from app.tokens import Caller
from handlers.citizen import auth, me, representation
from services.accounts.enterprises.types import EnterpriseClaim
from services.accounts.mandates.types import MandateOffer
from services.accounts.types import AuthorityRules, OnBehalfOf
from tests.doorway import served
from tests.integration.accounts.conftest import LI_NA, ZHANG_WEI, House, make_house
from tests.integration.accounts.test_doors import Phone

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("divisions")]
ROUTES = (*auth.ROUTES, *me.ROUTES, *representation.ROUTES)
ITEM = "11140105MB0001177F4140709012000"
CLOUD = {"uscc": "91140105MA0K7QX256", "name": "太原晋云信息技术有限公司"}
_PEOPLE = {"zhang-wei": ZHANG_WEI, "li-na": LI_NA}


class Town:
    """The doors, and phones of people who have proven who they are."""

    def __init__(self, house: House, session: aiohttp.ClientSession, base: str) -> None:
        self.house, self._session, self._base = house, session, base

    async def phone(self, key: str, *, real_name: bool = True) -> Phone:
        phone = Phone(self._session, self._base)
        await phone.sign_in(key)
        if real_name:
            person = _PEOPLE[key]
            status, _ = await phone.call("POST", "/me/real-name", {"name": person.name, "id_number": person.id_number})
            assert status == 200
        return phone

    def caller(self, phone: Phone) -> Caller:
        return self.house.tokens.verify(phone.token)

    async def bound(self, phone: Phone) -> dict[str, Any]:
        status, enterprise = await phone.call("POST", "/enterprises", CLOUD)
        assert status == 201, enterprise
        return enterprise


@pytest.fixture
async def town(house: House) -> AsyncIterator[Town]:
    house.wechat.owners = dict(_PEOPLE)
    house.register.known[CLOUD["uscc"]] = (CLOUD["name"], ZHANG_WEI.name, ZHANG_WEI.id_number)
    async with served(house, ROUTES) as base, aiohttp.ClientSession() as session:
        yield Town(house, session, base)


def offer_of(**changes: Any) -> dict[str, Any]:
    today = clock.beijing_date()
    whole = {
        "agent_name": LI_NA.name,
        "agent_id_number": LI_NA.id_number,
        "item_codes": [ITEM],
        "from_on": today.isoformat(),
        "until_on": (today + timedelta(days=30)).isoformat(),
    }
    return whole | changes


async def offered(phone: Phone, **changes: Any) -> str:
    status, mandate = await phone.call("POST", "/mandates", offer_of(**changes))
    assert status == 201, mandate
    return str(mandate["mandate_no"])


async def count(table: str) -> int:
    row = await db.fetch_row(f"SELECT count(*) AS n FROM {table}")
    assert row is not None
    return int(row["n"])


async def events() -> list[tuple[str, str]]:
    rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
    found = [json.loads(row["payload"]) for row in rows]
    return [(event["name"], event["citizen_id"]) for event in found if event["name"].startswith("mandate")]


async def test_representative_binds_lists_changes_and_ends(town: Town) -> None:
    phone = await town.phone("zhang-wei")
    bound = await town.bound(phone)
    assert (bound["uscc"], bound["legal_representative"]) == (CLOUD["uscc"], "*伟")
    status, changed = await phone.call(
        "PATCH", f"/enterprises/{CLOUD['uscc']}", {"address": "山西省太原市小店区平阳路1号", "phone": "0351-7012345"}
    )
    assert (status, changed["address"], changed["phone"]) == (200, "山西省太原市小店区平阳路1号", "035****2345")
    assert (await phone.call("GET", "/enterprises"))[1]["data"] == [changed]
    profile = await town.house.accounts.enterprise_profile(
        (await db.fetch_row("SELECT id FROM enterprise"))["id"]  # type: ignore[index]  # there is one
    )
    assert (profile.legal_representative, profile.phone) == ("张伟", "03517012345")
    stored = await db.fetch_row("SELECT profile_cipher FROM enterprise")
    assert stored is not None
    assert "张伟".encode() not in stored["profile_cipher"]
    assert (await phone.call("DELETE", f"/enterprises/{CLOUD['uscc']}"))[0] == 204
    assert (await phone.call("GET", "/enterprises"))[1]["data"] == []
    assert (await phone.call("DELETE", f"/enterprises/{CLOUD['uscc']}"))[0] == 404


async def test_binding_is_refused_and_nothing_is_kept(town: Town) -> None:
    nobody = await town.phone("zhang-wei", real_name=False)
    assert await code_of(nobody.call("POST", "/enterprises", CLOUD)) == (403, "real_name_required")
    li_na = await town.phone("li-na")
    assert await code_of(li_na.call("POST", "/enterprises", CLOUD)) == (409, "enterprise_not_confirmed")
    wrong = CLOUD | {"uscc": CLOUD["uscc"][:-1] + "7"}
    assert await code_of(li_na.call("POST", "/enterprises", wrong)) == (400, "invalid_request")
    asked = town.house.register.asked
    assert asked == 1  # neither the stranger nor the wrong code got as far as the register
    zhang_wei = await town.phone("zhang-wei")
    town.house.register.away = True
    assert await code_of(zhang_wei.call("POST", "/enterprises", CLOUD)) == (503, "provider_unavailable")
    assert (await count("enterprise"), await count("representative")) == (0, 0)


async def code_of(answer: Any) -> tuple[int, str]:
    status, problem = await answer
    return status, problem["code"]


async def test_a_province_may_ask_for_the_face_check(
    town: Town, redis: Redis, cipher: FieldCipher, token_keys: dict[str, bytes]
) -> None:
    phone = await town.phone("zhang-wei")
    strict = make_house(redis, cipher, token_keys, "1000/minute", AuthorityRules(level="L3", mandate_days=7))
    who = town.caller(phone)
    with pytest.raises(Forbidden, match="real_name_required"):
        await strict.accounts.enterprises.bind(who, EnterpriseClaim(**CLOUD))
    offer = msgspec.convert(offer_of(), MandateOffer)
    with pytest.raises(Forbidden, match="real_name_required"):
        await strict.accounts.mandates.offer(who, offer)
    await db.execute("UPDATE citizen SET real_name_level = 'L3'")
    with pytest.raises(InvalidRequest, match="invalid_request"):
        await strict.accounts.mandates.offer(who, offer)
    assert await count("mandate") == 0


async def test_of_two_answers_at_once_one_counts(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    number = await offered(principal)
    acts = ("accept", "decline", "accept", "decline")
    answers = await asyncio.gather(*(agent.call("POST", f"/mandates/{number}/{act}") for act in acts))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert len(await events()) == 2


async def test_binding_again_renews_the_proof_and_an_old_proof_gives_no_role(town: Town) -> None:
    phone = await town.phone("zhang-wei")
    enterprise = await town.bound(phone)
    await db.execute("UPDATE representative SET confirmed_at = now() - interval '181 days'")
    assert await code_of(phone.call("POST", "/mandates", offer_of(enterprise_id=enterprise["id"]))) == (
        404,
        "not_found",
    )
    change = ("PATCH", f"/enterprises/{CLOUD['uscc']}", {"phone": "13800000009"})
    assert (await phone.call(*change))[0] == 404
    await town.bound(phone)
    assert await count("representative") == 1
    assert (await phone.call(*change))[0] == 200
    await offered(phone, enterprise_id=enterprise["id"])


async def test_a_new_representative_takes_the_place_of_the_former(town: Town) -> None:
    former, newer = await town.phone("zhang-wei"), await town.phone("li-na")
    await town.bound(former)
    town.house.register.known[CLOUD["uscc"]] = (CLOUD["name"], LI_NA.name, LI_NA.id_number)
    await town.bound(newer)
    assert (await former.call("GET", "/enterprises"))[1]["data"] == []
    assert (await former.call("PATCH", f"/enterprises/{CLOUD['uscc']}", {"phone": "13800000009"}))[0] == 404
    assert [one["uscc"] for one in (await newer.call("GET", "/enterprises"))[1]["data"]] == [CLOUD["uscc"]]


async def test_mandate_is_offered_accepted_and_revoked(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    number = await offered(principal)
    _, seen = await agent.call("GET", "/mandates?as=agent")
    assert [(one["mandate_no"], one["status"], one["principal_shown"]) for one in seen["data"]] == [
        (number, "OFFERED", "*伟")
    ]
    behalf = OnBehalfOf(mandate_no=number)
    with pytest.raises(Forbidden, match="mandate_not_live"):
        await town.house.accounts.acting(town.caller(agent), behalf, ITEM)
    status, accepted = await agent.call("POST", f"/mandates/{number}/accept")
    assert (status, accepted["status"], accepted["is_live"]) == (200, "ACCEPTED", True)
    acting = await town.house.accounts.acting(town.caller(agent), behalf, ITEM)
    assert (acting.citizen_id, acting.agent_id) == (town.caller(principal).citizen_id, town.caller(agent).citizen_id)
    assert acting.shown == "代办人 *娜（受 *伟 委托）"
    with pytest.raises(Forbidden, match="mandate_scope"):
        await town.house.accounts.acting(town.caller(agent), behalf, ITEM.replace("9012", "9013"))
    assert (await principal.call("POST", f"/mandates/{number}/revoke"))[1]["status"] == "REVOKED"
    with pytest.raises(Forbidden, match="mandate_not_live"):
        await town.house.accounts.acting(town.caller(agent), behalf, ITEM)
    people = [town.caller(phone).citizen_id.hex for phone in (agent, principal)]
    assert await events() == [
        ("mandate.offered", people[0]),
        ("mandate.accepted", people[1]),
        ("mandate.revoked", people[0]),
    ]


async def test_dates_are_computed(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    number = await offered(principal)
    await agent.call("POST", f"/mandates/{number}/accept")
    today = clock.beijing_date()
    for from_on, until_on in (
        (today + timedelta(1), today + timedelta(2)),
        (today - timedelta(9), today - timedelta(1)),
    ):
        await db.execute("UPDATE mandate SET from_on = $1, until_on = $2", from_on, until_on)
        with pytest.raises(Forbidden, match="mandate_not_live"):
            await town.house.accounts.acting(town.caller(agent), OnBehalfOf(mandate_no=number), ITEM)
    assert (await principal.call("GET", f"/mandates/{number}"))[1]["status"] == "EXPIRED"


async def test_declined_stays_declined_and_the_agent_may_lay_down(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    number = await offered(principal)
    assert await code_of(agent.call("POST", f"/mandates/{number}/revoke")) == (409, "mandate_not_open")
    assert (await agent.call("POST", f"/mandates/{number}/decline"))[1]["status"] == "DECLINED"
    for act in ("accept", "decline", "revoke"):
        assert await code_of(agent.call("POST", f"/mandates/{number}/{act}")) == (409, "mandate_not_open")
    other = await offered(principal)
    await agent.call("POST", f"/mandates/{other}/accept")
    assert (await agent.call("POST", f"/mandates/{other}/revoke"))[1]["status"] == "REVOKED"
    assert (await events())[-1] == ("mandate.revoked", town.caller(principal).citizen_id.hex)


async def test_a_mandate_is_nobody_elses(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    number = await offered(principal, agent_name="王芳", agent_id_number="140105197608200044")
    for method, path in (("GET", ""), ("POST", "/accept"), ("POST", "/decline"), ("POST", "/revoke")):
        assert (await agent.call(method, f"/mandates/{number}{path}"))[0] == 404
    assert (await agent.call("GET", "/mandates?as=agent"))[1]["data"] == []
    wrong_name = await offered(principal, agent_name="李芳")
    assert (await agent.call("POST", f"/mandates/{wrong_name}/accept"))[0] == 404
    assert (await principal.call("POST", f"/mandates/{number}/accept"))[0] == 404


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"agent_id_number": ZHANG_WEI.id_number}, "agent_id_number"),
        ({"agent_id_number": "140105199211160021"}, "agent_id_number"),
        ({"item_codes": ["140709012000", "14070901200X"]}, "item_codes[1]"),
        ({"from_on": "2020-01-01"}, "from_on"),
        ({"until_on": "2020-01-01"}, "until_on"),
        ({"until_on": "2099-01-01"}, "until_on"),
        ({"until_on": "9999-12-31"}, "until_on"),
        ({"enterprise_id": "x"}, "enterprise_id"),
        ({"more": 1}, "more"),
    ],
)
async def test_faulty_offers_are_refused_with_their_path(town: Town, changes: dict[str, Any], path: str) -> None:
    principal = await town.phone("zhang-wei")
    status, problem = await principal.call("POST", "/mandates", offer_of(**changes))
    assert (status, [fault["field"] if "field" in fault else fault["path"] for fault in problem["errors"]]) == (
        400,
        [path],
    )
    assert await count("mandate") == 0


async def test_enterprise_authorises_and_the_end_of_the_role_ends_it(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    enterprise = await town.bound(principal)
    assert await code_of(agent.call("POST", "/mandates", offer_of(enterprise_id=enterprise["id"]))) == (
        404,
        "not_found",
    )
    number = await offered(principal, enterprise_id=enterprise["id"], item_codes=[])
    await agent.call("POST", f"/mandates/{number}/accept")
    acting = await town.house.accounts.acting(town.caller(agent), OnBehalfOf(mandate_no=number), ITEM)
    assert (acting.citizen_id, acting.enterprise_id) == (town.caller(agent).citizen_id, acting.enterprise_id)
    assert acting.shown == f"代办人 *娜（受 {CLOUD['name']} 委托）"
    own = await town.house.accounts.acting(town.caller(principal), OnBehalfOf(enterprise_id=acting.enterprise_id), ITEM)
    assert own.shown == f"法定代表人 *伟（代表 {CLOUD['name']}）"
    case = {"citizen_id": own.citizen_id, "enterprise_id": own.enterprise_id, "agent_id": None, "item_code": ITEM}
    assert await town.house.accounts.may_act_for(town.caller(agent), case) is not None
    assert len(await town.house.accounts.represented(town.caller(agent))) == 1
    await principal.call("DELETE", f"/enterprises/{CLOUD['uscc']}")
    assert await town.house.accounts.may_act_for(town.caller(agent), case) is None
    assert await town.house.accounts.may_act_for(town.caller(principal), case) is None
    assert await town.house.accounts.represented(town.caller(agent)) == []
    with pytest.raises(NotFound):
        await town.house.accounts.acting(town.caller(principal), OnBehalfOf(enterprise_id=own.enterprise_id), ITEM)


async def test_a_persons_case_is_open_only_to_the_agent_who_filed_it(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    number = await offered(principal)
    await agent.call("POST", f"/mandates/{number}/accept")
    who = town.caller(agent)
    case = {"citizen_id": town.caller(principal).citizen_id, "enterprise_id": None, "agent_id": None, "item_code": ITEM}
    may = town.house.accounts.may_act_for
    assert await may(who, case) is None
    filed = case | {"agent_id": who.citizen_id}
    assert await may(who, filed) is not None
    assert await may(who, filed | {"item_code": ITEM.replace("9012", "9013")}) is None
    assert await may(replace(who, citizen_id=town.caller(principal).citizen_id), filed) is None
    await principal.call("POST", f"/mandates/{number}/revoke")
    assert await may(who, filed) is None


async def test_roles_and_mandates_follow_a_merged_person(town: Town) -> None:
    principal, agent = await town.phone("zhang-wei"), await town.phone("li-na")
    await town.bound(principal)
    number = await offered(principal)
    await agent.call("POST", f"/mandates/{number}/accept")
    old, survivor = town.caller(agent).citizen_id, town.caller(principal).session_id
    for _ in range(2):
        await town.house.accounts.representation.take_over(old, survivor)
    row = await db.fetch_row("SELECT agent_id FROM mandate")
    assert row is not None
    assert row["agent_id"] == survivor
    boss = town.caller(principal).citizen_id
    await town.house.accounts.representation.take_over(boss, survivor)
    row = await db.fetch_row("SELECT m.granted_by, r.citizen_id FROM mandate m, representative r")
    assert row is not None
    assert (row["granted_by"], row["citizen_id"]) == (survivor, survivor)
