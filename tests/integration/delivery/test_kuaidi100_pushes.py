"""快递100's pushes on a real database: what is signed is written once, and nothing that is posted breaks the door."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from app import clock, db
from app.crypto import FieldCipher
from app.storage import FileStore
from clients.couriers.kuaidi100.client import Kuaidi100Client
from clients.couriers.kuaidi100.types import Kuaidi100Account
from clients.transport import Transport
from services.delivery.couriers.kuaidi100 import Kuaidi100Courier
from services.delivery.couriers.table import CourierTable
from services.delivery.service import DeliveryService
from services.delivery.types import Push
from services.staff.audit import AuditTrail
from tests.fakes.told import booked_parcel

pytestmark = pytest.mark.anyio
WAYBILL = "1190000000001"
Tell = Callable[..., Awaitable[Any]]


@pytest.fixture
async def delivery(database: str, cipher: FieldCipher, tmp_path: Path) -> AsyncIterator[DeliveryService]:
    async with aiohttp.ClientSession() as session:
        client = Kuaidi100Client(Kuaidi100Account("http://127.0.0.1:9", "k", "c", "s"), Transport(session, "kuaidi100"))
        courier = Kuaidi100Courier(client, "https://example.invalid/callbacks/kuaidi100/token", "salt key")
        trail, storage = AuditTrail(secrets.token_bytes(32)), FileStore(f"file://{tmp_path}")
        yield DeliveryService(CourierTable({"KUAIDI100": courier}, usual="KUAIDI100"), cipher, trail, storage)


@pytest.fixture
def tell(delivery: DeliveryService) -> Tell:
    """Push content as 快递100 does, signed with the parcel's salt unless `sign` says otherwise."""

    async def push(number: str, content: Any, *, sign: str = "", **query: str) -> Any:
        param = content if isinstance(content, str) else json.dumps(content)
        salt = hmac.new(b"salt key", number.encode(), hashlib.sha256).hexdigest()[:32]
        form = {"param": param, "sign": sign or hashlib.md5((param + salt).encode()).hexdigest()}
        body = Push(body=urlencode(form).encode(), query={"shipment": number, **query})
        return json.loads(await delivery.tracking.receive("KUAIDI100", body))

    return push


def track(*events: tuple[str, str], **more: Any) -> dict[str, Any]:
    listed = [{"statusCode": code, "ftime": time, "context": code, "areaName": "山西,大同市"} for code, time in events]
    return {"status": "polling", "lastResult": {"com": "ems", "nu": WAYBILL, "state": "0", "data": listed}, **more}


def order(status: int, **more: Any) -> dict[str, Any]:
    return {"kuaidicom": "ems", "kuaidinum": WAYBILL, "data": {"orderId": "2006", "status": status, **more}}


def beijing(hours_ago: int) -> str:
    return clock.to_beijing(clock.now() - timedelta(hours=hours_ago)).strftime("%Y-%m-%d %H:%M:%S")


async def row_of(number: str) -> db.Row:
    row = await db.fetch_row("SELECT * FROM shipment WHERE shipment_no = $1", number)
    assert row is not None
    return row


async def test_whole_histories_are_written_once_and_corrections_kept(tell: Tell, cipher: FieldCipher) -> None:
    number = await booked_parcel(cipher, courier="KUAIDI100", waybill_no=WAYBILL)
    first = (("103", beijing(20)),)
    whole = (("304", beijing(1)), ("5", beijing(3)), *first)
    for content in (track(*first), track(*whole), track(*whole), track(*whole, comOld="ems", comNew="youzhengguonei")):
        assert (await tell(number, content))["returnCode"] == "200"
    row = await row_of(number)
    assert (row["status"], row["signed_as"], row["carrier"]) == ("DELIVERED", "LOCKER", "youzhengguonei")
    assert row["collect_hint"] == "304"
    codes = await db.fetch_all("SELECT code FROM tracking_event WHERE shipment_id = $1 ORDER BY occurred_at", row["id"])
    assert [each["code"] for each in codes if each["code"] != "BOOKED"] == ["103", "5", "304"]
    kinds = await db.fetch_all("SELECT carrier, kind FROM shipment_waybill WHERE shipment_id = $1", row["id"])
    assert ("youzhengguonei", "MAIN") in {(each["carrier"], each["kind"]) for each in kinds}
    assert (await tell(number, track(("6", beijing(0)), *whole, status="updateall")))["returnCode"] == "200"
    assert (await row_of(number))["status"] == "RETURNING"


async def test_order_callbacks_bring_number_phone_and_the_sum_of_fees(tell: Tell, cipher: FieldCipher) -> None:
    number = await booked_parcel(cipher, courier="KUAIDI100", waybill_no="")
    told = {"kind": "order", "at": str(clock.timestamp() - 7200)}
    for _ in range(2):
        await tell(number, order(10, courierMobile="13900000009", weight="0.5", freight="12.00"), **told)
        await tell(number, order(15, freight="12.00"), **told)
        await tell(number, order(15, freight="3.50"), **told)
    row = await row_of(number)
    assert (row["status"], row["waybill_no"], row["weight_grams"]) == ("PICKED_UP", WAYBILL, 500)
    assert row["freight_fen"] == 1550
    assert "13900000009" not in row["courier_phone_shown"]
    assert row["follow_after"] is not None
    await tell(number, order(99), **told)
    assert (await row_of(number))["status"] == "CANCELLED"


async def test_nothing_unsigned_is_written(tell: Tell, cipher: FieldCipher) -> None:
    number = await booked_parcel(cipher, courier="KUAIDI100", waybill_no=WAYBILL)
    before = await row_of(number)
    for query in ({}, {"kind": "order"}):
        assert (await tell(number, track(("301", beijing(1))), sign="0" * 32, **query))["returnCode"] == "500"
    assert await row_of(number) == before
    assert (await tell("SJNOBODY", track(("301", beijing(1)))))["returnCode"] == "200"


@pytest.mark.parametrize(
    "change",
    [
        {"ftime": "1900-01-01 00:00:00"},
        {"ftime": "9999-12-31 23:59:59"},
        {"context": "\x00\ud800" * 400, "statusCode": "\ud800" * 40},
        {"areaName": "山" * 5000},
        {"statusCode": 10**30},
    ],
)
async def test_odd_signed_values_are_kept_or_left_out(tell: Tell, cipher: FieldCipher, change: Any) -> None:
    number = await booked_parcel(cipher, courier="KUAIDI100", waybill_no=WAYBILL)
    content = track(("103", beijing(2)))
    content["lastResult"]["data"][0] |= change
    assert (await tell(number, content))["returnCode"] == "200"
    assert (await tell(number, order(15, freight="99999999999.99", weight="1e300"), kind="order"))[
        "returnCode"
    ] == "200"
