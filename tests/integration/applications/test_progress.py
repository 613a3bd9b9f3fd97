"""What the house does with a case by itself: every reaction runs twice here, and the case still moves once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app import clock, db
from app.errors import Conflict
from app.events import DomainEvent
from services.applications import sweeps
from services.delivery.types import DeliveryMethod

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"


async def chosen(world: Any, number: str, method: DeliveryMethod) -> None:
    address = uuid.UUID(int=1) if method is DeliveryMethod.COURIER else None
    await world.applications.choose_delivery(world.citizen, number, method, address)


async def approved(world: Any, method: DeliveryMethod | None) -> str:
    number: str = await world.accepted()
    if method is not None:
        await chosen(world, number, method)
    await world.pay(number)
    await world.applications.desk.approve(world.reviewer, number, HERE)
    return number


async def test_granted_case_goes_by_courier_and_closes_when_signed_for(world: Any) -> None:
    number = await approved(world, DeliveryMethod.COURIER)
    names = await world.react()
    assert names[-4:] == ["application.approved", "application.certifying", "licence.issued", "application.delivering"]
    assert await world.status(number) == "DELIVERING"
    parcels = await db.fetch_all("SELECT shipment_no, cargo FROM shipment")
    assert [row["cargo"] for row in parcels] == ["居民身份证"]
    await world.delivery.booking.book({"shipment_no": parcels[0]["shipment_no"]})
    await world.reactions.close_delivered(DomainEvent(name="shipment.delivered", subject_no=number))
    assert await world.status(number) == "DELIVERING", "nobody has signed yet"
    await world.told_by_courier(parcels[0]["shipment_no"], "DELIVERED", "2026-11-03T10:00:00+08:00")
    names = await world.react()
    assert names[-2:] == ["shipment.delivered", "application.closed"]
    assert await world.status(number) == "CLOSED"
    served = await db.fetch_row("SELECT facts::text AS text FROM case_document WHERE kind = 'SERVICE'")
    assert served is not None
    assert "2026年11月3日10时00分" in served["text"], "the moment of the signature, not ours"
    steps = [step.title for step in (await world.applications.timeline(world.citizen, number)).data]
    assert steps == ["提交申请", "受理", "已缴费", "准予", "制证中", "办理结果送达中", "办结"]


async def test_granted_case_without_choice_waits_at_the_window(world: Any) -> None:
    number = await approved(world, None)
    await world.react()
    assert await world.status(number) == "DELIVERING"
    assert await db.fetch_row("SELECT 1 FROM shipment") is None
    line = await world.applications.desk.hand_over(world.window, number, HERE)
    assert (line.status, line.outcome) == ("CLOSED", "GRANTED")


async def test_electronic_result_closes_at_once(world: Any) -> None:
    result = world.catalogue.versions[1].record.results[0]
    way = {"code": result.code, "name": result.name, "kind": result.kind, "licence_type": result.licence_type,
           "validity": result.validity, "electronic": True, "delivery": ["electronic"]}  # fmt: skip
    world.catalogue.publish(results=[way])
    number = await approved(world, None)
    await world.react()
    assert await world.status(number) == "CLOSED"


async def test_item_without_licence_goes_to_delivery_directly(world: Any) -> None:
    way = {"code": "R01", "name": "备案回执", "kind": "文书", "validity": "长期", "electronic": False,
           "delivery": ["pickup"]}  # fmt: skip
    world.catalogue.publish(results=[way])
    number = await approved(world, None)
    assert "licence.issued" not in await world.react()
    assert await world.status(number) == "DELIVERING"


async def test_interrupted_certification_is_continued(world: Any) -> None:
    number = await approved(world, None)
    await db.execute("UPDATE application SET status = 'CERTIFYING'")
    await world.applications.progress.certify(number)
    assert "licence.issued" in await world.react()
    assert await world.status(number) == "DELIVERING"


async def test_licence_carries_the_applicant_and_the_deciding_body(world: Any) -> None:
    number = await approved(world, None)
    await world.react()
    listed, _ = await world.licences.list_own(world.citizen.citizen_id, None, 20)
    view = await world.licences.licence(world.citizen.citizen_id, listed[0].licence_no)
    assert (view.application_no, view.holder_shown, view.status) == (number, "*伟", "VALID")
    assert view.issuer_name == "太原市公安局小店分局"
    assert view.expires_on is not None


async def test_delivery_goes_another_way_until_a_courier_has_the_parcel(world: Any) -> None:
    number = await approved(world, DeliveryMethod.COURIER)
    await world.react()
    await chosen(world, number, DeliveryMethod.COUNTER)
    assert "delivery.changed" in await world.react()
    assert [parcel.status for parcel in await world.delivery.shipments_of(number)] == ["CANCELLED"]
    assert (await world.applications.collections.view(world.citizen, number)).status == "PREPARING"
    assert await world.status(number) == "DELIVERING"
    await db.execute("UPDATE piece SET holder = 'COURIER'")
    with pytest.raises(Conflict) as refused:
        await chosen(world, number, DeliveryMethod.COURIER)
    assert refused.value.stable_code == "delivery_locked"


async def test_bill_of_a_case_withdrawn_meanwhile_is_not_left_to_pay(world: Any) -> None:
    number = await world.accepted()
    await world.applications.withdraw(world.citizen, number)
    await world.react()
    assert [bill.status for bill in await world.payments.own_bills(world.citizen, number)] == []


async def test_merged_citizen_keeps_cases_and_files(world: Any) -> None:
    number = await world.submitted()
    merged = DomainEvent(
        name="citizen.merged",
        subject_no=world.other.citizen_id.hex,
        facts={"from_citizen_id": world.citizen.citizen_id.hex, "into_citizen_id": world.other.citizen_id.hex},
    )
    await world.reactions.take_over(merged)
    view, _ = await world.applications.detail(world.other, number)
    assert view.application_no == number
    owners = await db.fetch_all("SELECT DISTINCT citizen_id FROM upload")
    assert [row["citizen_id"] for row in owners] == [world.other.citizen_id]


async def test_sweep_accepts_what_nobody_answered_as_of_its_receipt(world: Any) -> None:
    number, fresh = await world.submitted(), await world.submitted()
    monday = clock.from_beijing("2026-03-02 10:00:00")
    await db.execute("UPDATE application SET received_at = $2 WHERE application_no = $1", number, monday)
    await sweeps.accept_by_silence(world.applications.progress)
    row = await db.fetch_row(
        "SELECT status, accepted_at = received_at AS retroactive FROM application WHERE application_no = $1", number
    )
    assert row is not None
    assert (row["status"], row["retroactive"]) == ("ACCEPTED", True)
    assert await world.status(fresh) == "SUBMITTED"


async def test_sweep_ends_corrections_nobody_made(world: Any) -> None:
    number = await world.submitted()
    await world.applications.desk.request_correction(world.window, number, "缺照片", HERE)
    await sweeps.expire_corrections(world.applications.progress)
    assert await world.status(number) == "CORRECTION"
    await db.execute("UPDATE application SET correction_due_at = now() - interval '1 minute'")
    await sweeps.expire_corrections(world.applications.progress)
    view, _ = await world.applications.detail(world.citizen, number)
    assert (view.status, view.outcome) == ("CLOSED", "TERMINATED")


async def test_sweep_counts_provisional_due_days_again(world: Any) -> None:
    number = await world.accepted()
    await db.execute("UPDATE application SET due_is_provisional = true, promised_due_on = '2000-01-01'")
    await sweeps.recompute_provisional(world.applications.progress)
    view, _ = await world.applications.detail(world.citizen, number)
    assert (view.due_is_provisional, view.promised_due_on > "2026") == (False, True)
