"""What delivery needs from outside: a courier. Adapters in couriers/ fulfil it, wiring chooses."""

from __future__ import annotations

from typing import Protocol

from services.delivery.types import Booking, CourierEvent, CourierOrder


class Courier(Protocol):
    """A courier company.

    Called by the booking job, the confirming job, the sweep and the callback door; never inside the request that
    decides a case. Freight is on account or paid at the door, so no money moves here.
    """

    @property
    def code(self) -> str:
        """Short fixed code, as stored with every shipment."""

    @property
    def name(self) -> str:
        """Chinese name for people."""

    async def book(self, order: CourierOrder) -> Booking:
        """Place an order.

        Idempotent: yes, by `order.shipment_no`; a second call returns the first booking.

        Raises:
            ProviderUnavailable: the outcome is unknown. The caller must ask with `find` before it calls again.
            ProviderRejected: nothing was booked. With `retryable` the same call may come later; without it the
                caller must stop and show the case to the staff, because address or contract are at fault.
            ProviderProtocolError: the answer cannot be read. The caller treats the outcome as unknown.
        """

    async def find(self, shipment_no: str) -> Booking | None:
        """Ask for the order by our number; None when the courier certainly has none. A read.

        Raises:
            ProviderUnavailable: nothing was learnt; ask again later, and do not book meanwhile.
            ProviderRejected, ProviderProtocolError: as above; a person must look.
        """

    async def track(self, shipment_no: str) -> tuple[CourierEvent, ...]:
        """Ask for every event of a parcel by our number. A read; its events count as confirmed.

        Raises:
            ProviderUnavailable, ProviderRejected, ProviderProtocolError: nothing was learnt; the sweep asks again.
        """

    def parse_push(self, body: bytes) -> tuple[CourierEvent, ...]:
        """Read the raw body of a push. Its events are unconfirmed, because couriers do not sign.

        Raises:
            CallbackRejected: not of the courier's shape; nothing may be stored.
        """

    def acknowledge(self, accepted: bool) -> bytes:
        """Return the body (JSON) that tells the courier to stop, or to send the push again."""
