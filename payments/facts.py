"""What an operator is shown of a number, and the asking of providers about it: `house.payments.facts`.

The command line calls it. No personal data passes here; what a provider answers is booked exactly like a callback.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.clock import rfc3339
from app.errors import NotFound, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from payments import facts_repository as rows_of
from payments import repository
from payments.asking import Asking
from payments.neutral import RefundOrder
from payments.ports import ChannelTable
from payments.receiving import Receiving
from payments.refunds.repository import find_refund

Table = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Facts:
    """The tables about a number, by title; the first column of a row names it."""

    tables: Mapping[str, Table]

    def numbers(self, title: str) -> list[str]:
        """Return the names of the rows of a table."""
        return [next(iter(row.values())) for row in self.tables[title]]

    def changes(self, later: Facts) -> list[str]:
        """Tell in Chinese what differs in later facts about the same number."""
        found = []
        for title, rows in later.tables.items():
            before = {_key(title, row): row for row in self.tables.get(title, ())}
            for row in rows:
                old = before.get(_key(title, row))
                if old is None:
                    found.append(f"新增{title} {_key(title, row)}")
                    continue
                changed = [f"{name}：{old[name]} → {value}" for name, value in row.items() if old[name] != value]
                found += [f"{title} {_key(title, row)} {each}" for each in changed]
        return found


class FactDesk:
    """Looks a number up and asks about it."""

    def __init__(self, channels: ChannelTable, asking: Asking, receiving: Receiving) -> None:
        self._channels = channels
        self._asking = asking
        self._receiving = receiving

    async def of(self, number: str) -> Facts:
        """Return everything about a number: bill, payment code, order, refund, or the provider's. Raises NotFound."""
        bill_ids = await rows_of.find_bills(number)
        if not bill_ids:
            raise NotFound("未找到该号码")
        tables = {}
        for title in rows_of.QUERIES:
            rows = await rows_of.read(title, bill_ids)
            tables[title] = [{name: _text(value) for name, value in row.items()} for row in rows]
        return Facts(tables)

    async def ask(self, facts: Facts) -> list[str]:
        """Ask the providers about every order and refund of these facts; return their answers, one line each.

        Idempotent: yes, answers are booked like callbacks; nothing is placed, closed or refunded.
        """
        answers = []
        for title, question in (("支付单", self._ask_order), ("退款单", self._ask_refund)):
            for number in facts.numbers(title):
                try:
                    told = await question(number)
                except (ProviderUnavailable, ProviderRejected, ProviderProtocolError, NotFound) as error:
                    told = f"{error.detail}（{error.stable_code}）"
                answers.append(f"{title} {number}：{told}")
        return answers

    async def _ask_order(self, number: str) -> str:
        record = await repository.find_payment(number)
        return "本地没有该订单" if record is None else f"渠道状态 {await self._asking.ask(record)}"

    async def _ask_refund(self, number: str) -> str:
        refund = await find_refund(number)
        if refund is None:
            return "本地没有该退款单"
        order = RefundOrder(
            out_refund_no=refund.out_refund_no,
            amount_fen=refund.amount_fen,
            reason=refund.reason,
            order=refund.payment.order,
        )
        event = await self._channels.of_account(refund.payment.account_code).query_refund(order)
        if event is None:
            return "渠道没有该退款"
        await self._receiving.apply_refund(event)
        return f"渠道状态 {event.provider_status}"


def _key(title: str, row: Mapping[str, str]) -> str:
    values = list(row.values())
    return f"{values[0]} {values[1]}" if title == "分录" else values[0]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.hex if isinstance(value, uuid.UUID) else str(value)
