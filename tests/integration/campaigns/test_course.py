"""The course of a campaign: composed, estimated, approved by another, expanded, sent, stopped, tried again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, Forbidden, InvalidRequest, InvalidTransition, NotFound, SanjinError, StaleVersion
from notify.campaigns.types import Acting, Audience, CampaignEdit
from notify.neutral import Outcome
from tests.fakes.campaign_house import CODE, VARIABLES, CampaignHouse, citizen_id, person, seed
from tests.waiting import until

pytestmark = pytest.mark.anyio
PUBLISHER, APPROVER = person("publisher"), person("approver", "approver")


async def test_a_small_campaign_needs_nobody_else_and_reaches_everybody_once(house: CampaignHouse) -> None:
    await seed(1, 350)
    number = await house.started()
    await house.drain()
    await house.room.sweeps()["campaigns.revive"][1]()
    shown = await house.show(number)
    assert (shown.status, shown.estimated, shown.counts.sent) == ("FINISHED", 350, 350)
    assert len(house.sms.sent) == 350
    assert await house.check_counters(number) == {"SENT": 350}
    assert shown.shares[0].channel == "SMS"
    assert f"campaign:{number}" in house.announced
    assert "campaigns" in house.announced


async def test_a_large_campaign_waits_for_another_person(house: CampaignHouse) -> None:
    await seed(1, 1001)
    both = person("both", "publisher", "approver")
    made = await house.desk.create(both, house.draft())
    waiting = await house.desk.submit(both, made.campaign_no, Acting(version=made.version))
    assert waiting.status == "WAITING"
    assert "approve" not in waiting.acts
    with pytest.raises(Forbidden) as refusal:
        await house.desk.approve(both, made.campaign_no, Acting())
    assert refusal.value.stable_code == "own_campaign"
    with pytest.raises(Forbidden):
        await house.desk.approve(PUBLISHER, made.campaign_no, Acting())
    with pytest.raises(InvalidTransition):
        await house.desk.start(both, made.campaign_no, Acting())
    approved = await house.desk.approve(APPROVER, made.campaign_no, Acting())
    assert (approved.status, approved.approved_by) == ("APPROVED", "approver")


async def test_of_two_approvers_at_once_one_decides(house: CampaignHouse) -> None:
    await seed(1, 1001)
    made = await house.desk.create(PUBLISHER, house.draft())
    await house.desk.submit(PUBLISHER, made.campaign_no, Acting())
    others = [person(f"approver{n}", "approver") for n in range(4)]

    async def decide(n: int) -> Any:
        acting = Acting(reason="口径不一致")
        act = house.desk.approve if n % 2 else house.desk.refuse
        try:
            return await act(others[n], made.campaign_no, acting)
        except SanjinError as error:
            return error

    results = await asyncio.gather(*(decide(n) for n in range(4)))
    lost = [each for each in results if isinstance(each, StaleVersion | InvalidTransition)]
    assert len(lost) == 3
    acts = await db.fetch_all("SELECT action FROM audit_entry WHERE action IN ('campaign.approve', 'campaign.refuse')")
    assert len(acts) == 1


async def test_a_refused_one_is_a_draft_again_with_the_reason(house: CampaignHouse) -> None:
    await seed(1, 1001)
    made = await house.desk.create(PUBLISHER, house.draft())
    await house.desk.submit(PUBLISHER, made.campaign_no, Acting())
    with pytest.raises(InvalidRequest):
        await house.desk.refuse(APPROVER, made.campaign_no, Acting(reason=" "))
    refused = await house.desk.refuse(APPROVER, made.campaign_no, Acting(reason="受众过大"))
    assert (refused.status, refused.reason) == ("DRAFT", "受众过大")
    edit = CampaignEdit(
        title="改", template_code=CODE, variables=VARIABLES, version=refused.version, audience=Audience(level="L2")
    )
    changed = await house.desk.edit(PUBLISHER, made.campaign_no, edit)
    assert changed.estimated == 334
    with pytest.raises(StaleVersion):
        await house.desk.edit(PUBLISHER, made.campaign_no, edit)


async def test_what_is_submitted_must_have_people_and_a_moment_to_come(house: CampaignHouse) -> None:
    made = await house.desk.create(PUBLISHER, house.draft())
    with pytest.raises(Conflict) as refusal:
        await house.desk.submit(PUBLISHER, made.campaign_no, Acting())
    assert refusal.value.stable_code == "campaign_empty"
    past = clock.rfc3339(clock.now() - timedelta(minutes=1))
    with pytest.raises(InvalidRequest) as fault:
        await house.desk.create(PUBLISHER, house.draft(scheduled_at=past))
    assert fault.value.faults[0].path == "scheduled_at"
    night = clock.to_beijing(clock.now() + timedelta(days=2)).replace(hour=23)
    await db.execute("UPDATE notice_template SET urgent = false")
    calm = CampaignHouse(house.cipher)
    warned = await calm.desk.create(PUBLISHER, calm.draft(scheduled_at=clock.rfc3339(night)))
    assert any("静默" in sentence for sentence in warned.warnings)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"template_code": "application.accepted"}, "template_code"),
        ({"variables": {}}, "variables.policy"),
        ({"variables": VARIABLES | {"other": "x"}}, "variables.other"),
        ({"variables": VARIABLES | {"policy": "长" * 60}}, "variables.policy"),
        ({"variables": VARIABLES | {"policy": "a\u202eb"}}, "variables.policy"),
        ({"audience": Audience(age_from=60, age_to=18)}, "audience.age_to"),
        ({"audience": Audience(list_id="0" * 32)}, "audience.list_id"),
        ({"scheduled_at": "soon"}, "scheduled_at"),
    ],
)
async def test_a_draft_that_does_not_fit_is_refused(house: CampaignHouse, changed: Any, path: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await house.desk.create(PUBLISHER, house.draft(**changed))
    assert path in [fault.path for fault in refusal.value.faults]


async def test_staff_of_a_county_reach_neither_other_people_nor_other_campaigns(house: CampaignHouse) -> None:
    await seed(1, 30, "140105", "140213", "")
    county = person("county", divisions=("140105",))
    made = await house.desk.create(county, house.draft())
    assert made.estimated == 10
    with pytest.raises(InvalidRequest):
        await house.desk.create(county, house.draft(audience=Audience(divisions=["1402"])))
    wide = await house.desk.create(county, house.draft(audience=Audience(divisions=["14"])))
    assert wide.estimated == 10
    theirs = await house.desk.create(PUBLISHER, house.draft())
    assert theirs.estimated == 30
    other = person("other", "publisher", "approver", divisions=("140213",))
    for number in (made.campaign_no, theirs.campaign_no):
        with pytest.raises(NotFound):
            await house.desk.show(other, number)
        with pytest.raises(NotFound):
            await house.desk.cancel(other, number, Acting())
    assert (await house.desk.page(other))[0] == []
    assert len((await house.desk.page(PUBLISHER))[0]) == 3


async def test_roles_are_asked_for(house: CampaignHouse) -> None:
    await seed(1, 10)
    made = await house.desk.create(PUBLISHER, house.draft())
    auditor, nobody = person("auditor", "auditor"), person("clerk", "window")
    assert (await house.desk.show(auditor, made.campaign_no)).acts == []
    for officer, act in ((auditor, house.desk.cancel), (auditor, house.desk.pause), (nobody, house.desk.start)):
        with pytest.raises(Forbidden):
            await act(officer, made.campaign_no, Acting())
    with pytest.raises(Forbidden):
        await house.desk.page(nobody)
    with pytest.raises(Forbidden) as refusal:
        await house.desk.submit(person("publisher2"), made.campaign_no, Acting())
    assert refusal.value.stable_code == "not_author"


async def test_it_pauses_and_goes_on_in_the_middle_of_expansion(house: CampaignHouse) -> None:
    await seed(1, 450)
    number = await house.started()
    assert [await house.run_one() for _ in range(2)] == ["campaign.expand"] * 2
    paused = await house.desk.pause(PUBLISHER, number, Acting())
    assert (paused.status, paused.counts.queued) == ("PAUSED", 200)
    await house.drain()
    assert (await house.check_counters(number)) == {"QUEUED": 200}
    assert (await house.desk.resume(PUBLISHER, number, Acting())).status == "EXPANDING"
    await house.drain()
    assert await house.check_counters(number) == {"SENT": 450}


async def test_it_pauses_and_goes_on_in_the_middle_of_sending(house: CampaignHouse) -> None:
    await seed(1, 300)
    number = await house.started(rate_per_second=20)
    await house.expand(number)
    sending = asyncio.create_task(house.drain())
    await until("the first message", lambda: house.sms.sent)
    await house.desk.pause(PUBLISHER, number, Acting())
    await sending
    shown = await house.show(number)
    assert shown.status == "PAUSED"
    assert 0 < shown.counts.sent < 300
    assert shown.counts.sent == len(house.sms.sent)
    await db.execute("UPDATE campaign SET rate_per_second = 2000")
    await house.desk.resume(PUBLISHER, number, Acting())
    await house.drain()
    assert await house.check_counters(number) == {"SENT": 300}


async def test_a_cancelled_one_takes_back_what_is_not_sent(house: CampaignHouse) -> None:
    await seed(1, 300)
    number = await house.started(rate_per_second=20)
    await house.expand(number)
    sending = asyncio.create_task(house.drain())
    await until("the first message", lambda: house.sms.sent)
    await house.desk.cancel(PUBLISHER, number, Acting(reason="内容有误"))
    await sending
    await house.drain()
    counted = await house.check_counters(number)
    assert counted["SENT"] == len(house.sms.sent)
    assert counted["SUPPRESSED"] == 300 - counted["SENT"]
    shown = await house.show(number)
    assert [(each.reason, each.may_resend) for each in shown.failures] == [("cancelled", False)]
    with pytest.raises(InvalidTransition):
        await house.desk.resume(PUBLISHER, number, Acting())


async def test_an_audience_that_grew_is_asked_about_again_before_anybody_is_told(house: CampaignHouse) -> None:
    await seed(1, 1100)
    number = await house.started()
    await seed(1101, 1300)
    await house.drain()
    shown = await house.show(number)
    assert (shown.status, shown.has_grown, shown.estimated) == ("WAITING", True, 1300)
    assert house.sms.sent == []
    with pytest.raises(Forbidden):
        await house.desk.approve(PUBLISHER, number, Acting())
    with pytest.raises(InvalidTransition):
        await house.desk.withdraw(PUBLISHER, number, Acting())
    await house.desk.approve(APPROVER, number, Acting())
    await house.drain()
    assert await house.check_counters(number) == {"SENT": 1300}


async def test_a_small_audience_that_grew_large_needs_a_second_person_and_may_be_refused(house: CampaignHouse) -> None:
    await seed(1, 990)
    number = await house.started()
    await seed(991, 1200)
    await house.drain()
    assert (await house.show(number)).status == "WAITING"
    ended = await house.desk.refuse(APPROVER, number, Acting(reason="过大"))
    assert ended.status == "CANCELLED"
    await house.drain()
    assert await house.check_counters(number) == {"SUPPRESSED": 1000}


async def test_a_scheduled_one_starts_by_itself_once(house: CampaignHouse) -> None:
    await seed(1, 20)
    at = clock.rfc3339(clock.now() + timedelta(hours=1))
    shown = await house.ready(scheduled_at=at)
    start_due = house.room.sweeps()["campaigns.start_due"][1]
    await start_due()
    assert (await house.show(shown.campaign_no)).status == "APPROVED"
    await db.execute("UPDATE campaign SET scheduled_at = now()")
    await asyncio.gather(start_due(), start_due(), start_due())
    assert (await house.show(shown.campaign_no)).status == "EXPANDING"
    await house.drain()
    assert await house.check_counters(shown.campaign_no) == {"SENT": 20}


async def test_failed_ones_are_tried_again_as_the_same_notices(house: CampaignHouse) -> None:
    await seed(1, 60)
    house.refuse(Outcome.REFUSED, 25)
    number = await house.started()
    await house.drain()
    shown = await house.show(number)
    assert (shown.status, shown.counts.sent, shown.counts.inbox_only) == ("FINISHED", 35, 25)
    assert [(each.reason, each.notices, each.may_resend) for each in shown.failures] == [("refused", 25, True)]
    with pytest.raises(Conflict):
        await house.desk.resend(PUBLISHER, number, "outage")
    again = await house.desk.resend(PUBLISHER, number, "refused")
    assert again.status == "SENDING"
    await house.drain()
    assert await house.check_counters(number) == {"SENT": 60}
    assert (await house.show(number)).status == "FINISHED"


async def test_lost_jobs_are_written_again(house: CampaignHouse) -> None:
    await seed(1, 250)
    number = await house.started()
    await house.run_one()
    await db.execute("DELETE FROM pgqueuer")
    await db.execute("UPDATE campaign SET updated_at = now() - interval '1 minute'")
    revive = house.room.sweeps()["campaigns.revive"][1]
    await revive()
    await house.expand(number)
    await db.execute("DELETE FROM pgqueuer")
    await revive()
    await house.drain()
    assert await house.check_counters(number) == {"SENT": 250}


async def test_people_merged_meanwhile_are_told_once(house: CampaignHouse) -> None:
    await seed(1, 250)
    number = await house.started()
    await house.run_one()
    await _merge(5, 200)  # told, and now somebody who is still to come
    await _merge(240, 251)  # still to come, and now somebody new who stands behind the cursor
    await seed(251, 251)
    await db.execute("UPDATE citizen SET id = $1 WHERE id = $2", citizen_id(0), citizen_id(251))
    await db.execute("UPDATE citizen SET merged_into_id = $1 WHERE id = $2", citizen_id(0), citizen_id(240))
    await db.execute(
        "UPDATE citizen_merge SET into_citizen_id = $1 WHERE into_citizen_id = $2", citizen_id(0), citizen_id(251)
    )
    await db.execute("UPDATE citizen SET status = 'CLOSED' WHERE id = $1", citizen_id(230))
    await house.drain()
    told = {row["citizen_id"] for row in await db.fetch_all("SELECT citizen_id FROM notice")}
    assert citizen_id(5) in told
    assert citizen_id(200) not in told
    assert citizen_id(0) in told
    assert citizen_id(240) not in told
    assert citizen_id(230) not in told
    assert await house.check_counters(number) == {"SENT": 248}


async def _merge(gone: int, stays: int) -> None:
    await db.execute(
        "UPDATE citizen SET status = 'MERGED', merged_into_id = $2 WHERE id = $1", citizen_id(gone), citizen_id(stays)
    )
    await db.execute(
        "INSERT INTO citizen_merge (id, created_at, from_citizen_id, into_citizen_id, reason, moved)"
        " VALUES (gen_random_uuid(), now(), $1, $2, 'test', '{}')",
        citizen_id(gone),
        citizen_id(stays),
    )
