"""What silence left behind: open orders that nobody told us about, orders past their end, refunds under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog

from app.clock import now
from app.errors import NotFound, ProviderProtocolError, ProviderRejected, ProviderUnavailable
from app.jobs import Sweep
from payments import repository
from payments.asking import Asking
from payments.auditing import LedgerAudit
from payments.fiscal.office import FiscalOffice
from payments.neutral import Standing
from payments.records import PaymentRecord, RefundRecord
from payments.refunds import repository as refund_repository
from payments.refunds.pushing import Refunding
from payments.states import next_question_at

_LEASE = timedelta(seconds=90)
_BATCH = 64
_AT_ONCE = 8
log = structlog.get_logger()


class Sweeps:
    """Periodic repair of the payments room; safe to run in several processes at once."""

    def __init__(self, asking: Asking, refunding: Refunding, fiscal: FiscalOffice, ledger: LedgerAudit) -> None:
        self._asking = asking
        self._refunding = refunding
        self._fiscal = fiscal
        self._ledger = ledger

    def table(self) -> Mapping[str, tuple[str, Sweep]]:
        """Return sweep name → (cron expression with seconds in the sixth place, coroutine) for wiring."""
        return {
            "payments.ask_silent": ("* * * * * */5", self.ask_silent),
            "payments.close_expired": ("* * * * * */15", self.close_expired),
            "payments.ask_refunds": ("* * * * * */5", self.ask_refunds),
            "payments.ask_fiscal": ("* * * * * */5", self.ask_fiscal),
            "payments.check_ledger": ("50 * * * *", self.check_ledger),
            "payments.check_whole_ledger": ("30 19 * * *", self.check_whole_ledger),
        }

    async def ask_silent(self) -> None:
        """Ask about open orders whose rung of the ladder has come. Idempotent: rows are leased."""
        await self._over_payments(expired=False, question=self._asking.ask)

    async def close_expired(self) -> None:
        """Ask about orders past their end and close the unpaid ones at the provider. Idempotent: rows are leased."""
        await self._over_payments(expired=True, question=self._asking.settle)

    async def ask_refunds(self) -> None:
        """Ask about refunds under way. Idempotent: rows are leased."""
        moment = now()
        claimed = await refund_repository.claim_refunds(moment, moment + _LEASE, _BATCH)
        await _at_most(_AT_ONCE, [self._follow(refund) for refund in claimed])

    async def ask_fiscal(self) -> None:
        """Ask the fiscal platform about confirmations, receipts and red letters that are due. Idempotent: by lease."""
        moment = now()
        await _at_most(_AT_ONCE, await self._fiscal.due(moment, moment + _LEASE, _BATCH))

    async def check_ledger(self) -> None:
        """Check what was written to the ledger since it was last found sound. A fault raises the metrics that alarm."""
        await self._ledger.check_recent()

    async def check_whole_ledger(self) -> None:
        """Check the whole ledger once a day. A fault raises the metrics that alarm."""
        await self._ledger.check_all()

    async def _over_payments(self, *, expired: bool, question: Callable[[PaymentRecord], Awaitable[Standing]]) -> None:
        moment = now()
        claimed = await repository.claim_silent(moment, moment + _LEASE, expired, _BATCH)
        await _at_most(_AT_ONCE, [self._ask(record, question) for record in claimed])

    async def _ask(self, record: PaymentRecord, question: Callable[[PaymentRecord], Awaitable[Standing]]) -> None:
        try:
            await question(record)
        except (ProviderUnavailable, ProviderRejected, ProviderProtocolError, NotFound) as error:
            log.warning("order_unknown", out_trade_no=record.order.out_trade_no, code=error.stable_code)
        again_at = next_question_at(record.created_at, record.order.expires_at, record.asked_count + 1, now())
        await repository.record_silence(record.id, again_at)

    async def _follow(self, refund: RefundRecord) -> None:
        await self._refunding.follow(refund)


async def _at_most(count: int, work: list[Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(count)

    async def one(step: Awaitable[None]) -> None:
        async with gate:
            await step

    await asyncio.gather(*(one(step) for step in work))
