"""Bill files as they must not be: the run fails with the line, and nothing else is changed by it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from app import db
from payments.channels.alipay_bills import lines_of as alipay_lines
from payments.channels.wechat_bills import lines_of as wechat_lines
from payments.reconciliation.neutral import BillLine
from tests.fakes.bill_files import FakeBillFiles
from tests.fakes.payments_house import PaymentsHouse

pytestmark = pytest.mark.anyio
VECTORS = Path(__file__).parents[2] / "vectors"
TRADE = base64.b64decode(json.loads((VECTORS / "wechat.json").read_text())["bills"][0]["csv_b64"])
ZIP = base64.b64decode(json.loads((VECTORS / "alipay.json").read_text())["bill_zip"]["zip_base64"])
DAY = date(2026, 1, 1)
LINES = TRADE.splitlines(keepends=True)


class LocalBills(FakeBillFiles):
    """Gives these bytes for every day and reads them as the adapter of a provider does."""

    def __init__(self, content: bytes, channel: str) -> None:
        super().__init__()
        self._content = content
        self._read = wechat_lines if channel == "WECHAT" else alipay_lines

    async def fetch_trades(self, day: date, target: Path) -> bool:
        target.write_bytes(self._content)
        return True

    def read_trades(self, file: Path) -> Iterator[BillLine]:
        return self._read(file)


def csv_of(packed: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return archive.read(archive.infolist()[0]).decode("gb18030")


def zip_of(content: bytes, name: str = "x_业务明细.csv") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


DETAIL = csv_of(ZIP)
ROW = next(n for n, text in enumerate(DETAIL.splitlines(), 1) if "68.50" in text)


def alipay(old: str, new: str) -> bytes:
    assert old in DETAIL
    return zip_of(DETAIL.replace(old, new, 1).encode("gb18030"))


async def everything() -> list[list[str]]:
    tables = "payment bill refund ledger_entry inbox_event discrepancy pgqueuer".split()
    return [[str(row) for row in await db.fetch_all(f"SELECT * FROM {table} ORDER BY 1")] for table in tables]


@pytest.mark.parametrize(
    ("content", "fault", "line"),
    [
        (b"".join(LINES[:3]), "no_summary", 4),
        (b"".join(LINES[:-1]), "columns", 6),
        (b"".join(LINES[:2] + LINES[3:]), "row_count", 5),
        (LINES[0] + LINES[1].replace(b",`CNY", b"", 1) + b"".join(LINES[2:]), "columns", 2),
        (TRADE.replace(b"`40.00,`", b"`4o.00,`"), "row", 2),
        (TRADE.replace(b"`2026-01-01 09", b"`2026-13-01 09", 1), "row", 2),
        (TRADE.replace(b"`50.50", b"`50.51"), "sum", 6),
        (TRADE.replace(b"JSAPI", b"\xff\xfe", 1), "encoding", 2),
        (TRADE.replace(b"JSAPI", b"JS\0PI", 1), "encoding", 2),
        (b"<html>busy</html>", "header", 1),
        (b"", "no_summary", 2),
    ],
    ids="cut no_totals lost_row lost_column amount time sum utf8 nul html empty".split(),
)
async def test_wechat_bill_fails_the_run_at_its_line(
    content: bytes, fault: str, line: int, house: PaymentsHouse
) -> None:
    house.wechat.bills = LocalBills(content, "WECHAT")
    before = await everything()
    seen = await house.service.reconciliation.run("wechat-default", DAY)
    assert (seen.status, seen.fault, seen.fault_line) == ("FAILED", fault, line)
    assert (seen.paid_count, seen.discrepancy_count) == (0, 0)
    assert await everything() == before


@pytest.mark.parametrize(
    ("content", "cause", "line"),
    [
        (b"PK not a zip", "BadZipFile", None),
        (ZIP[: len(ZIP) // 2], "BadZipFile", None),
        (zip_of(b"x", "other.csv"), "no detail file", None),
        (alipay("68.50", "lots"), "not an amount in yuan", ROW),
        (alipay("交易     ,", ""), "wrong number of columns", ROW),
        (alipay("商户订单号", "订单号"), "headings are missing", ROW - 1),
        (alipay("#交易合计：1笔", "#交易合计：2笔"), "total differs", None),
        (zip_of(DETAIL.encode("gb18030").replace(b"68.50", b"\xff\xff", 1)), "UnicodeDecodeError", ROW),
    ],
    ids="not_zip cut no_detail amount columns heading total not_gbk".split(),
)
async def test_alipay_bill_fails_the_run_at_its_line(
    content: bytes, cause: str, line: int | None, house: PaymentsHouse
) -> None:
    house.alipay.bills = LocalBills(content, "ALIPAY")
    before = await everything()
    seen = await house.service.reconciliation.run("alipay-default", DAY)
    assert (seen.status, seen.fault) == ("FAILED", f"unreadable_bill: {cause}")
    if line is not None:
        assert seen.fault_line == line
    assert await everything() == before


async def test_bills_of_the_vectors_are_read_whole(house: PaymentsHouse) -> None:
    house.wechat.bills, house.alipay.bills = LocalBills(TRADE, "WECHAT"), LocalBills(ZIP, "ALIPAY")
    wechat = await house.service.reconciliation.run("wechat-default", DAY)
    assert (wechat.paid_count, wechat.paid_fen, wechat.refund_count, wechat.refund_fen) == (2, 5050, 1, 4000)
    alipay = await house.service.reconciliation.run("alipay-default", DAY)
    assert (alipay.paid_count, alipay.paid_fen, alipay.refund_count, alipay.refund_fen) == (1, 6850, 1, 1000)
    assert alipay.fee_fen == 41 - 6
