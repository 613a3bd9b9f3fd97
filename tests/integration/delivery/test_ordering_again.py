"""Results whose courier cancels or fails, or seems to: staff order them again by one click, and nothing goes twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app import clock, db
from app.errors import Conflict, ProviderRejected, ProviderUnavailable
from services.delivery.ports import NOT_SERVED
from services.delivery.tracking.sweeps import open_silent
from services.delivery.types import CourierEvent, ParcelRef
from tests.fakes.told import seen
from tests.integration.delivery.post import Post, nobody, parcel

pytestmark = pytest.mark.anyio


async def told(post: Post, number: str, status: str, *, confirmed: bool = True, **more: object) -> CourierEvent:
    """Have SF say so now, beyond doubt or by a push that proves nothing."""
    event: CourierEvent = seen(number, status, clock.now(), waybill_no=f"SF{number[-8:]}", **more)
    await post.room.booking._recorder.record(number, [event], confirmed=confirmed, courier="" if confirmed else "SF")
    return event


async def tasks(kind: str = "BOOKING_REFUSED") -> list[tuple[str, str, str]]:
    rows = await db.fetch_all("SELECT * FROM shipment_task WHERE kind = $1 ORDER BY id", kind)
    return [(row["shipment_no"], row["outcome"], row["closed_by"]) for row in rows]


async def later(hours: int) -> None:
    """Let time pass over what was told."""
    gap = timedelta(hours=hours)
    await db.execute("UPDATE tracking_event SET occurred_at = occurred_at - $1::interval", gap)
    await db.execute("UPDATE shipment SET last_event_at = last_event_at - $1::interval", gap)


async def test_order_that_its_courier_cancelled_goes_on_as_a_new_parcel(post: Post) -> None:
    number = await post.booked()
    await told(post, number, "CANCELLED")
    assert await tasks() == [(number, "", "")]
    again = {await post.room.booking.rebook(number, nobody, by="window1", note="已电话核实")}
    with pytest.raises(Conflict):
        await post.room.booking.rebook(number, nobody)
    await post.work()
    new = await parcel(again.pop())
    assert (new["replaces_no"], new["status"], post.sf.cancelled) == (number, "CREATED", [])
    assert await tasks() == [(number, "REBOOKED", "window1")]


@pytest.mark.parametrize("before", ["picked up", "handed over"])
async def test_order_that_is_cancelled_with_the_parcel_in_its_hands_has_staff_look_for_it(
    post: Post, before: str
) -> None:
    number = await post.booked()
    if before == "picked up":
        await told(post, number, "PICKED_UP")
    else:
        await db.execute("UPDATE shipment SET handed_over_at = now()")
    await told(post, number, "CANCELLED")
    assert (await tasks(), await tasks("EXCEPTION")) == ([], [(number, "", "")])
    with pytest.raises(Conflict):
        await post.room.booking.rebook(number, nobody)


async def test_what_we_withdraw_ourselves_asks_nobody(post: Post) -> None:
    number = await post.booked()
    await post.room.booking.cancel(number, "不需要了")
    assert ((await parcel(number))["status"], await tasks()) == ("CANCELLED", [])
    with pytest.raises(Conflict) as refused:
        await post.room.booking.rebook(number, nobody)
    assert refused.value.stable_code == "already_booked"


async def test_parcel_that_could_not_be_picked_up_is_withdrawn_and_ordered_under_a_new_number(post: Post) -> None:
    number = await post.booked()
    await told(post, number, "EXCEPTION")
    assert ((await parcel(number))["status"], await tasks()) == ("EXCEPTION", [(number, "", "")])
    new = await post.room.booking.rebook(number, nobody, by="window1")
    await post.work()
    assert ((await parcel(number))["status"], post.sf.cancelled) == ("CANCELLED", [number])
    assert (list(post.sf.orders), (await parcel(new))["status"]) == ([new], "CREATED")
    assert await tasks() == [(number, "REBOOKED", "window1")]


async def test_paid_postage_goes_along_with_the_new_order(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.paid(number)
    await post.work()
    await told(post, number, "EXCEPTION")
    new = await post.room.booking.rebook(number, nobody)
    await post.work()
    assert ((await parcel(new))["bill_no"], (await parcel(new))["status"]) == (f"B{number}", "CREATED")
    assert (len(post.postage.bills), post.postage.ended) == (1, [])


async def test_order_that_the_courier_will_not_give_back_is_a_task_again(post: Post) -> None:
    number = await post.booked()
    await told(post, number, "EXCEPTION")
    post.sf.collected.add(number)
    with pytest.raises(Conflict) as refused:
        await post.room.booking.rebook(number, nobody, by="window1")
    assert refused.value.stable_code == "parcel_collected"
    await post.work()
    assert (list(post.sf.orders), await tasks("EXCEPTION")) == ([number], [(number, "", "")])


async def test_courier_that_is_away_is_asked_by_a_job_and_the_new_order_waits(post: Post) -> None:
    number = await post.booked()
    await told(post, number, "EXCEPTION")
    post.sf.away = True
    new = await post.room.booking.rebook(number, nobody)
    assert (list(post.sf.orders), (await parcel(new))["status"]) == ([number], "REQUESTED")
    post.sf.away = False
    await post.work()
    assert (list(post.sf.orders), (await parcel(new))["status"]) == ([new], "CREATED")


@pytest.mark.parametrize(
    ("event", "hours"),
    [({"status": "CANCELLED", "code": "04-40014"}, 1), ({"status": "", "code": "207", "undoes": ("203",)}, 24)],
    ids=["a cancellation that nothing confirms", "a pick-up taken back, and no other since"],
)
async def test_parcel_that_may_be_cancelled_is_shown_to_staff_once(
    post: Post, event: dict[str, object], hours: int
) -> None:
    number = await post.booked()
    await told(post, number, confirmed=False, **event)  # type: ignore[arg-type]
    await later(hours - 1 if hours > 1 else 0)
    await open_silent()
    assert ((await parcel(number))["status"], await tasks()) == ("CREATED", [])
    await later(2)
    await open_silent()
    await open_silent()
    assert await tasks() == [(number, "", "")]
    assert (await parcel(number))["ask_after"] <= clock.now()
    new = await post.room.booking.rebook(number, nobody, by="window1")
    await post.work()
    assert (list(post.sf.orders), post.sf.cancelled) == ([new], [number])
    await open_silent()
    assert await tasks() == [(number, "REBOOKED", "window1")]


async def test_pick_up_that_was_taken_back_and_made_again_asks_nobody(post: Post) -> None:
    number = await post.booked()
    await told(post, number, "", code="207", undoes=("203",))
    await later(30)
    await told(post, number, "PICKED_UP", code="203")
    await later(30)
    await open_silent()
    assert ((await parcel(number))["status"], await tasks()) == ("PICKED_UP", [])


async def test_answer_of_the_courier_settles_a_doubt_until_it_speaks_again(post: Post) -> None:
    number = await post.booked()
    await told(post, number, "CANCELLED", confirmed=False, code="04-40014")
    await later(2)
    await open_silent()
    await db.execute("UPDATE shipment_task SET closed_at = now(), outcome = 'ANSWERED'")
    await open_silent()
    assert len(await tasks()) == 1
    await told(post, number, "CANCELLED", confirmed=False, code="70")
    await db.execute("UPDATE shipment_task SET opened_at = opened_at - interval '2 hours'")
    await later(2)
    await open_silent()
    assert len(await tasks()) == 2


async def test_parcel_that_was_handed_over_is_never_ordered_twice(post: Post) -> None:
    number = await post.booked()
    await db.execute("UPDATE shipment SET handed_over_at = now()")
    await told(post, number, "CANCELLED", confirmed=False, code="04-40014")
    await later(2)
    await open_silent()
    assert await tasks() == []


async def test_failure_told_again_every_day_is_one_row(post: Post) -> None:
    number, now = await post.booked(), clock.now()
    for day in range(3):
        again = replace(seen(number, "EXCEPTION", now, "610", is_dated=False), occurred_at=now + timedelta(days=day))
        await post.room.booking._recorder.record(number, [again], confirmed=True)
    rows = await db.fetch_all("SELECT occurred_at FROM tracking_event WHERE code = '610'")
    assert ([row["occurred_at"] for row in rows], (await parcel(number))["status"]) == ([now], "EXCEPTION")


async def test_refusal_for_good_of_the_withdrawal_leaves_one_order(post: Post) -> None:
    number = await post.booked()
    await told(post, number, "EXCEPTION")
    post.sf.cancel_refusal = ProviderRejected(provider="sf", provider_code="8999")
    with pytest.raises(Conflict):
        await post.room.booking.rebook(number, nobody)
    await post.work()
    assert (list(post.sf.orders), await tasks("EXCEPTION")) == ([number], [(number, "", "")])


def forgetful(post: Post) -> None:
    """Make SF a courier whose `find` sees nothing and that knows a repeated number for two days, as 快递100."""

    async def sees_nothing(parcel: ParcelRef) -> None:
        return None

    post.sf.repeats_for = timedelta(hours=48)
    post.sf.find = sees_nothing  # type: ignore[method-assign, assignment]  # another promise


async def lost(post: Post) -> str:
    number = await post.requested()
    post.sf.fail_after_booking = 1
    with pytest.raises(ProviderUnavailable):
        await post.book(number)
    return number


async def test_lost_order_is_placed_again_only_while_that_is_surely_the_same(post: Post) -> None:
    forgetful(post)
    number = await lost(post)
    await db.execute("UPDATE shipment SET booking_tried_at = booking_tried_at - interval '49 hours'")
    await post.book(number)
    assert (post.sf.book_calls, (await parcel(number))["status"], await tasks()) == (1, "EXCEPTION", [(number, "", "")])
    await post.book(number)
    assert post.sf.book_calls == 1
    await post.room.booking.rebook(number, nobody, by="window1")
    await post.work()
    assert (post.sf.book_calls, (await parcel(number))["status"]) == (2, "CREATED")
    assert await tasks() == [(number, "REBOOKED", "window1")]


async def test_unknown_outcome_is_asked_about_before_staff_may_have_it_ordered_again(post: Post) -> None:
    forgetful(post)
    number = await lost(post)
    await db.execute("UPDATE shipment SET booking_tried_at = booking_tried_at - interval '49 hours'")
    await post.room.booking.rebook(number, nobody, by="window1")
    await post.work()
    assert (post.sf.book_calls, await tasks()) == (1, [(number, "", "")]), "nobody had asked the courier yet"
    await post.room.booking.rebook(number, nobody, by="window1")
    await post.work()
    assert (post.sf.book_calls, (await parcel(number))["status"]) == (2, "CREATED")


async def test_repeat_that_is_refused_does_not_say_that_the_first_order_does_not_stand(post: Post) -> None:
    forgetful(post)
    number = await lost(post)
    post.sf.refusal = ProviderRejected(provider="sf", provider_code=NOT_SERVED)
    await post.book(number)
    assert (post.ems.orders, await tasks()) == ({}, [(number, "", "")])
    with pytest.raises(Conflict) as refused:
        await post.room.booking.cancel(number, "不需要了")
    assert ((await parcel(number))["status"], refused.value.stable_code) == ("EXCEPTION", "withdrawal_refused")


async def test_lost_order_that_find_misses_is_withdrawn_all_the_same(post: Post) -> None:
    forgetful(post)
    number = await lost(post)
    assert await post.room.booking.cancel(number, "不需要了") == "CANCELLED"
    assert (post.sf.orders, post.sf.cancelled) == ({}, [number])


async def test_lost_order_that_only_a_person_can_ask_about_is_not_called_withdrawn(post: Post) -> None:
    forgetful(post)
    number = await lost(post)
    await db.execute("UPDATE shipment SET booking_tried_at = booking_tried_at - interval '49 hours'")
    with pytest.raises(Conflict):
        await post.room.booking.cancel(number, "不需要了")
    assert ((await parcel(number))["status"], await tasks("EXCEPTION")) == ("REQUESTED", [(number, "", "")])


@pytest.mark.parametrize("clicks", [0, 1])
async def test_order_that_was_surely_refused_is_withdrawn_however_long_ago(post: Post, clicks: int) -> None:
    forgetful(post)
    number = await post.requested()
    post.sf.refusal = ProviderRejected(provider="sf", provider_code="no")
    await post.book(number)
    for _ in range(clicks):
        await post.room.booking.rebook(number, nobody)
        await post.work()
    await db.execute("UPDATE shipment SET booking_tried_at = booking_tried_at - interval '49 hours'")
    assert await post.room.booking.cancel(number, "不需要了") == "CANCELLED"
    assert post.sf.book_calls == 1 + clicks, "nothing is ordered to be withdrawn"


async def test_originals_whose_pick_up_was_taken_back_are_looked_at_and_not_ordered_again(post: Post) -> None:
    number = await post.booked()
    await db.execute("UPDATE shipment SET leg = 'INBOUND'")
    await told(post, number, "", code="207", undoes=("203",))
    await later(25)
    await open_silent()
    assert (await tasks("SILENT"), await tasks()) == ([(number, "", "")], [])
    with pytest.raises(Conflict):
        await post.room.booking.rebook(number, nobody)
