"""Originals of a case that ended go back by parcel, or by hand until the courier has them: exactly one of both."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from app import clock, db
from app.errors import Conflict
from services.delivery.mailing.types import Condition, Receipt
from services.delivery.types import DeliveryMethod
from tests.integration.applications import test_papers_of_cases as papers

pytestmark = pytest.mark.anyio
HERE = papers.HERE
by_post = papers.by_post


async def refused(world: Any, *, mailed: bool = True) -> str:
    """Return a case without a result whose originals lie at its window."""
    number: str = await papers.received(world)
    if mailed:
        await papers.pickup(world, number)
        await world.applications.originals.receive(world.window, number, Receipt(condition=Condition.INTACT), HERE)
    else:
        await world.applications.originals.bring(world.window, number, HERE)
    await world.applications.desk.not_accept(world.window, number, "不属于本机关职权", HERE)
    await world.react()
    return number


async def sent_back(world: Any, number: str) -> str:
    await world.applications.originals.send_back(world.window, number, HERE)
    (parcel,) = [each for each in await world.delivery.shipments_of(number) if each.cargo == "申请材料原件退回"][-1:]
    return str(parcel.shipment_no)


async def holder(world: Any, number: str) -> str:
    (piece,) = await world.delivery.custody.of_case(number)
    return str(piece.holder)


def minutes_ahead(minutes: int) -> str:
    return clock.rfc3339(clock.now() + timedelta(minutes=minutes))


async def told(name: str) -> list[dict[str, str]]:
    rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
    events = [msgspec.json.decode(row["payload"]) for row in rows]
    return [event["facts"] for event in events if event["name"] == name]


async def test_originals_go_back_to_where_they_came_from_and_the_task_closes_by_itself(by_post: Any) -> None:
    world = by_post
    number = await refused(world)
    (task,) = (await world.delivery.tasks.page(world.window))[0]
    assert task.kind == "ORIGINALS"
    parcel_no = await sent_back(world, number)
    assert await sent_back(world, number) == parcel_no, "one click more makes no second parcel"
    parcel = await world.delivery.find_shipment(parcel_no)
    assert (parcel.leg, parcel.payer, parcel.status) == ("OUTBOUND", "FREE", "REQUESTED")
    inbound = next(each for each in await world.delivery.shipments_of(number) if each.leg == "INBOUND")
    assert parcel.receiver_shown == inbound.receiver_shown
    await world.delivery.booking.book({"shipment_no": parcel_no})
    await world.told_by_courier(parcel_no, "PICKED_UP", minutes_ahead(1))
    assert await holder(world, number) == "COURIER"
    with pytest.raises(Conflict):
        await world.applications.originals.give_back(world.window, number, "申请人到窗口取回", HERE)
    await world.told_by_courier(parcel_no, "DELIVERED", minutes_ahead(2))
    assert [facts["what"] for facts in await told("shipment.delivered")] == ["您邮寄的原件"]
    (piece,) = await world.delivery.custody.of_case(number)
    assert [change.to_holder for change in piece.changes][-3:] == ["WINDOW", "COURIER", "CITIZEN"]
    assert (await world.delivery.tasks.page(world.window))[0] == []
    await world.react()
    assert await world.status(number) == "CLOSED"
    trail = await db.fetch_all("SELECT actor FROM audit_entry WHERE action = 'mailing.sent_back'")
    assert [row["actor"] for row in trail] == ["window"]


async def test_given_back_by_hand_before_the_pick_up_withdraws_the_parcel(by_post: Any) -> None:
    world = by_post
    number = await refused(world)
    parcel_no = await sent_back(world, number)
    await world.applications.originals.give_back(world.window, number, "申请人到窗口取回", HERE)
    assert await holder(world, number) == "CITIZEN"
    assert (await world.delivery.find_shipment(parcel_no)).status == "CANCELLED"
    assert (await world.delivery.tasks.page(world.window))[0] == []
    with pytest.raises(Conflict) as gone:
        await world.applications.originals.send_back(world.window, number, HERE)
    assert gone.value.stable_code == "no_originals"
    await world.delivery.booking.book({"shipment_no": parcel_no})
    assert (await world.delivery.find_shipment(parcel_no)).status == "CANCELLED"


async def test_of_both_ways_at_once_exactly_one_wins(by_post: Any) -> None:
    world, originals = by_post, by_post.applications.originals
    number = await refused(world)
    await asyncio.gather(
        *(originals.send_back(world.window, number, HERE) for _ in range(3)),
        originals.give_back(world.window, number, "申请人到窗口取回", HERE),
        return_exceptions=True,
    )
    live = [
        each
        for each in await world.delivery.shipments_of(number)
        if each.leg == "OUTBOUND" and each.status != "CANCELLED"
    ]
    assert (await holder(world, number), len(live)) in (("CITIZEN", 0), ("WINDOW", 1))


async def test_what_came_back_goes_out_once_more(by_post: Any) -> None:
    world = by_post
    number = await refused(world)
    first = await sent_back(world, number)
    await world.delivery.booking.book({"shipment_no": first})
    for minutes, status in enumerate(("PICKED_UP", "RETURNED"), 1):
        await world.told_by_courier(first, status, minutes_ahead(minutes))
    assert await holder(world, number) == "RETURNED"
    kinds = {task.kind for task in (await world.delivery.tasks.page(world.window))[0]}
    assert kinds == {"ORIGINALS", "RETURNED"}
    second = await sent_back(world, number)
    assert second != first
    (piece,) = await world.delivery.custody.of_case(number)
    assert piece.shipment_no == second
    assert {task.kind for task in (await world.delivery.tasks.page(world.window))[0]} == {"ORIGINALS"}


async def test_lost_originals_are_not_promised_again(by_post: Any) -> None:
    world = by_post
    number = await refused(world)
    parcel_no = await sent_back(world, number)
    await world.delivery.booking.book({"shipment_no": parcel_no})
    for minutes, status in enumerate(("PICKED_UP", "LOST"), 1):
        await world.told_by_courier(parcel_no, status, minutes_ahead(minutes))
    assert (await world.delivery.find_shipment(parcel_no)).next_text == "窗口会与您联系"
    facts = (await told("shipment.exception"))[-1]
    assert (facts["what"], facts["follow_up"]) == ("您邮寄的原件", "窗口会与您联系")


async def test_nothing_goes_back_of_a_running_case_or_to_an_unknown_address(by_post: Any) -> None:
    world, originals = by_post, by_post.applications.originals
    running = await papers.received(world)
    with pytest.raises(Conflict) as early:
        await originals.send_back(world.window, running, HERE)
    assert early.value.stable_code == "case_not_ended"
    number = await refused(world, mailed=False)
    with pytest.raises(Conflict) as nowhere:
        await originals.send_back(world.window, number, HERE)
    assert nowhere.value.stable_code == "no_return_address"


async def decided(world: Any) -> str:
    """Return a case that was accepted with mailed originals and costs nothing."""
    number: str = await papers.received(world)
    await papers.pickup(world, number)
    await world.applications.originals.receive(world.window, number, Receipt(condition=Condition.INTACT), HERE)
    await world.applications.desk.accept(world.window, number, HERE)
    await db.execute("UPDATE application SET fee_fen = 0")
    return number


async def test_what_no_electronic_result_takes_along_is_asked_to_be_given_back(by_post: Any) -> None:
    world = by_post
    (result,) = world.catalogue.versions[max(world.catalogue.versions)].record.results
    electronic = {"code": result.code, "name": result.name, "kind": result.kind, "licence_type": result.licence_type,
                  "validity": result.validity, "electronic": True, "delivery": ["electronic"]}  # fmt: skip
    materials = msgspec.to_builtins(world.catalogue.versions[max(world.catalogue.versions)].record.materials)
    world.catalogue.publish(results=[electronic], materials=materials, delivery={"courier": True, "legs": [papers.LEG]})
    number = await decided(world)
    await world.applications.desk.approve(world.reviewer, number, HERE)
    await world.react()
    assert (await world.status(number), await holder(world, number)) == ("CLOSED", "WINDOW")
    (task,) = (await world.delivery.tasks.page(world.window))[0]
    assert (task.kind, task.kind_text) == ("ORIGINALS", "材料原件待处理")
    assert (await world.delivery.find_shipment(await sent_back(world, number))).payer == "FREE"


async def test_what_was_fetched_with_the_result_asks_for_nothing(by_post: Any) -> None:
    world = by_post
    number = await decided(world)
    await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COUNTER, None)
    await world.applications.desk.approve(world.reviewer, number, HERE)
    await world.react()
    await world.applications.desk.hand_over(world.window, number, HERE)
    await world.react()
    assert {each.holder for each in await world.delivery.custody.of_case(number)} == {"CITIZEN"}
    assert (await world.delivery.tasks.page(world.window))[0] == []
