"""The Courier port, orders: whatever happens to a call, one parcel is ordered once, and everybody knows of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.errors import ProviderRejected, ProviderUnavailable
from services.delivery.ports import Ability
from services.delivery.types import Booking, ParcelRef, Reach
from tests.contract.couriers.stand import CITIZEN, NOWHERE, NUMBER, WINDOW, Stand

pytestmark = pytest.mark.anyio


def named(booking: Booking | None) -> tuple[str, str, str]:
    """What a question must tell of a booking; some couriers tell no more."""
    assert booking is not None
    return booking.shipment_no, booking.waybill_no, booking.carrier


async def test_find_unknown_order_is_none(stand: Stand) -> None:
    assert await stand.courier.find(ParcelRef(shipment_no="SJNOBODY", carrier=stand.carrier)) is None


async def test_book_twice_gives_the_same_booking(stand: Stand) -> None:
    first = await stand.courier.book(stand.order())
    assert first.shipment_no == NUMBER
    assert first.carrier == stand.carrier
    assert await stand.courier.book(stand.order()) == first
    assert named(await stand.courier.find(stand.ref(first))) == named(first)


@pytest.mark.parametrize("kind", ["drop_after", "hang_after"])
async def test_book_with_a_lost_answer_is_unknown_then_found(stand: Stand, kind: str) -> None:
    stand.fault("book", kind)
    with pytest.raises(ProviderUnavailable):
        await stand.courier.book(stand.order())
    stand.heal()
    found = await stand.courier.find(ParcelRef(shipment_no=NUMBER, carrier=stand.carrier))
    assert found is not None
    assert named(await stand.courier.book(stand.order())) == named(found)


async def test_book_with_a_stumbling_provider_is_unknown(stand: Stand) -> None:
    stand.fault("book", "error", code=stand.outcome_unknown)
    with pytest.raises(ProviderUnavailable):
        await stand.courier.book(stand.order())


@pytest.mark.parametrize("later", [False, True])
async def test_book_refused_says_whether_it_may_come_again(stand: Stand, later: bool) -> None:
    code = stand.refused_for_now if later else stand.refused_for_good
    if not code:
        return
    stand.fault("book", "error", code=code)
    with pytest.raises(ProviderRejected) as refused:
        await stand.courier.book(stand.order())
    assert refused.value.retryable is later
    assert refused.value.provider_code


async def test_cancel_before_pick_up_is_done_once_and_stays(stand: Stand) -> None:
    if not stand.can(Ability.CANCEL):
        return
    parcel = await stand.booked()
    await stand.courier.cancel(parcel, "申请人改为窗口自取")
    await stand.courier.cancel(parcel, "申请人改为窗口自取")


async def test_cancel_after_pick_up_says_collected(stand: Stand) -> None:
    if not stand.can(Ability.CANCEL):
        return
    parcel = await stand.booked()
    await stand.move(parcel, "picked_up")
    with pytest.raises(ProviderRejected) as refused:
        await stand.courier.cancel(parcel, "申请人改为窗口自取")
    assert (refused.value.provider_code, refused.value.retryable) == ("collected", False)


async def test_label_is_a_pdf_or_ours_to_draw(stand: Stand) -> None:
    label = await stand.courier.label(await stand.booked()) if stand.can(Ability.LABEL) else None
    assert label is None or label.startswith(b"%PDF-")
    assert (label is not None) is stand.can(Ability.LABEL)


async def test_reach_is_told_for_near_and_far(stand: Stand) -> None:
    if not stand.can(Ability.REACH):
        return
    assert await stand.courier.reaches(WINDOW, CITIZEN, stand.carrier) is Reach.YES
    assert await stand.courier.reaches(WINDOW, NOWHERE, stand.carrier) is Reach.NO


async def test_estimate_names_a_price_or_a_day(stand: Stand) -> None:
    if not stand.can(Ability.ESTIMATE):
        return
    estimate = await stand.courier.estimate(stand.order())
    assert estimate.price_fen is not None or estimate.arrives_at is not None
    assert estimate.price_fen is None or 100 <= estimate.price_fen <= 20_000
    assert estimate.arrives_at is None or timedelta() < estimate.arrives_at - clock.now() < timedelta(days=10)
