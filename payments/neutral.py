"""What payment channels take and tell, in neutral words: orders, their standing, verified events of providers.

The port speaks in these types. Money is fen, moments are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrder:
    """One order at a provider, by our number. `request_body` is what was or will be sent, byte for byte."""

    out_trade_no: str
    description: str
    amount_fen: int
    app_id: str
    mch_id: str
    sub_mch_id: str
    payer_subject: str = field(repr=False)
    expires_at: datetime
    request_body: bytes = field(default=b"", repr=False)

    def with_request(self, request_body: bytes) -> ChannelOrder:
        """Return the same order with the exact request that stands for it."""
        return replace(self, request_body=request_body)


@dataclass(frozen=True, slots=True)
class OpenedOrder:
    """The provider took the order: what the phone's parameters are made of, and until when that may be used."""

    prepay_reference: str
    prepay_until: datetime


class Standing(StrEnum):
    """How an order stands at the provider. UNRECOGNISED: a state that no table knows, so nothing may be decided."""

    NOT_PLACED = "NOT_PLACED"
    UNPAID = "UNPAID"
    PAID = "PAID"
    CLOSED = "CLOSED"
    UNRECOGNISED = "UNRECOGNISED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNotified:
    """A verified success: the provider says that this order was paid.

    `event_key` and `occurred_at` are the same for every repeat and for an answer to our own question, so that they
    name the one event together. `payer_subjects` are the names of the payer that the provider tells, maybe none.
    """

    provider: str
    event_key: str
    occurred_at: datetime
    out_trade_no: str
    provider_trade_no: str
    provider_status: str
    app_id: str
    mch_id: str
    sub_mch_id: str
    amount_fen: int
    currency: str
    payer_subjects: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundNotified:
    """A verified outcome of a refund, from a callback or from an answer to our own question.

    `move` is the edge of states.REFUND it stands for; `mch_id` is "" where the answer was to our own signed call, and
    `sub_mch_id` names the merchant in whose name `mch_id` collects, if any. `tells_of_bank`: it says how the payer's
    bank took the money (银行卡冲退), which alone undoes an earlier word.
    """

    provider: str
    event_key: str
    occurred_at: datetime
    out_trade_no: str
    out_refund_no: str
    provider_refund_no: str
    provider_status: str
    move: str
    amount_fen: int | None
    currency: str = "CNY"
    mch_id: str = ""
    sub_mch_id: str = ""
    tells_of_bank: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHint:
    """A verified message that proves nothing by itself but makes it worth asking about this order now."""

    provider: str
    event_key: str
    occurred_at: datetime
    out_trade_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A verified message with a value that cannot be read: kept for staff, never guessed at."""

    provider: str
    event_key: str
    reason: str


ProviderEvent = PaymentNotified | RefundNotified | OrderHint | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositBack:
    """What a platform's message says of a refund to a bank card (银行卡冲退).

    `out_refund_no` is "" and `amount_fen` None where it does not say; `move` is "" where it cannot be read.
    """

    out_trade_no: str
    out_refund_no: str
    move: str
    amount_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformMessage:
    """A verified message that comes to a platform's second address (a withdrawn consent, a bank's word)."""

    provider: str
    event_key: str
    occurred_at: datetime
    kind: str
    deposit_back: DepositBack | None = None
    app_id: str = ""
    withdrawn_by: str = field(default="", repr=False)
    """The platform's name for somebody who has withdrawn their consent."""
    withdrawn_at: datetime | None = None
    is_known: bool = True
    is_alarm: bool = False
    """Whether a person must look: an authorisation of ours was withdrawn, a version of ours refused."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """The provider's answer about one order; `paid` is set exactly when `standing` is PAID."""

    standing: Standing
    provider_status: str
    paid: PaymentNotified | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """One refund to be asked for, under our own number, which every repeat reuses."""

    out_refund_no: str
    amount_fen: int
    reason: str
    order: ChannelOrder


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Bytes by which a provider knows that it need not come again."""

    status: int
    content_type: str
    body: bytes
