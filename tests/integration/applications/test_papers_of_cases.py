"""Originals and results of a case: asked for after the pre-check, waited for before acceptance, fetched at the end."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, NotFound
from app.events import DomainEvent
from services.applications.assistance.types import AssistedCaller
from services.applications.dues import receipt_due
from services.applications.types import ApplicationView
from services.delivery.collecting.types import Deposit, Proof
from services.delivery.mailing.types import Condition, Receipt, Slot
from services.delivery.types import DeliveryMethod, Reach
from tests.integration.applications.conftest import ITEM

pytestmark = pytest.mark.anyio

HERE = "192.0.2.7"

TOMORROW = clock.beijing_date() + timedelta(days=1)
SLOT = Slot(pickup_from=f"{TOMORROW}T09:00:00+08:00", pickup_until=f"{TOMORROW}T11:00:00+08:00")
LEG = {
    "direction": "to_centre",
    "contents": "需要核验原件的申请材料",
    "address": "太原市小店区人民南路2号",
    "contact": "收件窗口",
    "phone": "0351-7190110",
    "payer": "citizen",
}


@pytest.fixture
def by_post(world: Any) -> Any:
    """The room, with an item one of whose materials is only taken as an original."""
    materials = [dict(each) for each in ITEM["materials"]]
    photo = next(each for each in materials if each["code"] == "M02")
    photo |= {"forms": ["original"], "original_count": 1}
    world.catalogue.publish(materials=materials, delivery={"courier": True, "legs": [LEG, *ITEM["delivery"]["legs"]]})
    return world


async def received(world: Any) -> str:
    draft: ApplicationView = await world.draft()
    number = draft.application_no
    await world.applications.submit(world.citizen, number)
    await world.applications.desk.receive(world.window, number, HERE)
    await world.react()
    return number


async def pickup(world: Any, number: str) -> Any:
    detail = await world.applications.originals.detail(world.citizen, number)
    slot = detail.slots[0] if detail.slots else SLOT
    return await world.applications.originals.order_pickup(
        world.citizen, number, uuid.UUID(int=1), slot.pickup_from, slot.pickup_until, ""
    )


async def test_originals_are_asked_for_and_hold_acceptance_up(by_post: Any) -> None:
    world, originals = by_post, by_post.applications.originals
    number = await received(world)
    detail = await originals.detail(world.citizen, number)
    assert [(each.code, each.required) for each in detail.mailing.contents] == [("M02", True)]
    assert (detail.window_address, detail.acts) == (LEG["address"], ["pickup", "own"])
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.accept(world.window, number, HERE)
    assert refused.value.stable_code == "originals_awaited"
    sent = await pickup(world, number)
    assert (sent.mailing.status, sent.acts, sent.shipment.leg) == ("SENT", ["cancel"], "INBOUND")
    with pytest.raises(Conflict):
        await pickup(world, number)
    with pytest.raises(Conflict) as refused:
        await world.applications.desk.accept(world.window, number, HERE)
    assert refused.value.stable_code == "originals_awaited"
    await originals.receive(world.window, number, Receipt(condition=Condition.INTACT), HERE)
    await world.applications.desk.accept(world.window, number, HERE)
    assert await world.status(number) == "ACCEPTED"


async def test_pickup_is_refused_with_a_payer_or_from_a_place_that_is_not_offered(by_post: Any) -> None:
    world, originals, home = by_post, by_post.applications.originals, uuid.UUID(int=1)
    number = await received(world)
    with pytest.raises(Conflict) as refused:
        await originals.order_pickup(world.citizen, number, home, SLOT.pickup_from, SLOT.pickup_until, "FREE")
    assert refused.value.stable_code == "payer_not_offered"
    world.delivery._couriers.get("SF").reach = Reach.NO
    with pytest.raises(Conflict) as refused:
        await pickup(world, number)
    assert refused.value.stable_code == "address_not_served"
    assert "登记运单号" in str(refused.value)
    detail = await originals.detail(world.citizen, number)
    assert (detail.mailing.status, detail.acts) == ("ASKED", ["pickup", "own"]), "asked for as before"


async def _days_ago(number: str, *, received: int, asked: int) -> None:
    """Move the receipt of a case, and of its request for originals, back by so many days."""
    await db.execute(
        "UPDATE application SET received_at = now() - $2 * interval '1 day' WHERE application_no = $1", number, received
    )
    await db.execute("UPDATE mailing SET asked_at = now() - $2 * interval '1 day' WHERE subject_no = $1", number, asked)


async def _accepted_on(number: str) -> Any:
    row = await db.fetch_row("SELECT status, accepted_at FROM application WHERE application_no = $1", number)
    assert row is not None
    return clock.beijing_date(row["accepted_at"]) if row["status"] == "ACCEPTED" else None


async def test_silence_accepts_nothing_while_originals_are_awaited(by_post: Any) -> None:
    world, progress = by_post, by_post.applications.progress
    number = await received(world)
    await _days_ago(number, received=30, asked=29)
    await progress.accept_by_silence(number)
    assert await world.status(number) == "RECEIVED", "asked for in time: there was no silence"
    await pickup(world, number)
    await progress.accept_by_silence(number)
    assert await world.status(number) == "RECEIVED"
    await world.applications.originals.receive(world.window, number, Receipt(condition=Condition.INTACT), HERE)
    await progress.accept_by_silence(number)
    assert await world.status(number) == "RECEIVED", "five working days from the receipt of the originals"
    # Long enough for any holiday between.
    row = await db.fetch_row("UPDATE mailing SET received_at = now() - interval '20 days' RETURNING received_at")
    assert row is not None
    await progress.accept_by_silence(number)
    counts_from = progress._calendar.received_at(row["received_at"])
    assert await _accepted_on(number) == clock.beijing_date(counts_from)


async def _cards() -> list[tuple[str, str, bool]]:
    rows = await db.fetch_all(
        "SELECT colour, due_on::text AS due_on, settled_at IS NULL AS is_open FROM due_card ORDER BY id"
    )
    return [(row["colour"], row["due_on"], row["is_open"]) for row in rows]


async def test_cards_and_the_case_page_count_from_the_receipt_of_the_originals(by_post: Any) -> None:
    world, service, desk = by_post, by_post.applications.cards, by_post.applications.desk
    calendar = world.applications.parts.calendar
    number = await received(world)
    await _days_ago(number, received=40, asked=39)
    await service.issue_due()
    assert await _cards() == [], "nothing runs while originals are awaited"
    assert (await desk.case(world.window, number, HERE)).course.receipt_due_on is None
    await world.applications.originals.receive(world.window, number, Receipt(condition=Condition.INTACT), HERE)
    await service.issue_due()
    assert await _cards() == []
    row = await db.fetch_row("UPDATE mailing SET received_at = now() - interval '20 days' RETURNING received_at")
    assert row is not None
    due_on = receipt_due(calendar, row["received_at"]).on.isoformat()
    await service.issue_due()
    assert await _cards() == [("YELLOW", due_on, True), ("RED", due_on, True)]
    assert (await desk.case(world.window, number, HERE)).course.receipt_due_on == due_on


async def test_card_that_was_out_is_settled_when_originals_are_asked_for_in_time(by_post: Any) -> None:
    world, service = by_post, by_post.applications.cards
    number = await received(world)
    await _days_ago(number, received=40, asked=1)
    await service.issue_due()
    await service.settle_moved(number)
    assert [is_open for *_, is_open in await _cards()] == [True, True], "asked for too late: the days run on"
    await _days_ago(number, received=40, asked=39)
    (reaction,) = service.reactions()["mailing.asked"]
    await reaction[1](DomainEvent(name="mailing.asked", subject_no=number))
    assert [is_open for *_, is_open in await _cards()] == [False, False]
    queues = {queue.name: queue.count for queue in (await world.applications.routing.counts(world.window)).data}
    assert (queues["yellow"], queues["red"]) == (0, 0)


async def test_originals_asked_for_too_late_keep_no_case_from_being_accepted(by_post: Any) -> None:
    world = by_post
    number = await received(world)
    await _days_ago(number, received=30, asked=1)
    progress = world.applications.progress
    await progress.accept_by_silence(number)
    counts_from = progress._calendar.received_at(clock.now() - timedelta(days=30))
    assert await _accepted_on(number) == clock.beijing_date(counts_from)


async def test_case_whose_originals_never_come_may_still_be_sent_back(by_post: Any) -> None:
    world = by_post
    number = await received(world)
    await _days_ago(number, received=30, asked=29)
    shown = await world.applications.desk.case(world.window, number, HERE)
    assert shown.course.receipt_due_on is None
    await world.applications.desk.not_accept(world.window, number, "逾期未提交申请材料原件", HERE)
    assert await world.status(number) == "CLOSED"


async def test_originals_of_a_refused_case_wait_as_a_task_until_they_are_given_back(by_post: Any) -> None:
    world, originals = by_post, by_post.applications.originals
    number = await received(world)
    await originals.receive(world.window, number, Receipt(condition=Condition.INTACT), HERE)
    await world.applications.desk.not_accept(world.window, number, "不属于本机关职权", HERE)
    await world.react()
    (task,) = (await world.delivery.tasks.page(world.window))[0]
    assert (task.kind, task.application_no) == ("ORIGINALS", number)
    assert "退还申请人" in task.reason
    await originals.give_back(world.window, number, "申请人到窗口取回", HERE)
    (piece,) = await world.delivery.custody.of_case(number)
    assert (piece.holder, piece.changes[-1].actor, piece.changes[-1].reason) == (
        "CITIZEN",
        "window",
        "申请人到窗口取回",
    )
    assert "mailing.given_back" in await world.react()
    assert (await world.delivery.tasks.page(world.window))[0] == []
    with pytest.raises(Conflict) as refused:
        await originals.give_back(world.window, number, "再次登记", HERE)
    assert refused.value.stable_code == "no_originals"
    trail = await db.fetch_all("SELECT action FROM audit_entry WHERE action = 'mailing.given_back'")
    assert len(trail) == 1
    await originals.end(number)
    assert (await world.delivery.tasks.page(world.window))[0] == [], "nothing is left to give back"


async def test_originals_may_be_done_without_for_a_reason(by_post: Any) -> None:
    number = await received(by_post)
    await by_post.applications.originals.waive(by_post.window, number, "已通过部门数据核验", HERE)
    await by_post.applications.desk.accept(by_post.window, number, HERE)
    assert await by_post.status(number) == "ACCEPTED"


async def test_what_an_electronic_copy_stands_in_for_holds_nothing_up(world: Any) -> None:
    materials = [dict(each) for each in ITEM["materials"]]
    next(each for each in materials if each["code"] == "M02")["forms"] = ["original", "electronic"]
    world.catalogue.publish(materials=materials, delivery={"courier": True, "legs": [LEG]})
    number = await received(world)
    assert (await world.applications.originals.detail(world.citizen, number)).mailing.status == "ASKED"
    await world.applications.desk.accept(world.window, number, HERE)
    await pickup(world, number)


async def test_withdrawn_case_ends_the_mailing_and_its_parcel(by_post: Any) -> None:
    number = await received(by_post)
    sent = await pickup(by_post, number)
    await by_post.applications.withdraw(by_post.citizen, number)
    await by_post.react()
    assert (await by_post.delivery.mailing.find(number)).status == "ENDED"
    assert (await by_post.delivery.find_shipment(sent.mailing.shipment_no)).status == "CANCELLED"


async def test_item_without_post_asks_for_nothing_and_strangers_find_nothing(world: Any, far_reviewer: Any) -> None:
    number = await received(world)
    with pytest.raises(NotFound):
        await world.applications.originals.detail(world.citizen, number)
    with pytest.raises(NotFound):
        await world.applications.originals.detail(world.other, number)
    with pytest.raises(NotFound):
        await world.applications.originals.receive(far_reviewer, number, Receipt(condition=Condition.INTACT), HERE)


async def test_fetched_result_closes_its_case_as_of_that_moment(world: Any) -> None:
    number = await world.accepted()
    await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COUNTER, None)
    await db.execute("UPDATE application SET fee_fen = 0")
    await world.applications.desk.approve(world.reviewer, number, HERE)
    await world.react()
    collections = world.applications.collections
    with pytest.raises(Conflict) as refused:
        await collections.code(world.citizen, number)
    assert refused.value.stable_code == "not_ready"
    await collections.deposit(world.window, number, Deposit(), HERE)
    with pytest.raises(NotFound):
        await collections.code(world.other, number)
    made = await collections.code(world.citizen, number)
    assert clock.parse_rfc3339(made.expires_at) - clock.now() > timedelta(minutes=14)
    await collections.hand_over(world.window, number, Proof(made.code), HERE)
    await world.react()
    assert await world.status(number) == "CLOSED"
    pieces = await db.fetch_all("SELECT holder FROM piece")
    assert {row["holder"] for row in pieces} == {"CITIZEN"}


async def test_hand_over_at_the_case_ends_what_waits(world: Any) -> None:
    number = await world.accepted()
    await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COUNTER, None)
    await db.execute("UPDATE application SET fee_fen = 0")
    await world.applications.desk.approve(world.reviewer, number, HERE)
    await world.react()
    await world.applications.desk.hand_over(world.window, number, HERE)
    await world.react()
    assert (await world.applications.collections.view(world.citizen, number)).status == "COLLECTED"


async def test_who_sends_originals_for_another_leaves_a_trace(by_post: Any) -> None:
    world, number = by_post, await received(by_post)
    await pickup(world, number)
    assert await db.fetch_all("SELECT 1 FROM audit_entry WHERE action LIKE 'case.originals%'") == []
    helper = AssistedCaller(
        citizen_id=world.citizen.citizen_id, session_id=uuid.UUID(int=1), identity_id=uuid.UUID(int=2), provider="",
        expires_at=0, assistance_no="BB1", staff_username="clerk", staff_shown="窗口 李", citizen_shown="张*",
        address=HERE,
    )  # fmt: skip
    await world.applications.originals.cancel(helper, number)
    rows = await db.fetch_all("SELECT actor, action FROM audit_entry WHERE action LIKE 'case.originals%'")
    assert [(row["actor"], row["action"]) for row in rows] == [("clerk", "case.originals_cancelled")]
