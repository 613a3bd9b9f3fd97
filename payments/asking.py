"""Questions to providers about orders: a plain one when a callback stays away, and one that ends in closing.

The opening of orders, the jobs and the sweeps call it. A time-out is unknown: it raises and leaves the row as it is.
"""

from __future__ import annotations

from app.errors import ProviderProtocolError, ProviderUnavailable
from payments import repository
from payments.neutral import OrderState, Standing
from payments.ports import ChannelTable, PaymentChannel
from payments.receiving import Receiving
from payments.records import PaymentRecord


class Asking:
    """Asks about channel orders and books the answers."""

    def __init__(self, channels: ChannelTable, receiving: Receiving) -> None:
        self._channels = channels
        self._receiving = receiving

    async def ask(self, record: PaymentRecord) -> Standing:
        """Ask once and book what is certain. An order that the provider does not know yet may still be on its way.

        Raises: ProviderUnavailable (unknown), ProviderRejected, ProviderProtocolError.
        """
        state = await self._channels.of_account(record.account_code).query(record.order)
        if state.standing is not Standing.NOT_PLACED:
            await self._book(record, state)
        return state.standing

    async def settle(self, record: PaymentRecord) -> Standing:
        """Ask, and close what is unpaid; afterwards nobody can pay this order, or it is booked as paid.

        Raises: ProviderUnavailable (unknown: open nothing else), ProviderRejected, ProviderProtocolError.
        Idempotent: yes, by `out_trade_no`.
        """
        channel = self._channels.of_account(record.account_code)
        state = await channel.query(record.order)
        if state.standing is Standing.UNPAID:
            state = await self._closed(channel, record)
        if state.standing is Standing.UNRECOGNISED:
            raise ProviderProtocolError(reason="unrecognised_state", provider_status=state.provider_status)
        await self._book(record, state)
        return state.standing

    async def _closed(self, channel: PaymentChannel, record: PaymentRecord) -> OrderState:
        """Close; where payment and close crossed, the second question tells who won."""
        standing = await channel.close(record.order)
        if standing is not Standing.PAID:
            return OrderState(standing, str(standing))
        state = await channel.query(record.order)
        if state.standing is not Standing.PAID:
            raise ProviderUnavailable("支付结果确认中，请稍后再试", reason="close_and_query_disagree")
        return state

    async def _book(self, record: PaymentRecord, state: OrderState) -> None:
        if state.paid is not None:
            await self._receiving.apply_payment(state.paid)
        elif state.standing is Standing.CLOSED:
            await repository.record_closed(record, state.provider_status)
        elif state.standing is Standing.NOT_PLACED:
            # The order may have reached the provider after this answer, and a phone may hold it already.
            await repository.record_closed(record, state.provider_status, unless_opened=True)
