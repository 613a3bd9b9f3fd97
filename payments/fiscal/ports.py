"""What the payments room needs from the fiscal platform (财政非税收入收缴平台).

payments/channels/fiscal.py implements it over the client, tests/fakes/fiscal_platform.py in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, Protocol

from app.errors import ProviderRejected
from payments.fiscal.neutral import (
    FiscalBill,
    FiscalConfirmation,
    FiscalEntry,
    FiscalOrder,
    FiscalPayment,
    FiscalReceipt,
    FiscalRefund,
    FiscalRefusal,
    FiscalReversal,
)


class FiscalRefused(ProviderRejected):
    """The platform's plain no, with the reason that the room acts on in `refusal`. Nothing was done by this call."""

    def __init__(self, refusal: FiscalRefusal, **details: Any) -> None:
        super().__init__(refusal=str(refusal), **details)
        self.refusal = refusal


class FiscalPlatform(Protocol):
    """One region's platform of non-tax revenue. It alone gives out 缴款码, knows what is due and issues receipts.

    The platform moves no money: the citizen pays at a payment channel, and the platform is told. Everything it is
    told carries a number of ours, so every method may be repeated with equal arguments, also after a crash.

    Errors, the same for every method:

    * `ProviderUnavailable`: no useful answer, the outcome is UNKNOWN. Keep the row as it is and repeat the same call
      later; the number in it makes that safe.
    * `FiscalRefused`: a plain no; `refusal` says which. `retryable` true means that the same words may be accepted
      later (the platform is settling its day, or a confirmation is still due).
    * `ProviderProtocolError`: an answer that is not proved genuine or cannot be read. Never a success; the outcome is
      unknown, a person must look.

    No method raises anything of a vendor or of a library. `payment_code` is 16 to 20 digits by the region's profile;
    a code of another shape is answered as unknown without asking.
    """

    async def issue(self, order: FiscalOrder) -> FiscalBill:
        """Issue the payment notice (缴款通知) of a bill and return its 缴款码. No money moves.

        Called after the bill is committed, with no transaction open, and again until it has answered.
        Idempotent: yes, by `bill_no`; equal content gives the same code. Other content is refused with
        CONTENT_DIFFERS: then our row and the platform's notice are two things, and a person must look.
        """
        ...

    async def query(self, payment_code: str) -> FiscalBill | None:
        """Ask what is due on a 缴款码 right now and how it stands; None when the platform does not know it. A read.

        Called right before an order is opened, because 滞纳金 grows daily: `amount_fen` is what the order must be
        about. PAID or VOID oblige the caller not to open an order; UNRECOGNISED obliges it to decide nothing.
        """
        ...

    async def confirm(self, payment: FiscalPayment) -> FiscalConfirmation:
        """Tell the platform that a 缴款码 was paid (缴款确认). No money moves; revenue is booked there.

        DONE: the bill is settled for the treasury and its receipt follows. PROCESSING: taken, call again with equal
        arguments until it is DONE.
        Idempotent: yes, by `payment_code` and `out_trade_no`.
        Raises: FiscalRefused with AMOUNT_DIFFERS, PAID_BY_ANOTHER, ALREADY_VOID or UNKNOWN_CODE: the money stays where
        it is (paid at the channel), and a person or an automatic refund deals with it. It is never forgotten.
        """
        ...

    async def receipt(self, payment_code: str) -> FiscalReceipt | None:
        """Fetch the 财政电子票据 of a confirmed 缴款码; None while it is not issued yet (ask again later). A read.

        Raises: FiscalRefused with UNKNOWN_CODE.
        """
        ...

    async def reverse(self, refund: FiscalRefund) -> FiscalReversal:
        """Reverse all or a part of a confirmed payment by a red letter (红冲). The refund itself is the channel's.

        Called after the channel has paid the refund back. DONE carries the red letter; PROCESSING: call again.
        Idempotent: yes, by `out_refund_no`.
        Raises: FiscalRefused with NOT_CONFIRMED (retryable while the confirmation is still processing),
        AMOUNT_DIFFERS when more would be reversed than was paid, CONTENT_DIFFERS, UNKNOWN_CODE.
        """
        ...

    async def void(self, payment_code: str) -> None:
        """Withdraw an unpaid notice (作废): nobody can pay it any more.

        Idempotent: yes, voiding twice is one.
        Raises: FiscalRefused with ALREADY_PAID (then `query` and let a refund follow), UNKNOWN_CODE.
        """
        ...

    def list_day(self, business_on: date) -> AsyncIterator[FiscalEntry]:
        """List what the platform booked on a day of Beijing, payments and reversals, page by page as it is consumed.

        Read to its end it is complete or it raises: a list whose count or sum does not match its own head raises
        ProviderProtocolError after the last line, so nothing may be decided before the iterator has ended.
        A day that is not over yet lists what is booked so far.
        """
        ...
