"""Whatever three lists say of a day: what the statements find is what a plain look at all three finds."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import db
from app.clock import BEIJING
from payments.fiscal.neutral import FiscalEntry, FiscalEntryKind
from payments.reconciliation import run_repository
from payments.reconciliation.kinds import Kind
from payments.reconciliation.neutral import BillLine, RefundShown
from payments.reconciliation.running import Runs
from tests.conftest import cloned_database
from tests.fakes.bill_files import FakeBillFiles

DAY = date(2026, 3, 10)
NOON = datetime.combine(DAY, time(12), BEIJING).astimezone(UTC)
ACCOUNT = uuid.UUID(int=7)
Found = set[tuple[str, str, int | None, int | None]]


@dataclass(frozen=True)
class Case:
    """One order as the three sides tell of it; None = that side does not."""

    ours: tuple[str, int, bool] | None
    """Status, amount, whether its ledger pair is there."""
    theirs: int | None
    confirmed: bool
    listed: int | None


amounts = st.sampled_from([100, 200])
cases = st.lists(
    st.builds(
        Case,
        ours=st.none() | st.tuples(st.sampled_from(["SUCCEEDED", "CLOSED", "AWAITING"]), amounts, st.booleans()),
        theirs=st.none() | amounts,
        confirmed=st.booleans(),
        listed=st.none() | amounts,
    ),
    max_size=8,
)


def plain_diff(given: list[Case]) -> Found:
    """Look at every order on its own."""
    found: Found = set()
    for n, case in enumerate(given):
        number, theirs, listed = f"P{n}", case.theirs, case.listed
        status, ours, booked = case.ours or ("", None, True)
        if theirs is not None and case.ours is None:
            found.add((Kind.UNKNOWN_ORDER, number, None, theirs))
        elif theirs is not None and status == "CLOSED":
            found.add((Kind.CLOSED_BUT_PAID, number, ours, theirs))
        elif theirs is not None and status == "AWAITING":
            found.add((Kind.PAID_THERE_NOT_HERE, number, ours, theirs))
        elif theirs is not None and theirs != ours:
            found.add((Kind.AMOUNT_DIFFERS, number, ours, theirs))
        if status == "SUCCEEDED":
            if theirs is None:
                found.add((Kind.PAID_HERE_NOT_THERE, number, ours, None))
            if not booked:
                found.add((Kind.LEDGER_MISSING, number, ours, None))
            if not case.confirmed or listed is None:
                found.add((Kind.FISCAL_MISSING, number, ours, None))
        if listed is not None and case.ours is None:
            found.add((Kind.FISCAL_FOREIGN, number, None, listed))
        elif listed is not None and listed != ours:
            found.add((Kind.FISCAL_AMOUNT_DIFFERS, number, ours, listed))
    return found


class Listed:
    """A fiscal list of the day."""

    def __init__(self, given: list[Case]) -> None:
        self._given = given

    async def list_day(self, business_on: date) -> AsyncIterator[FiscalEntry]:
        for n, case in enumerate(self._given):
            if case.listed is not None and business_on == DAY:
                yield FiscalEntry(
                    kind=FiscalEntryKind.PAYMENT,
                    payment_code=f"{n:020d}",
                    bill_no=f"B{n}",
                    out_trade_no=f"P{n}",
                    reference_no=f"P{n}",
                    amount_fen=case.listed,
                    booked_at=NOON,
                )


async def write(given: list[Case]) -> None:
    """Write our side of the cases and nothing else."""
    for table in "bill payment ledger_entry discrepancy reconciliation_run".split():
        await db.execute(f"DELETE FROM {table}")
    for n, case in enumerate(given):
        if case.ours is None:
            continue
        status, fen, booked = case.ours
        paid = status == "SUCCEEDED"
        bill_id, payment_id = uuid.UUID(int=1000 + n), uuid.UUID(int=2000 + n)
        await db.execute(
            "INSERT INTO bill (id, created_at, updated_at, bill_no, citizen_id, subject_kind, subject_no, purpose,"
            " title, lines, department_code, division_code, amount_fen, status, version, paid_payment_id, confirmed_at)"
            " VALUES ($1, $2, $2, $3, $1, 'APPLICATION', $3, 'fee', 'x', '[]', 'd', '14', $4, $5, 1, $6, $7)",
            bill_id,
            NOON,
            f"B{n}",
            fen,
            "PAID" if paid else "PAYING",
            payment_id if paid else None,
            NOON if paid and case.confirmed else None,
        )
        await db.execute(
            "INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id,"
            " mch_id, payer_subject, amount_fen, status, provider_trade_no, expires_at, paid_at, sub_mch_id,"
            " provider_status, prepay_reference, asked_count)"
            " VALUES ($1, $2, $2, $3, $4, 'ALIPAY', $5, 'a', 'm', 'o', $6, $7, '', $2, $8, '', '', '', 0)",
            payment_id,
            NOON,
            f"P{n}",
            bill_id,
            ACCOUNT,
            fen,
            status,
            NOON if paid else None,
        )
        if paid and booked:
            for sign, account in ((1, "channel:ALIPAY"), (-1, "receivable")):
                await db.execute(
                    "INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no,"
                    " reference_no, occurred_at) VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $1)",
                    NOON,
                    f"payment.succeeded:P{n}",
                    account,
                    sign * fen,
                    f"B{n}",
                    f"P{n}",
                )


async def found_by_run(given: list[Case], folder: Path) -> Found:
    """Let the run compare the cases, twice."""
    await write(given)
    files = FakeBillFiles()
    files.days[DAY] = [
        BillLine(f"P{n}", f"T{n}", False, "", RefundShown.NONE, case.theirs, 1, NOON)
        for n, case in enumerate(given)
        if case.theirs is not None
    ]
    day = await run_repository.find_day("property", DAY)
    assert day is not None
    for _ in range(2):
        await Runs(Listed(given), folder).run(day, files, repair=False, progress=lambda count: None)
    rows = await db.fetch_all("SELECT kind, reference_no, ours_fen, theirs_fen, status FROM discrepancy")
    assert {row["status"] for row in rows} <= {"OPEN"}
    ledger = await db.fetch_row("SELECT coalesce(sum(amount_fen), 0) AS fen FROM ledger_entry")
    assert ledger is not None
    assert ledger["fen"] == 0
    return {(row["kind"], row["reference_no"], row["ours_fen"], row["theirs_fen"]) for row in rows}


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """A loop with a database of its own, for all examples."""
    with asyncio.Runner() as runner:
        clone = cloned_database()
        url = runner.run(clone.__aenter__())
        runner.run(db.start(url))
        runner.run(
            db.execute(
                "INSERT INTO payment_account (id, created_at, code, channel, mode, app_id, mch_id, key_reference,"
                " enabled, sub_mch_id, sub_app_id, department_code, division_code)"
                " VALUES ($1, now(), 'property', 'ALIPAY', 'DIRECT', 'a', 'm', 'settings', true, '', '', '', '')",
                ACCOUNT,
            )
        )
        yield runner
        runner.run(db.stop())
        runner.run(clone.__aexit__(None, None, None))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(given_cases=cases)
def test_statements_find_what_a_plain_look_finds(given_cases: list[Case], loop: asyncio.Runner) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert loop.run(found_by_run(given_cases, Path(folder))) == plain_diff(given_cases)
