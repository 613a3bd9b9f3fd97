"""alipay.data.dataservice.bill.downloadurl.query and the download behind it, with discrepancies seeded on request.

Called by the gateway module; the file itself is written by bills.py.
"""

import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

import msgspec
from aiohttp import web

from simulators.alipay.bills import BillLine, bill_zip
from simulators.alipay.call import Call
from simulators.alipay.errors import business_failure
from simulators.alipay.platform import Platform
from simulators.exchange import Exchange

URL_SECONDS = 30
_BILL_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?")


def _lines(platform: Platform, seller_id: str, day: str) -> list[BillLine]:
    """List payments and refunds whose Beijing date starts with `day`, oldest first."""
    found: list[BillLine] = []
    for trade in platform.all_trades():
        if trade["seller_id"] != seller_id:
            continue
        person = platform.world.people.find(trade["person"])
        account = f"*{person.name[1:] if person else ''}({platform.logon_id(trade['person'])})"
        numbers = (trade["trade_no"], trade["out_trade_no"], trade["subject"], trade["gmt_create"])
        if trade["gmt_payment"].startswith(day):
            found.append(BillLine(*numbers, trade["gmt_payment"], account, trade["amount_fen"]))
        for back in trade["refunds"]:
            if back["at"].startswith(day):
                why = (back["out_request_no"], back["reason"])
                found.append(BillLine(*numbers, back["at"][:19], account, back["amount_fen"], *why))
    return sorted(found, key=lambda line: line.finished)


@dataclass(frozen=True)
class Discrepancies:
    """What the bill of a day says wrongly: numbers left out, other amounts by out_trade_no, lines too many (差错)."""

    omit: list[str] = field(default_factory=list)
    amounts_fen: dict[str, int] = field(default_factory=dict)
    extra: list[BillLine] = field(default_factory=list)


def seed(platform: Platform, bill_date: str, wrong: Discrepancies) -> None:
    """Remember how the bill of a day shall differ from the trades; replaces what was seeded before."""
    platform.table("bill_discrepancies")[bill_date] = asdict(wrong)
    platform.touch()


def _falsified(platform: Platform, bill_date: str, lines: list[BillLine]) -> list[BillLine]:
    wrong = msgspec.convert(platform.table("bill_discrepancies").get(bill_date, {}), Discrepancies)
    kept = [line for line in lines if line.out_trade_no not in wrong.omit]
    return [
        _with_amount(line, wrong.amounts_fen.get(line.out_trade_no, line.amount_fen)) for line in kept
    ] + wrong.extra


def _with_amount(line: BillLine, amount_fen: int) -> BillLine:
    return replace(line, amount_fen=amount_fen)


def query_download_url(call: Call) -> dict[str, Any]:
    """Give a URL that lives 30 seconds; a day is ready when Beijing's date has passed it.

    Source: 支付宝开放平台 alipay.data.dataservice.bill.downloadurl.query 查询对账单下载地址. Raises: AlipayError.
    """
    if call.biz.get("bill_type") != "trade":
        raise business_failure("TYPE_NOT_SUPPORTED", "账单类型不支持")
    bill_date = str(call.biz.get("bill_date", ""))
    try:
        if not _BILL_DATE.fullmatch(bill_date):
            raise ValueError
        first = date.fromisoformat(bill_date if len(bill_date) > 7 else f"{bill_date}-01")
    except ValueError:
        raise business_failure("INVAILID_ARGUMENTS", "参数不合法：bill_date") from None
    if not bill_date < call.platform.world.clock.beijing().strftime("%Y-%m-%d")[: len(bill_date)]:
        raise business_failure("isp.bill_not_exist", "账单不存在")
    token = secrets.token_hex(16)
    row = {
        "seller_id": call.seller_id,
        "bill_date": bill_date,
        "first_on": first.isoformat(),
        "expires_at": call.platform.world.clock.wire_timestamp() + URL_SECONDS,
    }
    call.platform.put_short_lived("bill_urls", token, row)
    host = call.exchange.request.host
    answer = {"bill_download_url": f"http://{host}/downloadBillFile.resource?bizType=trade&token={token}"}
    lines = _falsified(call.platform, bill_date, _lines(call.platform, call.seller_id, bill_date))
    return answer if lines else answer | {"bill_file_code": "EMPTY_DATA_WITH_BILL_FILE"}


async def download(platform: Platform, exchange: Exchange) -> web.Response:
    """Serve the ZIP while its URL lives; the wrong_amount fault adds one fen to the first line."""
    row = platform.table("bill_urls").get(exchange.request.query.get("token", ""))
    if not row or row["expires_at"] < platform.world.clock.wire_timestamp():
        return web.Response(status=403, text="<html><body>download url expired</body></html>", content_type="text/html")
    lines = _falsified(platform, row["bill_date"], _lines(platform, row["seller_id"], row["bill_date"]))
    if exchange.struck("wrong_amount") and lines:
        lines[0] = _with_amount(lines[0], lines[0].amount_fen + 1)
    exported: datetime = platform.world.clock.beijing()
    content = bill_zip(row["seller_id"], date.fromisoformat(row["first_on"]), lines, exported)
    return web.Response(body=content, content_type="application/zip")
