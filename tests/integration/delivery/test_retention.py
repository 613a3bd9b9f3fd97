"""Forgetting: to whom a parcel went is known for its time only; what it was and when stays."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.storage import FileStore
from services.delivery.neutral_cargo import on_waybill
from services.delivery.retention import Retention
from services.delivery.service import DeliveryService
from services.delivery.types import Choice, Contact, DeliveryMethod, ShipmentOrder
from tests.fakes.couriers import MemoryCourier

pytestmark = pytest.mark.anyio
HOME = Contact(name="张伟", phone="13800000001", address="山西省太原市小店区长风街1号院2号楼301")
HALL = Contact(name="出件窗口", phone="0351-7190110", address="山西省太原市小店区人民南路2号")
_NOW = clock.now()


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(f"file://{tmp_path}")


@pytest.fixture
def retention(files: FileStore, cipher: FieldCipher) -> Retention:
    return Retention(files, cipher, 180, 730)


async def _sent(delivery: DeliveryService, subject_no: str = "CASE1") -> str:
    shown = "*伟 138****0001 山西省太原市小店区长风街1号院***"
    choice = Choice(subject_no, uuid.uuid4(), DeliveryMethod.COURIER, "140105", HOME, shown)
    await delivery.choose(choice)
    number = await delivery.request_shipment(ShipmentOrder(subject_no, "居民身份证", HALL, "140105", "D1"))
    assert number is not None
    await delivery.booking.book({"shipment_no": number})
    return number


async def _ended(number: str, days_ago: int, status: str = "DELIVERED") -> None:
    at = _NOW - timedelta(days=days_ago)
    await db.execute("UPDATE shipment SET status = $2, last_event_at = $3 WHERE shipment_no = $1", number, status, at)


async def _row(number: str) -> db.Row:
    row = await db.fetch_row("SELECT * FROM shipment WHERE shipment_no = $1", number)
    assert row is not None
    return row


async def test_contact_is_forgotten_in_its_time_and_the_hash_stays(
    delivery: DeliveryService, courier: MemoryCourier, retention: Retention, files: FileStore
) -> None:
    number = await _sent(delivery)
    assert courier.orders[number].cargo == "文件"
    await db.execute(
        "INSERT INTO tracking_event (id, occurred_at, received_at, shipment_id, event_key, code, state, text, place,"
        " confirmed)"
        " SELECT gen_random_uuid(), $2, $2, id, 'k', '80', 'DELIVERED', '张伟 138 签收', '太原市', true FROM shipment"
        " WHERE shipment_no = $1",
        number,
        _NOW - timedelta(days=181),
    )
    await files.put("labels/a.pdf", b"%PDF-")
    await db.execute("UPDATE shipment SET label_key = 'labels/a.pdf' WHERE shipment_no = $1", number)
    await _ended(number, 179)
    await retention.forget()
    assert (await _row(number))["redacted_at"] is None

    await _ended(number, 181)
    before = await _row(number)
    await retention.forget()
    row = await _row(number)
    assert (row["receiver_cipher"], row["receiver_shown"], row["label_key"]) == (None, "山西省太原市小店区", "")
    assert row["redacted_at"] is not None
    assert row["receiver_hash"] == before["receiver_hash"] != ""
    assert (row["waybill_no"], row["status"], row["cargo"]) == (before["waybill_no"], "DELIVERED", "居民身份证")
    event = await db.fetch_row("SELECT text, code FROM tracking_event WHERE code = '80'")
    assert event is not None
    assert (event["text"], event["code"]) == ("", "80")
    choice = await db.fetch_row("SELECT receiver_cipher, receiver_shown, method FROM delivery_choice")
    assert choice is not None
    assert (choice["receiver_cipher"], choice["receiver_shown"]) == (None, "山西省太原市小店区")
    with pytest.raises(Exception, match="文件不存在"):
        await files.get("labels/a.pdf")
    assert (await delivery.find_shipment(number)).receiver_shown == "山西省太原市小店区"
    await retention.forget()
    assert (await _row(number))["redacted_at"] == row["redacted_at"]


async def test_parcel_of_a_former_version_keeps_hash_and_division_too(
    delivery: DeliveryService, retention: Retention
) -> None:
    first, number = await _sent(delivery), await _sent(delivery, "CASE2")
    await db.execute(
        "UPDATE shipment SET receiver_hash = '', to_division_code = '' WHERE shipment_no = $1",
        number,
    )
    await _ended(number, 181)
    await retention.forget()
    row = await _row(number)
    assert (row["receiver_cipher"], row["receiver_shown"]) == (None, "山西省太原市小店区")
    assert row["receiver_hash"] == (await _row(first))["receiver_hash"] != ""


@pytest.mark.parametrize(
    ("status", "days", "forgotten"),
    [("RETURNED", 181, True), ("LOST", 181, True), ("IN_TRANSIT", 181, False), ("EXCEPTION", 731, True)],
)
async def test_parcel_that_never_ends_is_kept_until_its_events_go(
    delivery: DeliveryService, retention: Retention, status: str, days: int, forgotten: bool
) -> None:
    number = await _sent(delivery)
    await _ended(number, days, status)
    await retention.forget()
    assert ((await _row(number))["receiver_cipher"] is None) is forgotten


async def test_choice_stays_while_another_parcel_of_it_is_under_way(
    delivery: DeliveryService, retention: Retention
) -> None:
    first = await _sent(delivery)
    await db.execute(
        "INSERT INTO shipment (id, created_at, updated_at, shipment_no, subject_no, citizen_id, courier, cargo, sender,"
        " receiver_cipher, leg, status, custody, version, asked_count, attempt, waybill_no,"
        " receiver_shown, last_event_at)"
        " SELECT gen_random_uuid(), created_at, updated_at, 'SJ2', subject_no, citizen_id, courier, cargo, sender,"
        " receiver_cipher, leg, 'IN_TRANSIT', custody, 1, 0, 2, '', '', $2 FROM shipment WHERE shipment_no = $1",
        first,
        _NOW,
    )
    await _ended(first, 200)
    await retention.forget()
    assert (await _row(first))["receiver_cipher"] is None
    choice = await db.fetch_row("SELECT receiver_cipher FROM delivery_choice")
    assert choice is not None
    assert choice["receiver_cipher"] is not None
    await _ended("SJ2", 181)
    await retention.forget()
    assert await db.fetch_all("SELECT id FROM delivery_choice WHERE receiver_cipher IS NOT NULL") == []


async def test_choice_that_led_to_nothing_is_forgotten_late(delivery: DeliveryService, retention: Retention) -> None:
    await delivery.choose(Choice("CASE2", uuid.uuid4(), DeliveryMethod.COURIER, "110105", HOME, "*伟"))
    for days, left in ((729, 1), (731, 0)):
        await db.execute("UPDATE delivery_choice SET updated_at = $1", _NOW - timedelta(days=days))
        await retention.forget()
        rows = await db.fetch_all("SELECT receiver_shown FROM delivery_choice WHERE receiver_cipher IS NOT NULL")
        assert len(rows) == left
    row = await db.fetch_row("SELECT receiver_shown FROM delivery_choice")
    assert row is not None
    assert row["receiver_shown"] == "北京市朝阳区"


async def test_choices_behind_a_shared_parcel_are_forgotten_with_it(
    delivery: DeliveryService, retention: Retention
) -> None:
    choice = Choice("PACK", uuid.uuid4(), DeliveryMethod.COURIER, "140105", HOME, "*伟")
    await delivery.choose_together(choice, {"PACK-1": DeliveryMethod.COURIER, "PACK-2": DeliveryMethod.COURIER})
    number = await delivery.send_together(
        ShipmentOrder("PACK", "一件事办理结果", HALL, "140105", "D1"), ["PACK-1", "PACK-2"]
    )
    assert number is not None
    await _ended(number, 181)
    await retention.forget()
    assert await db.fetch_all("SELECT subject_no FROM delivery_choice WHERE receiver_cipher IS NOT NULL") == []


@pytest.mark.parametrize(
    ("cargo", "word"), [("居民身份证", "文件"), ("残疾人证等3件", "文件"), ("机动车号牌", "物品"), ("", "文件")]
)
def test_waybill_says_nothing_of_the_case(cargo: str, word: str) -> None:
    assert on_waybill(cargo) == word
