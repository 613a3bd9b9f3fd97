"""Whatever moved on whatever days: a statement is the fold of what was drawn, and of the lines that it lists."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import clock, db
from app.ids import new_id
from payments.statements.statements import Statements
from payments.types import StaffScope
from tests.fakes.payments_house import PaymentsHouse

pytestmark = pytest.mark.anyio
DAYS = (date(2026, 3, 1), date(2026, 3, 2))
BEGIN = datetime(2026, 2, 28, 8, tzinfo=UTC)
HOURS = st.floats(0, 80).map(lambda hours: BEGIN + timedelta(hours=round(hours, 3)))
"""Moments around the two days, whose midnights are at 16:00 UTC."""
SCOPES = (StaffScope(("14",), ()), StaffScope(("1401",), ()), StaffScope(("14",), ("D1", "D3")), StaffScope(("9",), ()))
Sums = Counter[tuple[str, str, str]]


@dataclass(frozen=True)
class Drawn:
    """One payment, and the moments of its refund: gone, taken back by the bank, gone again."""

    channel: str
    department: str
    division: str
    amount_fen: int
    paid_at: datetime
    confirmed: bool
    pays_bill: bool
    refund: tuple[datetime, ...]
    fee_at: datetime | None


PAYMENTS = st.builds(
    Drawn,
    channel=st.sampled_from(["WECHAT", "ALIPAY"]),
    department=st.sampled_from(["D1", "D2", "D3"]),
    division=st.sampled_from(["140105", "140200", "140000"]),
    amount_fen=st.integers(2, 10**9),
    paid_at=HOURS,
    confirmed=st.booleans(),
    pays_bill=st.booleans(),
    refund=st.lists(HOURS, max_size=3).map(lambda moments: tuple(sorted(set(moments)))),
    fee_at=st.none() | HOURS,
)


async def _write(drawn: list[Drawn]) -> None:
    for table in ("ledger_entry", "refund", "payment", "bill"):
        await db.execute(f"DELETE FROM {table}")
    accounts = {row["channel"]: row["id"] for row in await db.fetch_all("SELECT id, channel FROM payment_account")}
    for number, one in enumerate(drawn):
        await _write_payment(one, number, accounts[one.channel])
        await _write_refund(one, number)


async def _write_payment(one: Drawn, number: int, account_id: uuid.UUID) -> None:
    bill_id, payment_id = new_id(), new_id()
    await db.execute(
        "INSERT INTO bill (id, created_at, updated_at, bill_no, citizen_id, subject_kind, subject_no, purpose, title,"
        " lines, department_code, division_code, amount_fen, status, version, paid_payment_id, confirmed_at)"
        " VALUES ($1, now(), now(), $2, $1, '', $2, 'fee', '', '[]', $3, $4, $5, 'PAID', 1, $6, $7)",
        bill_id,
        f"B{number}",
        one.department,
        one.division,
        one.amount_fen,
        payment_id if one.pays_bill else None,
        one.paid_at if one.confirmed else None,
    )
    await db.execute(
        "INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id, mch_id,"
        " sub_mch_id, payer_subject, amount_fen, status, provider_status, provider_trade_no, prepay_reference,"
        " expires_at, paid_at, asked_count)"
        " VALUES ($1, now(), now(), $2, $3, $4, $5, '', '', '', '', $6, 'SUCCEEDED', '', '', '', now(), $7, 0)",
        payment_id,
        f"P{number}",
        bill_id,
        one.channel,
        account_id,
        one.amount_fen,
        one.paid_at,
    )
    await _book(f"payment.succeeded:P{number}", f"channel:{one.channel}", one.amount_fen, f"P{number}", one.paid_at)
    if one.fee_at is not None:
        await _book(f"fee.charged:P{number}", "fees", 1, f"P{number}", one.fee_at)
        await _book(f"fee.charged:P{number}", f"channel:{one.channel}", -1, f"P{number}", one.fee_at)


async def _write_refund(one: Drawn, number: int) -> None:
    if not one.refund:
        return
    await db.execute(
        "INSERT INTO refund (id, created_at, updated_at, out_refund_no, payment_id, bill_id, amount_fen, reason, cause,"
        " status, provider_refund_no, provider_status, requested_by, finished_at, asked_count)"
        " SELECT $1, now(), now(), $2, id, bill_id, $3, '', 'STAFF', $4, '', '', '', $5, 0 FROM payment"
        " WHERE out_trade_no = $6",
        new_id(),
        f"R{number}",
        one.amount_fen // 2,
        "SUCCEEDED" if len(one.refund) != 2 else "ABNORMAL",
        one.refund[-1],
        f"P{number}",
    )
    keys = (f"refund.succeeded:R{number}", f"refund.bounced:R{number}", f"refund.resettled:R{number}:1")
    for key, sign, moment in zip(keys, (-1, 1, -1), one.refund, strict=False):
        await _book(key, f"channel:{one.channel}", sign * (one.amount_fen // 2), f"R{number}", moment)


async def _book(key: str, account: str, amount_fen: int, reference_no: str, occurred_at: datetime) -> None:
    await db.execute(
        "INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no,"
        " occurred_at) VALUES ($1, now(), $2, $3, $4, '', $5, $6)",
        new_id(),
        key,
        account,
        amount_fen,
        reference_no,
        occurred_at,
    )


def _fold(drawn: list[Drawn], scope: StaffScope, days: tuple[date, ...]) -> Sums:
    sums: Sums = Counter()

    def add(one: Drawn, moment: datetime, **more: int) -> None:
        is_own = not scope.departments or one.department in scope.departments
        if is_own and one.division.startswith(scope.divisions) and clock.beijing_date(moment) in days:
            for name, value in more.items():
                sums[one.department, one.channel, name] += value

    for one in drawn:
        kind = "overpaid" if not one.pays_bill else "confirmed" if one.confirmed else "unconfirmed"
        fen, back = one.amount_fen, one.amount_fen // 2
        add(one, one.paid_at, paid_count=1, paid_fen=fen, net_fen=fen, **{f"{kind}_count": 1, f"{kind}_fen": fen})
        for step, moment in enumerate(one.refund):
            name, sign = ("returned", 1) if step == 1 else ("refunded", -1)
            add(one, moment, net_fen=sign * back, **{f"{name}_count": 1, f"{name}_fen": back})
        if one.fee_at is not None:
            add(one, one.fee_at, fee_fen=1, net_fen=-1)
    return Counter({key: value for key, value in sums.items() if value})


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(PAYMENTS, max_size=12), scope=st.sampled_from(SCOPES))
async def test_statement_is_the_fold_of_what_moved(database: str, drawn: list[Drawn], scope: StaffScope) -> None:
    await PaymentsHouse().prepare()
    await _write(drawn)
    statements = Statements()
    for days in ((DAYS[0],), (DAYS[1],), DAYS):
        shown = await statements.summary(scope, days[0], days[-1])
        stated = Counter(
            {
                (row.department_code, row.channel, name): getattr(row, name)
                for row in shown.rows
                for name in row.__struct_fields__
                if name.endswith(("_fen", "_count")) and getattr(row, name)
            }
        )
        assert stated == _fold(drawn, scope, days)
        assert shown.total.ledger_agrees
        assert shown.total.net_fen == sum(row.net_fen for row in shown.rows)
    lines = [line async for page in statements.lines(scope, DAYS[0]) for line in page]
    signs = {"PAYMENT": 1, "REFUND": -1, "RETURNED": 1}
    net_fen = sum(signs[line.kind] * line.amount_fen for line in lines)
    total = (await statements.summary(scope, DAYS[0])).total
    assert net_fen == total.net_fen + total.fee_fen
    assert len(lines) == total.paid_count + total.refunded_count + total.returned_count
