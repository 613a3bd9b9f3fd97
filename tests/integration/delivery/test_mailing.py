"""Originals on their way to the window: sent, followed, given up, received in a condition, waived; two at once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict, InvalidRequest, StaleVersion
from services.delivery.booking.types import InboundOrder
from services.delivery.mailing import repository as mailing_repository
from services.delivery.mailing import sweeps
from services.delivery.mailing.carriers import carrier_of, typed_number
from services.delivery.mailing.types import Condition, Content, NewMailing, Receipt
from services.delivery.service import DeliveryService
from services.delivery.types import Contact
from tests.waiting import until

pytestmark = pytest.mark.anyio

CITIZEN, CASE = uuid.UUID(int=7), "1420260302ABCDEFGHJK"
BODY = ("140105", "11140105MB0001177F")
HOME = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区平阳路88号")
WINDOW = Contact(name="出件窗口", phone="0351-7190110", address="太原市小店区人民南路2号")
Emitted = Callable[[], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def nobody(tx: db.Transaction) -> None:
    """Write down nothing."""


@pytest.fixture
async def asked(delivery: DeliveryService) -> DeliveryService:
    """A room in which the originals of one case are asked for, of which one nothing stands in for."""
    contents = (Content(code="M02", name="原居民身份证", required=True), Content(code="M03", name="户口簿"))
    new = NewMailing(
        subject_no=CASE,
        citizen_id=CITIZEN,
        division_code=BODY[0],
        department_code=BODY[1],
        contents=contents,
        item_name="居民身份证换领",
        place="太原市小店区人民南路2号 出件窗口",
    )
    await delivery.mailing.ask(new)
    await delivery.mailing.ask(new)
    return delivery


async def picked_up_at_home(delivery: DeliveryService) -> str:
    """Have a courier come; return the parcel's number once it is booked."""

    async def made(cargo: str) -> str:
        return await delivery.booking.order_inbound(
            InboundOrder(
                subject_no=CASE,
                citizen_id=CITIZEN,
                cargo=cargo,
                window=WINDOW,
                citizen=HOME,
                citizen_shown="张* 138****0001",
                citizen_division_code="140105",
                division_code=BODY[0],
                department_code=BODY[1],
            )
        )

    await delivery.mailing.send(CASE, made)
    view = await delivery.mailing.find(CASE)
    assert view is not None
    await delivery.booking.book({"shipment_no": view.shipment_no})
    return view.shipment_no


async def moved(delivery: DeliveryService, courier: Any, event: Callable[..., Any], number: str, status: str) -> None:
    courier.road.append(event(number, status, clock.rfc3339(clock.now())))
    await delivery.tracking.confirm({"shipment_no": number})


async def standing(delivery: DeliveryService) -> tuple[str, str, set[str]]:
    """Where the mailing stands, its parcel, and who holds the originals."""
    view = await delivery.mailing.find(CASE)
    assert view is not None
    pieces = await db.fetch_all("SELECT holder FROM piece WHERE kind = 'ORIGINAL'")
    return view.status, view.shipment_no, {row["holder"] for row in pieces}


async def test_signature_ends_nothing_and_the_receipt_does(
    asked: DeliveryService, courier: Any, event: Callable[..., Any], emitted: Emitted
) -> None:
    number = await picked_up_at_home(asked)
    assert await standing(asked) == ("SENT", number, {"CITIZEN"})
    await moved(asked, courier, event, number, "PICKED_UP")
    assert await standing(asked) == ("SENT", number, {"COURIER"})
    await moved(asked, courier, event, number, "DELIVERED")
    assert await standing(asked) == ("SENT", number, {"COURIER"})
    assert await asked.mailing.is_awaited(CASE)
    await asked.mailing.receive(CASE, Receipt(condition=Condition.INTACT), "clerk", nobody)
    assert await standing(asked) == ("RECEIVED", number, {"WINDOW"})
    assert not await asked.mailing.is_awaited(CASE)
    assert [name for name, _ in await emitted() if name.startswith("mailing.")] == [
        "mailing.asked",
        "mailing.sent",
        "mailing.received",
    ]
    assert await db.fetch_all("SELECT 1 FROM shipment_task") == []


async def test_damage_needs_words_opens_a_task_and_may_be_asked_for_again(
    asked: DeliveryService, emitted: Emitted
) -> None:
    await picked_up_at_home(asked)
    with pytest.raises(InvalidRequest):
        await asked.mailing.receive(CASE, Receipt(condition=Condition.DAMAGED), "clerk", nobody)
    receipt = Receipt(condition=Condition.DAMAGED, note="身份证断裂")
    await asked.mailing.receive(CASE, receipt, "clerk", nobody)
    tasks = await db.fetch_all("SELECT kind, reason, subject_no, opened_by FROM shipment_task")
    assert [tuple(task.values()) for task in tasks] == [("ORIGINALS", "寄来的原件有破损", CASE, "clerk")]
    assert (await emitted())[-1][1]["reason"] == "身份证断裂"
    await asked.mailing.ask_again(CASE, "请补寄清晰的材料", "clerk", nobody)
    second = await picked_up_at_home(asked)
    parcels = await asked.shipments_of(CASE)
    assert [parcel.cargo for parcel in parcels] == ["申请材料原件（2件）", "申请材料原件（2件）补寄1"]
    assert (await standing(asked))[:2] == ("SENT", second)


async def test_two_orders_at_once_make_one_parcel(asked: DeliveryService) -> None:
    given = await asyncio.gather(*(picked_up_at_home(asked) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in given) == 3
    assert len(await asked.shipments_of(CASE)) == 1


async def test_cancelled_before_pickup_is_asked_for_as_before(asked: DeliveryService) -> None:
    number = await picked_up_at_home(asked)
    await asked.mailing.cancel(CASE)
    assert (await standing(asked))[:2] == ("ASKED", "")
    assert (await asked.find_shipment(number)).status == "CANCELLED"
    assert await picked_up_at_home(asked) != number


async def test_picked_up_can_not_be_cancelled(asked: DeliveryService, courier: Any, event: Callable[..., Any]) -> None:
    number = await picked_up_at_home(asked)
    await moved(asked, courier, event, number, "PICKED_UP")
    with pytest.raises(Conflict):
        await asked.mailing.cancel(CASE)
    assert (await standing(asked))[:2] == ("SENT", number)


async def test_lost_on_the_road_is_asked_for_again(
    asked: DeliveryService, courier: Any, event: Callable[..., Any], emitted: Emitted
) -> None:
    number = await picked_up_at_home(asked)
    await moved(asked, courier, event, number, "LOST")
    assert await standing(asked) == ("ASKED", "", {"LOST"})
    told = [facts["reason"] for name, facts in await emitted() if name == "mailing.asked_again"]
    assert told == ["快递公司报告丢失，请联系窗口，补齐后重新提交"]


async def test_case_that_ends_withdraws_the_parcel_unless_it_is_on_its_way(
    asked: DeliveryService, courier: Any, event: Callable[..., Any]
) -> None:
    number = await picked_up_at_home(asked)
    await moved(asked, courier, event, number, "PICKED_UP")
    await asked.mailing.end(CASE)
    assert (await standing(asked))[0] == "SENT", "what comes must be received and given back"
    await asked.mailing.receive(CASE, Receipt(condition=Condition.INTACT), "clerk", nobody)
    await asked.mailing.give_back(CASE, "申请人取回", "clerk", nobody)
    assert (await standing(asked))[2] == {"CITIZEN"}
    with pytest.raises(Conflict):
        await asked.mailing.give_back(CASE, "申请人取回", "clerk", nobody)


async def _somebody_waits() -> bool:
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return await db.fetch_row(waits) is not None


async def test_giving_back_and_receiving_at_one_moment_wait_for_each_other(asked: DeliveryService) -> None:
    await asked.mailing.bring(CASE, "clerk", nobody)
    begun = asyncio.Event()

    async def give() -> None:
        await begun.wait()
        await asked.mailing.give_back(CASE, "申请人取回", "clerk", nobody)

    giving = asyncio.create_task(give())
    async with db.transaction() as tx:
        assert await mailing_repository.lock(tx, CASE)
        begun.set()
        await until("somebody waits", _somebody_waits)
        # So does whoever receives: the mailing first, then its documents.
        await tx.fetch_all("SELECT 1 FROM piece WHERE subject_no = $1 ORDER BY id FOR UPDATE", CASE)
    await giving
    assert (await standing(asked))[2] == {"CITIZEN"}


async def test_case_that_ends_before_pickup_ends_the_mailing(asked: DeliveryService) -> None:
    number = await picked_up_at_home(asked)
    await asked.mailing.end(CASE)
    await asked.mailing.end(CASE)
    assert (await asked.find_shipment(number)).status == "CANCELLED"
    assert (await standing(asked))[0] == "ENDED"


async def test_waived_and_brought_and_seen_by_two(asked: DeliveryService) -> None:
    with pytest.raises(StaleVersion):
        await asked.mailing.waive(CASE, "数据已核验", "clerk", nobody, version=7)
    await asked.mailing.bring(CASE, "clerk", nobody)
    assert await standing(asked) == ("BROUGHT", "", {"WINDOW"})
    with pytest.raises(Conflict):
        await asked.mailing.waive(CASE, "数据已核验", "clerk", nobody)


async def test_claim_that_a_process_left_is_mended(asked: DeliveryService) -> None:
    await db.execute("UPDATE mailing SET status = 'SENT', updated_at = $1", clock.now() - timedelta(minutes=6))
    await sweeps.mend_claimed()
    assert (await standing(asked))[:2] == ("ASKED", "")
    number = await picked_up_at_home(asked)
    await db.execute("UPDATE mailing SET shipment_no = '', updated_at = $1", clock.now() - timedelta(minutes=6))
    await sweeps.mend_claimed()
    assert (await standing(asked))[:2] == ("SENT", number)


@pytest.mark.parametrize(
    ("typed", "chosen", "number", "carrier"),
    [
        (" sf1234 5678 9012 ", "", "SF123456789012", "shunfeng"),
        ("YT1234567890123", "", "YT1234567890123", "yuantong"),
        ("1234567890123", "", "1234567890123", ""),
        ("1234567890123", "ems", "1234567890123", "ems"),
    ],
)
async def test_typed_number_is_read(typed: str, chosen: str, number: str, carrier: str) -> None:
    assert typed_number(typed) == number
    assert carrier_of(number, chosen) == carrier


@pytest.mark.parametrize(("typed", "chosen"), [("12", ""), ("运单号一二三四", ""), ("1234567", "nobody")])
async def test_typed_number_that_is_none_is_refused(typed: str, chosen: str) -> None:
    with pytest.raises(InvalidRequest):
        carrier_of(typed_number(typed), chosen)


async def test_originals_brought_in_person_give_the_parcel_up_by_the_version_that_was_read(
    asked: DeliveryService, courier: Any
) -> None:
    number = await picked_up_at_home(asked)
    seen = await asked.mailing.find(CASE)
    assert seen is not None
    with pytest.raises(StaleVersion):
        await asked.mailing.bring(CASE, "clerk", nobody, version=seen.version - 1)
    assert courier.cancelled == [], "who has not read what stands there withdraws nothing"
    await asked.mailing.bring(CASE, "clerk", nobody, version=seen.version)
    assert (courier.cancelled, (await standing(asked))[0]) == ([number], "BROUGHT")


async def test_claim_without_a_parcel_does_not_take_the_one_that_came_before(
    asked: DeliveryService, courier: Any, event: Callable[..., Any]
) -> None:
    number = await picked_up_at_home(asked)
    await moved(asked, courier, event, number, "DELIVERED")
    await asked.mailing.receive(CASE, Receipt(condition=Condition.INCOMPLETE, note="缺少首页"), "clerk", nobody)
    await asked.mailing.ask_again(CASE, "请补寄户口簿首页", "clerk", nobody)
    await db.execute("UPDATE mailing SET status = 'SENT', updated_at = now() - interval '1 hour'")
    await sweeps.mend_claimed()
    assert (await standing(asked))[:2] == ("ASKED", "")


async def test_parcel_of_a_case_that_ends_while_it_is_made_is_withdrawn(asked: DeliveryService, courier: Any) -> None:
    async def made(cargo: str) -> str:
        await asked.mailing.end(CASE)
        return await asked.booking.order_inbound(
            InboundOrder(
                subject_no=CASE,
                citizen_id=CITIZEN,
                cargo=cargo,
                window=WINDOW,
                citizen=HOME,
                citizen_shown="张*",
                citizen_division_code="140105",
                division_code=BODY[0],
                department_code=BODY[1],
            )
        )

    with pytest.raises(Conflict):
        await asked.mailing.send(CASE, made)
    assert [row["status"] for row in await db.fetch_all("SELECT status FROM shipment")] == ["CANCELLED"]
