"""Cases in depth in the running product: the demonstration's third part, and what its steps must not let happen."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from urllib.parse import quote

import pytest
from rich.console import Console

from demo.afterwards import Afterwards
from demo.cases import Cases
from demo.counter import Counter
from demo.narrator import Narrator
from demo.person import Person, decide
from demo.standing_in import StandingIn
from demo.wire import until
from tests.e2e.conftest import Surroundings
from tests.e2e.steps import STORY, Applicant

pytestmark = pytest.mark.anyio
DESKS = (
    "window-xiaodian",
    "reviewer-xiaodian",
    "approver-xiaodian",
    "reviewer-yibao-xiaodian",
    "reviewer-yibao-taiyuan",
)
MEDICAL = "11140105MB000124984142004201000"
NEWBORN = "YJS1401050001"
CHILD = "140105202502180026"
SYSTEM = "/control/department/systems/gongan-xiaodian"


def _narrator() -> Narrator:
    return Narrator(Console(quiet=True))


async def _desks(scene: Surroundings) -> dict[str, Counter]:
    return {name: await scene.counter(name) for name in DESKS}


async def _cases(scene: Surroundings) -> Cases:
    citizen = Person(scene.phone("wechat", "liu-yang"), scene.phone("alipay", "liu-yang"))
    mother = Person(scene.phone("wechat", "wang-fang"))
    return Cases(citizen, mother, await _desks(scene), STORY, _narrator())


async def test_cases_and_what_follows_them_go_as_the_demonstration_shows(scene: Surroundings) -> None:
    number = await (await _cases(scene)).play()
    holder = Person(scene.phone("wechat", "liu-yang"))
    await holder.be_known()
    await Afterwards(holder, await _desks(scene), scene.service, _narrator()).play(number)


async def test_people_and_systems_stand_in_as_the_demonstration_shows(scene: Surroundings) -> None:
    principal, agent = Person(scene.phone("wechat", "zhao-min")), Person(scene.phone("alipay", "wang-fang"))
    window = await scene.counter("window-xiaodian")
    await StandingIn(principal, agent, window, scene.control, STORY, _narrator()).play()


async def test_two_staff_decide_at_once_and_one_wins(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    number = await applicant.submitted()
    version = (await applicant.window.call("GET", f"/cases/{number}")).expect(200)["case"]["version"]
    answers = await asyncio.gather(
        applicant.window.call("POST", f"/cases/{number}/accept", {"version": version}),
        applicant.reviewer.call("POST", f"/cases/{number}/not-accept", {"version": version, "reason": "不属于职权"}),
    )
    assert sorted(answer.status for answer in answers) == [200, 409]
    case = await applicant.phone.case(number)
    loser = next(answer.value for answer in answers if answer.status == 409)
    assert loser["code"] in ("stale_version", "invalid_transition", "claimed_by_other")
    assert "current" not in loser or loser["current"]["status"] == case["status"]
    steps = [step["to_status"] for step in await _person(applicant).timeline(number)]
    assert steps[1:] == [case["status"]], steps


def _person(applicant: Applicant) -> Person:
    return Person(applicant.phone)


async def test_refused_acts_leave_a_case_as_it_was(scene: Surroundings) -> None:
    applicant, stranger = await scene.applicant("wechat", "liu-yang"), scene.phone("wechat", "chen-jing")
    other_body = await scene.counter("reviewer-yibao-xiaodian")
    number = await applicant.submitted()
    window, phone, person = applicant.window, applicant.phone, _person(applicant)
    before = (await phone.case(number), await person.timeline(number))
    await stranger.sign_in()
    refused = [
        await window.call("POST", f"/cases/{number}/accept", {"version": 99}),
        await window.call("POST", f"/cases/{number}/correction", {}),
        await window.call("POST", f"/cases/{number}/correction", {"points": [{"target": "form.nobody", "text": "x"}]}),
        await window.call("POST", f"/cases/{number}/not-accept", {"reason": " "}),
        await window.call("POST", f"/cases/{number}/approve", {}),
        await applicant.reviewer.call("POST", f"/cases/{number}/approve", {}),
        await applicant.reviewer.call("POST", f"/cases/{number}/suspend", {"procedure": "看心情"}),
        await applicant.reviewer.call("POST", f"/cases/{number}/extend", {"days": 5, "reason": "案情复杂"}),
        await other_body.call("POST", f"/cases/{number}/accept", {}),
        await phone.call("POST", f"/applications/{number}/correction", {}),
        await phone.call("PATCH", f"/applications/{number}", {"form_patch": {"reason": "被盗"}}),
        await stranger.call("POST", f"/applications/{number}/withdraw", {}),
        await stranger.call("GET", f"/applications/{number}/documents"),
        await phone.call("POST", "/ratings", {"subject_no": number, "grade": 5}),
    ]
    assert [answer.status for answer in refused] == [
        409,
        400,
        400,
        400,
        403,
        409,
        409,
        403,
        404,
        409,
        409,
        404,
        404,
        409,
    ]
    assert (await phone.case(number), await person.timeline(number)) == before


async def test_documents_are_what_their_list_says_and_their_owners_alone(scene: Surroundings) -> None:
    applicant, stranger = await scene.applicant("wechat", "liu-yang"), scene.phone("wechat", "chen-jing")
    number, person = await applicant.submitted(), _person(applicant)
    await decide(applicant.window, number, "return", reason="请改选正确的办理情形")
    (await applicant.phone.call("POST", f"/applications/{number}/correction", {})).expect(200)
    (await applicant.phone.call("POST", f"/applications/{number}/withdraw", {"reason": "不办了"})).expect(200)
    listed = await person.documents(number)
    assert [row["kind"] for row in listed] == ["RETURN", "WITHDRAWAL"]
    await stranger.sign_in()
    for row in listed:
        assert hashlib.sha256(await person.document(number, row["document_no"])).hexdigest() == row["sha256"]
        path = f"/applications/{number}/documents/{quote(row['document_no'], safe='')}/file"
        (await stranger.call("GET", path)).expect(404)
        (await applicant.window.call("GET", path.replace("/applications", "/cases"))).expect(200)


async def test_a_doubtful_case_waits_for_a_person_and_a_suspended_licence_stops_its_grant(scene: Surroundings) -> None:
    applicant, judge = await scene.applicant("wechat", "liu-yang"), await scene.counter("reviewer-yibao-xiaodian")
    person, phone = _person(applicant), applicant.phone
    licence_no = await _licence(applicant)
    parent = {"ground": "新生儿", "insured_name": "刘一诺", "insured_id_number": CHILD, "relation": "父母"}
    form = person.identity | parent | {"current_address": phone.person["address"]}
    material = {"material_code": "M01", "source": "licence", "licence_no": licence_no}
    wish = {"item_code": MEDICAL, "form": form, "materials": [material]}
    number = await person.file(wish, "ELECTRONIC")

    async def explained() -> dict[str, Any]:
        return dict((await phone.call("GET", f"/applications/{number}/decision-explanation")).expect(200))

    why = await until("rules", explained, lambda seen: bool(seen["decisions"]))
    assert (why["by_rule"], why["decisions"][0]["verdict"]) == (False, "PERSON")
    assert (await phone.case(number))["status"] == "SUBMITTED"
    await decide(judge, number, "accept")
    issuer, path = applicant.reviewer, f"/licences/{licence_no}/status"
    (await judge.call("POST", path, {"change": "revoke", "reason": "不是发证机关"})).expect(404)
    (await issuer.call("POST", path, {"change": "suspend", "reason": "核查"})).expect(200)
    refused = (await judge.call("POST", f"/cases/{number}/approve", {})).expect(409)
    assert refused["code"] == "licence_no_longer_valid"
    (await phone.call("POST", f"/licences/{licence_no}/presentations", {})).expect(409)
    (await issuer.call("POST", path, {"change": "restore", "reason": "核查无误"})).expect(200)
    await decide(judge, number, "approve")
    assert (await phone.case_in(number, "CLOSED"))["outcome"] == "GRANTED"


async def _licence(applicant: Applicant) -> str:
    """The person's identity card, from a case carried to its end."""
    number = await applicant.submitted()
    (await applicant.window.call("POST", f"/cases/{number}/accept", {})).expect(200)
    bill = await until("bill", lambda: applicant.bill(number), bool)
    await applicant.tap(await applicant.order(str(bill["bill_no"])))
    await applicant.paid(number)
    await applicant.finished(number)
    rows = (await applicant.phone.call("GET", "/licences")).expect(200)["data"]
    return str(next(row["licence_no"] for row in rows if row["status"] == "VALID" and "身份证" in row["type_name"]))


async def test_whoever_was_granted_by_rule_may_still_ask_for_a_person(scene: Surroundings) -> None:
    applicant, judge = await scene.applicant("wechat", "liu-yang"), await scene.counter("reviewer-yibao-xiaodian")
    cases = await _cases(scene)
    await _licence(applicant)
    await cases.citizen.be_known()
    number = await cases.grant_by_rule()
    path = f"/applications/{number}/ask-for-person"
    asked = (await applicant.phone.call("POST", path)).expect(200)
    assert asked["person_asked_at"] is not None
    assert number in await _queue(judge, "asked")
    (await judge.call("POST", f"/cases/{number}/review-answer", {"opinion": "经人工复核，决定正确"})).expect(200)
    assert number not in await _queue(judge, "asked")
    assert (await applicant.phone.case(number))["outcome"] == "GRANTED"


async def _queue(counter: Counter, name: str) -> list[str]:
    listed = (await counter.call("GET", f"/queues/{name}?limit=100")).expect(200)["data"]
    return [row["application_no"] for row in listed]


async def test_a_claimed_case_is_its_officers_until_it_is_passed_on(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    window, reviewer, number = applicant.window, applicant.reviewer, await applicant.submitted()
    assert number in await _queue(window, "unclaimed")
    await decide(reviewer, number, "claim")
    assert (number in await _queue(window, "unclaimed"), number in await _queue(reviewer, "mine")) == (False, True)
    refused = (await window.call("POST", f"/cases/{number}/accept", {})).expect(409)
    assert refused["code"] == "claimed_by_other"
    await decide(reviewer, number, "transfer", username="window-xiaodian", reason="由窗口受理")
    assert number in await _queue(window, "mine")
    other = await applicant.submitted()
    batch = {"application_nos": [number, other, "X1"]}
    results = (await window.call("POST", "/cases/batch-accept", batch)).expect(200)["data"]
    assert [row["application_no"] for row in results] == batch["application_nos"]
    assert [(await applicant.phone.case(each))["status"] for each in (number, other)] == ["ACCEPTED", "ACCEPTED"]
    history = (await reviewer.call("GET", f"/cases/{number}/assignments")).expect(200)["data"]
    assert len(history) >= 2


async def test_a_package_is_nobody_elses_and_ends_when_all_its_parts_are_withdrawn(scene: Surroundings) -> None:
    cases, stranger = await _cases(scene), scene.phone("wechat", "liu-yang")
    mother = Person(scene.phone("wechat", "wang-fang"))
    await mother.be_known()
    await stranger.sign_in()
    guide = (await mother.phone.call("GET", f"/packages/{NEWBORN}")).expect(200)
    codes = [each["code"] for each in guide["materials"] if not each["generated"]]
    form = cases.newborn() | mother.identity
    lacking = {"package_code": NEWBORN, "form": {**form, "nation": None}, "materials": []}
    assert (await mother.phone.call("POST", "/package-cases", lacking)).status == 400
    draft = {"package_code": NEWBORN, "form": form, "materials": await mother.photos(*codes)}
    number = str((await mother.phone.call("POST", "/package-cases", draft)).expect(201)["package_no"])
    path = f"/package-cases/{number}"
    answers = await asyncio.gather(*(mother.phone.call("POST", f"{path}/submit", {}) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    view = (await mother.phone.call("GET", path)).expect(200)
    begun = [part["application_no"] for part in view["parts"] if part["application_no"]]
    assert len(begun) == 2
    assert len({part["department_code"] for part in view["parts"]}) == 3
    for method, below in (("GET", ""), ("GET", "/timeline"), ("GET", "/bills"), ("POST", "/withdraw")):
        (await stranger.call(method, path + below, {} if method == "POST" else None)).expect(404)
    judge = await scene.counter("reviewer-yibao-xiaodian")
    assert [(await judge.call("GET", f"/cases/{each}")).status for each in begun] == [404, 404]
    (await mother.phone.call("POST", f"{path}/withdraw", {"reason": "暂不办理"})).expect(200)

    async def package() -> dict[str, Any]:
        return dict((await mother.phone.call("GET", path)).expect(200))

    ended = await until("end", package, lambda seen: seen["status"] == "CLOSED")
    assert [part["outcome"] for part in ended["parts"] if part["application_no"]] == ["WITHDRAWN", "WITHDRAWN"]
    assert (await mother.phone.call("POST", f"{path}/submit", {})).status == 409


async def test_events_that_a_department_misses_come_again_in_order_and_once(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    fault = {"provider": "department", "call": "event", "kind": "http", "status": 503, "times": 1}
    (await scene.control.send("POST", "/control/faults", value=fault)).expect(200, 201)
    number = await applicant.submitted()
    await decide(applicant.window, number, "accept")
    (await applicant.phone.call("POST", f"/applications/{number}/withdraw", {})).expect(200)

    async def heard() -> list[str]:
        rows = (await scene.control.send("GET", f"{SYSTEM}/events")).expect(200)
        return [each["content"]["event"] for each in rows if each["content"]["application_no"] == number]

    names = await until("events", heard, lambda seen: "application.withdrawn" in seen, 60)
    assert names[:2] == ["application.submitted", "application.accepted"]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "message",
    [
        {}, [], None, "x", {"message_no": 5}, {"kind": "acceptance"},
        {"message_no": "A\u0000", "kind": "acceptance", "application_no": "N", "version": 1, "content": {}},
        {"message_no": "A1", "kind": "decree", "application_no": "N", "version": 1, "content": {"action": "accept"}},
        {"message_no": "A1", "kind": "result", "application_no": "N", "version": 2**70, "content": {"action": "deny"}},
        {"message_no": "A1", "kind": "acceptance", "application_no": "N", "version": 1,
         "content": {"action": "accept", "officer": "a/b"}},
        {"message_no": "A" * 5000, "kind": "acceptance", "application_no": "N", "version": 1,
         "content": {"action": "accept", "officer": "郭强"}},
        {"message_no": "A1", "kind": "acceptance", "application_no": "\ud83d\udca9", "version": 1,
         "content": {"action": "accept", "officer": "郭强"}, "more": [[[[]]]]},
    ],
    ids=lambda message: str(message)[:40],
)  # fmt: skip
async def test_odd_messages_of_a_system_are_refused(scene: Surroundings, message: Any) -> None:
    wish = {"method": "POST", "path": "/integration/v1/messages", "body": message}
    heard = (await scene.control.send("POST", f"{SYSTEM}/call", value=wish)).expect(200)
    assert (heard["status"], heard["body"]["code"]) in ((400, "invalid_request"), (400, "invalid_json")), heard


async def test_a_holder_who_refuses_tells_nothing(scene: Surroundings) -> None:
    applicant = await scene.applicant("wechat", "liu-yang")
    path = f"/licences/{await _licence(applicant)}/presentations"
    shown = (await applicant.phone.call("POST", path, {"asks_first": True})).expect(201)
    (await scene.service.send("POST", "/api/v1/presentations/verify", value={"code": shown["code"]})).expect(404, 409)
    wish = {"code": shown["code"], "verifier": "某酒店", "purpose": "入住登记", "fields": ["name"]}
    asked = await scene.service.send("POST", "/api/v1/licence-verifications", value=wish)
    one = f"/api/v1/licence-verifications/{asked.expect(201)['verification_id']}/result"
    token = {"token": asked.value["token"]}
    stranger = scene.phone("wechat", "chen-jing")
    await stranger.sign_in()
    answer = f"/presentations/{shown['presentation_id']}"
    (await stranger.call("POST", f"{answer}/consent", {})).expect(404)
    (await applicant.phone.call("POST", f"{answer}/refuse")).expect(204)
    (await applicant.phone.call("POST", f"{answer}/consent", {})).expect(404, 409)
    told = (await scene.service.send("POST", one, value=token)).value
    assert not told.get("licence")
    assert not told.get("fields")
    (await scene.service.send("POST", one, value={"token": "x" * 43})).expect(404)


async def test_a_package_is_rated_once_and_as_a_whole(scene: Surroundings) -> None:
    cases = await _cases(scene)
    phone = cases.mother.phone
    await cases.mother.be_known()
    number = await cases.file_package()
    parts = (await phone.call("GET", f"/package-cases/{number}")).expect(200)["parts"]
    for part in parts:
        wish = {"subject_no": part["application_no"], "grade": 5}
        assert (await phone.call("POST", "/ratings", wish)).expect(409)["code"] == "rated_as_package"
    whole = {"subject_no": number, "grade": 5}
    answers = await asyncio.gather(*(phone.call("POST", "/ratings", whole) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    assert (await phone.call("GET", f"/ratings/{number}")).expect(200)["follow_up"] is None


async def test_a_chief_does_not_see_how_the_own_case_was_rated(scene: Surroundings) -> None:
    applicant, chief = await scene.applicant("wechat", "liu-yang"), await scene.counter("approver-xiaodian")
    number = await applicant.submitted()
    await decide(applicant.window, number, "accept")
    await decide(chief, number, "terminate", reason="申请事项依法不能继续办理")
    await applicant.phone.case_in(number, "CLOSED")
    rated = (await applicant.phone.call("POST", "/ratings", {"subject_no": number, "grade": 1})).expect(201)
    admin = await scene.counter("admin")

    async def line(who: Counter) -> dict[str, Any] | None:
        rows = (await who.call("GET", "/rating-follow-ups?limit=100")).expect(200)["data"]
        return next((row for row in rows if row["rated_at"] == rated["rated_at"]), None)

    seen = await line(admin)
    assert seen is not None
    assert await line(chief) is None
    (await chief.call("GET", f"/rating-follow-ups/{seen['follow_up_id']}/contact")).expect(404)
    (await chief.call("POST", f"/rating-follow-ups/{seen['follow_up_id']}/contact", {})).expect(404)
