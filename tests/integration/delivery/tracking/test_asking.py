"""Having a courier tell: subscriptions, questions by hand, of the silent and at night, and how often they are asked."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.errors import NotFound, ProviderRejected, TooManyRequests
from services.delivery.ports import Ability
from services.delivery.service import DeliveryService
from services.delivery.tracking.sweeps import ask_all_silent, ask_silent, open_silent
from services.delivery.types import Following, ParcelNews
from tests.fakes.told import CITIZEN, ToldCourier, booked_parcel, seen, tell

pytestmark = pytest.mark.anyio


async def row_of(number: str) -> db.Row:
    row = await db.fetch_row("SELECT * FROM shipment WHERE shipment_no = $1", number)
    assert row is not None
    return row


async def test_subscription_is_made_once_and_again_after_it_was_given_up(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher
) -> None:
    number = await booked_parcel(cipher, is_own=True)
    await db.execute("UPDATE shipment SET follow_after = now()")
    await asyncio.gather(*(delivery.subscriber.subscribe_due() for _ in range(3)))
    assert [(ref.waybill_no, ref.phone, ref.is_ordered) for ref in courier.refs] == [("SF100", "13800000001", False)]
    aborted = ParcelNews(shipment_no=number, following=Following.ABORTED)
    await tell(delivery, courier, news=[aborted])
    wait = (await row_of(number))["follow_after"] - clock.now()
    assert timedelta(minutes=29) < wait <= timedelta(minutes=30)
    for _ in range(6):
        await db.execute("UPDATE shipment SET follow_after = now()")
        await delivery.subscriber.subscribe_due()
    assert len(courier.refs) == 4, "of one number no more in a month"
    assert (await row_of(number))["follow_after"] > clock.now() + timedelta(days=29)
    await tell(delivery, courier, news=[ParcelNews(shipment_no=number, following=Following.ENDED)])
    assert (await row_of(number))["follow_after"] is None


async def test_subscription_refused_for_good_is_not_tried_again(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher
) -> None:
    number = await booked_parcel(cipher)
    await db.execute("UPDATE shipment SET follow_after = now()")
    courier.is_away = True
    await delivery.subscriber.subscribe_due()
    assert (await row_of(number))["follow_after"] > clock.now() + timedelta(minutes=25)
    courier.is_away, courier.refusal = False, ProviderRejected(provider="sf", provider_code="700")
    await db.execute("UPDATE shipment SET follow_after = now()")
    await delivery.subscriber.subscribe_due()
    assert (await row_of(number))["follow_after"] is None


@pytest.mark.parametrize(
    ("status", "days", "reason"),
    [
        ("PICKED_UP", 2, None),
        ("PICKED_UP", 4, "揽收3日后仍无物流信息"),
        ("IN_TRANSIT", 6, None),
        ("ARRIVED", 8, "7日无物流信息"),
    ],
)
async def test_silence_of_an_age_opens_one_task_and_asks(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, status: str, days: int, reason: str | None
) -> None:
    number = await booked_parcel(cipher)
    heard = clock.now() - timedelta(days=days)
    await tell(delivery, courier, seen(number, status, heard))
    for _ in range(2):
        await open_silent()
    tasks = await db.fetch_all("SELECT reason FROM shipment_task WHERE kind = 'SILENT'")
    assert [task["reason"] for task in tasks] == ([reason] if reason else [])
    await ask_silent(delivery)
    assert len(courier.asked) == (1 if reason else 0)
    await tell(delivery, courier, seen(number, status, clock.now(), "next"))
    assert await db.fetch_row("SELECT 1 FROM shipment_task WHERE kind = 'SILENT' AND closed_at IS NULL") is None


async def test_nightly_every_parcel_silent_for_a_day_is_asked_about_once(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher
) -> None:
    silent, ended, fresh = [await booked_parcel(cipher, waybill_no=f"SF{n}") for n in range(3)]
    await tell(delivery, courier, seen(silent, "IN_TRANSIT", clock.now() - timedelta(hours=25), waybill_no="SF0"))
    await tell(delivery, courier, seen(ended, "DELIVERED", clock.now() - timedelta(hours=25), waybill_no="SF1"))
    await tell(delivery, courier, seen(fresh, "IN_TRANSIT", clock.now() - timedelta(hours=2), waybill_no="SF2"))
    await ask_all_silent()
    for _ in range(2):
        await ask_silent(delivery)
    assert [ref.shipment_no for ref in courier.asked] == [silent]


async def test_refresh_asks_at_most_every_ten_minutes(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    courier.answer = courier.reports[int(courier.lay_down(seen(number, "ARRIVED", start)).body)]
    assert (await delivery.refresh(CITIZEN, number)).status == "ARRIVED"
    with pytest.raises(TooManyRequests) as refused:
        await delivery.refresh(CITIZEN, number)
    assert 590 < refused.value.retry_after_seconds <= 600
    with pytest.raises(NotFound):
        await delivery.refresh(uuid.UUID(int=8), number)
    await db.execute("UPDATE shipment SET refreshed_at = now() - interval '11 minutes'")
    courier.is_away = True
    view = await delivery.refresh(CITIZEN, number)
    assert (view.status, view.is_stale, len(courier.asked)) == ("ARRIVED", True, 2)


async def test_refresh_at_once_asks_once(delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher) -> None:
    number = await booked_parcel(cipher)
    tries = await asyncio.gather(*(delivery.refresh(CITIZEN, number) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, TooManyRequests) for each in tries) == 7
    assert len(courier.asked) == 1


async def test_parcel_is_stale_while_its_courier_is_away(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, away: set[str], start: datetime
) -> None:
    number = await booked_parcel(cipher)
    away.add("SF")
    assert (await delivery.shipment(CITIZEN, number)).is_stale
    await tell(delivery, courier, seen(number, "DELIVERED", start))
    assert not (await delivery.shipment(CITIZEN, number)).is_stale, "an end does not get older"


async def test_aggregators_are_asked_less_often(
    delivery: DeliveryService, courier: ToldCourier, other: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    other.abilities = other.abilities - {Ability.FOLLOW_ANY}
    waits = []
    for each in (courier, other):
        number = await booked_parcel(cipher, courier=each.code, waybill_no=f"{each.code}1")
        await tell(delivery, each, seen(number, "PICKED_UP", start))
        waits.append(round(((await row_of(number))["ask_after"] - clock.now()) / timedelta(hours=1)))
    assert waits == [24, 6]
