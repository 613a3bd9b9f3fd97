"""The daily bill (对账单): asks for its address and downloads the ZIP; bill_rows.py reads it.

Reconciliation calls it through the adapter. Nothing but the given file is written.
"""

from __future__ import annotations

from datetime import date
from typing import BinaryIO
from urllib.parse import urlsplit

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.alipay.failures import is_code
from clients.alipay.gateway import AlipayGateway
from clients.alipay.values import text

_METHOD = "alipay.data.dataservice.bill.downloadurl.query"
_BILL_HOST = ".alipay.com"
_LARGEST_ZIP_BYTES = 256 * 1024 * 1024
_NO_BILL = ("NO_BILL_DATA", "BILL_NOT_EXIST")


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


def _allowed(url: str, gateway_url: str) -> str:
    parts, own = urlsplit(url), urlsplit(gateway_url)
    if (parts.hostname or "").endswith(_BILL_HOST) and parts.scheme in ("http", "https"):
        # Alipay hands out plain http although its hosts speak https.
        return parts._replace(scheme="https").geturl() if parts.port is None else url
    if parts.scheme == own.scheme and parts.netloc == own.netloc:
        return url
    raise ProviderProtocolError(provider="alipay", call=_METHOD, reason="foreign_bill_address")
