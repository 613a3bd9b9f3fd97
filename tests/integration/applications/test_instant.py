"""Instant approval over HTTP and through the reactions: grants with reasons, doubts go to people, nobody is refused."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import pytest

from app import db
from app.crypto import FieldCipher
from app.errors import Forbidden, Unauthenticated
from app.events import DomainEvent
from app.tokens import AccessTokens
from handlers.citizen import applications
from handlers.citizen import instant as citizen_instant
from handlers.staff import cases, decisions, routing
from handlers.staff import instant as staff_instant
from services.applications.instant.loading import FaultyRules, digest, load_rules
from services.applications.instant.reactions import InstantReactions
from services.applications.instant.repository import list_current, save_rules
from services.applications.instant.types import CurrentRule, Rule
from services.catalogue.types import ItemRecord
from services.staff.types import Role, StaffCaller
from tests.doorway import served
from tests.integration.applications.conftest import FORM, ITEM, ROOT, staff
from tests.integration.applications.test_doors import Phone

pytestmark = pytest.mark.anyio
MODULES = (applications, citizen_instant, cases, decisions, routing, staff_instant)
FREE = {"charged": False}
RULE = {
    "code": "id-card-test",
    "version": 1,
    "name": "补领自动核验规则",
    "items": [ITEM["item_code"]],
    "inputs": [
        {"name": "age", "source": "person.age", "type": "whole", "title": "年龄"},
        {"name": "own_name", "source": "person.name", "type": "text", "title": "实名姓名"},
        {"name": "applicant", "source": "form.applicant_name", "type": "text", "title": "申请表姓名"},
        {"name": "photo", "source": "materials.M02.status", "type": "text", "title": "照片"},
    ],
    "checks": [
        {"id": "adult", "text": "申请人已成年", "expression": "age >= 18", "doubt": "未成年，请核对监护人"},
        {"id": "same", "text": "姓名一致", "expression": "applicant == own_name", "doubt": "姓名不一致，请核实"},
        {"id": "photo", "text": "已提供照片", "expression": "photo == 'GIVEN'", "doubt": "缺少照片，请核实"},
    ],
}


def rule_of(**changes: Any) -> CurrentRule:
    rule = msgspec.convert(RULE | changes, Rule)
    return CurrentRule(rule, digest(rule))


async def put_in_force(world: Any, *, fees: Any = None, **changes: Any) -> CurrentRule:
    """List the item as automatic under a rule; the next case is judged by it."""
    fee = {} if fees is None else {"fees": fees}
    world.catalogue.publish(automatic=True, **fee)
    current = rule_of(**changes)
    await save_rules([current])
    return current


async def react(world: Any) -> list[str]:
    """Run waiting events through the reactions of the room and of instant approval, each twice."""
    instant = InstantReactions(world.applications.instant).table()
    names = []
    while row := await db.fetch_row("SELECT id, payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id LIMIT 1"):
        await db.execute("DELETE FROM pgqueuer WHERE id = $1", row["id"])
        event = msgspec.json.decode(row["payload"], type=DomainEvent)
        names.append(event.name)
        reactions = [*instant.get(event.name, ()), *world.reactions.table().get(event.name, ())]
        for _, reaction in reactions:
            if event.name != "application.approved":  # making licences is told elsewhere
                await reaction(event)
                await reaction(event)
    return names


@pytest.fixture
async def doors(world: Any, cipher: FieldCipher) -> AsyncIterator[SimpleNamespace]:
    tokens = AccessTokens({"k": secrets.token_bytes(32)})

    async def authenticate(token: str, **_: object) -> StaffCaller:
        known = {"window": world.window, "reviewer": world.reviewer}
        if token not in known:
            raise Unauthenticated
        return known[token]

    house = SimpleNamespace(
        applications=world.applications,
        staff=SimpleNamespace(authenticate=authenticate),
        tokens=tokens,
        cipher=cipher,
    )

    def token_of(caller: Any) -> str:
        return tokens.issue(caller.citizen_id, caller.session_id, caller.identity_id, caller.provider)

    routes = [route for module in MODULES for route in module.ROUTES]
    async with served(house, routes) as base, aiohttp.ClientSession() as session:
        yield SimpleNamespace(
            citizen=Phone(session, base, token_of(world.citizen)),
            other=Phone(session, base, token_of(world.other)),
            window=Phone(session, base, "window"),
            reviewer=Phone(session, base, "reviewer"),
        )


async def standing(number: str) -> tuple[str, str, str]:
    row = await db.fetch_row("SELECT status, outcome, officer FROM application WHERE application_no = $1", number)
    return (row["status"], row["outcome"], row["officer"])


async def runs() -> list[tuple[int, str]]:
    rows = await db.fetch_all("SELECT case_version, verdict FROM instant_decision ORDER BY id")
    return [(row["case_version"], row["verdict"]) for row in rows]


async def test_a_case_whose_checks_all_hold_is_granted_at_once(world: Any, doors: SimpleNamespace) -> None:
    current = await put_in_force(world, fees=FREE)
    number = await world.submitted()
    assert await react(world) == ["application.submitted", "application.accepted", "application.approved"]
    assert await standing(number) == ("APPROVED", "GRANTED", "")
    assert await runs() == [(2, "GRANT"), (3, "GRANT")]
    steps = await db.fetch_all("SELECT told, actor_kind, actor_id FROM timeline_entry ORDER BY occurred_at, id")
    assert (steps[-1]["actor_kind"], steps[-1]["actor_id"]) == ("SYSTEM", "id-card-test@1")
    assert "《补领自动核验规则》第1版" in steps[-1]["told"]
    path = f"/api/v1/applications/{number}/decision-explanation"
    status, told, _ = await doors.citizen("GET", path)
    assert (status, told["by_rule"], told["may_ask_for_person"]) == (200, True, True)
    last = told["decisions"][-1]
    assert (last["rule_version"], last["rule_sha256"]) == (1, current.sha256)
    assert [check["found"] for check in last["checks"]] == ["HOLDS"] * 3
    assert next((seen["title"], seen["source_text"], seen["value"]) for seen in last["inputs"]) == (
        "年龄",
        "实名认证信息",
        None,
    )
    assert (await doors.other("GET", path))[0] == 404


async def test_what_the_rule_saw_is_kept_encrypted(world: Any, doors: SimpleNamespace) -> None:
    await put_in_force(world, fees=FREE)
    number = await world.submitted()
    await react(world)
    rows = await db.fetch_all("SELECT inputs_cipher, explanation FROM instant_decision")
    assert all(FORM["applicant_name"].encode() not in bytes(row["inputs_cipher"]) for row in rows)
    assert all(FORM["applicant_name"] not in row["explanation"] for row in rows)
    _, shown, _ = await doors.reviewer("GET", f"/api/staff/v1/cases/{number}/decision-explanation")
    seen = {each["title"]: each["value"] for each in shown["decisions"][0]["inputs"]}
    assert seen["申请表姓名"] == FORM["applicant_name"]
    acts = await db.fetch_all("SELECT action FROM audit_entry ORDER BY seq")
    assert acts[-1]["action"] == "case.rule_inputs_viewed"


@pytest.mark.parametrize(
    "expression",
    ["age >= 99", "age / (age - age) > 1", "photo == 'GIVEN' && age < 0", "[1, 2, 3].exists(n, n > 9)"],
    ids=["false", "error", "both", "list"],
)
async def test_a_doubt_goes_to_a_person_and_is_told_as_no_refusal(
    world: Any, doors: SimpleNamespace, expression: str
) -> None:
    check = {"id": "doubtful", "text": "核验项", "expression": expression, "doubt": "请人工核实"}
    await put_in_force(world, fees=FREE, checks=[check])
    number = await world.submitted()
    steps = await db.fetch_all("SELECT id FROM timeline_entry")
    assert await react(world) == ["application.submitted"]
    assert await standing(number) == ("SUBMITTED", "", "")
    assert await runs() == [(2, "PERSON")]
    assert len(await db.fetch_all("SELECT id FROM timeline_entry")) == len(steps)
    _, told, _ = await doors.citizen("GET", f"/api/v1/applications/{number}/decision-explanation")
    assert told["summary"] == "系统不能自动核验全部情形，已转由工作人员办理。"
    assert told["decisions"][0]["verdict"] == "PERSON"
    assert told["decisions"][0]["checks"][0]["doubt"] == ""
    _, queue, _ = await doors.reviewer("GET", "/api/staff/v1/queues/unclaimed")
    assert [case["application_no"] for case in queue["data"]] == [number]
    _, shown, _ = await doors.reviewer("GET", f"/api/staff/v1/cases/{number}/decision-explanation")
    assert shown["decisions"][0]["checks"][0]["doubt"] == "请人工核实"
    status, _, _ = await doors.reviewer("POST", f"/api/staff/v1/cases/{number}/accept", {})
    assert status == 200
    await react(world)
    assert (await standing(number))[0] == "ACCEPTED"


async def test_a_missing_input_goes_to_a_person(world: Any) -> None:
    gone = [*RULE["inputs"], {"name": "gone", "source": "form.no_such_answer", "type": "text", "title": "没有"}]
    await put_in_force(world, fees=FREE, inputs=gone)
    number = await world.submitted()
    await react(world)
    assert (await standing(number))[0] == "SUBMITTED"
    assert await runs() == [(2, "PERSON")]


async def test_a_rule_that_does_not_compile_goes_to_a_person(world: Any) -> None:
    check = {"id": "broken", "text": "核验项", "expression": "no_such_input > 3", "doubt": "请人工核实"}
    await put_in_force(world, fees=FREE, checks=[check])
    number = await world.submitted()
    await react(world)
    assert ((await standing(number))[0], await runs()) == ("SUBMITTED", [(2, "PERSON")])


async def test_only_listed_items_are_judged(world: Any, doors: SimpleNamespace) -> None:
    await put_in_force(world, fees=FREE)
    world.catalogue.publish(automatic=False, fees=FREE)
    number = await world.submitted()
    await react(world)
    assert ((await standing(number))[0], await runs()) == ("SUBMITTED", [])
    _, told, _ = await doors.citizen("GET", f"/api/v1/applications/{number}/decision-explanation")
    assert (told["may_ask_for_person"], told["decisions"]) == (False, [])
    status, answer, _ = await doors.citizen("POST", f"/api/v1/applications/{number}/ask-for-person")
    assert (status, answer["code"]) == (409, "not_automatic")


async def test_with_a_fee_the_grant_waits_for_the_payment(world: Any) -> None:
    await put_in_force(world)
    number = await world.submitted()
    await react(world)
    assert (await standing(number))[0] == "ACCEPTED"
    bills = await db.fetch_all("SELECT status FROM bill")
    assert [bill["status"] for bill in bills] == ["UNPAID"]
    event = DomainEvent(
        name="bill.confirmed", subject_no=number, facts={"title": "工本费", "paid_at": "2026-11-20T10:00:00+08:00"}
    )
    for _ in range(2):
        await InstantReactions(world.applications.instant).note_paid(event)
    assert (await standing(number))[:2] == ("APPROVED", "GRANTED")
    assert await runs() == [(2, "GRANT"), (3, "GRANT")]


async def test_who_asks_before_the_decision_gets_a_person(world: Any, doors: SimpleNamespace) -> None:
    await put_in_force(world)
    number = await world.submitted()
    await react(world)
    path = f"/api/v1/applications/{number}/ask-for-person"
    assert (await doors.other("POST", path))[0] == 404
    status, told, _ = await doors.citizen("POST", path)
    assert (status, told["may_ask_for_person"]) == (200, False)
    assert told["person_asked_at"]
    _, again, _ = await doors.citizen("POST", path)
    assert again["person_asked_at"] == told["person_asked_at"]
    event = DomainEvent(
        name="bill.confirmed", subject_no=number, facts={"title": "工本费", "paid_at": "2026-11-20T10:00:00+08:00"}
    )
    await InstantReactions(world.applications.instant).note_paid(event)
    assert (await standing(number))[0] == "ACCEPTED"
    _, queue, _ = await doors.reviewer("GET", "/api/staff/v1/queues/asked")
    assert [case["application_no"] for case in queue["data"]] == [number]
    assert "application.person_asked" in await react(world)


async def test_a_request_is_met_when_a_person_has_decided(world: Any, doors: SimpleNamespace) -> None:
    await put_in_force(world, fees=FREE)
    number = await world.submitted()
    await doors.citizen("POST", f"/api/v1/applications/{number}/ask-for-person")
    await world.applications.desk.accept(world.window, number, "127.0.0.1")
    _, queue, _ = await doors.reviewer("GET", "/api/staff/v1/queues/asked")
    assert [case["application_no"] for case in queue["data"]] == [number]
    await world.applications.desk.approve(world.reviewer, number, "127.0.0.1")
    _, queue, _ = await doors.reviewer("GET", "/api/staff/v1/queues/asked")
    assert queue["data"] == []


async def test_a_grant_by_rule_is_reviewed_by_a_person_who_answers(world: Any, doors: SimpleNamespace) -> None:
    await put_in_force(world, fees=FREE)
    number = await world.submitted()
    await react(world)
    answer_path = f"/api/staff/v1/cases/{number}/review-answer"
    status, answer, _ = await doors.reviewer("POST", answer_path, {"opinion": "正确"})
    assert (status, answer["code"]) == (409, "not_asked")
    assert (await doors.citizen("POST", f"/api/v1/applications/{number}/ask-for-person"))[0] == 200
    assert await standing(number) == ("APPROVED", "GRANTED", "")
    _, counted, _ = await doors.reviewer("GET", "/api/staff/v1/queues")
    assert {queue["name"]: queue["count"] for queue in counted["data"]}["asked"] == 1
    assert (await doors.window("POST", answer_path, {"opinion": "正确"}))[0] == 403
    assert (await doors.reviewer("POST", answer_path, {"opinion": "经人工复核，决定正确"}))[0] == 200
    _, queue, _ = await doors.reviewer("GET", "/api/staff/v1/queues/asked")
    assert queue["data"] == []
    steps = await db.fetch_all("SELECT told FROM timeline_entry ORDER BY occurred_at, id")
    assert steps[-1]["told"] == "经人工复核，决定正确"


async def test_a_request_for_a_person_is_answered_by_the_body_that_decides(world: Any, doors: SimpleNamespace) -> None:
    await put_in_force(world, fees=FREE)
    number = await world.submitted()
    await react(world)
    await doors.citizen("POST", f"/api/v1/applications/{number}/ask-for-person")
    await db.execute("UPDATE application SET intake_division_code = '140213'")
    away = staff("away", Role.WINDOW, Role.REVIEWER, divisions=("140213",))
    with pytest.raises(Forbidden) as refused:
        await world.applications.asking.answer(away, number, "正确", "127.0.0.1")
    assert refused.value.stable_code == "intake_only"
    assert await db.fetch_all("SELECT 1 FROM case_review") == []


async def test_a_case_that_somebody_has_claimed_is_theirs(world: Any, doors: SimpleNamespace) -> None:
    await put_in_force(world, fees=FREE)
    number = await world.submitted()
    await doors.reviewer("POST", f"/api/staff/v1/cases/{number}/claim")
    await react(world)
    assert (await standing(number), await runs()) == (("SUBMITTED", "", "reviewer"), [])


async def test_what_a_person_has_accepted_is_theirs_to_decide(world: Any) -> None:
    """Also where the rule would have granted it and was too late."""
    await put_in_force(world, fees=FREE)
    number = await world.accepted()
    await db.execute(
        "INSERT INTO instant_decision (id, created_at, application_id, case_version, rule_code, rule_version,"
        " rule_sha256, inputs_cipher, verdict, explanation)"
        " SELECT gen_random_uuid(), now(), id, 2, 'id-card-test', 1, '', '', 'GRANT', '[]' FROM application"
    )
    await react(world)
    assert ((await standing(number))[0], await runs()) == ("ACCEPTED", [(2, "GRANT")])


async def test_two_jobs_at_once_judge_a_case_once(world: Any) -> None:
    await put_in_force(world, fees=FREE)
    number = await world.submitted()
    await asyncio.gather(*(world.applications.instant.judge(number) for _ in range(4)))
    await asyncio.gather(*(world.applications.instant.conclude(number) for _ in range(4)))
    assert await standing(number) == ("APPROVED", "GRANTED", "")
    assert await runs() == [(2, "GRANT"), (3, "GRANT")]
    steps = await db.fetch_all("SELECT event FROM timeline_entry ORDER BY occurred_at, id")
    told = ["application.submitted", "application.accepted", "application.approved"]
    assert [step["event"] for step in steps] == told


async def test_a_changed_rule_needs_a_new_version_and_old_ones_still_explain(
    world: Any, doors: SimpleNamespace
) -> None:
    await put_in_force(world, fees=FREE)
    number = await world.submitted()
    await react(world)
    with pytest.raises(ValueError, match="提高版本号"):
        await save_rules([rule_of(name="改过名字的规则")])
    await save_rules([rule_of(name="新的自动核验规则", version=2)])
    _, told, _ = await doors.citizen("GET", f"/api/v1/applications/{number}/decision-explanation")
    last = told["decisions"][-1]
    assert (last["rule_version"], last["rule_name"]) == (1, "补领自动核验规则")


async def test_the_rules_of_the_demonstration_are_loaded_once_and_together(world: Any, tmp_path: Path) -> None:
    records = [msgspec.json.decode(path.read_bytes(), type=ItemRecord) for path in (ROOT / "data/items").glob("*.json")]
    for _ in range(2):
        assert await load_rules(ROOT / "data" / "rules", records) == len(await list_current())
    assert len(await db.fetch_all("SELECT 1 FROM instant_rule")) == len(await list_current()) >= 4
    before = {current.rule.code for current in await list_current()}
    (tmp_path / "broken.json").write_text(msgspec.json.encode(rule_of(items=["NO"]).rule).decode(), "utf-8")
    with pytest.raises(FaultyRules, match="事项不存在"):
        await load_rules(tmp_path, records)
    assert {current.rule.code for current in await list_current()} == before
