"""Before the pick-up on a real database: parcels withdrawn, sent elsewhere or with another courier."""

from __future__ import annotations

import pytest

from app import db
from app.errors import Conflict, ProviderRejected, ProviderUnavailable
from services.delivery.booking.types import NewAddress
from services.delivery.rules.types import Carriage, Errand
from services.delivery.types import Choice, Contact, DeliveryMethod, Reach
from tests.integration.delivery.post import (
    CASE,
    CITIZEN,
    ELSEWHERE,
    ORDER,
    RECEIVER,
    SENDER,
    Post,
    nobody,
    parcel,
)

pytestmark = pytest.mark.anyio


async def test_cancel_before_the_order_asks_no_courier(post: Post) -> None:
    number = await post.requested()
    assert await post.room.booking.cancel(number, "不需要了") == "CANCELLED"
    await post.work()
    assert (post.sf.book_calls, post.sf.cancelled) == (0, [])


async def test_cancel_of_an_order_with_unknown_outcome_finds_it_first(post: Post) -> None:
    number = await post.requested()
    post.sf.fail_after_booking = 1
    with pytest.raises(ProviderUnavailable):
        await post.book(number)
    assert await post.room.booking.cancel(number, "不需要了") == "CANCELLED"
    assert post.sf.cancelled == [number]
    await post.book(number)
    assert post.sf.orders == {}


async def test_cancel_while_the_courier_is_away_goes_on_by_a_job(post: Post) -> None:
    number = await post.booked()
    post.sf.away = True
    assert await post.room.booking.cancel(number, "不需要了") == "CREATED"
    post.sf.away = False
    await post.work()
    assert ((await parcel(number))["status"], post.sf.cancelled) == ("CANCELLED", [number])


async def test_cancel_of_what_was_collected_is_told_honestly(post: Post) -> None:
    number = await post.booked()
    post.sf.collected.add(number)
    with pytest.raises(Conflict) as refused:
        await post.room.booking.cancel(number, "不需要了")
    row = await parcel(number)
    assert (refused.value.stable_code, row["status"], row["cancel_wanted_at"]) == ("parcel_collected", "CREATED", None)


async def test_new_address_of_an_ordered_parcel_is_a_new_number_after_the_former_is_withdrawn(post: Post) -> None:
    number = await post.booked()
    change = await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.work()
    assert post.sf.cancelled == [number]
    assert post.sf.orders[change.shipment_no].receiver == ELSEWHERE.contact
    new = await parcel(change.shipment_no)
    assert (new["replaces_no"], new["attempt"], new["to_division_code"]) == (number, 2, "140213")
    choice = await post.room.choice_of(CASE)
    assert choice is not None
    assert choice.receiver_shown == "张* 大同市"
    assert await post.room.request_shipment(ORDER) == change.shipment_no


async def test_new_address_waits_while_the_courier_is_away_and_changes_once_more(post: Post) -> None:
    number = await post.booked()
    post.sf.away = True
    first = await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.book(first.shipment_no)
    assert post.sf.book_calls == 1
    second = await post.room.booking.change_address(number, NewAddress(RECEIVER, "张* 原址", "140105"), nobody)
    assert second.shipment_no == first.shipment_no
    post.sf.away = False
    await post.work()
    assert list(post.sf.orders) == [first.shipment_no]
    assert post.sf.orders[first.shipment_no].receiver == RECEIVER


async def test_new_address_of_what_was_collected_ends_the_waiting_parcel(post: Post) -> None:
    number = await post.booked()
    post.sf.collected.add(number)
    with pytest.raises(Conflict):
        await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.work()
    statuses = {row["shipment_no"]: row["status"] for row in await db.fetch_all("SELECT * FROM shipment")}
    assert statuses.pop(number) == "CREATED"
    assert (list(statuses.values()), list(post.sf.orders)) == (["CANCELLED"], [number])


async def test_new_address_before_any_order_keeps_the_number(post: Post) -> None:
    number = await post.requested()
    change = await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.work()
    assert change.shipment_no == number
    assert post.sf.orders[number].receiver == ELSEWHERE.contact


async def test_new_address_that_nobody_serves_is_refused_with_alternatives(post: Post) -> None:
    number = await post.booked()
    post.sf.reach = post.ems.reach = Reach.NO
    with pytest.raises(Conflict) as refused:
        await post.room.booking.change_address(number, ELSEWHERE, nobody)
    assert refused.value.stable_code == "address_not_served"
    post.ems.reach = Reach.UNKNOWN
    await post.room.reach.require(Errand(division_code="140105"), SENDER, RECEIVER, "请更换地址")


async def test_change_of_courier_before_pick_up_orders_at_the_other_one(post: Post) -> None:
    number = await post.booked()
    change = await post.room.booking.change_courier(number, Carriage(courier="EMS", carrier="ems"), nobody)
    await post.work()
    assert (post.sf.orders, list(post.ems.orders)) == ({}, [change.shipment_no])


async def test_paid_postage_follows_the_parcel_to_its_new_address(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.paid(number)
    await post.work()
    change = await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.work()
    new, former = await parcel(change.shipment_no), await parcel(number)
    assert (new["bill_no"], new["status"], former["bill_no"]) == (f"B{number}", "CREATED", "")
    assert (len(post.postage.bills), post.postage.ended) == (1, [])


async def test_parcel_sent_again_after_a_change_that_failed_is_a_new_one(post: Post) -> None:
    number = await post.booked()
    post.sf.collected.add(number)
    with pytest.raises(Conflict):
        await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.work()
    await db.execute("UPDATE shipment SET status = 'RETURNED' WHERE shipment_no = $1", number)
    numbers = {await post.room.booking.again(number, record=nobody) for _ in range(2)}
    await post.work()
    new = await parcel(numbers.pop())
    assert (numbers, new["status"], new["attempt"], new["replaces_no"]) == (set(), "CREATED", 3, number)


async def test_address_changes_once_more_after_a_change_that_failed(post: Post) -> None:
    number = await post.booked()
    post.sf.cancel_refusal = ProviderRejected(provider="sf", provider_code="busy")
    with pytest.raises(Conflict):
        await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.work()
    post.sf.cancel_refusal = None
    change = await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.work()
    assert list(post.sf.orders) == [change.shipment_no]


async def test_change_of_courier_keeps_the_address_of_the_parcel_that_waits(post: Post) -> None:
    number = await post.booked()
    post.sf.away = True
    first = await post.room.booking.change_address(number, ELSEWHERE, nobody)
    await post.room.booking.change_courier(number, Carriage(courier="EMS", carrier="ems"), nobody)
    post.sf.away = False
    await post.work()
    assert (post.sf.orders, list(post.ems.orders)) == ({}, [first.shipment_no])
    assert post.ems.orders[first.shipment_no].receiver == ELSEWHERE.contact


async def test_cancel_after_a_refusal_finds_what_was_ordered_since(post: Post) -> None:
    post.sf.refusal = ProviderRejected(provider="sf", provider_code="no")
    number = await post.requested()
    await post.work()
    post.sf.refusal, post.sf.fail_after_booking = None, 1
    await post.room.booking.rebook(number, nobody)
    await post.work()
    assert await post.room.booking.cancel(number, "不需要了") == "CANCELLED"
    assert (post.sf.orders, post.sf.cancelled) == ({}, [number])


async def test_parcel_for_the_person_alone_goes_to_nobody_else(post: Post) -> None:
    choice = Choice(CASE, CITIZEN, DeliveryMethod.COURIER, "140105", RECEIVER, "张* 138****0001", in_person=True)
    await post.room.choose(choice)
    number = await post.room.request_shipment(ORDER)
    assert number is not None
    other = NewAddress(Contact(name="李娜", phone="13800000002", address="太原市小店区2号"), "李* 太原市", "140105")
    with pytest.raises(Conflict) as refused:
        await post.room.booking.change_address(number, other, nobody)
    assert refused.value.stable_code == "in_person_only"
    await post.room.booking.change_address(number, ELSEWHERE, nobody)
