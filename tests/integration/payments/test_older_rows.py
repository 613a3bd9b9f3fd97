"""Bills that were issued and paid before there was a fiscal platform, after the migrations that brought it."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
from tortoise.migrations.api import migrate as run_migrations

from app import db
from app.embedded import database_url
from app.ids import new_id
from app.migrate import migrate
from tests.fakes.payments_house import WECHAT_APP, WECHAT_MCH, PaymentsHouse

pytestmark = pytest.mark.anyio
_BEFORE = "models.0003_unsettled_bills"
_ACCOUNT = """
INSERT INTO payment_account (id, created_at, code, channel, mode, app_id, mch_id, sub_mch_id, sub_app_id,
       department_code, division_code, key_reference, enabled)
VALUES ($1, now(), 'wechat-default', 'WECHAT', 'DIRECT', $2, $3, '', '', '', '', 'settings', true)
"""
_BILL = """
INSERT INTO bill (id, created_at, updated_at, bill_no, payment_code, citizen_id, subject_kind, subject_no, purpose,
       title, lines, department_code, division_code, amount_fen, status, version, paid_at, paid_payment_id)
VALUES ($1, now(), now(), $2, $3, $4, 'APPLICATION', $5, 'fee', '工本费', '[]', '11140000012345678X', '140105', 2000,
        $6, 1, CASE WHEN $7::uuid IS NOT NULL THEN now() END, $7)
"""
_PAYMENT = """
INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id, mch_id, sub_mch_id,
       payer_subject, amount_fen, status, provider_status, provider_trade_no, prepay_reference, expires_at, paid_at,
       asked_count)
VALUES ($1, now(), now(), $2, $3, 'WECHAT', $4, $5, $6, '', 'oOLDER', 2000, 'SUCCEEDED', 'SUCCESS', '4200000001', '',
        now(), now(), 0)
"""
_PAIR = """
INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no, occurred_at)
VALUES ($1, now(), $3, $4, 2000, $6, $7, now()), ($2, now(), $3, $5, -2000, $6, $7, now())
"""


@pytest.fixture
async def older() -> AsyncIterator[str]:
    """A database of the house before, with an unpaid, a paid and a partly refunded bill; its URL."""
    server, name = os.environ["SJT_TEST_SERVER_URL"], f"t_{uuid.uuid4().hex}"
    link = await asyncpg.connect(server)
    await link.execute(f"CREATE DATABASE {name}")
    url = database_url(server, name)
    await run_migrations(config=db.tortoise_config(url), target=_BEFORE, direction="forward")
    await db.stop()
    yield url
    await db.stop()
    await link.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await link.close()


async def _write(url: str, citizen_id: uuid.UUID) -> None:
    link = await asyncpg.connect(url)
    account_id = new_id()
    await link.execute(_ACCOUNT, account_id, WECHAT_APP, WECHAT_MCH)
    for number, status in enumerate(("UNPAID", "PAID", "REFUNDING")):
        bill_id, payment_id = new_id(), None if status == "UNPAID" else new_id()
        bill_no, code = f"B{number}", f"1400002611210000000{number}"
        await link.execute(_BILL, bill_id, bill_no, code, citizen_id, f"A{number}", status, payment_id)
        await link.execute(_PAIR, new_id(), new_id(), f"bill.issued:{bill_no}", "receivable", "revenue", bill_no, "")
        if payment_id is not None:
            await link.execute(_PAYMENT, payment_id, f"P{number}", bill_id, account_id, WECHAT_APP, WECHAT_MCH)
            key = f"payment.succeeded:P{number}"
            await link.execute(_PAIR, new_id(), new_id(), key, "channel:WECHAT", "receivable", bill_no, "")
    await link.close()


async def test_older_bills_are_paid_and_confirmed_like_new_ones(older: str) -> None:
    house = PaymentsHouse()
    await _write(older, house.caller.citizen_id)
    await migrate(older)
    await db.start(older)
    await house.prepare()
    opened = await house.service.create(house.caller, "B0", "WECHAT")
    await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
    await house.drain()
    await house.service.sweeps.ask_fiscal()
    events = await house.drain()
    assert events.count("receipt.issued") == 2
    rows = await db.fetch_all("SELECT status, confirmed_at IS NOT NULL AS is_confirmed FROM bill ORDER BY bill_no")
    assert [tuple(row.values()) for row in rows] == [("CONFIRMED", True), ("CONFIRMED", True), ("REFUNDING", True)]
    assert house.fiscal.confirmed_fen == 6000
    assert (await house.service.check_ledger()).is_sound
