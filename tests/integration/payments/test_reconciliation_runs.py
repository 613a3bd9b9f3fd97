"""Runs of a reconciliation that cannot be made, come twice or are due, and what staff see and settle of them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from app import db
from app.errors import Conflict, InvalidRequest, NotFound
from payments.reconciliation.kinds import KINDS, Kind
from payments.reconciliation.neutral import BillNotReady
from payments.types import ReconciliationView, StaffPerson, StaffScope
from tests.fakes.payments_house import PaymentsHouse
from tests.integration.payments.day_steps import (
    CASHIER,
    DAY,
    everything,
    found,
    line,
    only,
    paid,
    run,
)

pytestmark = pytest.mark.anyio


async def test_broken_file_fails_the_run_with_its_line_and_changes_nothing(house: PaymentsHouse) -> None:
    number = await paid(house)
    house.wechat.bills.days[DAY] = [line("P20260310NOBODY0000000001"), line(number)]
    house.wechat.bills.broken_at_line = 2
    before = await everything()
    seen = await run(house)
    assert (seen.status, seen.fault, seen.fault_line, seen.paid_count) == ("FAILED", "row", 2, 0)
    assert await everything() == before
    house.wechat.bills.broken_at_line = 0
    assert (await run(house)).status == "DONE"


async def test_value_that_no_database_holds_fails_the_run(house: PaymentsHouse) -> None:
    house.wechat.bills.days[DAY] = [line("P1", 2**62), line("P1", 2**62)]
    assert ((await run(house)).status, await found(house)) == ("FAILED", {})


async def test_bill_that_is_not_ready_is_asked_for_again(house: PaymentsHouse) -> None:
    house.wechat.bills.not_ready = True
    with pytest.raises(BillNotReady):
        await run(house)
    assert await db.fetch_all("SELECT 1 FROM reconciliation_run") == []


async def test_two_runs_of_one_day_one_works(house: PaymentsHouse) -> None:
    house.wechat.bills.days[DAY] = [line(f"P20260310NOBODY{n:010d}") for n in range(3000)]
    outcomes = await asyncio.gather(*(run(house) for _ in range(3)), return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, Conflict)]
    assert all(each.stable_code == "reconciliation_running" for each in refused)
    assert len(refused) + sum(isinstance(each, ReconciliationView) for each in outcomes) == 3
    assert (await run(house)).discrepancy_count == 3000


async def test_unknown_account_and_day_to_come_are_refused(house: PaymentsHouse) -> None:
    with pytest.raises(NotFound):
        await house.service.reconciliation.run("nobody", DAY)
    with pytest.raises(InvalidRequest):
        await house.service.reconciliation.run("wechat-default", date(2999, 1, 1))


async def test_sweep_asks_for_the_days_of_the_last_week_that_are_not_done(house: PaymentsHouse) -> None:
    await db.execute("UPDATE payment_account SET created_at = now() - interval '30 days'")
    await house.service.reconciliation.request_due()
    await house.service.reconciliation.request_due()
    rows = await db.fetch_all("SELECT entrypoint FROM pgqueuer")
    assert len(rows) in (12, 14), "six or seven days of two accounts, each once"
    await house.drain()
    await house.service.reconciliation.request_due()
    assert await db.fetch_all("SELECT entrypoint FROM pgqueuer") == []
    runs, _ = await house.service.reconciliation.runs(limit=100)
    assert {each.status for each in runs} == {"DONE"}


async def test_disabled_account_is_compared_as_long_as_it_lately_took_money(house: PaymentsHouse) -> None:
    await paid(house, at=datetime.now(UTC) - timedelta(days=3))
    await db.execute("UPDATE payment_account SET enabled = false")
    assert await house.service.reconciliation.account_codes() == ["wechat-default"]
    await db.execute("UPDATE payment SET paid_at = paid_at - interval '40 days'")
    assert await house.service.reconciliation.account_codes() == []


async def test_staff_see_and_settle_differences_of_their_scope_only(house: PaymentsHouse) -> None:
    number = await paid(house)
    await run(house)
    office, one = house.service.reconciliation, await only(house)
    elsewhere = StaffPerson("other", StaffScope(("1402",), ()), "192.0.2.2")
    assert await office.discrepancies(elsewhere.scope) == ([], None)
    with pytest.raises(NotFound):
        await office.resolve(elsewhere, uuid.UUID(one.id), "x")
    with pytest.raises(InvalidRequest):
        await office.resolve(CASHIER, uuid.UUID(one.id), "  ")
    asked = await office.repair(CASHIER, uuid.UUID(one.id))
    assert asked.acts == ["repair", "resolve"]
    await house.drain()
    assert (await only(house)).note == "渠道查询确认已收款，已入账"
    with pytest.raises(Conflict, match="discrepancy_closed"):
        await office.repair(CASHIER, uuid.UUID(one.id))
    acts = await db.fetch_all("SELECT action, actor FROM audit_entry WHERE object_no = $1", one.id)
    assert [tuple(row) for row in acts] == [("discrepancy.repair_requested", "cashier")]
    assert number == one.reference_no


async def test_kind_without_repair_cannot_be_repaired(house: PaymentsHouse) -> None:
    house.wechat.bills.days[DAY] = [line("P20260310NOBODY0000000001")]
    await run(house)
    with pytest.raises(Conflict, match="no_repair"):
        await house.service.reconciliation.repair(CASHIER, uuid.UUID((await only(house)).id))


def test_every_kind_has_its_rule() -> None:
    assert set(KINDS) == set(Kind)
    assert all(rule.text and rule.staff_action for rule in KINDS.values())
