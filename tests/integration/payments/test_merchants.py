"""Merchant accounts as rows: who collects, keys that change under way, disabled and broken ones, several processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import db, metrics
from app.clock import now
from app.db import Transaction
from app.errors import CallbackRejected, Conflict, NotFound
from app.ids import new_id
from payments.merchants import repository
from payments.merchants.intake import FaultyImport
from payments.merchants.ports import UnusableMerchant
from payments.merchants.records import FETCH_CERTIFICATES, SETTINGS, Merchant, PlatformKey, StoredKey
from payments.types import Account
from tests.fakes.merchant_factory import FakeFactory, KeyedChannel
from tests.fakes.payments_house import WECHAT_APP, WECHAT_MCH, PaymentsHouse

pytestmark = pytest.mark.anyio
DEPARTMENT = "11140100MB000110X4"
PARTNER = Account(
    code="traffic",
    channel="WECHAT",
    mode="PARTNER",
    app_id="wxfedcba9876543210",
    mch_id="1900000100",
    sub_mch_id="1900000109",
    sub_app_id=WECHAT_APP,
    department_code=DEPARTMENT,
)


class Memory:
    """A witness that remembers."""

    def __init__(self) -> None:
        self.acts: list[tuple[str, str]] = []

    async def __call__(self, tx: Transaction, action: str, code: str, details: Mapping[str, Any]) -> None:
        self.acts.append((action, code))


@pytest.fixture
async def house(database: str) -> PaymentsHouse:
    made = PaymentsHouse(factory=FakeFactory())
    await made.prepare()
    return made


def key(name: str, days: float | None = None) -> PlatformKey:
    return PlatformKey(name, f"KEY {name}", None if days is None else now() + timedelta(days=days))


def merchant(account: Account = PARTNER, *keys: PlatformKey, **changed: Any) -> Merchant:
    values: dict[str, Any] = {
        "key_reference": "traffic",
        "serial_no": "0A1B2C3D",
        "fetches_certificates": False,
        "enabled": True,
    }
    stored = tuple(StoredKey(key=each, active=True) for each in keys or (key("OLD"),))
    return Merchant(id=new_id(), account=account, keys=stored, **(values | changed))


async def save(house: PaymentsHouse, *merchants: Merchant) -> None:
    """Import accounts as an operator does; nothing else tells the room."""
    planned, _ = await house.service.merchants.plan(merchants)
    await house.service.merchants.import_merchants(planned, Memory())


def factory_of(house: PaymentsHouse) -> FakeFactory:
    assert isinstance(house.factory, FakeFactory)
    return house.factory


def channel_of(house: PaymentsHouse, code: str) -> KeyedChannel:
    found = house.service.merchants.present.made[code].channel
    assert isinstance(found, KeyedChannel)
    return found


async def open_at(house: PaymentsHouse, department: str = DEPARTMENT, division: str = "140100") -> tuple[str, str, str]:
    """Open an order for a bill; return bill, order and the account that got it."""
    bill = await house.issue(department_code=department, division_code=division)
    await house.drain()
    opened = await house.service.create(house.caller, bill.bill_no, "WECHAT")
    row = await db.fetch_row(
        "SELECT a.code FROM payment p JOIN payment_account a ON a.id = p.account_id WHERE p.out_trade_no = $1",
        opened.out_trade_no,
    )
    assert row is not None
    return bill.bill_no, opened.out_trade_no, row["code"]


async def call_back(house: PaymentsHouse, content: dict[str, str], serial: str, mch_id: str = PARTNER.mch_id) -> None:
    headers = {"signature": "genuine", "serial": serial}
    await house.service.receive("WECHAT", mch_id, headers, json.dumps(content).encode())


@asynccontextmanager
async def watched(*houses: PaymentsHouse) -> AsyncIterator[None]:
    """Let each process of the product look after its accounts."""
    tasks = [asyncio.create_task(each.service.merchants.watch()) for each in houses]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def eventually(condition: Any, seconds: float = 10.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "nothing happened within ten seconds"
        await asyncio.sleep(0.05)


async def test_bill_goes_to_its_department_then_its_division_then_anybody(house: PaymentsHouse) -> None:
    city = replace(PARTNER, code="city", sub_mch_id="1900000110", department_code="", division_code="1401")
    await save(house, merchant(), merchant(city))
    await house.service.merchants.reload()
    assert (await open_at(house))[2] == "traffic"
    assert (await open_at(house, "11140105MB0001177F", "140105"))[2] == "city"
    assert (await open_at(house, "11140702MB0001329F", "140702"))[2] == "wechat-default"


async def test_order_keeps_what_it_was_opened_under(house: PaymentsHouse) -> None:
    await save(house, merchant())
    _, number, _ = await open_at(house)
    row = await db.fetch_row("SELECT app_id, mch_id, sub_mch_id FROM payment WHERE out_trade_no = $1", number)
    assert row is not None
    assert tuple(row.values()) == (WECHAT_APP, PARTNER.mch_id, PARTNER.sub_mch_id)


async def test_account_that_was_just_added_serves_at_once(house: PaymentsHouse) -> None:
    await house.service.merchants.reload()
    await save(house, merchant())
    assert (await open_at(house))[2] == "traffic", "nobody had told this process"


async def test_first_callback_of_an_account_finds_it(house: PaymentsHouse) -> None:
    other = PaymentsHouse(factory=FakeFactory())
    factory_of(other).orders = factory_of(house).orders
    await save(house, merchant())
    bill_no, number, _ = await open_at(house)
    await call_back(other, channel_of(house, "traffic").pay(number), "OLD")
    assert await house.bill_status(bill_no) == "PAID"


async def test_sub_merchants_share_an_address_and_are_told_apart(house: PaymentsHouse) -> None:
    other = replace(PARTNER, code="other", sub_mch_id="1900000111", department_code="11140100MB0001097K")
    await save(house, merchant(), merchant(other))
    bill_no, number, _ = await open_at(house)
    other_bill, other_number, code = await open_at(house, other.department_code)
    assert code == "other"
    lie = channel_of(house, "traffic").pay(number) | {"sub_mch_id": other.sub_mch_id}
    await call_back(house, lie, "OLD")
    assert await house.bill_status(bill_no) == "PAYING"
    await call_back(house, channel_of(house, "other").pay(other_number), "OLD")
    assert await house.bill_status(other_bill) == "PAID"
    await call_back(house, channel_of(house, "traffic").callback(number), "OLD")
    assert await house.bill_status(bill_no) == "PAID"
    rows = await db.fetch_all("SELECT reason FROM quarantined_callback")
    assert [row["reason"] for row in rows] == ["wrong_merchant"]


async def test_key_is_rotated_while_both_sign(house: PaymentsHouse) -> None:
    await save(house, merchant())
    merchants, memory = house.service.merchants, Memory()
    async with watched(house):
        bills = [await open_at(house) for _ in range(4)]
        channel = channel_of(house, "traffic")
        with pytest.raises(CallbackRejected):
            await call_back(house, channel.pay(bills[0][1]), "NEW")
        await merchants.add_key("traffic", key("NEW"), memory)
        await eventually(lambda: {"OLD", "NEW"} <= channel_of(house, "traffic").key_ids)
        for (_, number, _), serial in zip(bills, ("NEW", "OLD", "NEW", "OLD"), strict=True):
            content = channel.callback(number) if number == bills[0][1] else channel.pay(number)
            await call_back(house, content, serial)
        assert [await house.bill_status(bill) for bill, _, _ in bills] == ["PAID"] * 4
        await merchants.retire_key("traffic", "OLD", memory)
        await eventually(lambda: channel_of(house, "traffic").key_ids == {"NEW"})
        with pytest.raises(CallbackRejected):
            await call_back(house, channel.callback(bills[0][1]), "OLD")
    assert memory.acts == [("merchant.key_added", "traffic"), ("merchant.key_retired", "traffic")]


async def test_retired_key_may_come_back_but_the_last_stays(house: PaymentsHouse) -> None:
    await save(house, merchant())
    merchants = house.service.merchants
    with pytest.raises(Conflict) as last:
        await merchants.retire_key("traffic", "OLD", Memory())
    assert last.value.stable_code == "last_key"
    with pytest.raises(NotFound):
        await merchants.retire_key("traffic", "NEVER", Memory())
    await merchants.add_key("traffic", key("NEW"), Memory())
    await merchants.retire_key("traffic", "OLD", Memory())
    await merchants.add_key("traffic", key("OLD"), Memory())
    await merchants.reload()
    assert channel_of(house, "traffic").key_ids == {"OLD", "NEW"}
    with pytest.raises(Conflict):
        await merchants.add_key("traffic", PlatformKey("OLD", "KEY another"), Memory())
    with pytest.raises(UnusableMerchant):
        await merchants.add_key("traffic", PlatformKey("WORSE", "no pem"), Memory())


async def test_disabled_account_takes_no_order_but_follows_its_own(house: PaymentsHouse) -> None:
    await save(house, merchant())
    paid_bill, paid, _ = await open_at(house)
    waiting_bill, waiting, _ = await open_at(house)
    memory = Memory()
    assert await house.service.merchants.set_enabled("traffic", False, memory)
    assert not await house.service.merchants.set_enabled("traffic", False, memory)
    assert memory.acts == [("merchant.disabled", "traffic")]
    await house.service.merchants.reload()
    assert (await open_at(house))[2] == "wechat-default"
    channel = channel_of(house, "traffic")
    await call_back(house, channel.pay(paid), "OLD")
    await house.drain()
    assert await house.bill_status(paid_bill) == "CONFIRMED"
    refund_no = await house.refund(paid, 2000)
    await house.drain()
    assert channel.orders[paid].refunds == {refund_no: 2000}
    await house.service.settle_order(waiting)
    assert await house.bill_status(waiting_bill) == "UNPAID"
    assert str(channel.orders[waiting].standing) == "CLOSED"


async def test_broken_row_disables_only_itself(house: PaymentsHouse) -> None:
    factory = factory_of(house)
    factory.broken["traffic"] = "缺少密钥文件 traffic/apiv3_key"
    await save(house, merchant())
    await house.service.merchants.reload()
    assert metrics.UNUSABLE_MERCHANTS._value.get() == 1
    with pytest.raises(NotFound) as refused:
        await open_at(house)
    assert refused.value.stable_code == "channel_unknown"
    assert await db.fetch_all("SELECT id FROM payment") == []
    assert (await open_at(house, "11140702MB0001329F", "140702"))[2] == "wechat-default"
    findings = await house.service.merchants.check()
    assert [(f.code, f.text, f.usable) for f in findings] == [("traffic", factory.broken["traffic"], False)]
    factory.broken.clear()
    factory.files += 1
    assert (await open_at(house))[2] == "traffic", "the file was put there meanwhile"
    assert metrics.UNUSABLE_MERCHANTS._value.get() == 0


async def test_two_processes_follow_one_row(house: PaymentsHouse) -> None:
    other = PaymentsHouse(factory=FakeFactory())
    factory_of(other).orders = factory_of(house).orders
    async with watched(house, other):
        await save(house, merchant())
        await eventually(lambda: "traffic" in other.service.merchants.present.made)
        await eventually(lambda: "OLD" in channel_of(other, "traffic").key_ids)
        bill_no, number, _ = await open_at(house)
        await call_back(other, channel_of(other, "traffic").pay(number), "OLD")
        assert await house.bill_status(bill_no) == "PAID"
        await house.service.merchants.add_key("traffic", key("NEW"), Memory())
        await eventually(lambda: all("NEW" in channel_of(each, "traffic").key_ids for each in (house, other)))


async def test_nothing_is_made_anew_while_nothing_changes(house: PaymentsHouse) -> None:
    await save(house, merchant())
    assert await house.service.merchants.reload()
    made = factory_of(house).made
    assert not await house.service.merchants.reload()
    for _ in range(3):
        with pytest.raises(NotFound):
            await call_back(house, {}, "OLD", "1999999999")
    assert factory_of(house).made == made


async def test_database_away_at_start_leaves_the_settings_account_and_is_tried_again(house: PaymentsHouse) -> None:
    await save(house, merchant())
    await db.fetch_all("ALTER TABLE payment_account_key RENAME TO elsewhere")
    async with watched(house):
        await asyncio.sleep(0.2)
        assert house.service.merchants.present.made == {}
        bill_no = (await house.issue()).bill_no
        await house.drain()
        opened = await house.service.create(house.caller, bill_no, "WECHAT")
        await house.notify("WECHAT", house.wechat.pay(opened.out_trade_no))
        assert await house.bill_status(bill_no) == "PAID"
        await db.fetch_all("ALTER TABLE elsewhere RENAME TO payment_account_key")
        await eventually(lambda: "traffic" in house.service.merchants.present.made)


async def test_settings_account_believes_rows_beside_its_own_keys(house: PaymentsHouse) -> None:
    await house.service.merchants.add_key("wechat-default", key("ROW"), Memory())
    await house.service.merchants.reload()
    assert channel_of(house, "wechat-default").key_ids == {"settings", "ROW"}
    await house.service.merchants.retire_key("wechat-default", "ROW", Memory())
    await house.service.merchants.reload()
    assert channel_of(house, "wechat-default").key_ids == {"settings"}


async def test_import_changes_what_differs_and_never_who_an_account_is(house: PaymentsHouse) -> None:
    merchants, memory = house.service.merchants, Memory()
    planned, _ = await merchants.plan([merchant()])
    assert [each.kind for each in planned] == ["新增"]
    await merchants.import_merchants(planned, memory)
    planned, _ = await merchants.plan([merchant()])
    assert [each.kind for each in planned] == ["未变"]
    await merchants.import_merchants(planned, memory)
    moved = replace(PARTNER, division_code="1401")
    planned, _ = await merchants.plan([merchant(moved, key("OLD"), key("NEW"))])
    assert planned[0].changes == {"division_code": ["", "1401"], "keys": [[], ["NEW"]]}
    await merchants.import_merchants(planned, memory)
    stored = {each.account.code: each for each in await merchants.all()}["traffic"]
    assert (stored.account.division_code, [k.key_id for k in stored.active_keys]) == ("1401", ["OLD", "NEW"])
    with pytest.raises(FaultyImport, match="sub_mch_id 不可更改"):
        await merchants.plan([merchant(replace(PARTNER, sub_mch_id="1900000999"))])
    assert memory.acts == [("merchant.imported", "traffic")] * 2


async def _waiting_jobs() -> list[str]:
    rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = $1", FETCH_CERTIFICATES)
    return [json.loads(row["payload"])["code"] for row in rows]


async def test_unknown_certificate_is_refused_and_fetched_by_one_job(house: PaymentsHouse) -> None:
    await save(house, merchant(PARTNER, key("C1", 100), fetches_certificates=True))
    certificates = factory_of(house).certificates
    certificates.offered = [key("C1", 100), key("C2", 1800)]
    bill_no, number, _ = await open_at(house)
    await house.drain()
    content = channel_of(house, "traffic").pay(number)
    for _ in range(5):
        with pytest.raises(CallbackRejected):
            await call_back(house, content, "C2")
    assert await _waiting_jobs() == ["traffic"]
    assert certificates.fetched == 0, "never inside the callback"
    await house.drain()
    await call_back(house, content, "C2")
    assert await house.bill_status(bill_no) == "PAID"
    stored = {each.account.code: each for each in await repository.list_merchants()}["traffic"]
    assert [k.key_id for k in stored.active_keys] == ["C1", "C2"], "all that have not ended stay"


async def test_account_in_another_mode_fetches_nothing(house: PaymentsHouse) -> None:
    await save(house, merchant())
    await open_at(house)
    with pytest.raises(CallbackRejected):
        await call_back(house, {}, "UNKNOWN")
    assert await _waiting_jobs() == []


async def test_first_certificates_are_fetched_without_being_asked_for(house: PaymentsHouse) -> None:
    account = merchant(PARTNER, key("ENDED", -1), fetches_certificates=True)
    await save(house, account)
    async with watched(house):
        await eventually(lambda: "traffic" in house.service.merchants.present.made)
        await asyncio.sleep(0.1)
    assert await _waiting_jobs() == ["traffic"]


async def test_sweep_fetches_and_watches_the_end(house: PaymentsHouse) -> None:
    await save(house, merchant(PARTNER, key("C1", 3), fetches_certificates=True))
    factory_of(house).certificates.offered = [key("C1", 3)]
    _, sweep = house.service.merchants.sweeps()["payments.fetch_certificates"]
    await sweep()
    gauge = metrics.CERTIFICATE_DAYS_LEFT.labels("traffic")
    assert 2 < gauge._value.get() < 3
    factory_of(house).certificates.offered = [key("C1", 3), key("C2", 1800)]
    await sweep()
    assert gauge._value.get() > 1000
    assert channel_of(house, "traffic").key_ids == {"C1", "C2"}


async def test_settings_reference_is_a_plain_word(house: PaymentsHouse) -> None:
    stored = {each.account.code: each for each in await house.service.merchants.all()}
    assert stored["wechat-default"].key_reference == SETTINGS
    assert stored["wechat-default"].address == ("WECHAT", WECHAT_MCH)
