"""Which account takes the money, and what a success is compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.ids import new_id
from app.settings import Settings
from payments.accounts import accounts_of, choose
from payments.checks import payment_mismatch
from payments.neutral import PaymentNotified
from payments.records import BillRecord
from payments.settlement_repository import Expected
from payments.types import Account

WECHAT = Account(code="general", channel="WECHAT", app_id="wx1", mch_id="1900000001")
BILL = BillRecord(
    id=new_id(),
    bill_no="B1",
    citizen_id=new_id(),
    subject_no="A1",
    title="工本费",
    amount_fen=2000,
    status="UNPAID",
    department_code="11140000012345678X",
    division_code="140105",
    due_at=None,
)
EVENT = PaymentNotified(
    provider="alipay",
    event_key="paid:1",
    occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
    out_trade_no="P1",
    provider_trade_no="42",
    provider_status="TRADE_SUCCESS",
    app_id="2021",
    mch_id="2088101117955611",
    sub_mch_id="",
    amount_fen=2000,
    currency="CNY",
    payer_subjects=(),
)
KNOWN = Expected(
    new_id(), new_id(), "ALIPAY", "AWAITING", 2000, "2021", "2088101117955611", "", "0open-id", "", "B1", "PAYING",
    new_id(), "A1", "工本费",
)  # fmt: skip


def test_department_is_preferred_then_the_longest_division() -> None:
    city = replace(WECHAT, code="city", division_code="1401")
    department = replace(WECHAT, code="department", department_code=BILL.department_code)
    other_city = replace(WECHAT, code="other", division_code="1402")
    rows = [(new_id(), account) for account in (WECHAT, other_city, city, department)]
    assert choose(rows, BILL, "wx1")[1].code == "department"  # type: ignore[index]  # found by the lines above
    assert choose(rows[:3], BILL, "wx1")[1].code == "city"  # type: ignore[index]  # as above
    assert choose(rows, BILL, "wx2") is None


def test_settings_name_one_account_a_channel() -> None:
    settings = Settings(
        wechat_app_id="wx1", wechat_pay_mch_id="1900000001", alipay_app_id="2021", alipay_seller_id="2088"
    )
    assert [(a.channel, a.app_id, a.mch_id) for a in accounts_of(settings)] == [
        ("WECHAT", "wx1", "1900000001"),
        ("ALIPAY", "2021", "2088"),
    ]
    assert accounts_of(Settings()) == ()


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), ""),
        (("0open-id",), ""),
        (("2088000000000001",), ""),
        (("0open-id", "2088000000000001"), ""),
        (("0another", "2088000000000001"), "other_payer"),
    ],
)
def test_payer_is_compared_under_our_kind_of_name(names: tuple[str, ...], reason: str) -> None:
    assert payment_mismatch(replace(EVENT, payer_subjects=names), KNOWN) == reason
