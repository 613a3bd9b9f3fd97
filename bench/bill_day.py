"""A made-up day of payments and the bill file of it; as a program, the reconciliation of that day in its own process.

`python -m bench.bill_day LINES FOLDER` prints seconds, peak memory and what the run found as JSON; the database and
the rest come from the environment, as the product reads them.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from app import clock, db
from app.clock import BEIJING
from app.settings import Settings
from bench.engines import ROOT
from bench.peak import peak_mib
from payments.channels.wechat_bills import lines_of
from payments.fiscal.neutral import FiscalEntry, FiscalEntryKind
from payments.reconciliation import run_repository
from payments.reconciliation.neutral import BillLine, FlowSum, day_begins_at
from payments.reconciliation.running import Runs

DAY = date(2026, 3, 10)
_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
_NUMBERED = "SELECT n, $2::timestamptz + n * interval '86400 seconds' / $1 AS at FROM generate_series(0, $1::int - 1) n"
_NUMBER = "'PBENCHDAY' || lpad(n::text, 15, '0')"
_BILLS = f"""
INSERT INTO bill (id, created_at, updated_at, bill_no, citizen_id, subject_kind, subject_no, purpose, title, lines,
       department_code, division_code, amount_fen, status, version, paid_at, paid_payment_id, confirmed_at)
SELECT md5('bill' || n)::uuid, at, at, 'BB' || n, md5('c' || n)::uuid, 'APPLICATION', 'BENCHDAY' || n, 'fee', '工本费',
       '[]', '11140000012345678X', '140105', 100 + n % 50000, 'CONFIRMED', 1, at, md5('payment' || n)::uuid, at
FROM ({_NUMBERED}) t
"""
_PAYMENTS = f"""
INSERT INTO payment (id, created_at, updated_at, out_trade_no, bill_id, channel, account_id, app_id, mch_id,
       payer_subject, amount_fen, status, provider_trade_no, expires_at, paid_at, sub_mch_id, provider_status,
       prepay_reference, asked_count)
SELECT md5('payment' || n)::uuid, at, at, {_NUMBER}, md5('bill' || n)::uuid, 'WECHAT',
       (SELECT id FROM payment_account WHERE code = 'wechat-default'), 'wx0', '19', 'o', 100 + n % 50000, 'SUCCEEDED',
       '42', at, at, '', 'SUCCESS', '', 0
FROM ({_NUMBERED}) t
"""
_LEDGER = f"""
INSERT INTO ledger_entry (id, created_at, transfer_key, account, amount_fen, bill_no, reference_no, occurred_at)
SELECT md5(account || n)::uuid, at, 'payment.succeeded:' || {_NUMBER}, account, sign * (100 + n % 50000), 'BB' || n,
       {_NUMBER}, at
FROM ({_NUMBERED}) t, (VALUES ('channel:WECHAT', 1), ('receivable', -1)) side (account, sign)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one reconciliation took and found."""

    seconds: float
    peak_mib: float
    paid_count: int
    discrepancy_count: int


async def seed(settings: Settings, lines: int) -> None:
    """Write so many paid and confirmed orders of the day, with their ledger pairs."""
    await db.start(settings.database_url)
    async with db.connection() as link:
        for statement in (_BILLS, _PAYMENTS, _LEDGER):
            await link.execute(statement, lines, day_begins_at(DAY), timeout=900)
        await link.execute("ANALYZE bill, payment, ledger_entry")
    await db.stop()


def write_bill(file: Path, lines: int) -> None:
    """Write the trade bill of the day as WeChat Pay prints it; one order is missing and one is nobody's."""
    first, total_fen = datetime.combine(DAY, time.min, BEIJING), 0
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(f"{_COLUMNS}\r\n")
        for n in range(lines):
            fen = 100 + n % 50_000
            total_fen += fen
            yuan, at = f"{fen // 100}.{fen % 100:02d}", first + timedelta(seconds=n * 86_400 // lines)
            number = "PNOBODY" if n == lines // 2 else f"PBENCHDAY{n:015d}"
            out.write(
                f"`{at:%F %T},`wx0123456789abcdef,`1900000001,`0,`,`42{n:026d},`{number},`o{'0' * 27},`JSAPI,`SUCCESS,"
                f"`OTHERS,`CNY,`{yuan},`0.00,`0,`0,`0.00,`0.00,`,`,`居民身份证换领工本费,`,`{fen * 6 / 100_000:.5f},"
                f"`0.60%,`{yuan},`0.00,`\r\n"
            )
        total = f"{total_fen // 100}.{total_fen % 100:02d}"
        out.write(f"总交易单数,订单总金额\r\n`{lines},`{total}\r\n")


def reconciled(lines: int, folder: Path) -> Measured:
    """Run the reconciliation in a process of its own; return what it took. The day must be seeded."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.bill_day", str(lines), str(folder)], stdout=subprocess.PIPE, cwd=ROOT, check=True
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


class _Files:
    """Bills that lie in a local file already (port BillFiles)."""

    has_flows = False

    def __init__(self, file: Path) -> None:
        self._file = file

    async def fetch_trades(self, day: date, target: Path) -> bool:
        await asyncio.to_thread(shutil.copyfile, self._file, target)
        return True

    async def fetch_flows(self, day: date, target: Path) -> bool:
        return False

    def read_trades(self, file: Path) -> Iterator[BillLine]:
        return lines_of(file)

    def read_flows(self, file: Path) -> FlowSum:
        return FlowSum(0, 0)


class _Platform:
    """A fiscal list that agrees with the day (what Runs uses of port FiscalPlatform)."""

    def __init__(self, lines: int) -> None:
        self._lines = lines

    async def list_day(self, business_on: date) -> AsyncIterator[FiscalEntry]:
        for n in range(self._lines if business_on == DAY else 0):
            number = f"PBENCHDAY{n:015d}"
            yield FiscalEntry(
                kind=FiscalEntryKind.PAYMENT,
                payment_code=f"140000{n:014d}",
                bill_no=f"BB{n}",
                out_trade_no=number,
                reference_no=number,
                amount_fen=100 + n % 50_000,
                booked_at=day_begins_at(DAY),
            )


async def _reconcile(lines: int, folder: Path) -> Measured:
    await db.start(os.environ["SJT_DATABASE_URL"], pool_max=4)
    day = await run_repository.find_day("wechat-default", DAY)
    assert day is not None, "the accounts of the settings are rows"
    started = clock.monotonic()
    await Runs(_Platform(lines), folder).run(day, _Files(folder / "bill.csv"), repair=True, progress=lambda count: None)
    seconds = clock.monotonic() - started
    found = await db.fetch_row("SELECT paid_count, discrepancy_count FROM reconciliation_run")
    await db.stop()
    assert found is not None, "the run has its row"
    return Measured(round(seconds, 2), peak_mib(), found["paid_count"], found["discrepancy_count"])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(_reconcile(int(sys.argv[1]), Path(sys.argv[2]))))) + "\n")
