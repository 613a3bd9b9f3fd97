"""Bill files (对账单) of one Beijing day, with seeded discrepancies, and their download tickets.

State table `bill_seeds` (date → drop, add, change_amount). Ready at 10:00 the next day, or at once for a seeded date.
Source: WeChat Pay APIv3, 申请交易账单, 申请资金账单, 下载账单, 2025.
"""

import gzip
import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from aiohttp import web

from simulators.core import World
from simulators.wechat_pay.bill_files import Entry, render_fund_flow, render_trades
from simulators.wechat_pay.orders import PAID_STATES, orders
from simulators.wechat_pay.refunds import refunds
from simulators.wechat_pay.wire import PROVIDER, Call, PayError

READY_HOUR = 10
KEPT_DAYS = 90
TICKET_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Ticket:
    """A file waiting for its download by one merchant."""

    mch_id: str
    content: bytes
    ends_at: float


class BillDesk:
    """Answers bill applications and downloads; tickets live in memory only."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}

    def trade_bill(self, call: Call) -> dict[str, Any]:
        """Answer GET /v3/bill/tradebill."""
        kind = call.query("bill_type") or "ALL"
        if kind not in ("ALL", "SUCCESS", "REFUND"):
            raise PayError("PARAM_ERROR", "bill_type不正确", 268435461)
        entries = [entry for entry in self._entries(call) if kind in ("ALL", entry.state)]
        return self._ticket(call, render_trades(entries, kind) if entries else "")

    def fund_flow_bill(self, call: Call) -> dict[str, Any]:
        """Answer GET /v3/bill/fundflowbill; only the BASIC account moves money here."""
        account = call.query("account_type") or "BASIC"
        if account not in ("BASIC", "OPERATION", "FEES", "ALL"):
            raise PayError("PARAM_ERROR", "account_type不正确", 268435461)
        entries = self._entries(call) if account in ("BASIC", "ALL") else []
        return self._ticket(call, render_fund_flow(entries) if entries else "")

    def download(self, call: Call) -> web.Response:
        """Answer GET /v3/billdownload/file: the file, unsigned."""
        ticket = self._tickets.get(call.query("token"))
        if ticket is None or ticket.ends_at < call.world.clock.timestamp():
            raise PayError("INVALID_REQUEST", "token无效或已过期")
        if ticket.mch_id != call.merchant.config.mch_id:
            raise PayError("NO_AUTH", "token不属于该商户")
        zipped = call.query("tartype") == "gzip"
        content = gzip.compress(ticket.content) if zipped else ticket.content
        return web.Response(body=content, content_type="application/x-gzip" if zipped else "text/plain")

    def _ticket(self, call: Call, text: str) -> dict[str, Any]:
        if not text:
            raise PayError("NO_STATEMENT_EXIST", "账单文件不存在")
        tar_type = call.query("tar_type")
        if tar_type not in ("", "GZIP"):
            raise PayError("PARAM_ERROR", "tar_type只支持GZIP", 268435461)
        now, content, token = call.world.clock.timestamp(), text.encode(), secrets.token_urlsafe(33) + "+="
        self._tickets = {name: ticket for name, ticket in self._tickets.items() if ticket.ends_at > now}
        self._tickets[token] = Ticket(call.merchant.config.mch_id, content, now + TICKET_SECONDS)
        url = f"{call.world.addresses[PROVIDER]}/v3/billdownload/file?token={quote(token, safe='')}"
        return {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(content).hexdigest(),
            "download_url": url + ("&tartype=gzip" if tar_type else ""),
        }

    def _entries(self, call: Call) -> list[Entry]:
        day = call.query("bill_date")
        call.exchange.note(bill_date=day)
        _check_day(call.world, day)
        sub_mch_id = call.query("sub_mchid")
        entries = entries_of(call.world, call.merchant.config.mch_id, day)
        return [entry for entry in entries if not sub_mch_id or entry.sub_mch_id == sub_mch_id]


def seed(world: World, day: str, drop: list[str], add: list[dict[str, Any]], change_amount: dict[str, int]) -> None:
    """Plan discrepancies for one day's bills and make them ready at once."""
    row = {"drop": drop, "add": add, "change_amount": change_amount}
    world.state.table(PROVIDER, "bill_seeds")[day] = row
    world.state.touch()


def entries_of(world: World, mch_id: str, day: str) -> list[Entry]:
    """Return payments (by success time) and refunds (by application time) of a day, seeds applied, in time order."""
    seeds = world.state.table(PROVIDER, "bill_seeds").get(day, {"drop": [], "add": [], "change_amount": {}})
    found = [*_payments(world, mch_id, day), *_refund_rows(world, mch_id, day)]
    kept = [entry for entry in found if entry.out_trade_no not in seeds["drop"]]
    changed = [entry.with_total(seeds["change_amount"].get(entry.out_trade_no)) for entry in kept]
    added = [Entry.invented(mch_id, day, row) for row in seeds["add"] if row.get("mch_id", mch_id) == mch_id]
    return sorted([*changed, *added], key=lambda entry: entry.at)


def _payments(world: World, mch_id: str, day: str) -> list[Entry]:
    rows = [row for row in orders(world).values() if row["mch_id"] == mch_id and row["state"] in PAID_STATES]
    return [Entry.of_payment(row) for row in rows if row["success_time"].startswith(day)]


def _refund_rows(world: World, mch_id: str, day: str) -> list[Entry]:
    rows = [row for row in refunds(world).values() if row["mch_id"] == mch_id]
    return [Entry.of_refund(orders(world)[row["order"]], row) for row in rows if row["create_time"].startswith(day)]


def _check_day(world: World, text: str) -> None:
    """Raises: PayError PARAM_ERROR, INVALID_REQUEST or STATEMENT_CREATING when the day has no bill yet or any more."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise PayError("PARAM_ERROR", "bill_date格式错误", 268435461) from error
    if len(text) != 10:
        raise PayError("PARAM_ERROR", "bill_date格式错误", 268435461)
    if text in world.state.table(PROVIDER, "bill_seeds"):
        return
    now = world.clock.beijing()
    if day >= now.date() or day < now.date() - timedelta(days=KEPT_DAYS):
        raise PayError("INVALID_REQUEST", "bill_date不在可下载的范围内", 268435464)
    if day == now.date() - timedelta(days=1) and now.hour < READY_HOUR:
        raise PayError("STATEMENT_CREATING", "账单生成中，请稍后再试")
