"""A provider of payments in memory, and a PaymentChannel over it: the port in full, with faults on command."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.clock import now
from app.errors import CallbackRejected, ProviderRejected, ProviderUnavailable
from app.ids import random_text
from payments.neutral import (
    Acknowledgement,
    ChannelOrder,
    OpenedOrder,
    OrderState,
    PaymentNotified,
    ProviderEvent,
    RefundNotified,
    RefundOrder,
    Standing,
)
from payments.states import RefundMove
from tests.fakes.bill_files import FakeBillFiles


@dataclass
class Fault:
    """What goes wrong with the next calls: `before` = nothing is done, `after` = done but the answer is lost."""

    kind: str
    times: int = 1


@dataclass
class FakeOrder:
    """One order as the provider keeps it."""

    order: ChannelOrder
    prepay_reference: str
    standing: Standing = Standing.UNPAID
    trade_no: str = ""
    paid_at: datetime | None = None
    refunds: dict[str, int] = field(default_factory=dict)
    closed_refunds: set[str] = field(default_factory=set)
    bank_words: dict[str, str] = field(default_factory=dict)
    refunded_at: list[datetime] = field(default_factory=list)


class FakePaymentChannel:
    """Implements ports.PaymentChannel. Orders, refunds and faults are open to the test."""

    def __init__(self, provider: str, mch_id: str, *, prepay_life: timedelta = timedelta(hours=2)) -> None:
        self.provider = provider
        self.mch_id = mch_id
        self.orders: dict[str, FakeOrder] = {}
        self.faults: dict[str, Fault] = {}
        self.calls: Counter[str] = Counter()
        self.sent_bodies: list[bytes] = []
        self.refunds_succeed_at_once = True
        self.refund_spacing = timedelta(0)
        self.bills = FakeBillFiles()
        self.refund_question_after = timedelta(seconds=60)
        self._prepay_life = prepay_life

    def fail(self, call: str, kind: str, times: int = 1) -> None:
        """Let the next calls fail: kinds `before`, `after`, `reject`, `not_sent`."""
        self.faults[call] = Fault(kind, times)

    def pay(self, out_trade_no: str) -> dict[str, str]:
        """The person pays; returns the callback's content. Raises AssertionError where the cashier would refuse."""
        found = self.orders[out_trade_no]
        assert found.standing is Standing.UNPAID, "the cashier refuses"
        found.standing, found.trade_no, found.paid_at = Standing.PAID, f"42{random_text(26)}", now()
        return self.callback(out_trade_no)

    def callback(self, out_trade_no: str, /, **changed: str) -> dict[str, str]:
        """Return the content of a success callback, with some of it changed."""
        found = self.orders[out_trade_no]
        assert found.paid_at is not None
        content = {
            "out_trade_no": out_trade_no,
            "trade_no": found.trade_no,
            "at": found.paid_at.isoformat(),
            "app_id": found.order.app_id,
            "mch_id": found.order.mch_id,
            "amount_fen": str(found.order.amount_fen),
            "currency": "CNY",
            "payer": found.order.payer_subject,
        }
        return content | changed

    @property
    def received_fen(self) -> int:
        """What people paid less what went back."""
        paid = sum(o.order.amount_fen for o in self.orders.values() if o.standing is Standing.PAID)
        return paid - sum(
            fen
            for o in self.orders.values()
            for number, fen in o.refunds.items()
            if o.bank_words.get(number) != "bounce"
        )

    def prepare(self, order: ChannelOrder) -> bytes:
        values = [order.out_trade_no, order.description, order.amount_fen, order.payer_subject]
        return json.dumps([*values, order.expires_at.isoformat()], ensure_ascii=False).encode()

    async def open(self, order: ChannelOrder) -> OpenedOrder:
        self._enter("open")
        self.sent_bodies.append(order.request_body)
        found = self.orders.get(order.out_trade_no)
        if found is None:
            found = self.orders[order.out_trade_no] = FakeOrder(order, "")
        elif found.order.request_body != order.request_body or found.standing is not Standing.UNPAID:
            raise ProviderRejected(provider=self.provider, provider_code="CANNOT_OPEN")
        found.prepay_reference = f"pre{random_text(12)}"
        self._leave("open")
        return OpenedOrder(found.prepay_reference, now() + self._prepay_life)

    def phone_parameters(self, order: ChannelOrder, prepay_reference: str) -> dict[str, str]:
        return {"package": f"prepay_id={prepay_reference}", "paySign": random_text(16)}

    async def query(self, order: ChannelOrder) -> OrderState:
        self._enter("query")
        found = self.orders.get(order.out_trade_no)
        if found is None:
            return OrderState(Standing.NOT_PLACED, "NOT_EXIST")
        if found.standing is not Standing.PAID:
            return OrderState(found.standing, str(found.standing))
        return OrderState(Standing.PAID, "SUCCESS", self._paid(self.callback(order.out_trade_no)))

    async def close(self, order: ChannelOrder) -> Standing:
        self._enter("close")
        found = self.orders.get(order.out_trade_no)
        if found is None:
            return Standing.NOT_PLACED
        if found.standing is Standing.UNPAID:
            found.standing = Standing.CLOSED
        self._leave("close")
        return found.standing

    async def refund(self, order: RefundOrder) -> RefundNotified:
        self._enter("refund")
        found = self.orders[order.order.out_trade_no]
        if order.out_refund_no in found.closed_refunds:
            return self._refunded(order.order.out_trade_no, order.out_refund_no, order.amount_fen)
        known = found.refunds.get(order.out_refund_no)
        if known not in (None, order.amount_fen) or found.standing is not Standing.PAID:
            raise ProviderRejected(provider=self.provider, provider_code="REFUND_REFUSED")
        found.refunds[order.out_refund_no] = order.amount_fen
        found.refunded_at.append(now())
        assert sum(found.refunds.values()) <= found.order.amount_fen, "refunded more than was paid"
        self._leave("refund")
        return self._refunded(order.order.out_trade_no, order.out_refund_no, order.amount_fen)

    async def query_refund(self, order: RefundOrder) -> RefundNotified | None:
        self._enter("query_refund")
        found = self.orders[order.order.out_trade_no]
        if order.out_refund_no not in found.refunds.keys() | found.closed_refunds:
            return None
        return self._refunded(order.order.out_trade_no, order.out_refund_no, order.amount_fen)

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        if headers.get("signature") != "genuine":
            raise CallbackRejected(provider=self.provider, reason="signature")
        content = json.loads(body)
        if "out_refund_no" in content:
            return self._refunded(content["out_trade_no"], content["out_refund_no"], int(content["amount_fen"]), True)
        return self._paid(content)

    def acknowledgement(self) -> Acknowledgement:
        return Acknowledgement(204, "text/plain", b"")

    def _paid(self, content: dict[str, str]) -> PaymentNotified:
        return PaymentNotified(
            provider=self.provider,
            event_key=f"paid:{content['trade_no']}",
            occurred_at=datetime.fromisoformat(content["at"]),
            out_trade_no=content["out_trade_no"],
            provider_trade_no=content["trade_no"],
            provider_status="SUCCESS",
            app_id=content["app_id"],
            mch_id=content["mch_id"],
            sub_mch_id="",
            amount_fen=int(content["amount_fen"]),
            currency=content["currency"],
            payer_subjects=(content["payer"],),
        )

    def close_refund(self, out_trade_no: str, number: str) -> dict[str, str]:
        """The provider closes a refund: nothing went back; returns the callback's content."""
        found = self.orders[out_trade_no]
        amount_fen = found.refunds.pop(number)
        found.closed_refunds.add(number)
        return {"out_trade_no": out_trade_no, "out_refund_no": number, "amount_fen": str(amount_fen)}

    def bounce(self, out_trade_no: str, number: str, move: RefundMove = RefundMove.BOUNCE) -> None:
        """The payer's bank takes a word back: BOUNCE the money is here again, SUCCEED it did arrive, ACCEPT not yet."""
        self.orders[out_trade_no].bank_words[number] = str(move)

    def _refunded(self, out_trade_no: str, number: str, amount_fen: int, finished: bool = False) -> RefundNotified:
        found = self.orders[out_trade_no]
        move = RefundMove.SUCCEED if self.refunds_succeed_at_once or finished else RefundMove.ACCEPT
        if number in found.closed_refunds:
            move = RefundMove.CLOSE
        bank_word = found.bank_words.get(number)
        move = RefundMove(bank_word) if bank_word else move
        return RefundNotified(
            provider=self.provider,
            event_key=f"refund.{move}:{number}",
            occurred_at=now(),
            out_trade_no=out_trade_no,
            out_refund_no=number,
            provider_refund_no=f"50{number}",
            provider_status=str(move),
            move=move,
            amount_fen=amount_fen,
            tells_of_bank=bank_word is not None,
        )

    def _enter(self, call: str) -> None:
        self.calls[call] += 1
        kind = self._take(call, "before", "reject", "not_sent")
        if kind == "reject":
            raise ProviderRejected(provider=self.provider, provider_code="REFUSED")
        if kind:
            raise ProviderUnavailable(provider=self.provider, call=call, nothing_sent=kind == "not_sent")

    def _leave(self, call: str) -> None:
        if self._take(call, "after"):
            raise ProviderUnavailable(provider=self.provider, call=call, nothing_sent=False)

    def _take(self, call: str, *kinds: str) -> str:
        fault = self.faults.get(call)
        if fault is None or fault.kind not in kinds or fault.times == 0:
            return ""
        fault.times -= 1
        return fault.kind
