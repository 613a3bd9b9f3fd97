"""Reads the daily bill (对账单): the GBK detail rows inside the ZIP, one by one. Blocking: run it in a thread.

Reconciliation calls it through the adapter. Nothing is written, and no entry name is used as a path.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import BinaryIO

import msgspec

from app.clock import from_beijing
from app.errors import ProviderProtocolError
from app.money import parse_yuan

_LARGEST_UNPACKED_BYTES = 1024 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_MOMENTS_OF_A_DAY = 86_400
_COLUMNS = (
    "支付宝交易号 商户订单号 业务类型 退款批次号/请求号 订单金额（元） 商家实收（元） 服务费（元） 完成时间".split()
)
_TOTAL = re.compile(r"#(交易|退款)合计：(\d+)笔，商家实收(?:退款)?共(-?[\d.]+)元")


class BillRow(msgspec.Struct, frozen=True, gc=False):
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


def read_bill(file: BinaryIO) -> Iterator[BillRow]:
    """Yield the detail rows of a downloaded trade bill; columns are found by their headings.

    Raises: ProviderProtocolError when the ZIP, its size, a heading, a value or a total is not as it should be; its
    `line_no` is the line of the detail file, 0 where the ZIP itself is broken.
    Source: Alipay merchant platform, 业务账单 (layout by third-party readers).
    """
    detail = _Detail()
    try:
        with zipfile.ZipFile(file) as archive, archive.open(_detail_entry(archive)) as packed:
            yield from detail.rows(io.BufferedReader(packed, _READ_BYTES))  # type: ignore[type-var]  # a file, read only
    except (zipfile.BadZipFile, zlib.error, csv.Error, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ProviderProtocolError(
            provider="alipay",
            call="alipay.bill.read",
            reason="unreadable_bill",
            cause=str(error) if type(error) is ValueError else type(error).__name__,
            line_no=detail.line_no,
        ) from None


class _Detail:
    """The detail file: headings, rows and the totals at its end, with the line that is being read."""

    def __init__(self) -> None:
        self.line_no = 0
        self._counts = {"交易": 0, "退款": 0}
        self._sums_fen = {"交易": 0, "退款": 0}

    def rows(self, lines: Iterable[bytes]) -> Iterator[BillRow]:
        """Yield the rows. Raises ValueError and csv.Error."""
        headings: list[str] = []
        read: Callable[[list[str]], BillRow] | None = None
        for cells in csv.reader(self._texts(lines)):
            if not cells or cells[0].startswith("#"):
                self._check_total(",".join(cells))
            elif read is None:
                headings = [cell.strip() for cell in cells]
                read = _row_reader(headings)
            elif len(cells) != len(headings):
                raise ValueError("wrong number of columns")
            else:
                row = read(cells)
                kind = "退款" if row.is_refund else "交易"
                self._counts[kind] += 1
                self._sums_fen[kind] += row.received_fen
                yield row
        if read is None:
            raise ValueError("no heading row")

    def _texts(self, lines: Iterable[bytes]) -> Iterator[str]:
        for line in lines:
            self.line_no += 1
            if b"\0" in line:
                raise ValueError("not a text")
            yield line.decode("gb18030")

    def _check_total(self, text: str) -> None:
        """The file says itself what it holds; where it does, that must be so."""
        total = _TOTAL.match(text)
        if total is None:
            return
        kind = total[1]
        if int(total[2]) != self._counts[kind] or parse_yuan(total[3]) != self._sums_fen[kind]:
            raise ValueError("total differs")


def _row_reader(headings: list[str]) -> Callable[[list[str]], BillRow]:
    places = {name: place for place, name in enumerate(headings)}
    if not places.keys() >= set(_COLUMNS):
        raise ValueError("headings are missing")
    trade, number, kind, request, amount, received, fee, at = (places[name] for name in _COLUMNS)
    remark = places.get("备注")

    def read(cells: list[str]) -> BillRow:
        return BillRow(
            cells[trade].strip(),
            cells[number].strip(),
            cells[kind].strip() == "退款",
            cells[request].strip(),
            parse_yuan(cells[amount]),
            parse_yuan(cells[received]),
            parse_yuan(cells[fee].strip() or "0"),
            _moment(cells[at].strip()),
            "" if remark is None else cells[remark].strip(),
        )

    return read


_moment: Callable[[str], datetime] = lru_cache(_MOMENTS_OF_A_DAY)(from_beijing)
"""Beijing time of a row; rows of a busy day share their seconds."""


def _detail_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    for entry in archive.infolist():
        if "业务明细" not in _entry_name(entry) or "汇总" in _entry_name(entry):
            continue
        if entry.file_size > _LARGEST_UNPACKED_BYTES:
            raise ValueError("too large")
        return entry
    raise ValueError("no detail file")


def _entry_name(entry: zipfile.ZipInfo) -> str:
    utf8_flag = 0x800
    if entry.flag_bits & utf8_flag:
        return entry.filename
    return entry.filename.encode("cp437").decode("gbk", "replace")
