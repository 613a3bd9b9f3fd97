"""Statements: the sums of a day are the fold of its rows, agree with the ledger, and stay within a scope."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app import clock, db
from app.errors import InvalidRequest
from app.ids import new_id
from payments.neutral import Standing
from payments.types import Account, StaffScope, Statement, StatementLine
from tests.fakes.payments_house import EVERYWHERE, PaymentsHouse, caller

pytestmark = pytest.mark.anyio
OTHER_DEPARTMENT = "11140105MB0001177F"


def _today() -> date:
    """The day in Beijing, asked for when a test needs it: a run may go past midnight."""
    return clock.beijing_date()


async def _paid(house: PaymentsHouse, channel: str = "WECHAT", **changed: object) -> str:
    """Have a bill paid; return the order's number."""
    bill = await house.issue(**changed)
    await house.drain()
    opened = await house.service.create(house.caller, bill.bill_no, channel)
    await house.notify(channel, house.channel(channel).pay(opened.out_trade_no))
    return opened.out_trade_no


async def _refunded(house: PaymentsHouse, out_trade_no: str, amount_fen: int) -> str:
    """Give money back; return the refund's number."""
    number = await house.refund(out_trade_no, amount_fen)
    await house.drain()
    row = await db.fetch_row("SELECT status FROM refund WHERE out_refund_no = $1", number)
    assert row is not None
    assert row["status"] == "SUCCEEDED"
    return number


async def _booked(key: str, account: str, other: str, amount_fen: int, bill_no: str, reference_no: str) -> None:
    """Write a pair into the ledger, now."""
    for name, fen in ((account, amount_fen), (other, -amount_fen)):
        await db.execute(
            "INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
            " occurred_at) VALUES ($1, now(), $2, $3, $4, $5, $6, now())",
            new_id(),
            key,
            name,
            fen,
            bill_no,
            reference_no,
        )


async def _bill_no(out_trade_no: str) -> str:
    row = await db.fetch_row(
        "SELECT b.bill_no FROM bill b JOIN payment p ON p.bill_id = b.id WHERE out_trade_no = $1", out_trade_no
    )
    assert row is not None
    return str(row["bill_no"])


async def _lines(house: PaymentsHouse, scope: StaffScope = EVERYWHERE, day: date | None = None) -> list[StatementLine]:
    return [line async for page in house.service.statements.lines(scope, day or _today()) for line in page]


def _fold(lines: list[StatementLine]) -> Counter[tuple[str, str, str, str]]:
    """Add lines up by department, account, kind and what is counted."""
    sums: Counter[tuple[str, str, str, str]] = Counter()
    for line in lines:
        sums[line.department_code, line.account_code, line.kind, "count"] += 1
        sums[line.department_code, line.account_code, line.kind, "fen"] += line.amount_fen
    return sums


def _stated(statement: Statement) -> Counter[tuple[str, str, str, str]]:
    names = {"PAYMENT": "paid", "REFUND": "refunded", "RETURNED": "returned"}
    sums: Counter[tuple[str, str, str, str]] = Counter()
    for row in statement.rows:
        for kind, name in names.items():
            for what in ("count", "fen"):
                sums[row.department_code, row.account_code, kind, what] += getattr(row, f"{name}_{what}")
    return +sums


async def test_day_is_summed_by_department_and_account(house: PaymentsHouse) -> None:
    first = await _paid(house, amount_fen=2000)
    await _paid(house, amount_fen=3000)
    await _paid(house, "ALIPAY", amount_fen=500, department_code=OTHER_DEPARTMENT)
    await _refunded(house, first, 700)
    statement = await house.service.statements.summary(EVERYWHERE, _today())
    shown = {(row.department_code, row.channel, row.account_code): row for row in statement.rows}
    wechat = shown["11140000012345678X", "WECHAT", "wechat-default"]
    assert (wechat.paid_count, wechat.paid_fen) == (2, 5000)
    assert (wechat.refunded_count, wechat.refunded_fen, wechat.net_fen) == (1, 700, 4300)
    assert (wechat.mch_id, wechat.ledger_agrees) == ("1900000001", True)
    assert shown[OTHER_DEPARTMENT, "ALIPAY", "alipay-default"].paid_fen == 500
    assert (statement.total.paid_count, statement.total.net_fen) == (3, 4800)
    assert statement.total.confirmed_count + statement.total.unconfirmed_count == 3
    assert len(statement.rows) == 2
    assert _stated(statement) == _fold(await _lines(house))


async def test_fee_given_back_with_a_refund_is_subtracted(house: PaymentsHouse) -> None:
    number = await _paid(house, amount_fen=2000)
    await _refunded(house, number, 700)
    refund = await db.fetch_row("SELECT out_refund_no FROM refund")
    assert refund is not None
    bill_no = await _bill_no(number)
    await _booked(f"fee.charged:{number}", "fees", "channel:WECHAT", 12, bill_no, number)
    await _booked(
        f"fee.returned:{refund['out_refund_no']}", "fees", "channel:WECHAT", -4, bill_no, refund["out_refund_no"]
    )
    (row,) = (await house.service.statements.summary(EVERYWHERE, _today())).rows
    assert (row.fee_fen, row.net_fen, row.ledger_agrees) == (8, 1292, True)


async def test_fees_and_open_differences_are_in_it(house: PaymentsHouse) -> None:
    number = await _paid(house, amount_fen=2000)
    await _booked(f"fee.charged:{number}", "fees", "channel:WECHAT", 12, await _bill_no(number), number)
    for department, division in (("11140000012345678X", "140105"), ("", ""), ("11140000012345678X", "150102")):
        await db.execute(
            "INSERT INTO discrepancy (id, created_at, account_code, business_on, kind, reference_no, department_code,"
            " division_code, status, details, bill_no, repair, note, resolved_by)"
            " VALUES ($1, now(), 'wechat-default', $2, 'AMOUNT', $3, $4, $5, 'OPEN', '{}', '', '', '', '')",
            new_id(),
            _today(),
            new_id().hex,
            department,
            division,
        )
    statement = await house.service.statements.summary(EVERYWHERE, _today())
    nobodys, own = statement.rows
    assert (nobodys.department_code, nobodys.open_differences, nobodys.paid_count) == ("", 1, 0)
    assert (own.fee_fen, own.net_fen, own.open_differences, own.ledger_agrees) == (12, 1988, 1, True)
    assert statement.total.open_differences == 2


async def test_second_success_is_overpaid_until_it_went_back(house: PaymentsHouse) -> None:
    bill = await house.issue(amount_fen=900)
    await house.drain()
    first = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    second = await house.service.create(house.caller, bill.bill_no, "ALIPAY")
    await house.notify("ALIPAY", house.alipay.pay(second.out_trade_no))
    house.wechat.orders[first.out_trade_no].standing = Standing.UNPAID
    await house.notify("WECHAT", house.wechat.pay(first.out_trade_no))
    total = (await house.service.statements.summary(EVERYWHERE, _today())).total
    assert (total.paid_count, total.overpaid_count, total.overpaid_fen, total.ledger_agrees) == (2, 1, 900, True)


async def test_refund_that_the_bank_took_back_is_in_the_sums_of_its_days(house: PaymentsHouse) -> None:
    number = await _paid(house, amount_fen=2000)
    refund = await _refunded(house, number, 800)
    house.wechat.bounce(number, refund)
    await house.notify("WECHAT", {"out_trade_no": number, "out_refund_no": refund, "amount_fen": "800"})
    shown = await house.service.statements.summary(EVERYWHERE, _today())
    sums = shown.total
    assert (sums.refunded_count, sums.refunded_fen, sums.returned_count, sums.returned_fen) == (1, 800, 1, 800)
    assert (sums.net_fen, sums.ledger_agrees) == (2000, True)
    assert _stated(shown) == _fold(await _lines(house))


async def test_refund_that_only_the_ledger_has_is_told(house: PaymentsHouse) -> None:
    refund = await _refunded(house, await _paid(house, amount_fen=2000), 800)
    await db.execute("UPDATE refund SET status = 'ABNORMAL' WHERE out_refund_no = $1", refund)
    total = (await house.service.statements.summary(EVERYWHERE, _today())).total
    assert (total.refunded_count, total.ledger_agrees) == (0, False)


async def test_payment_that_the_ledger_lacks_is_told(house: PaymentsHouse) -> None:
    number = await _paid(house)
    await _paid(house, "ALIPAY")
    await db.execute("DELETE FROM ledger_entry WHERE transfer_key = $1", f"payment.succeeded:{number}")
    statement = await house.service.statements.summary(EVERYWHERE, _today())
    assert {row.channel: row.ledger_agrees for row in statement.rows} == {"WECHAT": False, "ALIPAY": True}
    assert not statement.total.ledger_agrees


async def test_scope_and_department_bound_what_is_summed_and_listed(house: PaymentsHouse) -> None:
    own = await _paid(house)
    await _paid(house, division_code="140200")
    await _paid(house, department_code=OTHER_DEPARTMENT)
    everything = await _lines(house)
    assert len(everything) == 3
    for scope, department in (
        (StaffScope(("1401",), ("11140000012345678X",)), ""),
        (StaffScope(("1401",), ()), "11140000012345678X"),
    ):
        statement = await house.service.statements.summary(scope, _today(), department=department)
        assert statement.total.paid_count == 1
    assert [line.out_trade_no for line in await _lines(house, StaffScope(("1401",), ("11140000012345678X",)))] == [own]
    assert (await house.service.statements.summary(StaffScope(("15",), ()), _today())).rows == []
    nothing = await house.service.statements.summary(
        StaffScope(("1401",), (OTHER_DEPARTMENT,)), _today(), department="X"
    )
    assert nothing.rows == []


async def test_days_are_those_of_beijing(house: PaymentsHouse) -> None:
    number = await _paid(house)
    midnight = datetime(2026, 3, 1, 16, tzinfo=UTC)
    for moment, day in ((midnight - timedelta(microseconds=1), date(2026, 3, 1)), (midnight, date(2026, 3, 2))):
        await db.execute("UPDATE payment SET paid_at = $2 WHERE out_trade_no = $1", number, moment)
        await db.execute("UPDATE ledger_entry SET occurred_at = $1 WHERE transfer_key LIKE 'payment.%'", moment)
        found = {
            on: (await house.service.statements.summary(EVERYWHERE, on)).total.paid_count
            for on in (date(2026, 3, 1), date(2026, 3, 2))
        }
        assert found == {on: int(on == day) for on in found}
    both = await house.service.statements.summary(EVERYWHERE, date(2026, 3, 1), date(2026, 3, 2))
    assert (both.total.paid_count, both.total.ledger_agrees) == (1, True)


@pytest.mark.parametrize(
    ("first_on", "until", "path"),
    [
        (date(2026, 3, 2), date(2026, 3, 1), "until"),
        (date(2026, 1, 1), date(2026, 4, 3), "until"),
        (date(1, 1, 1), None, "date"),
        (date(9999, 12, 31), None, "date"),
        (date(2026, 3, 2), date(9999, 12, 31), "until"),
    ],
)
async def test_impossible_days_are_refused(house: PaymentsHouse, first_on: date, until: date | None, path: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await house.service.statements.summary(EVERYWHERE, first_on, until)
    assert refusal.value.faults[0].path == path


async def test_ninety_two_days_are_allowed(house: PaymentsHouse) -> None:
    statement = await house.service.statements.summary(EVERYWHERE, date(2026, 1, 1), date(2026, 4, 2))
    assert (statement.rows, statement.total.net_fen, statement.total.ledger_agrees) == ([], 0, True)


async def test_lines_come_in_pages_each_once_in_order(house: PaymentsHouse) -> None:
    await _generate(4500)
    pages = [page async for page in house.service.statements.lines(EVERYWHERE, date(2026, 3, 1))]
    assert [len(page) for page in pages] == [2000, 2000, 500]
    lines = [line for page in pages for line in page]
    assert len({line.out_trade_no for line in lines}) == 4500
    assert [line.occurred_at for line in lines] == sorted(line.occurred_at for line in lines)


async def _generate(count: int) -> None:
    """Write paid bills of one day, many of the same moment."""
    values: Any = (caller().citizen_id, count)
    await db.execute(
        "WITH made AS (INSERT INTO bill (id, created_at, updated_at, bill_no, citizen_id, subject_kind, subject_no,"
        " purpose, title, lines, department_code, division_code, amount_fen, status, version)"
        " SELECT gen_random_uuid(), now(), now(), 'B' || n, $1, 'APPLICATION', 'A' || n, 'fee', '工本费', '[]', 'D1',"
        " '140105', 100, 'PAID', 1 FROM generate_series(1, $2::int) n RETURNING id, bill_no)"
        " INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id, mch_id,"
        " sub_mch_id, payer_subject, amount_fen, status, provider_status, provider_trade_no, prepay_reference,"
        " expires_at, paid_at, asked_count)"
        " SELECT gen_random_uuid(), now(), now(), 'P' || bill_no, made.id, 'WECHAT', a.id, 'wx', 'm', '', 'o', 100,"
        " 'SUCCEEDED', '', '', '', now(), timestamptz '2026-03-01 12:00+08'"
        " + (substr(bill_no, 2)::int % 7) * interval '1 second', 0"
        " FROM made, payment_account a WHERE a.code = 'wechat-default'",
        *values,
    )


async def test_account_of_a_department_has_its_own_row(house: PaymentsHouse) -> None:
    number = await _paid(house)
    await house.service.save_accounts(
        [Account(code="county", channel="WECHAT", app_id="wx", mch_id="1900000002", department_code="D2")]
    )
    await db.execute(
        "UPDATE payment SET account_id = a.id FROM payment_account a WHERE a.code = 'county' AND out_trade_no = $1",
        number,
    )
    await _paid(house)
    rows = (await house.service.statements.summary(EVERYWHERE, _today())).rows
    assert [(row.account_code, row.paid_count) for row in rows] == [("county", 1), ("wechat-default", 1)]
