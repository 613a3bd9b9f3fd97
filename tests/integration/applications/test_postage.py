"""Postage of a case's parcel beside its fee: two bills never taken for each other; options, wishes, addresses."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app import clock, db
from app.delivery_parts import CasePostage
from app.errors import Conflict, InvalidRequest, NotFound
from app.events import DomainEvent
from services.applications.instant.reactions import InstantReactions
from services.delivery.booking.types import SendingWish
from services.delivery.ports import PostageBill
from services.delivery.reactions import DeliveryReactions
from services.delivery.rules import repository as rules
from services.delivery.rules.types import CourierLine, PostageLine
from services.delivery.types import DeliveryMethod, Reach

pytestmark = pytest.mark.anyio
HERE, ADDRESS = "127.0.0.1", uuid.UUID(int=1)


@pytest.fixture(autouse=True)
async def _rules(world: Any) -> None:
    couriers = [CourierLine(rule_code="SF", courier="SF", carrier="shunfeng", cost_fen=1200, days=2)]
    postage = [PostageLine(rule_code="ANY", payers=("ON_DELIVERY", "ONLINE"), postage_fen=1200)]
    await rules.load(couriers, postage, clock.now())


async def _chosen(world: Any, number: str, **wish: Any) -> Any:
    return await world.applications.choose_delivery(
        world.citizen, number, DeliveryMethod.COURIER, ADDRESS, SendingWish(**wish)
    )


async def _going(world: Any) -> tuple[str, str]:
    """Return a granted case whose parcel waits for its postage, and the parcel's number."""
    number = await world.accepted()
    await world.react()
    await _chosen(world, number, payer="ONLINE")
    await world.pay(number)
    await world.applications.desk.approve(world.reviewer, number, HERE)
    await world.react()
    row = await db.fetch_row("SELECT shipment_no FROM shipment WHERE subject_no = $1", number)
    assert row is not None
    for _ in range(2):
        await world.delivery.postage.bill({"shipment_no": row["shipment_no"]})
    return number, row["shipment_no"]


def _confirmed(number: str, bill: Any, purpose: str) -> DomainEvent:
    facts = {
        "bill_no": bill.bill_no,
        "purpose": purpose,
        "title": bill.title,
        "paid_at": clock.rfc3339(clock.now()),
    }
    return DomainEvent(name="bill.confirmed", subject_no=number, facts=facts)


async def test_paid_postage_books_the_parcel_and_pays_no_fee(world: Any) -> None:
    number, shipment_no = await _going(world)
    (fee,) = await world.payments.bills_of(number, "item_fee")
    (postage,) = await world.payments.bills_of(number, "postage")
    assert (fee.amount_fen, postage.amount_fen) == (4000, 1200)
    await db.execute("UPDATE application SET fee_paid_at = NULL")
    event = _confirmed(number, postage, f"postage:{shipment_no}")
    await world.reactions.note_paid(event)
    await InstantReactions(world.applications.instant).note_paid(event)
    row = await db.fetch_row("SELECT fee_paid_at FROM application WHERE application_no = $1", number)
    assert row is not None
    assert row["fee_paid_at"] is None, "postage is no fee"
    for _ in range(2):
        await DeliveryReactions(world.delivery).note_postage(event)
    await world.delivery.booking.book({"shipment_no": shipment_no})
    assert (await world.delivery.find_shipment(shipment_no)).status == "CREATED"


async def test_paid_fee_books_no_parcel(world: Any) -> None:
    number, shipment_no = await _going(world)
    (fee,) = await world.payments.bills_of(number, "item_fee")
    await DeliveryReactions(world.delivery).note_postage(_confirmed(number, fee, "item_fee"))
    await world.delivery.booking.book({"shipment_no": shipment_no})
    assert (await world.delivery.find_shipment(shipment_no)).status == "REQUESTED"


async def test_voided_postage_asks_for_no_second_fee(world: Any) -> None:
    number = await world.accepted()
    await world.react()
    postage = CasePostage(world.payments)
    asked = PostageBill(
        shipment_no="SJ1",
        subject_no=number,
        citizen_id=world.citizen.citizen_id,
        amount_fen=1200,
        division_code="140105",
        department_code="11140105MB0001177F",
        cargo="申请材料",
        due_at=clock.now(),
    )
    assert len({await postage.bill(asked) for _ in range(2)}) == 1
    for _ in range(2):
        await postage.end(await postage.bill(asked), "快递已取消")
        await world.applications.progress.bill_fee(number)
        await world.applications.progress.continue_stalled(number)
    fees = [bill.status for bill in await world.payments.bills_of(number, "item_fee")]
    assert (fees, [bill.status for bill in await world.payments.bills_of(number, "postage")]) == (["UNPAID"], ["VOID"])


async def test_options_name_couriers_payers_and_prices(world: Any) -> None:
    number = (await world.draft()).application_no
    options = await world.applications.delivery_options(world.citizen, number, ADDRESS)
    assert "COURIER" in [method.method for method in options.methods]
    level = options.levels[0]
    assert (level.courier_name, level.days) == ("顺丰速运", 2)
    assert [(payer.payer, payer.postage_fen) for payer in level.payers] == [("ON_DELIVERY", None), ("ONLINE", 1200)]
    with pytest.raises(NotFound):
        await world.applications.delivery_options(world.other, number, None)


async def test_wishes_beyond_the_rules_are_refused(world: Any) -> None:
    number = (await world.draft()).application_no
    with pytest.raises(Conflict) as refused:
        await _chosen(world, number, payer="FREE")
    assert refused.value.stable_code == "payer_not_offered"
    assert "在线支付邮费" in str(refused.value)
    with pytest.raises(NotFound):
        await world.applications.delivery_choice(world.citizen, number)
    choice = await _chosen(world, number, payer="ONLINE", in_person=True)
    assert (choice.payer, choice.in_person) == ("ONLINE", True)


async def test_address_that_nobody_serves_is_refused_and_an_unsure_courier_blocks_nobody(world: Any) -> None:
    number = (await world.draft()).application_no
    courier = world.delivery._couriers.get("SF")
    courier.reach = Reach.NO
    with pytest.raises(Conflict) as refused:
        await _chosen(world, number)
    assert refused.value.stable_code == "address_not_served"
    assert "其他送达方式" in str(refused.value)
    courier.reach = Reach.UNKNOWN
    assert (await _chosen(world, number)).method == "COURIER"


async def test_in_person_needs_the_applicant_as_receiver(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    number = (await world.draft()).application_no
    found = await world.people.plain_address(world.citizen.citizen_id, ADDRESS)

    async def neighbour(*_: Any) -> Any:
        return type(found)(found.address_id, found.division_code, found.region, "李四", found.phone, found.street)

    monkeypatch.setattr(world.people, "plain_address", neighbour)
    with pytest.raises(InvalidRequest):
        await _chosen(world, number, in_person=True)


async def test_new_address_of_a_parcel_is_for_its_owner_only(world: Any) -> None:
    _, shipment_no = await _going(world)
    change = world.applications.result_choice.change_address
    with pytest.raises(NotFound):
        await change(world.other, shipment_no, ADDRESS)
    with pytest.raises(NotFound):
        await change(world.citizen, "SJ0", ADDRESS)
    done = await change(world.citizen, shipment_no, ADDRESS)
    assert (done.shipment_no, done.former_status) == (shipment_no, "REQUESTED")
