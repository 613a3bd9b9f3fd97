"""Cases whose next step got lost: a job that was parked, a process that died between two steps. A sweep goes on."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app import db
from app.errors import Conflict, NotFound, ProviderUnavailable
from services.applications import sweeps
from services.applications.states import Correction
from services.delivery.types import DeliveryMethod
from tests.fakes.couriers import signed_for

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"


async def swept(world: Any) -> None:
    """Lose every job, let time pass, sweep."""
    await db.execute("DELETE FROM pgqueuer")
    await db.execute("UPDATE application SET updated_at = now() - interval '1 hour'")
    await sweeps.continue_stalled(world.applications.progress)


async def _all_signed_for() -> None:
    for row in await db.fetch_all("SELECT shipment_no FROM shipment"):
        await signed_for(row["shipment_no"])


async def bills(world: Any, number: str) -> list[str]:
    return [bill.status for bill in await world.payments.bills_of(number)]


async def by(world: Any, method: DeliveryMethod) -> str:
    number: str = await world.accepted()
    address = uuid.UUID(int=1) if method is DeliveryMethod.COURIER else None
    await world.applications.choose_delivery(world.citizen, number, method, address)
    await world.pay(number)
    await world.applications.desk.approve(world.reviewer, number, HERE)
    return number


async def test_accepted_case_without_its_bill_gets_it(world: Any) -> None:
    number = await world.accepted()
    assert await bills(world, number) == []
    await swept(world)
    await swept(world)
    assert await bills(world, number) == ["UNPAID"]


async def test_fresh_case_is_left_to_its_jobs(world: Any) -> None:
    number = await world.accepted()
    await sweeps.continue_stalled(world.applications.progress)
    assert await bills(world, number) == []


async def test_paid_fee_that_the_case_never_heard_of_is_noted(world: Any) -> None:
    number = await world.accepted()
    await world.react()
    await db.execute("UPDATE bill SET status = 'PAID', paid_at = '2026-11-02T09:00:00+08:00'")
    await swept(world)
    view, _ = await world.applications.detail(world.citizen, number)
    assert view.fee_paid_at is None, "the fiscal platform has not confirmed it"
    with pytest.raises(Conflict) as unpaid:
        await world.applications.desk.approve(world.reviewer, number, HERE)
    assert unpaid.value.stable_code == "fee_unpaid"
    await db.execute("UPDATE bill SET status = 'CONFIRMED'")
    await swept(world)
    view, _ = await world.applications.detail(world.citizen, number)
    assert view.fee_paid_at == "2026-11-02T09:00:00+08:00"


async def test_granted_case_goes_on_to_the_parcel_and_the_end(world: Any) -> None:
    number = await by(world, DeliveryMethod.COURIER)
    await swept(world)
    assert await world.status(number) == "DELIVERING"
    row = await db.fetch_row("SELECT shipment_no FROM shipment")
    assert row is not None
    await swept(world)
    assert await world.status(number) == "DELIVERING"
    await _all_signed_for()
    await swept(world)
    assert await world.status(number) == "CLOSED"


async def test_delivering_case_whose_parcel_was_never_asked_for_gets_it(world: Any) -> None:
    number = await by(world, DeliveryMethod.COURIER)
    await world.react()
    await db.execute("DELETE FROM shipment")
    await db.execute("UPDATE delivery_choice SET locked_at = NULL")
    await swept(world)
    assert len(await world.delivery.shipments_of(number)) == 1


async def test_result_at_the_window_waits_for_its_person(world: Any) -> None:
    number = await by(world, DeliveryMethod.COUNTER)
    await swept(world)
    await swept(world)
    assert await world.status(number) == "DELIVERING"


async def test_refused_case_closes(world: Any) -> None:
    number = await world.accepted()
    await world.applications.desk.deny(world.reviewer, number, "不符合条件", HERE)
    await swept(world)
    assert await world.status(number) == "CLOSED"


async def test_reopened_delivery_is_left_to_staff(world: Any) -> None:
    number = await by(world, DeliveryMethod.COURIER)
    await swept(world)
    await _all_signed_for()
    await swept(world)
    await world.applications.desk.force(world.administrator, number, Correction.REOPEN_DELIVERY, "寄错", HERE)
    await swept(world)
    assert await world.status(number) == "DELIVERING"


async def test_bill_of_an_ended_case_is_voided(world: Any) -> None:
    number = await world.accepted()
    await world.react()
    await world.applications.withdraw(world.citizen, number)
    await swept(world)
    assert await bills(world, number) == ["VOID"]


async def test_bill_written_by_a_try_that_died_is_voided_by_the_next(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await world.accepted()

    async def away(_: str) -> None:
        raise ProviderUnavailable

    async def withdrawn(bill: Any) -> Any:
        view = await issue(bill)
        await world.applications.withdraw(world.citizen, number)
        return view

    issue = world.payments.issue_bill
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(world.payments, "issue_bill", withdrawn)
        meanwhile.setattr(world.payments, "void_bills", away)
        with pytest.raises(ProviderUnavailable):
            await world.applications.progress.bill_fee(number)
    await world.applications.progress.bill_fee(number)
    assert await bills(world, number) == ["VOID"]


async def test_case_reviewed_anew_after_a_refusal_can_be_paid_and_granted(world: Any) -> None:
    number = await world.accepted()
    await world.react()
    await world.applications.desk.deny(world.reviewer, number, "不符合条件", HERE)
    await world.payments.void_bills(number)
    await world.react()
    await world.applications.desk.force(world.administrator, number, Correction.REVERSE_DENIAL, "复议撤销", HERE)
    await world.react()
    await world.applications.progress.bill_fee(number)
    assert await bills(world, number) == ["VOID", "UNPAID"]


async def test_one_case_that_can_not_go_on_does_not_hold_up_the_others(world: Any) -> None:
    broken, sound = await world.accepted(), await world.accepted()
    await db.execute("UPDATE application SET item_version = 99 WHERE application_no = $1", broken)
    item = world.catalogue.item

    async def found(item_code: str, version: int) -> Any:
        if version == 99:
            raise NotFound("未找到该事项")
        return await item(item_code, version)

    world.catalogue.item = found
    await swept(world)
    assert await bills(world, sound) == ["UNPAID"]


async def test_choice_that_crosses_the_start_of_delivery_is_the_way_it_goes(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await by(world, DeliveryMethod.COUNTER)
    choose = world.delivery.choose

    async def late(choice: Any) -> Any:
        await world.react()
        return await choose(choice)

    monkeypatch.setattr(world.delivery, "choose", late)
    await world.applications.choose_delivery(world.citizen, number, DeliveryMethod.COURIER, uuid.UUID(int=1))
    await world.react()
    assert [parcel.status for parcel in await world.delivery.shipments_of(number)] == ["REQUESTED"]
    assert (await world.applications.collections.view(world.citizen, number)).status == "ENDED"
