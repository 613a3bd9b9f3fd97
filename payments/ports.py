"""What the payments room needs from outside: payment channels and the payers' names at them.

Adapters in channels/ implement PaymentChannel over the vendors' clients; wiring implements Payers over the accounts.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from app.db import Transaction
from app.errors import NotFound
from payments.neutral import (
    Acknowledgement,
    ChannelOrder,
    OpenedOrder,
    OrderState,
    PlatformMessage,
    ProviderEvent,
    RefundNotified,
    RefundOrder,
    Standing,
)
from payments.reconciliation.ports import BillFiles
from payments.types import AuditedAct, Payer


class PaymentChannel(Protocol):
    """One merchant account at one provider of payments.

    Errors, the same for every method that calls the provider:

    * `ProviderUnavailable`: no useful answer. The outcome is UNKNOWN, never failed: what was asked for may have been
      done. The caller keeps the row as it is and asks by our own number before it decides anything. Only
      `details["nothing_sent"]` being true proves that nothing happened.
    * `ProviderRejected`: a plain no. Nothing was done by this call; but for `open` an earlier try of the same number
      may have been taken, so the caller asks before it gives the number up.
    * `ProviderProtocolError`: an answer that is not proved genuine. It is never a success; treat the outcome as
      unknown and let a person look.

    No method raises anything of a vendor or of a library.

    Attributes:
        bills: the daily bills (对账单) of this account.
        refund_spacing: least distance of two refund calls of one order, also of repeats. The caller waits it out.
        refund_question_after: how long after the refund call the first question makes sense.
    """

    @property
    def bills(self) -> BillFiles:
        """See the class."""
        ...

    @property
    def refund_spacing(self) -> timedelta:
        """See the class."""
        ...

    @property
    def refund_question_after(self) -> timedelta:
        """See the class."""
        ...

    def prepare(self, order: ChannelOrder) -> bytes:
        """Return the exact request of an order. Pure; called before the intent is written, kept with it, and sent
        again unchanged on every repeat, because a provider refuses the same number with other words."""
        ...

    async def open(self, order: ChannelOrder) -> OpenedOrder:
        """Place the order at the provider, by `order.request_body`. From here on the person may pay it.

        Called after the intent is committed, with no transaction open; called again with the same order when the
        outcome was unknown or when the prepay reference has aged.
        Idempotent: yes, by `out_trade_no` with the same `request_body`.
        """
        ...

    def phone_parameters(self, order: ChannelOrder, prepay_reference: str) -> dict[str, str]:
        """Return what the phone hands to the cashier, signed anew on every call. Moves no money by itself."""
        ...

    async def query(self, order: ChannelOrder) -> OrderState:
        """Ask how the order stands. A read; the only thing besides a callback that proves a payment.

        PAID obliges the caller to check and book `paid` exactly like a callback. UNRECOGNISED obliges it to decide
        nothing.
        """
        ...

    async def close(self, order: ChannelOrder) -> Standing:
        """Close an unpaid order for ever.

        Returns CLOSED when nobody can pay it any more, NOT_PLACED when there was nothing to close, PAID when the
        provider refuses because it was paid: then the caller must query and book. A time-out means unknown: another
        order for the same bill must not be opened.
        Idempotent: yes, by `out_trade_no`.
        """
        ...

    async def refund(self, order: RefundOrder) -> RefundNotified:
        """Give money back under our own number. MONEY MAY MOVE, also when this raises ProviderUnavailable.

        The refund row is committed before the call and its number reused on every repeat: a new number would refund
        twice. A retryable ProviderRejected (balance too low) is tried again later; any other one is for a person.
        Idempotent: yes, by `out_refund_no` with the same amount.
        """
        ...

    async def query_refund(self, order: RefundOrder) -> RefundNotified | None:
        """Ask about a refund by our number; None when the provider does not know it (then `refund` may be repeated).

        A success that the payer's bank gave back later is a BOUNCE, whoever asks and whenever.
        """
        ...

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        """Verify the raw bytes, the time window and the encryption of a callback; return it neutral. No I/O.

        Returns None for kinds that mean nothing to us (acknowledged and forgotten).
        Raises: CallbackRejected when it is not genuine: nothing is stored, the sender comes again if it was real;
        ProviderProtocolError when it is genuine but our key does not open it: answer 5xx, a person must look.
        """
        ...

    def acknowledgement(self) -> Acknowledgement:
        """Return the answer that tells the provider not to come again."""
        ...


class PlatformGateway(Protocol):
    """The second address of a platform, for messages that are about no order. No money moves through it."""

    def answer_check(self, body: bytes) -> Acknowledgement | None:
        """Return the signed answer to the platform's test of this address; None when the body is no such test.

        Raises: CallbackRejected when it cannot be read at all.
        """
        ...

    def parse_message(self, body: bytes) -> PlatformMessage:
        """Verify and read one message. Raises: CallbackRejected, CallbackQuarantined (genuine but unreadable)."""
        ...


class Audit(Protocol):
    """The audit trail of staff. Implemented by wiring over the staff room."""

    async def record(self, act: AuditedAct, tx: Transaction) -> None:
        """Append an act in the transaction of the act itself, as its last statement: no act without its trace."""
        ...


class Payers(Protocol):
    """Names people at the channels. Implemented by wiring over the accounts room."""

    async def payer(self, citizen_id: uuid.UUID, identity_id: uuid.UUID, channel: str) -> Payer | None:
        """Return the person's name at a channel: that of the signed-in identity if it is of this channel, else another
        identity of the same person there; None when the person has none."""
        ...


def _unheard() -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class ChannelTable:
    """The channels of this process: by the code of the merchant account, and by callback address.

    Wiring fills it with the accounts of the settings; merchants.registry keeps it in step with the rows of
    payment_account. An address is (channel, mch_id) for WeChat Pay and (channel, app_id) for Alipay, as in the
    callback path; several accounts may share one.
    """

    by_account: Mapping[str, PaymentChannel]
    by_address: Mapping[tuple[str, str], PaymentChannel]
    gateways: Mapping[str, PlatformGateway] = field(default_factory=dict)
    """By app id, for platforms that have a second address."""
    missed: Callable[[], None] = _unheard
    """Told when something is asked for that is not here: it may have been added a moment ago."""

    def of_account(self, code: str) -> PaymentChannel:
        """Return the channel of a merchant account. Raises NotFound when its keys are not loaded."""
        return self._found(self.by_account.get(code), code)

    def of_address(self, channel: str, address: str) -> PaymentChannel:
        """Return the channel that a callback address belongs to. Raises NotFound."""
        return self._found(self.by_address.get((channel, address)), address)

    def gateway_of(self, app_id: str) -> PlatformGateway:
        """Return the second address of an application. Raises NotFound."""
        gateway = self.gateways.get(app_id)
        if gateway is None:
            self.missed()
            raise NotFound("支付渠道未配置", code="channel_unknown", app_id=app_id)
        return gateway

    def _found(self, channel: PaymentChannel | None, name: str) -> PaymentChannel:
        if channel is None:
            self.missed()
            raise NotFound("支付渠道未配置", code="channel_unknown", account=name)
        return channel
