"""What couriers tell of parcels on a real database: pushes, reversals, news, subscriptions, silence, progress."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import clock, db
from app.crypto import FieldCipher
from services.delivery.service import DeliveryService
from services.delivery.states import ShipmentStatus
from services.delivery.tracking.timeline import promise_text
from services.delivery.types import ParcelNews, Report, SignedAs, StepState, Waybill, WaybillKind
from tests.fakes.told import CITIZEN, ToldCourier, booked_parcel, seen, tell

pytestmark = pytest.mark.anyio
Emitted = Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def row_of(number: str) -> db.Row:
    row = await db.fetch_row("SELECT * FROM shipment WHERE shipment_no = $1", number)
    assert row is not None
    return row


async def test_reversal_takes_back_a_delivery_and_says_so(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, emitted: Emitted, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    out = seen(number, "OUT_FOR_DELIVERY", start, "702")
    signed = seen(number, "DELIVERED", start + timedelta(hours=1), "704", signed_as=SignedAs.AGENT)
    await tell(delivery, courier, signed, out)
    row = await row_of(number)
    assert (row["status"], row["signed_as"], row["delivered_at"]) == ("DELIVERED", "AGENT", signed.occurred_at)
    back = seen(number, "", start + timedelta(hours=2), "743", undoes=("704",))
    await tell(delivery, courier, back)
    await tell(delivery, courier, out, signed, back)
    row = await row_of(number)
    assert (row["status"], row["signed_as"], row["delivered_at"]) == ("OUT_FOR_DELIVERY", "", None)
    assert (row["custody"], row["last_event_at"]) == ("COURIER", back.occurred_at)
    assert [name for name, _ in await emitted()] == ["shipment.delivered", "shipment.delivery_undone"]
    view = await delivery.shipment(CITIZEN, number)
    assert [(each.status, each.undone) for each in view.events] == [
        ("", False),
        ("DELIVERED", True),
        ("OUT_FOR_DELIVERY", False),
    ]


async def test_reversal_that_comes_first_works_when_its_event_comes(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, emitted: Emitted, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    await tell(delivery, courier, seen(number, "", start + timedelta(hours=2), "743", undoes=("704",)))
    await tell(delivery, courier, seen(number, "DELIVERED", start + timedelta(hours=1), "704"))
    assert (await row_of(number))["status"] == "CREATED"
    assert "shipment.delivered" not in [name for name, _ in await emitted()]


async def test_return_after_delivery_tells_both(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, emitted: Emitted, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    await tell(delivery, courier, seen(number, "DELIVERED", start))
    await tell(delivery, courier, seen(number, "RETURNING", start + timedelta(hours=1)))
    assert [name for name, _ in await emitted()][1:] == ["shipment.delivery_undone", "shipment.returning"]


async def test_push_without_our_number_finds_its_parcel_of_that_courier_only(
    delivery: DeliveryService, courier: ToldCourier, other: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher, courier="EMS", waybill_no="1100")
    event = seen("", "PICKED_UP", start, waybill_no="1100")
    assert await tell(delivery, courier, event, seen(number, "DELIVERED", start)) == b"ok"
    assert (await row_of(number))["status"] == "CREATED"
    await tell(delivery, other, event)
    assert (await row_of(number))["status"] == "PICKED_UP"


async def test_push_of_unknown_number_leaves_a_trace_without_what_it_said(
    delivery: DeliveryService, courier: ToldCourier, start: datetime
) -> None:
    assert await tell(delivery, courier, seen("", "DELIVERED", start, waybill_no="SF999", text="张伟")) == b"ok"
    trace = await db.fetch_row("SELECT action, object_no, details FROM audit_entry")
    assert trace is not None
    assert (trace["action"], trace["object_no"]) == ("shipment.push_unknown", "SF")
    details = json.loads(trace["details"])
    assert (details["parcels"], len(details["body_sha256"])) == (1, 64)
    assert "SF999" not in trace["details"]


async def test_phones_in_a_couriers_words_are_not_stored(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    text = "派送中，快递员李师傅13912345678，网点电话0351-7190110，运单SF1234567890123"
    news = ParcelNews(shipment_no=number, courier_phone="13912345678", collect_hint="丰巢柜 139 1234 5678")
    await tell(delivery, courier, seen(number, "OUT_FOR_DELIVERY", start, text=text), news=[news])
    view = await delivery.shipment(CITIZEN, number)
    assert view.events[0].text == "派送中，快递员李师傅139****5678，网点电话0351-7190110，运单SF1234567890123"
    assert (view.courier_phone, view.collect_hint) == ("139****5678", "丰巢柜 139****5678")
    stored = await db.fetch_all("SELECT text FROM tracking_event UNION ALL SELECT payload::text FROM pgqueuer")
    assert not [row for row in stored if "13912345678" in str(row["text"])]


async def test_news_add_numbers_weight_freight_and_promise(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    promised = clock.now() + timedelta(days=2)
    back = Waybill(waybill_no="SF200", carrier="shunfeng", kind=WaybillKind.RETURN)
    exchanged = Waybill(waybill_no="YT300", carrier="yuantong")
    news = ParcelNews(shipment_no=number, waybills=(back, exchanged), weight_grams=350, promised_at=promised)
    for _ in range(2):
        await tell(delivery, courier, news=[news])
    charge = seen(number, "", start, "15", charge_fen=1200)
    more = seen(number, "", start + timedelta(hours=1), "15", charge_fen=300)
    for events in ([charge], [charge, more], [more]):
        await tell(delivery, courier, *events)
    row = await row_of(number)
    assert (row["waybill_no"], row["carrier"], row["weight_grams"], row["freight_fen"]) == (
        "YT300",
        "yuantong",
        350,
        1500,
    )
    numbers = await db.fetch_all("SELECT waybill_no, kind FROM shipment_waybill ORDER BY waybill_no")
    assert [tuple(each) for each in numbers] == [("SF100", "FORMER"), ("SF200", "RETURN"), ("YT300", "MAIN")]
    view = await delivery.shipment(CITIZEN, number)
    assert (view.promised_at, view.courier_name) == (clock.rfc3339(promised), "圆通速递")


async def test_full_history_writes_only_what_is_new(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    road = [seen(number, "IN_TRANSIT", start + timedelta(minutes=m), f"n{m}") for m in range(200)]
    await tell(delivery, courier, *road)
    before = (await row_of(number))["version"]
    await tell(delivery, courier, *reversed(road))
    assert (await row_of(number))["version"] == before, "a repeat writes nothing"
    await tell(delivery, courier, *road, seen(number, "IN_TRANSIT", start + timedelta(minutes=200), "n200"))
    count = await db.fetch_row("SELECT count(*) AS n FROM tracking_event")
    assert count is not None
    assert count["n"] == 201


async def test_two_hundred_pushes_at_once_end_as_if_sorted(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, emitted: Emitted, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    states = ["PICKED_UP", "IN_TRANSIT", "ARRIVED", "OUT_FOR_DELIVERY"]
    road = [seen(number, states[m // 10], start + timedelta(minutes=m), f"n{m}") for m in range(40)]
    road.append(seen(number, "DELIVERED", start + timedelta(hours=1), "704"))
    road.append(seen(number, "", start + timedelta(hours=2), "743", undoes=("704",)))
    pushes = [road[secrets.randbelow(len(road)) :] if n % 4 == 0 else [road[n % len(road)]] for n in range(200)]
    answers = await asyncio.gather(*(tell(delivery, courier, *push) for push in pushes))
    assert set(answers) == {b"ok"}
    row = await row_of(number)
    assert (row["status"], row["last_event_at"]) == ("OUT_FOR_DELIVERY", road[-1].occurred_at)
    count = await db.fetch_row("SELECT count(*) AS n FROM tracking_event")
    assert count is not None
    assert count["n"] == len({each.event_key for push in pushes for each in push}) == len(road)
    names = [name for name, _ in await emitted()]
    assert names.count("shipment.delivered") == names.count("shipment.delivery_undone"), "each turn is told once"


async def test_exception_is_told_once_a_day_and_live_besides(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, emitted: Emitted, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    for hour, status in enumerate(["EXCEPTION", "IN_TRANSIT", "EXCEPTION", "IN_TRANSIT", "REJECTED"]):
        await tell(delivery, courier, seen(number, status, start + timedelta(hours=hour)))
    told = [(name, facts["problem"]) for name, facts in await emitted() if name == "shipment.exception"]
    assert told == [("shipment.exception", "派送遇到问题"), ("shipment.exception", "被拒收")]
    await db.execute("UPDATE shipment SET trouble_told_at = now() - interval '1 day'")
    await tell(delivery, courier, seen(number, "EXCEPTION", start + timedelta(hours=9)))
    assert [name for name, _ in await emitted()].count("shipment.exception") == 3


@pytest.mark.parametrize(
    ("leg", "what", "signer", "custody"),
    [
        ("OUTBOUND", "您的办理结果", "驿站代收，请核对", "CITIZEN"),
        ("INBOUND", "您寄给窗口的材料", "窗口已签收", "WINDOW"),
    ],
)
async def test_delivered_reads_by_its_leg(
    delivery: DeliveryService,
    courier: ToldCourier,
    cipher: FieldCipher,
    emitted: Emitted,
    start: datetime,
    leg: str,
    what: str,
    signer: str,
    custody: str,
) -> None:
    number = await booked_parcel(cipher, leg=leg)
    await tell(delivery, courier, seen(number, "DELIVERED", start, signed_as=SignedAs.STATION))
    ((name, facts),) = await emitted()
    assert (name, facts["what"], facts["signer"], facts["leg"]) == ("shipment.delivered", what, signer, leg)
    assert (await row_of(number))["custody"] == custody


async def test_progress_shows_steps_promise_and_what_is_next(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    promised = clock.from_beijing(f"{clock.beijing_date() + timedelta(days=1)} 18:00:00")
    road = [seen(number, "PICKED_UP", start), seen(number, "ARRIVED", start + timedelta(hours=5))]
    await tell(delivery, courier, *road, news=[ParcelNews(shipment_no=number, promised_at=promised)])
    view = await delivery.shipment(CITIZEN, number)
    assert [(step.title, step.state) for step in view.steps] == [
        ("已下单", StepState.DONE),
        ("已揽收", StepState.DONE),
        ("到达派件城市", StepState.NOW),
        ("派送中", StepState.NEXT),
        ("已签收", StepState.NEXT),
    ]
    assert (view.steps[1].at, view.next_text) == (clock.rfc3339(start), "即将安排派送")
    day = clock.beijing_date() + timedelta(days=1)
    assert view.promise_text == f"预计{day.month}月{day.day}日18:00前送达"
    await tell(delivery, courier, seen(number, "REJECTED", start + timedelta(hours=9)))
    view = await delivery.shipment(CITIZEN, number)
    assert [step.title for step in view.steps] == ["已下单", "已揽收", "运输中", "拒收"]
    assert (view.steps[-1].state, view.promise_text) == (StepState.TROUBLE, "")


async def test_parcels_of_a_case_are_one_statement(
    delivery: DeliveryService, cipher: FieldCipher, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [await booked_parcel(cipher, subject_no=f"A{n}", waybill_no=f"SF{n}") for n in (1, 2, 3)]
    await db.execute("UPDATE shipment SET subject_no = 'A1', cargo = shipment_no")
    asked: list[str] = []
    fetch_all = db.fetch_all
    monkeypatch.setattr(db, "fetch_all", lambda sql, *values: asked.append(sql) or fetch_all(sql, *values))
    assert [view.shipment_no for view in await delivery.shipments_of("A1")] == numbers
    assert len(asked) == 1


async def test_unproven_push_after_a_confirmed_end_moves_nothing_until_the_courier_says_so(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, emitted: Emitted, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    await tell(delivery, courier, seen(number, "DELIVERED", start, "80"))
    courier.signs_pushes = False
    forged = seen(number, "IN_TRANSIT", start + timedelta(hours=1), "30")
    await tell(delivery, courier, forged)
    row = await row_of(number)
    assert (row["status"], row["delivered_at"]) == ("DELIVERED", start)
    assert row["ask_after"] is not None
    assert [name for name, _ in await emitted()] == ["shipment.delivered"]
    courier.answer = Report(events=(forged,))
    await delivery.tracking.confirm({"shipment_no": number})
    assert (await row_of(number))["status"] == "IN_TRANSIT"


async def test_end_of_an_unproven_push_is_marked_on_the_road(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher
) -> None:
    start = clock.now() - timedelta(hours=1)
    number = await booked_parcel(cipher)
    recorder = delivery.booking._recorder
    await recorder.record(number, [seen(number, "DELIVERED", start)], confirmed=False)
    view = await delivery.shipment(CITIZEN, number)
    assert (view.status, view.events[0].status_text) == ("CREATED", "已签收（待快递公司核实）")
    await recorder.record(number, [seen(number, "DELIVERED", start)], confirmed=True)
    view = await delivery.shipment(CITIZEN, number)
    assert (view.status, view.events[0].status_text) == ("DELIVERED", "已签收")


async def test_what_a_push_and_an_answer_tell_under_two_keys_is_shown_once(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher
) -> None:
    start = clock.now() - timedelta(hours=1)
    number = await booked_parcel(cipher)
    pushed = seen(number, "RETURNING", start, "631", text="新单退回SF1")
    recorder = delivery.booking._recorder
    await recorder.record(number, [pushed], confirmed=False)
    await recorder.record(number, [replace(pushed, event_key="a" * 64)], confirmed=True)
    assert [each.text for each in (await delivery.shipment(CITIZEN, number)).events] == ["新单退回SF1"]


async def test_unproven_push_from_the_future_is_left_out(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher
) -> None:
    courier.signs_pushes = False
    number = await booked_parcel(cipher)
    await tell(delivery, courier, seen(number, "EXCEPTION", clock.now() + timedelta(hours=1)))
    assert (await row_of(number))["status"] == "CREATED"
    await tell(delivery, courier, seen(number, "PICKED_UP", clock.now() + timedelta(minutes=5)))
    assert (await row_of(number))["status"] == "PICKED_UP"


async def test_events_under_another_number_of_the_parcel_mean_what_that_number_is_for(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, emitted: Emitted, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    numbers = tuple(
        Waybill(waybill_no=each, carrier="shunfeng", kind=kind)
        for each, kind in (
            ("SF200", WaybillKind.RETURN),
            ("SF300", WaybillKind.SIGN_BACK),
            ("SF100", WaybillKind.RETURN),
        )
    )
    await tell(delivery, courier, news=[ParcelNews(shipment_no=number, waybills=numbers)])
    kept = await db.fetch_all("SELECT waybill_no, kind FROM shipment_waybill ORDER BY waybill_no")
    assert [each["kind"] for each in kept] == ["MAIN", "RETURN", "SIGN_BACK"], "no push makes the parcel its way back"
    await tell(delivery, courier, seen(number, "DELIVERED", start, "80"))
    for hour, status in enumerate(("PICKED_UP", "DELIVERED", "LOST")):
        await tell(delivery, courier, seen(number, status, start + timedelta(hours=1 + hour), waybill_no="SF300"))
    row = await row_of(number)
    assert (row["status"], row["delivered_at"]) == ("DELIVERED", start), (
        "the signed paper is on its way, not the parcel"
    )
    await tell(delivery, courier, seen(number, "OUT_FOR_DELIVERY", start + timedelta(hours=5), waybill_no="SF200"))
    assert (await row_of(number))["status"] == "RETURNING"
    await tell(delivery, courier, seen(number, "DELIVERED", start + timedelta(hours=6), waybill_no="SF200"))
    assert (await row_of(number))["status"] == "RETURNED"
    assert "shipment.out_for_delivery" not in [name for name, _ in await emitted()]


async def test_charge_that_is_told_again_at_another_moment_counts_once(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    charge = seen(number, "", start, "15", charge_fen=1200)
    for moment in (start, start + timedelta(minutes=30), start + timedelta(minutes=60)):
        await tell(delivery, courier, replace(charge, occurred_at=moment))
    assert (await row_of(number))["freight_fen"] == 1200


async def test_late_news_bring_nothing_back_of_a_parcel_that_was_forgotten(
    delivery: DeliveryService, courier: ToldCourier, cipher: FieldCipher, start: datetime
) -> None:
    number = await booked_parcel(cipher)
    await db.execute("UPDATE shipment SET redacted_at = now(), receiver_cipher = NULL")
    news = ParcelNews(shipment_no=number, courier_phone="13912345678", collect_hint="迎泽区某小区3号柜")
    event = seen(number, "AWAITING_COLLECTION", start, text="已放入迎泽区某小区3号柜，联系人张伟")
    await tell(delivery, courier, event, news=[news])
    row, kept = await row_of(number), await db.fetch_row("SELECT text, state FROM tracking_event")
    assert (row["status"], row["courier_phone_shown"], row["collect_hint"]) == ("AWAITING_COLLECTION", "", "")
    assert kept is not None
    assert tuple(kept) == ("", "AWAITING_COLLECTION")


@pytest.mark.parametrize(("ahead", "is_told"), [(-1, False), (1, True), (24 * 29, True), (24 * 31, False)])
def test_promise_of_the_past_or_of_another_season_is_not_told(ahead: int, is_told: bool) -> None:
    promised = clock.now() + timedelta(hours=ahead)
    assert bool(promise_text(ShipmentStatus.IN_TRANSIT, promised)) is is_told
