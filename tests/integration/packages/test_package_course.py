"""Parts in the order of what they depend on, correction of one part only, withdrawal, one ending; and jobs that repeat
or are lost."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app import clock, db
from app.errors import Forbidden, InvalidRequest, InvalidTransition, NotFound, ProviderUnavailable
from app.events import DomainEvent
from services.applications.packages import repository, sweeps
from services.applications.packages.reactions import PackageReactions
from services.applications.states import Act, Correction
from services.staff.types import Role, StaffCaller
from tests.integration.applications.conftest import staff
from tests.integration.packages.conftest import LOST_CARDS, NEWBORN, Town, parts_of
from tests.integration.packages.test_package_filing import ALLOWANCE, BIRTH, DRIVER, ID_CARD, MEDICAL, SOCIAL

pytestmark = pytest.mark.anyio
CHILD, HERE = "140105202502180026", "127.0.0.1"
HOUSING, TRANSFER, FUND = "YJS1401000004", "11140100MB0001126Y3140709302000", "12140100MB000111813142004303000"


def _clerk(division: str = "14") -> StaffCaller:
    return staff("clerk", Role.WINDOW, Role.REVIEWER, divisions=(division,))


def _no(view: dict[str, Any], code: str) -> str:
    return str(parts_of(view)[code]["application_no"])


async def test_granted_part_begins_what_waited_for_it(town: Town) -> None:
    view = await town.submitted(HOUSING)
    waiting = parts_of(view)[FUND]
    assert (waiting["status"], waiting["application_no"]) == ("WAITING", None)
    assert "准予后自动提交" in waiting["explanation"]
    await town.act(_no(view, TRANSFER), Act.ACCEPT)
    await town.settle()
    assert parts_of(await town.view(view["package_no"]))[FUND]["status"] == "WAITING"
    await town.act(_no(view, TRANSFER), Act.APPROVE)
    await town.settle()
    begun = parts_of(await town.view(view["package_no"]))
    assert (begun[TRANSFER]["status"], begun[FUND]["status"], begun[FUND]["case_status"]) == (
        "DONE",
        "STARTED",
        "SUBMITTED",
    )


async def test_part_that_lacks_what_an_earlier_one_makes_asks_the_citizen_and_begins_with_the_answer(
    town: Town,
) -> None:
    view = await town.submitted(NEWBORN)
    one = f"package-cases/{view['package_no']}"
    await town.end(_no(view, BIRTH), "GRANTED")
    asked = parts_of(await town.view(view["package_no"]))[MEDICAL]
    assert (asked["status"], [fault["path"] for fault in asked["asked"]]) == ("ASKED", ["form.child_id_number"])
    assert (await town.phone("GET", "package-cases"))[1]["data"][0]["needs_you"] is True
    before = await town.view(view["package_no"])
    for form in ({"child_id_number": "1"}, {"child_name": "张二"}, {"bank_account": "6217001234567890125"}):
        status, problem = await town.phone("PATCH", f"{one}/parts/{MEDICAL}/form", {"form": form})
        assert (status, problem["errors"][0]["path"]) == (400, f"form.{next(iter(form))}")
    assert await town.view(view["package_no"]) == before
    body = {"form": {"child_id_number": CHILD}}
    status, answered = await town.phone("PATCH", f"{one}/parts/{MEDICAL}/form", body)
    assert (status, parts_of(answered)[MEDICAL]["status"]) == (200, "STARTED"), answered
    row = await db.fetch_row("SELECT form::text AS form, form_cipher FROM application WHERE item_code = $1", MEDICAL)
    assert row is not None
    assert CHILD not in row["form"]
    status, problem = await town.phone("PATCH", f"{one}/parts/{MEDICAL}/form", body)
    assert (status, problem["code"]) == (409, "invalid_transition")


async def test_citizen_is_asked_once(town: Town) -> None:
    view = await town.submitted(NEWBORN)
    await town.settle()
    await town.act(_no(view, BIRTH), Act.ACCEPT, Act.APPROVE)
    seen = await town.settle()
    await town.applications.packages.course.carry_on(view["package_no"])
    assert [*seen, *(await town.settle())].count("package.answers_asked") == 1


async def test_answer_given_while_a_part_waits_lets_it_begin_without_asking(town: Town) -> None:
    view = await town.submitted(NEWBORN)
    path = f"package-cases/{view['package_no']}/parts/{MEDICAL}/form"
    status, answered = await town.phone("PATCH", path, {"form": {"child_id_number": CHILD}, "version": view["version"]})
    assert (status, parts_of(answered)[MEDICAL]["status"]) == (200, "WAITING")
    status, problem = await town.phone("PATCH", path, {"form": {}, "version": view["version"]})
    assert (status, problem["code"]) == (409, "stale_version")
    await town.end(_no(view, BIRTH), "GRANTED")
    assert parts_of(await town.view(view["package_no"]))[MEDICAL]["status"] == "STARTED"


@pytest.mark.parametrize("outcome", ["REFUSED", "NOT_ACCEPTED", "WITHDRAWN"])
async def test_part_whose_predecessor_fails_is_skipped_with_an_explanation(town: Town, outcome: str) -> None:
    view = await town.submitted(HOUSING)
    await town.end(_no(view, TRANSFER), outcome)
    ended = await town.view(view["package_no"])
    parts = parts_of(ended)
    assert (parts[TRANSFER]["status"], parts[FUND]["status"]) == ("FAILED", "SKIPPED")
    assert "未办成，本事项不再办理" in parts[FUND]["explanation"]
    assert (ended["status"], ended["result_text"]) == ("CLOSED", "均未办成")
    assert len(await db.fetch_all("SELECT 1 FROM application")) == 1


async def test_correction_concerns_one_part_only(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    await town.act(_no(view, DRIVER), Act.REQUEST_CORRECTION)
    await town.settle()
    parts = parts_of(await town.view(view["package_no"]))
    assert {code: part["needs_correction"] for code, part in parts.items()} == {
        ID_CARD: False,
        DRIVER: True,
        SOCIAL: False,
    }
    assert (await town.phone("GET", "package-cases"))[1]["data"][0]["needs_you"] is True
    others = {code: await _version(_no(view, code)) for code in (ID_CARD, SOCIAL)}
    status, corrected = await town.phone("POST", f"applications/{_no(view, DRIVER)}/correction", {})
    assert (status, corrected["status"]) == (200, "SUBMITTED"), corrected
    assert {code: await _version(_no(view, code)) for code in others} == others


async def _version(number: str) -> int:
    row = await db.fetch_row("SELECT version FROM application WHERE application_no = $1", number)
    assert row is not None
    return int(row["version"])


async def test_package_ends_exactly_when_the_last_part_has_ended(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    await town.settle()
    seen: list[str] = []
    await town.act(_no(view, ID_CARD), Act.ACCEPT, Act.APPROVE)
    await town.act(_no(view, DRIVER), Act.ACCEPT, Act.DENY)
    await town.act(_no(view, SOCIAL), Act.NOT_ACCEPT)
    seen += await town.settle()
    now = await town.view(view["package_no"])
    assert (now["status"], now["closed_at"], "package.closed" in seen) == ("DELIVERING", None, False)
    assert now["parts_decided"] == 3
    await town.act(_no(view, ID_CARD), Act.DELIVER, Act.CLOSE)
    events = [*await town.events()]
    seen += await town.settle()
    ended = await town.view(view["package_no"])
    assert (ended["status"], ended["result_text"], seen.count("package.closed")) == ("CLOSED", "共3项，办成1项", 1)
    assert ended["closed_at"] is not None
    assert events


async def test_closed_event_carries_what_a_rating_needs(town: Town) -> None:
    view = await town.submitted(HOUSING)
    await town.settle()
    await town.act(_no(view, TRANSFER), Act.NOT_ACCEPT)
    await town.applications.packages.course.carry_on(view["package_no"])
    event = next(event for event in await town.events() if event.name == "package.closed")
    assert event.subject_no == view["package_no"]
    assert {"package_code", "package_name", "parts", "granted", "failed", "skipped", "result"} <= set(event.facts)
    assert (event.facts["parts"], event.facts["failed"], event.facts["skipped"]) == (2, 1, 1)


async def test_reversed_refusal_opens_the_package_again_and_what_it_had_skipped(town: Town) -> None:
    view = await town.submitted(HOUSING)
    await town.end(_no(view, TRANSFER), "NOT_ACCEPTED")
    assert (await town.view(view["package_no"]))["status"] == "CLOSED"
    await town.force(_no(view, TRANSFER), Correction.REVERSE_NOT_ACCEPTED)
    await town.settle()
    again = await town.view(view["package_no"])
    assert (again["status"], again["closed_at"], parts_of(again)[FUND]["status"]) == ("HANDLING", None, "WAITING")
    await town.end(_no(view, TRANSFER), "GRANTED")
    assert parts_of(await town.view(view["package_no"]))[FUND]["status"] == "STARTED"


async def test_withdraw_takes_back_every_part_that_still_can_be_and_shows_the_rest(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    one = f"package-cases/{view['package_no']}"
    await town.act(_no(view, ID_CARD), Act.ACCEPT, Act.APPROVE)
    await town.settle()
    status, withdrawn = await town.phone(
        "POST", f"{one}/withdraw", {"reason": "不办了", "version": view["version"] + 1}
    )
    assert status == 200, withdrawn
    outcomes = {code: part["outcome"] for code, part in parts_of(withdrawn).items()}
    assert outcomes == {ID_CARD: "GRANTED", DRIVER: "WITHDRAWN", SOCIAL: "WITHDRAWN"}
    assert (withdrawn["reason"], withdrawn["withdrawn_at"] is not None) == ("不办了", True)
    await town.settle()
    assert (await town.view(view["package_no"]))["status"] == "DELIVERING"
    status, problem = await town.phone("POST", f"{one}/withdraw", {})
    assert (status, problem["code"]) == (409, "invalid_transition")


async def test_withdraw_while_a_part_waits_begins_nothing_more(town: Town) -> None:
    view = await town.submitted(HOUSING)
    await town.phone("POST", f"package-cases/{view['package_no']}/withdraw", {})
    await town.settle()
    ended = await town.view(view["package_no"])
    assert (ended["status"], {part["status"] for part in ended["parts"]}) == ("CLOSED", {"FAILED", "SKIPPED"})
    assert len(await db.fetch_all("SELECT 1 FROM application")) == 1


async def test_withdraw_draft_is_refused(town: Town) -> None:
    view = await town.draft(LOST_CARDS)
    status, problem = await town.phone("POST", f"package-cases/{view['package_no']}/withdraw", {})
    assert (status, problem["code"], problem["current"]["status"]) == (409, "invalid_transition", "DRAFT")


async def test_timeline_merges_the_steps_of_all_parts_in_order(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    await town.act(_no(view, SOCIAL), Act.ACCEPT)
    await town.act(_no(view, DRIVER), Act.NOT_ACCEPT)
    _, timeline = await town.phone("GET", f"package-cases/{view['package_no']}/timeline")
    steps = timeline["data"]
    assert steps[0]["step"]["event"] == "package.submitted"
    assert [step["step"]["event"] for step in steps[1:4]] == ["application.submitted"] * 3
    assert [(step["application_no"], step["step"]["title"]) for step in steps[4:]] == [
        (_no(view, SOCIAL), "受理"),
        (_no(view, DRIVER), "不予受理"),
    ]
    moments = [step["step"]["occurred_at"] for step in steps]
    assert moments == sorted(moments)


async def test_bills_of_all_parts_stand_together_each_of_its_own_body(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    for code in (ID_CARD, DRIVER, SOCIAL):
        await town.act(_no(view, code), Act.ACCEPT)
    await town.settle()
    status, bills = await town.phone("GET", f"package-cases/{view['package_no']}/bills")
    assert status == 200
    assert {bill["subject_no"]: bill["amount_fen"] for bill in bills["data"]} == {
        _no(view, ID_CARD): 4000,
        _no(view, DRIVER): 1000,
    }
    assert (bills["unpaid_fen"], bills["unpaid_count"]) == (5000, 2)
    rows = await db.fetch_all("SELECT DISTINCT department_code FROM bill")
    assert len(rows) == 2


async def test_merged_citizen_takes_package_cases_along(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    survivor = await db.fetch_row("SELECT id FROM citizen WHERE id <> $1", town.citizen.citizen_id)
    assert survivor is not None
    facts = {"from_citizen_id": town.citizen.citizen_id.hex, "into_citizen_id": survivor["id"].hex}
    table = PackageReactions(town.applications.packages).table()
    for _, reaction in table["citizen.merged"]:
        await reaction(DomainEvent(name="citizen.merged", subject_no="", facts=facts))
    status, moved = await town.stranger("GET", f"package-cases/{view['package_no']}")
    assert (status, moved["package_no"]) == (200, view["package_no"])
    assert (await town.phone("GET", f"package-cases/{view['package_no']}"))[0] == 404


async def test_desk_shows_the_other_parts_of_a_package(town: Town) -> None:
    view = await town.submitted(NEWBORN)
    case = await town.applications.desk.case(_clerk(), _no(view, BIRTH), HERE)
    assert {(each.item_code, each.status) for each in case.siblings} == {
        (BIRTH, "SUBMITTED"),
        (MEDICAL, "WAITING"),
        (ALLOWANCE, "SUBMITTED"),
    }


async def test_staff_add_to_a_waiting_part_what_their_own_has_brought_about(town: Town) -> None:
    view = await town.submitted(NEWBORN)
    number, fill = _no(view, BIRTH), town.applications.packages.filling.fill
    with pytest.raises(Forbidden) as refused:
        await fill(_clerk(), number, MEDICAL, {"child_id_number": CHILD}, HERE)
    assert refused.value.stable_code == "not_predecessor"
    await town.end(number, "GRANTED")
    before = await town.view(view["package_no"])
    for form in ({"child_id_number": "1"}, {"child_name": "张二"}, {"bank_account": "6217001234567890125"}, {}):
        with pytest.raises(InvalidRequest):
            await fill(_clerk(), number, MEDICAL, form, HERE)
    with pytest.raises(Forbidden):
        await fill(_clerk(), _no(view, ALLOWANCE), MEDICAL, {"child_id_number": CHILD}, HERE)
    with pytest.raises(NotFound):
        await fill(_clerk("1402"), number, MEDICAL, {"child_id_number": CHILD}, HERE)
    assert await town.view(view["package_no"]) == before
    siblings = await fill(_clerk(), number, MEDICAL, {"child_id_number": CHILD}, HERE)
    assert {each.item_code: each.status for each in siblings}[MEDICAL] == "SUBMITTED"
    entry = await db.fetch_row("SELECT details::text AS details FROM audit_entry WHERE action = 'package.part_filled'")
    assert entry is not None
    assert "child_id_number" in entry["details"]
    assert CHILD not in entry["details"]
    with pytest.raises(InvalidTransition):
        await fill(_clerk(), number, MEDICAL, {"child_id_number": CHILD}, HERE)


async def test_act_that_is_written_is_not_refused_for_what_follows(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    view = await town.submitted(NEWBORN)

    async def away(_: str) -> None:
        raise ProviderUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(town.applications.packages.course, "carry_on", away)
        status, withdrawn = await town.phone("POST", f"package-cases/{view['package_no']}/withdraw", {})
        assert (status, withdrawn["withdrawn_at"] is not None) == (200, True), withdrawn
    await sweeps.continue_open(town.applications.packages)
    await town.settle()
    assert (await town.view(view["package_no"]))["status"] == "CLOSED"


async def test_sweep_continues_what_a_lost_job_left_behind(town: Town) -> None:
    view = await town.submitted(HOUSING)
    await town.act(_no(view, TRANSFER), Act.ACCEPT, Act.APPROVE)
    await db.execute("DELETE FROM pgqueuer")
    await sweeps.continue_open(town.applications.packages)
    await sweeps.continue_open(town.applications.packages)
    assert parts_of(await town.view(view["package_no"]))[FUND]["status"] == "STARTED"
    assert len(await db.fetch_all("SELECT 1 FROM application")) == 2


async def test_sweep_finishes_a_withdrawal_that_was_interrupted(town: Town) -> None:
    view = await town.submitted(LOST_CARDS)
    row = await repository.find(view["package_no"])
    assert row is not None
    change = repository.Change(status="HANDLING", at=clock.now(), sets={"withdrawn_at": clock.now(), "reason": ""})
    await repository.change(row, change)
    await sweeps.continue_open(town.applications.packages)
    await town.settle()
    ended = await town.view(view["package_no"])
    assert (ended["status"], {part["outcome"] for part in ended["parts"]}) == ("CLOSED", {"WITHDRAWN"})


async def test_sweep_reads_open_packages_only_however_many_have_ended(town: Town) -> None:
    view = await town.submitted(NEWBORN)
    columns = "citizen_id, provider, package_code, package_version, package_name, division_code, form, materials"
    await db.execute(
        f"INSERT INTO package_case (id, created_at, package_no, {columns}, chosen, reason, version, status, updated_at)"
        f" SELECT gen_random_uuid(), now(), 'ENDED' || n, {columns}, chosen, '', 1, 'CLOSED', now()"
        " FROM package_case, generate_series(1, 3000) AS n WHERE package_no = $1",
        view["package_no"],
    )
    async with db.connection() as link:
        await link.execute("ANALYZE package_case")
    plan = await db.fetch_all(
        "EXPLAIN SELECT id, package_no FROM package_case WHERE status IN ('HANDLING', 'DELIVERING')"
        " AND id > '00000000-0000-0000-0000-000000000000' ORDER BY id LIMIT 200"
    )
    assert "package_case_open" in str([tuple(line.values()) for line in plan])
    assert [row["package_no"] for row in await repository.list_open(None, 10)] == [view["package_no"]]


async def test_sweep_forgets_drafts_that_nobody_touches_and_no_other(town: Town) -> None:
    old, kept = await town.draft(LOST_CARDS), await town.submitted(LOST_CARDS)
    await db.execute("UPDATE package_case SET updated_at = now() - interval '91 days'")
    await sweeps.forget_drafts()
    assert (await town.phone("GET", f"package-cases/{old['package_no']}"))[0] == 404
    assert (await town.phone("GET", f"package-cases/{kept['package_no']}"))[0] == 200


async def test_item_that_is_closed_when_its_turn_comes_waits_until_it_is_open_again(town: Town) -> None:
    view = await town.submitted(HOUSING)
    closed = "UPDATE service_item SET record = jsonb_set(record, '{status}', $2::jsonb) WHERE item_code = $1"
    await db.execute(closed, FUND, '"SUSPENDED"')
    town.catalogue.forget()
    await town.end(_no(view, TRANSFER), "GRANTED")
    assert parts_of(await town.view(view["package_no"]))[FUND]["status"] == "WAITING"
    await db.execute(closed, FUND, '"OPEN"')
    town.catalogue.forget()
    await sweeps.continue_open(town.applications.packages)
    assert parts_of(await town.view(view["package_no"]))[FUND]["status"] == "STARTED"


async def test_case_outside_packages_is_left_alone(town: Town) -> None:
    await town.applications.packages.course.carry_on_case(uuid.uuid4().hex)
    await town.applications.packages.course.carry_on(uuid.uuid4().hex)
    assert await db.fetch_row("SELECT 1 FROM package_case") is None
