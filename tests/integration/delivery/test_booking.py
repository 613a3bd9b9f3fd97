"""Booking on a real database: rules, fallback, withdrawal, changed orders, postage; couriers and bills in memory."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, InvalidRequest, ProviderRejected, ProviderUnavailable
from services.delivery import repository as delivery_repository
from services.delivery.booking import postage_repository, reach, repository, withdrawing_repository
from services.delivery.booking.types import InboundOrder, OwnParcel
from services.delivery.ports import NOT_SERVED
from services.delivery.rules.types import Carriage, Errand
from services.delivery.types import Choice, DeliveryMethod, Freight, Reach
from tests.fakes.jobs import taken_jobs
from tests.integration.delivery.post import (
    CASE,
    CITIZEN,
    ELSEWHERE,
    ITEM,
    ORDER,
    RECEIVER,
    SENDER,
    Post,
    nobody,
    parcel,
)

pytestmark = pytest.mark.anyio


async def test_book_by_rules_names_product_and_who_pays_the_courier(post: Post) -> None:
    number = await post.booked()
    order = post.sf.orders[number]
    assert (order.product, order.carrier, order.freight) == ("2", "shunfeng", Freight.RECEIVER)
    assert (await parcel(number))["receiver_hash"] != ""


async def test_courier_that_does_not_go_there_is_followed_by_the_next(post: Post) -> None:
    post.sf.refusal = ProviderRejected(provider="sf", provider_code=NOT_SERVED)
    number = await post.requested()
    await post.work()
    row = await parcel(number)
    assert (row["courier"], row["refused_by"], row["status"]) == ("EMS", "SF:shunfeng", "CREATED")
    assert (post.sf.book_calls, list(post.ems.orders)) == (1, [number])


async def test_every_courier_refuses_and_staff_gets_one_task(post: Post) -> None:
    post.sf.refusal = post.ems.refusal = ProviderRejected(provider="x", provider_code=NOT_SERVED)
    number = await post.requested()
    await post.work()
    assert (await parcel(number))["status"] == "EXCEPTION"
    tasks = await db.fetch_all("SELECT kind FROM shipment_task WHERE kind = 'BOOKING_REFUSED'")
    assert len(tasks) == 1


async def test_unknown_outcome_is_not_followed_by_another_courier(post: Post) -> None:
    number = await post.requested()
    post.sf.fail_after_booking = 1
    with pytest.raises(ProviderUnavailable):
        await post.book(number)
    post.sf.refusal = ProviderRejected(provider="sf", provider_code=NOT_SERVED)
    await post.book(number)
    assert (await parcel(number))["courier"] == "SF"
    assert (post.sf.book_calls, post.ems.book_calls) == (1, 0)


async def test_two_jobs_of_one_parcel_place_one_order(post: Post) -> None:
    number = await post.requested()
    await asyncio.gather(*(post.book(number) for _ in range(5)), return_exceptions=True)
    assert post.sf.book_calls == 1


async def test_postage_is_paid_once_before_the_order(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.book(number)
    row = await parcel(number)
    assert (row["bill_no"], row["postage_fen"], post.sf.book_calls) == (f"B{number}", 1200, 0)
    for _ in range(2):
        await post.paid(number)
    await post.work()
    assert post.sf.orders[number].freight is Freight.ACCOUNT
    assert (len(post.postage.bills), post.postage.ended) == (1, [])


async def test_bill_of_the_fee_is_no_postage(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.room.postage.note_paid("B1", "item_fee", clock.now())
    assert (await parcel(number))["paid_at"] is None


async def test_paid_parcel_that_is_cancelled_gives_its_money_back(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.paid(number)
    await post.work()
    await post.room.booking.cancel(number, "不需要了")
    await post.work()
    assert post.postage.ended == [f"B{number}"]


async def test_money_that_comes_for_a_cancelled_parcel_goes_back(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.room.booking.cancel(number, "不需要了")
    await post.work()
    await post.paid(number)
    await post.work()
    assert set(post.postage.ended) == {f"B{number}"}
    assert post.sf.book_calls == 0


async def test_bill_that_cannot_be_ended_is_shown_to_staff_and_taken_up_again_by_the_sweep(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.room.booking.cancel(number, "不需要了")
    await db.execute("DELETE FROM pgqueuer")
    ended, opened = post.postage.end, clock.now()

    async def busy(bill_no: str, reason: str) -> None:
        raise Conflict("该缴款单正在支付处理中", code="payment_in_progress")

    monkeypatch.setattr(post.postage, "end", busy)
    open_kinds = "SELECT kind FROM shipment_task WHERE closed_at IS NULL"
    with pytest.raises(Conflict):
        await post.room.postage.end({"shipment_no": number})
    await post.room.postage.sweep()
    assert (await db.fetch_all(open_kinds), await taken_jobs("delivery.%")) == ([], []), "it is tried again by itself"
    monkeypatch.setattr(clock, "now", lambda: opened + timedelta(minutes=11))
    for _ in range(2):
        with pytest.raises(Conflict):
            await post.room.postage.end({"shipment_no": number})
    assert [row["kind"] for row in await db.fetch_all(open_kinds)] == ["POSTAGE_NOT_BACK"]
    # The job has been given up by now; only the sweep goes on.
    for _ in range(2):
        await post.room.postage.sweep()
    monkeypatch.setattr(post.postage, "end", ended)
    await post.work()
    assert post.postage.ended == [f"B{number}"]
    assert await db.fetch_all(open_kinds) == []
    await post.room.postage.sweep()
    assert await taken_jobs("delivery.%") == []


async def test_sweep_bills_again_cancels_the_unpaid_and_shows_the_unsent(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await db.execute("DELETE FROM pgqueuer")
    await db.execute("UPDATE shipment SET created_at = now() - interval '1 hour'")
    await post.room.postage.sweep()
    await post.work()
    assert (await parcel(number))["bill_no"] == f"B{number}"
    await db.execute("UPDATE shipment SET paid_at = now() - interval '2 days'")
    await post.room.postage.sweep()
    await post.room.postage.sweep()
    assert len(await db.fetch_all("SELECT 1 FROM shipment_task WHERE kind = 'PAID_NOT_SENT'")) == 1
    await db.execute("UPDATE shipment SET paid_at = NULL, created_at = now() - interval '8 days'")
    await post.room.postage.sweep()
    await post.work()
    assert ((await parcel(number))["status"], post.postage.ended) == ("CANCELLED", [f"B{number}"])


async def test_sent_again_after_it_came_back_is_one_more_parcel_and_costs_the_citizen_nothing(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await post.paid(number)
    await post.work()
    await db.execute("UPDATE shipment SET status = 'RETURNED' WHERE shipment_no = $1", number)
    numbers = {await post.room.booking.again(number, record=nobody) for _ in range(2)}
    await post.work()
    assert len(numbers) == 1
    new = await parcel(numbers.pop())
    assert (new["payer"], new["replaces_no"], new["status"]) == ("FREE", number, "CREATED")


def _inbound(**changes: Any) -> InboundOrder:
    facts: dict[str, Any] = {
        "subject_no": CASE,
        "citizen_id": CITIZEN,
        "cargo": "申请材料",
        "window": SENDER,
        "citizen": RECEIVER,
        "citizen_shown": "张*",
        "citizen_division_code": "140105",
        "division_code": "140105",
        "department_code": ITEM,
    }
    return InboundOrder(**(facts | changes))


async def test_inbound_parcel_goes_from_the_citizen_to_the_window_in_its_window_of_time(post: Post) -> None:
    since = clock.now().replace(hour=2, minute=0, second=0, microsecond=0) + timedelta(days=1)
    number = await post.room.booking.order_inbound(_inbound(pickup_from=since, pickup_until=since + timedelta(hours=2)))
    assert await post.room.booking.order_inbound(_inbound()) == number
    await post.work()
    order = post.sf.orders[number]
    assert (order.sender, order.receiver, order.freight) == (RECEIVER, SENDER, Freight.SENDER)
    assert order.pickup_from == since
    with pytest.raises(InvalidRequest):
        await post.room.booking.order_inbound(_inbound(cargo="x", pickup_from=since))


async def test_inbound_parcel_that_was_cancelled_is_followed_by_another(post: Post) -> None:
    number = await post.room.booking.order_inbound(_inbound())
    await post.room.booking.cancel(number, "改期")
    assert await post.room.booking.order_inbound(_inbound()) != number


async def test_typed_number_belongs_to_one_parcel(post: Post) -> None:
    facts: dict[str, Any] = {"citizen_id": CITIZEN, "cargo": "申请材料", "window": SENDER, "waybill_no": "YT123456789"}
    own = OwnParcel(subject_no=CASE, division_code="140105", department_code=ITEM, carrier="yuantong", **facts)
    numbers = await asyncio.gather(*(post.room.booking.follow_own(own) for _ in range(3)))
    assert len(set(numbers)) == 1
    with pytest.raises(Conflict) as refused:
        await post.room.booking.follow_own(
            OwnParcel(subject_no="other", division_code="140105", department_code=ITEM, **facts)
        )
    assert refused.value.stable_code == "waybill_taken"
    assert (await parcel(numbers[0]))["status"] == "CREATED"


@pytest.mark.parametrize("beat", ["before", "after"])
async def test_process_that_dies_between_beats_leaves_one_order(
    post: Post, beat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await post.requested()
    broken: Callable[..., Awaitable[Any]]

    async def dies(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    target = (post.sf, "book") if beat == "before" else (post.room.booking._recorder, "record")
    with monkeypatch.context() as meanwhile:
        broken = dies
        meanwhile.setattr(*target, broken)
        with pytest.raises(asyncio.CancelledError):
            await post.book(number)
    with pytest.raises(ProviderUnavailable):
        await post.book(number)
    await db.execute("UPDATE shipment SET ordering_until = now() - interval '1 minute'")
    await post.book(number)
    assert ((await parcel(number))["status"], list(post.sf.orders), post.sf.book_calls) == ("CREATED", [number], 1)


@pytest.mark.parametrize("seed", range(6))
async def test_any_course_leaves_one_order_and_one_use_of_the_money(post: Post, seed: int) -> None:
    """Whatever is done in whatever order: one live order at most, no number twice, the bill used once or ended."""
    chance = random.Random(seed)
    payer = chance.choice(["ONLINE", "ON_DELIVERY"])
    current = await post.requested(payer=payer)
    for _ in range(14):
        act = chance.choice(["work", "work", "pay", "lose", "away", "back", "cancel", "address", "courier", "collect"])
        courier = chance.choice([post.sf, post.ems])
        try:
            if act == "pay" and (await parcel(current))["bill_no"]:
                await post.paid(current)
            elif act == "lose":
                courier.fail_after_booking = 1
            elif act in ("away", "back"):
                courier.away = act == "away"
            elif act == "cancel" and chance.random() < 0.3:
                await post.room.booking.cancel(current, "不需要了")
            elif act == "address":
                current = (await post.room.booking.change_address(current, ELSEWHERE, nobody)).shipment_no
            elif act == "courier":
                other = Carriage(courier=courier.code, carrier="")
                current = (await post.room.booking.change_courier(current, other, nobody)).shipment_no
            elif act == "collect":
                courier.collected.update(courier.orders)
            else:
                await post.work()
        except Conflict:
            continue
    for courier in (post.sf, post.ems):
        courier.away, courier.fail_after_booking = False, 0
    for _ in range(3):
        await post.room.booking.withdrawing.sweep()
        await db.execute(
            "UPDATE shipment SET cancel_wanted_at = now() - interval '1 hour' WHERE cancel_wanted_at IS NOT NULL"
        )
        rows = await db.fetch_all("SELECT shipment_no FROM shipment WHERE status = 'REQUESTED'")
        for row in rows:
            await repository.enqueue_booking(row["shipment_no"])
        await post.work()
    rows = await db.fetch_all("SELECT * FROM shipment ORDER BY id")
    live = [row for row in rows if row["status"] != "CANCELLED"]
    orders = [*post.sf.orders, *post.ems.orders]
    assert len(live) <= 1
    assert len(orders) == len(set(orders)) <= 1
    assert [row["shipment_no"] for row in live if row["booked_at"]] == orders
    assert len(post.postage.bills) <= 1
    kept = [row["bill_no"] for row in live if row["bill_no"]]
    ended = set(post.postage.ended)
    assert not ended & set(kept)
    assert {*kept, *ended} == set(post.postage.bills)


async def test_money_that_comes_while_an_unpaid_parcel_expires_goes_back_and_nothing_is_ordered(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await db.execute("UPDATE shipment SET created_at = now() - interval '8 days'")
    listed = await postage_repository.list_unpaid(clock.now() - timedelta(days=7), 10)

    async def paid_meanwhile(*_: Any) -> list[str]:
        await post.paid(number)
        await post.work()
        return listed

    monkeypatch.setattr(postage_repository, "list_unpaid", paid_meanwhile)
    await post.room.postage.sweep()
    await post.work()
    assert ((await parcel(number))["status"], list(post.sf.orders), post.postage.ended) == ("CREATED", [number], [])


async def test_money_that_comes_while_its_parcel_is_replaced_goes_along(post: Post) -> None:
    number = await post.requested(payer="ONLINE")
    await post.work()
    await db.execute("UPDATE shipment SET booking_tried_at = now()")
    async with db.transaction() as tx:
        row = await repository.lock(tx, number)
        assert row is not None
        successor = post.room._maker.successor(await delivery_repository.find_shipment(number))
        assert await repository.insert(tx, successor, then=False)
    async with db.transaction() as tx:
        await withdrawing_repository.release(tx, number)
        await tx.execute("UPDATE shipment SET status = 'CANCELLED' WHERE shipment_no = $1", number)
        paid = post.room.postage.note_paid(f"B{number}", f"postage:{number}", clock.now())
        paying = asyncio.create_task(paid, context=contextvars.Context())
        await asyncio.sleep(0.3)
    await paying
    new, former = await parcel(successor.shipment_no), await parcel(number)
    assert (new["paid_at"] is not None, former["paid_at"], former["bill_no"]) == (True, None, "")


async def test_next_courier_is_asked_while_the_job_that_heard_the_refusal_still_runs(post: Post) -> None:
    post.sf.refusal = ProviderRejected(provider="sf", provider_code=NOT_SERVED)
    number = await post.requested()
    await db.execute("UPDATE pgqueuer SET status = 'picked' WHERE entrypoint = 'delivery.book'")
    await post.book(number)
    assert await db.fetch_all("SELECT 1 FROM pgqueuer WHERE entrypoint = 'delivery.book' AND status = 'queued'")


async def test_result_that_came_back_goes_by_courier_once_more_when_the_citizen_chooses_so(post: Post) -> None:
    number = await post.booked()
    await db.execute("UPDATE shipment SET status = 'RETURNED' WHERE shipment_no = $1", number)
    assert await post.room.request_shipment(ORDER) == number
    await post.room.choose(Choice(CASE, CITIZEN, DeliveryMethod.COUNTER))
    await post.chosen()
    numbers = {await post.room.request_shipment(ORDER) for _ in range(2)}
    assert len(numbers - {number}) == len(numbers) == 1


async def test_nobody_waits_for_several_couriers_in_turn(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_PATIENCE_SECONDS", 0.3)
    asked: list[str] = []

    async def slow(*_: Any) -> Reach:
        asked.append("")
        await asyncio.sleep(60)
        return Reach.NO

    monkeypatch.setattr(post.sf, "reaches", slow)
    monkeypatch.setattr(post.ems, "reaches", slow)
    async with asyncio.timeout(20):
        await post.room.reach.require(Errand(division_code="140105"), SENDER, RECEIVER, "请更换地址")
    assert len(asked) == 1, "the first has used the patience up that there is for all of them"
