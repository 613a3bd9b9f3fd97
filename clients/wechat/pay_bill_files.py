"""Fetches WeChat Pay's bill files (对账单) into a local file, checked against their hash; for reconciliation.

It must not parse them (pay_bills does) and never sends its signature to another host than the merchant API's.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from datetime import date
from typing import BinaryIO
from urllib.parse import urlencode

from yarl import URL

from app.errors import ProviderProtocolError, ProviderRejected
from clients.wechat.pay_errors import PROVIDER, PayCode, error_from
from clients.wechat.pay_types import BillLink
from clients.wechat.pay_wire import PayWire, read

MAX_BILL_BYTES = 4 * 1024 * 1024 * 1024


class PayBillFiles:
    """Bill files of one merchant account, of any past day up to 3 months back; ready from 10:00 Beijing time."""

    def __init__(self, wire: PayWire) -> None:
        self._wire = wire

    async def trade_bill(self, bill_on: date, kind: str = "ALL") -> BillLink | None:
        """Return the link to a day's trade bill (kind ALL, SUCCESS or REFUND); None for a day without trades.

        Raises: as PayWire.call; ProviderRejected STATEMENT_CREATING (retryable) while the bill is being made.
        Source: WeChat Pay, 申请交易账单.
        """
        merchant = self._wire.merchant
        sub_account = {"sub_mchid": merchant.sub_mch_id} if merchant.is_partner else {}
        query = {"bill_date": bill_on.isoformat(), "bill_type": kind, "tar_type": "GZIP", **sub_account}
        return await self._link("trade_bill", f"/v3/bill/tradebill?{urlencode(query)}")

    async def fund_flow_bill(self, bill_on: date, account: str = "BASIC") -> BillLink | None:
        """Return the link to a day's fund flow bill (account BASIC, OPERATION or FEES); None without flows.

        Raises: as `trade_bill`. Source: WeChat Pay, 申请资金账单.
        """
        query = {"bill_date": bill_on.isoformat(), "account_type": account, "tar_type": "GZIP"}
        return await self._link("fund_flow_bill", f"/v3/bill/fundflowbill?{urlencode(query)}")

    async def download(self, link: BillLink, target: BinaryIO) -> None:
        """Write the uncompressed bill to `target`; on any error its content must be thrown away.

        Raises: as PayWire.call; ProviderProtocolError when the file does not have the announced hash.
        Source: WeChat Pay, 下载账单: the answer is unsigned, the hash covers the uncompressed bytes.
        """
        url = URL(link.download_url, encoded=True)
        base = URL(self._wire.merchant.base_url)
        if link.hash_type != "SHA1" or url.origin() != base.origin():
            raise ProviderProtocolError(provider=PROVIDER, call="bill_download", reason="unexpected_link")
        unpacker = _Unpacker(target)
        answer = await self._wire.transport.download(
            "bill_download",
            link.download_url,
            unpacker.write,
            headers=lambda: self._wire.headers("GET", url.raw_path_qs, b""),
        )
        if answer.status != 200:
            raise error_from("bill_download", answer)
        if not unpacker.is_complete or unpacker.sha1_hex != link.hash_value.lower():
            raise ProviderProtocolError(provider=PROVIDER, call="bill_download", reason="hash_differs")

    async def _link(self, name: str, path: str) -> BillLink | None:
        try:
            return read(name, await self._wire.call(name, "GET", path), BillLink)
        except ProviderRejected as error:
            if error.provider_code == PayCode.NO_STATEMENT_EXIST:
                return None
            raise


class _Unpacker:
    """Unpacks gzip (or passes plain bytes) into a file chunk by chunk, hashing what it writes."""

    _STEP_BYTES = 1024 * 1024

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._hash = hashlib.sha1(usedforsecurity=False)
        self._head = b""
        self._started = False
        self._gunzip: zlib._Decompress | None = None
        self._written_bytes = 0

    @property
    def sha1_hex(self) -> str:
        return self._hash.hexdigest()

    @property
    def is_complete(self) -> bool:
        return self._gunzip is None or self._gunzip.eof

    async def write(self, chunk: bytes) -> None:
        if not self._started:
            self._head += chunk
            if len(self._head) < 2:
                return
            self._started, chunk = True, self._head
            self._gunzip = zlib.decompressobj(zlib.MAX_WBITS | 16) if chunk.startswith(b"\x1f\x8b") else None
        await asyncio.to_thread(self._unpack, chunk)

    def _unpack(self, chunk: bytes) -> None:
        if self._gunzip is None:
            self._keep(chunk)
            return
        try:
            while chunk:
                self._keep(self._gunzip.decompress(chunk, self._STEP_BYTES))
                chunk = self._gunzip.unconsumed_tail
        except zlib.error:
            raise ProviderProtocolError(provider=PROVIDER, call="bill_download", reason="not_gzip") from None

    def _keep(self, plain: bytes) -> None:
        self._written_bytes += len(plain)
        if self._written_bytes > MAX_BILL_BYTES:
            raise ProviderProtocolError(provider=PROVIDER, call="bill_download", reason="too_large")
        self._hash.update(plain)
        self._target.write(plain)
