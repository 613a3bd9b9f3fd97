"""Transitions of bill (缴款通知), channel order and refund as data, and the pure rules of time around them.

The services ask here what may happen; the repositories take the statuses of their compare-and-set from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from app.errors import InvalidTransition


class BillStatus(StrEnum):
    """Where a bill stands. PAID is money at the channel (缴费确认中), CONFIRMED known to the fiscal platform (已缴费),
    REFUNDING a refund of it under way."""

    UNPAID = "UNPAID"
    PAYING = "PAYING"
    PAID = "PAID"
    CONFIRMED = "CONFIRMED"
    REFUNDING = "REFUNDING"
    REFUNDED = "REFUNDED"
    VOID = "VOID"


class BillMove(StrEnum):
    """What happens to a bill. KEEP_*: no refund is under way any more, and some of the money stays;
    REFUND_BOUNCED: a bank gave back what had been refunded."""

    OPEN = "open"
    CLOSE = "close"
    PAY = "pay"
    CONFIRM = "confirm"
    REQUEST_REFUND = "request_refund"
    REFUND_ALL = "refund_all"
    KEEP_PAID = "keep_paid"
    KEEP_CONFIRMED = "keep_confirmed"
    REFUND_BOUNCED = "refund_bounced"
    VOID = "void"


class PaymentStatus(StrEnum):
    """Where a channel order stands. CREATED: written here, the provider's answer is not known yet."""

    CREATED = "CREATED"
    AWAITING = "AWAITING"
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"


class PaymentMove(StrEnum):
    """What happens to a channel order. SUCCEED also leads out of CLOSED: late money is still money."""

    OPENED = "opened"
    SUCCEED = "succeed"
    CLOSE = "close"


class RefundStatus(StrEnum):
    """Where a refund stands. ABNORMAL: the provider cannot pay it out, a person must act."""

    REQUESTED = "REQUESTED"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"


class RefundMove(StrEnum):
    """What happens to a refund. BOUNCE: the bank gave it back later; SETTLE: staff paid it back in another way."""

    ACCEPT = "accept"
    SUCCEED = "succeed"
    FAIL = "fail"
    CLOSE = "close"
    REFUSE = "refuse"
    RETRY = "retry"
    BOUNCE = "bounce"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition: the status it leads to, and the domain event it emits ("" = none)."""

    to: str
    event: str = ""


BILL: Mapping[tuple[str, str], Edge] = {
    (BillStatus.UNPAID, BillMove.OPEN): Edge(BillStatus.PAYING),
    (BillStatus.PAYING, BillMove.CLOSE): Edge(BillStatus.UNPAID),
    (BillStatus.UNPAID, BillMove.PAY): Edge(BillStatus.PAID, "bill.paid"),
    (BillStatus.PAYING, BillMove.PAY): Edge(BillStatus.PAID, "bill.paid"),
    (BillStatus.PAID, BillMove.CONFIRM): Edge(BillStatus.CONFIRMED, "bill.confirmed"),
    (BillStatus.PAID, BillMove.REQUEST_REFUND): Edge(BillStatus.REFUNDING),
    (BillStatus.CONFIRMED, BillMove.REQUEST_REFUND): Edge(BillStatus.REFUNDING),
    (BillStatus.REFUNDING, BillMove.REQUEST_REFUND): Edge(BillStatus.REFUNDING),
    (BillStatus.REFUNDING, BillMove.REFUND_ALL): Edge(BillStatus.REFUNDED),
    (BillStatus.REFUNDING, BillMove.KEEP_PAID): Edge(BillStatus.PAID),
    (BillStatus.REFUNDING, BillMove.KEEP_CONFIRMED): Edge(BillStatus.CONFIRMED),
    (BillStatus.PAID, BillMove.REFUND_BOUNCED): Edge(BillStatus.REFUNDING),
    (BillStatus.CONFIRMED, BillMove.REFUND_BOUNCED): Edge(BillStatus.REFUNDING),
    (BillStatus.REFUNDED, BillMove.REFUND_BOUNCED): Edge(BillStatus.REFUNDING),
    (BillStatus.UNPAID, BillMove.VOID): Edge(BillStatus.VOID),
}
PAYMENT: Mapping[tuple[str, str], Edge] = {
    (PaymentStatus.CREATED, PaymentMove.OPENED): Edge(PaymentStatus.AWAITING),
    (PaymentStatus.AWAITING, PaymentMove.OPENED): Edge(PaymentStatus.AWAITING),
    (PaymentStatus.CREATED, PaymentMove.SUCCEED): Edge(PaymentStatus.SUCCEEDED),
    (PaymentStatus.AWAITING, PaymentMove.SUCCEED): Edge(PaymentStatus.SUCCEEDED),
    (PaymentStatus.CLOSED, PaymentMove.SUCCEED): Edge(PaymentStatus.SUCCEEDED),
    (PaymentStatus.CREATED, PaymentMove.CLOSE): Edge(PaymentStatus.CLOSED, "payment.closed"),
    (PaymentStatus.AWAITING, PaymentMove.CLOSE): Edge(PaymentStatus.CLOSED, "payment.closed"),
}
REFUND: Mapping[tuple[str, str], Edge] = {
    (RefundStatus.REQUESTED, RefundMove.ACCEPT): Edge(RefundStatus.PROCESSING),
    (RefundStatus.PROCESSING, RefundMove.ACCEPT): Edge(RefundStatus.PROCESSING),
    (RefundStatus.REQUESTED, RefundMove.SUCCEED): Edge(RefundStatus.SUCCEEDED, "refund.succeeded"),
    (RefundStatus.PROCESSING, RefundMove.SUCCEED): Edge(RefundStatus.SUCCEEDED, "refund.succeeded"),
    (RefundStatus.ABNORMAL, RefundMove.SUCCEED): Edge(RefundStatus.SUCCEEDED, "refund.succeeded"),
    (RefundStatus.REQUESTED, RefundMove.FAIL): Edge(RefundStatus.ABNORMAL, "refund.abnormal"),
    (RefundStatus.PROCESSING, RefundMove.FAIL): Edge(RefundStatus.ABNORMAL, "refund.abnormal"),
    (RefundStatus.SUCCEEDED, RefundMove.BOUNCE): Edge(RefundStatus.ABNORMAL, "refund.bounced"),
    (RefundStatus.ABNORMAL, RefundMove.RETRY): Edge(RefundStatus.REQUESTED),
    (RefundStatus.ABNORMAL, RefundMove.SETTLE): Edge(RefundStatus.SUCCEEDED, "refund.succeeded"),
    (RefundStatus.REQUESTED, RefundMove.REFUSE): Edge(RefundStatus.CLOSED),
    (RefundStatus.REQUESTED, RefundMove.CLOSE): Edge(RefundStatus.CLOSED, "refund.closed"),
    (RefundStatus.PROCESSING, RefundMove.CLOSE): Edge(RefundStatus.CLOSED, "refund.closed"),
    (RefundStatus.ABNORMAL, RefundMove.CLOSE): Edge(RefundStatus.CLOSED, "refund.closed"),
}

OPEN_PAYMENT = (PaymentStatus.CREATED, PaymentStatus.AWAITING)
OPEN_REFUND = (RefundStatus.REQUESTED, RefundStatus.PROCESSING)
PAID_BILL = (BillStatus.PAID, BillStatus.CONFIRMED, BillStatus.REFUNDING, BillStatus.REFUNDED)
LADDER_SECONDS = (5, 30, 60, 180, 300, 600, 1800)
"""When silence is broken by a question, counted from the opening of the order. Source: WeChat Pay, 查单最佳实践."""
AFTER_EXPIRY_SECONDS = (60, 60, 300, 600, 1800, 3600)
REFUND_LADDER_SECONDS = (60, 120, 300, 600, 1800, 3600)
MOST_REFUNDS = 50
"""Refunds of one order. Source: WeChat Pay, 申请退款 (部分退款最多50次); held to at every channel."""
MOST_AUTOMATIC_TRIES = 3
"""New numbers that the room takes by itself for money that came twice, when the provider closes the refund of it."""
CLOSED_THERE = "CLOSED"
"""`provider_status` of a refund of the room's own that was closed once too often: it waits for a person."""
SETTLED_ELSEWHERE = "SETTLED"
"""`provider_status` of a refund that staff paid back in another way: the provider's word on it no longer counts."""
FISCAL_LADDER_SECONDS = (5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""When the fiscal platform is asked again about a confirmation, a receipt or a red letter that is not there yet."""
FISCAL_REFUSED_SECONDS = 86_400
"""The same after a plain no: a person must act, and what they did shows here within a day."""
PREPAY_MARGIN_SECONDS = 300
SHORTEST_ORDER_SECONDS = 60
"""A channel refuses an order that would end sooner than this."""

Status = TypeVar("Status", bound=StrEnum)


def sources(table: Mapping[tuple[str, str], Edge], move: StrEnum) -> list[str]:
    """Return the statuses that a move may start from, for a compare-and-set."""
    return [str(status) for status, possible in table if possible == move]


def next_status(table: Mapping[tuple[str, str], Edge], status: str, move: StrEnum) -> Edge:
    """Return the edge of a move. Raises InvalidTransition when the table has none."""
    edge = table.get((status, move))
    if edge is None:
        raise InvalidTransition(status=status, move=str(move))
    return edge


def next_question_at(opened_at: datetime, expires_at: datetime, asked_count: int, now: datetime) -> datetime:
    """Return when the provider is asked next about an open order that stays silent.

    Rungs that have passed already are left out; the expiry is a rung of its own; after it the question comes back
    at growing distance until the provider answers.
    """
    rungs = (opened_at + timedelta(seconds=seconds) for seconds in LADDER_SECONDS[asked_count:])
    coming = [moment for moment in (*rungs, expires_at) if moment > now]
    late = min(max(0, asked_count - len(LADDER_SECONDS)), len(AFTER_EXPIRY_SECONDS) - 1)
    return min(coming, default=now + timedelta(seconds=AFTER_EXPIRY_SECONDS[late]))


def next_refund_question_at(asked_count: int, now: datetime, first: timedelta = timedelta(seconds=60)) -> datetime:
    """Return when a refund under way is asked about next; `first` is the channel's own wait after the refund call."""
    if asked_count == 0:
        return now + first
    rung = min(asked_count, len(REFUND_LADDER_SECONDS) - 1)
    return now + timedelta(seconds=REFUND_LADDER_SECONDS[rung])


def needs_second_person(amount_fen: int, refunded_fen: int, approval_fen: int) -> bool:
    """Tell whether a refund waits for a second person: by all that goes back of one payment, so that cutting a sum into
    pieces gains nothing."""
    return amount_fen + refunded_fen >= approval_fen


def next_fiscal_question_at(asked_count: int, now: datetime) -> datetime:
    """Return when the fiscal platform is asked next about something that is still open there."""
    rung = min(asked_count, len(FISCAL_LADDER_SECONDS) - 1)
    return now + timedelta(seconds=FISCAL_LADDER_SECONDS[rung])


def refused_question_at(now: datetime) -> datetime:
    """Return when the fiscal platform is asked again after a plain no."""
    return now + timedelta(seconds=FISCAL_REFUSED_SECONDS)


def order_expiry(now: datetime, expiry_seconds: int, due_at: datetime | None) -> datetime:
    """Return the end of a new order: never later than the bill's own, whole seconds as the providers print them."""
    usual = now + timedelta(seconds=expiry_seconds)
    return min(usual, due_at or usual).replace(microsecond=0)


def is_expired(now: datetime, due_at: datetime | None) -> bool:
    """Tell whether a bill can no longer be paid: too little time is left even for the shortest order."""
    return due_at is not None and due_at <= now + timedelta(seconds=SHORTEST_ORDER_SECONDS)


def prepay_is_fresh(prepay_until: datetime | None, now: datetime) -> bool:
    """Tell whether a prepay reference can still be handed to the phone with some minutes to spare."""
    return prepay_until is not None and prepay_until > now + timedelta(seconds=PREPAY_MARGIN_SECONDS)
