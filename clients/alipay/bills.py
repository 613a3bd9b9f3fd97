"""The daily bill (对账单): asks for its address, downloads the ZIP, reads the GBK detail rows one by one.

Reconciliation calls it. `read_bill` blocks (ZIP and CSV): run it in a thread. Nothing but the given file is written.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO
from urllib.parse import urlsplit

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from app.money import parse_yuan
from clients.alipay.failures import is_code
from clients.alipay.gateway import AlipayGateway
from clients.alipay.values import text

_METHOD = "alipay.data.dataservice.bill.downloadurl.query"
_BILL_HOST = ".alipay.com"
_LARGEST_UNPACKED_BYTES = 1024 * 1024 * 1024
_LARGEST_ZIP_BYTES = 256 * 1024 * 1024
_NO_BILL = ("NO_BILL_DATA", "BILL_NOT_EXIST")


@dataclass(frozen=True, slots=True)
class BillRow:
    """One money movement of the bill, refunds with negative fen as Alipay prints them; times aware UTC."""

    trade_no: str
    out_trade_no: str
    is_refund: bool
    out_request_no: str
    amount_fen: int
    received_fen: int
    service_fee_fen: int
    finished_at: datetime
    remark: str


async def download_trade_bill(gateway: AlipayGateway, bill_on: date, file: BinaryIO) -> bool:
    """Fetch the trade bill of a Beijing day into `file` (a ZIP, rewound); False when the day has no bill.

    The address is good for 30 seconds, so it is asked for and used in one go. Days are ready from 10 o'clock of the
    next morning; before that "no bill" means "not yet".
    Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError (also for an address outside Alipay).
    Source: Alipay open platform, alipay.data.dataservice.bill.downloadurl.query (查询对账单下载地址).
    """
    content = {"bill_type": "trade", "bill_date": bill_on.isoformat()}
    try:
        fields = await gateway.execute(_METHOD, content, repeatable=True)
    except ProviderRejected as error:
        if is_code(error, *_NO_BILL):
            return False
        raise
    if fields.get("bill_file_code") == "EMPTY_DATA_WITH_BILL_FILE":
        return False
    url = _allowed(text(fields, "bill_download_url"), gateway.app.gateway_url)

    async def write(chunk: bytes) -> None:
        file.write(chunk)

    answer = await gateway.transport.download(
        "alipay.bill.download", url, write, timeout_seconds=300.0, max_bytes=_LARGEST_ZIP_BYTES
    )
    if answer.status != 200:
        raise ProviderUnavailable(provider="alipay", call="alipay.bill.download", answer_status=answer.status)
    file.seek(0)
    return True


def read_bill(file: BinaryIO) -> Iterator[BillRow]:
    """Yield the detail rows of a downloaded trade bill; columns are found by their headings.

    Raises: ProviderProtocolError when the ZIP, its size, a heading or a value is not as it should be.
    Source: Alipay merchant platform, 业务账单 (layout by third-party readers).
    """
    try:
        with zipfile.ZipFile(file) as archive, archive.open(_detail_entry(archive)) as packed:
            yield from _rows(csv.reader(io.TextIOWrapper(packed, "gb18030", newline="")))
    except (zipfile.BadZipFile, zlib.error, csv.Error, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ProviderProtocolError(
            provider="alipay", call="alipay.bill.read", reason="unreadable_bill", cause=type(error).__name__
        ) from None


def _allowed(url: str, gateway_url: str) -> str:
    parts, own = urlsplit(url), urlsplit(gateway_url)
    if (parts.hostname or "").endswith(_BILL_HOST) and parts.scheme in ("http", "https"):
        # Alipay hands out plain http although its hosts speak https.
        return parts._replace(scheme="https").geturl() if parts.port is None else url
    if parts.scheme == own.scheme and parts.netloc == own.netloc:
        return url
    raise ProviderProtocolError(provider="alipay", call=_METHOD, reason="foreign_bill_address")


def _detail_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    for entry in archive.infolist():
        if "业务明细" not in _entry_name(entry) or "汇总" in _entry_name(entry):
            continue
        if entry.file_size > _LARGEST_UNPACKED_BYTES:
            raise ValueError("bill is too large")
        return entry
    raise ValueError("bill has no detail file")


def _entry_name(entry: zipfile.ZipInfo) -> str:
    utf8_flag = 0x800
    if entry.flag_bits & utf8_flag:
        return entry.filename
    return entry.filename.encode("cp437").decode("gbk", "replace")


def _rows(lines: Iterator[list[str]]) -> Iterator[BillRow]:
    headings: list[str] = []
    for line in lines:
        cells = [cell.strip() for cell in line]
        if not cells or cells[0].startswith("#"):
            continue
        if not headings:
            headings = cells
            continue
        yield _row(dict(zip(headings, cells, strict=False)))
    if not headings:
        raise ValueError("bill has no heading row")


def _row(cells: dict[str, str]) -> BillRow:
    return BillRow(
        trade_no=cells["支付宝交易号"],
        out_trade_no=cells["商户订单号"],
        is_refund=cells["业务类型"] == "退款",
        out_request_no=cells["退款批次号/请求号"],
        amount_fen=parse_yuan(cells["订单金额（元）"]),
        received_fen=parse_yuan(cells["商家实收（元）"]),
        service_fee_fen=parse_yuan(cells["服务费（元）"] or "0"),
        finished_at=clock.from_beijing(cells["完成时间"]),
        remark=cells.get("备注", ""),
    )
