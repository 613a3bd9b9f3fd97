"""What delivery needs from outside: couriers (their adapters are in couriers/), the audit trail, the console's ear."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from app.db import Transaction
from services.delivery.types import Booking, Contact, CourierOrder, Estimate, ParcelRef, Push, Reach, Report
from services.staff.types import Act

Announce = Callable[[str], Awaitable[None]]
"""Tells the pages of staff that what they show has changed: a topic as `shipments` or `dispatch:<number>`."""


async def unheard(topic: str) -> None:
    """Announce to nobody."""


class Audit(Protocol):
    """The audit trail."""

    async def record(self, act: Act, tx: Transaction | None = None) -> None:
        """Append an act, inside the transaction of the act itself."""


class Ability(StrEnum):
    """What a courier can do for us; a method whose ability is missing is never called."""

    ORDER = "ORDER"
    CANCEL = "CANCEL"
    LABEL = "LABEL"
    REACH = "REACH"
    ESTIMATE = "ESTIMATE"
    FOLLOW_ANY = "FOLLOW_ANY"
    """Follows also numbers of other carriers, such as a citizen typed."""
    MASKED_LABEL = "MASKED_LABEL"
    """Wants labels on which name and phone are masked (隐私面单), because it knows them from the order."""


class Courier(Protocol):
    """A courier company, or an aggregator of several.

    Called by jobs, sweeps, the doors that ask before an order, and the callback door; never inside a transaction nor
    inside the request that decides a case. Freight is on account or paid at the door, so no money moves here.

    Every call may raise:
        ProviderUnavailable: the outcome is unknown (for reads: nothing was learnt; ask again later).
        ProviderRejected: the courier refused. With `retryable` the same call may come later; without it a person
            must look, because address, contract or number are at fault.
        ProviderProtocolError: the answer cannot be read; as unknown.
    """

    @property
    def code(self) -> str:
        """Short fixed code, as stored with every shipment and as in the address of its callbacks (in lower case)."""

    @property
    def name(self) -> str:
        """Chinese name for people."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can do."""

    @property
    def signs_pushes(self) -> bool:
        """Whether a push that `parse_push` lets through is proven to come from the courier.

        If not, its events end nothing until `track` confirms them.
        """

    @property
    def repeats_for(self) -> timedelta | None:
        """For how long an order placed again under its number surely is the first one; None where `find` is sure.

        A courier that names a time may have an order that `find` does not see. Within that time ordering again is the
        question that counts, after it only a person can tell.
        """

    async def book(self, order: CourierOrder) -> Booking:
        """Place an order.

        Idempotent: yes, by `order.shipment_no`; a second call returns the first booking.
        Raises: see above; after an unknown outcome the caller must ask with `find` before it calls again.
        """

    async def find(self, parcel: ParcelRef) -> Booking | None:
        """Ask for the order by our number; None when the courier has none, as far as `repeats_for` says. A read."""

    async def cancel(self, parcel: ParcelRef, reason: str) -> None:
        """Withdraw an order before pick-up; a cancelled one stays cancelled. Idempotent: yes.

        Raises: ProviderRejected with `provider_code` "collected" when the courier has the parcel already, else above.
        """

    async def label(self, parcel: ParcelRef) -> bytes | None:
        """Return the courier's own label as PDF; None where it gives data only and we draw it. A read."""

    async def reaches(self, sender: Contact, receiver: Contact, carrier: str) -> Reach:
        """Ask whether both addresses are served. A read."""

    async def estimate(self, order: CourierOrder) -> Estimate:
        """Ask for price and time of an order that is not placed. A read."""

    async def track(self, parcel: ParcelRef) -> Report:
        """Ask for everything about a parcel. A read; its events count as confirmed."""

    async def follow(self, parcel: ParcelRef) -> None:
        """Ask for pushes about a parcel; nothing to do where they come by themselves. Idempotent: yes."""

    def parse_push(self, push: Push) -> Report:
        """Verify and read the raw body of a push.

        Raises:
            CallbackRejected: not signed by the courier, or not of its shape; nothing may be stored.
        """

    def acknowledge(self, push: Push, accepted: bool) -> bytes:
        """Return the body that tells the courier to stop, or to send the push again."""


NOT_SERVED = "not_served"
"""`provider_code` of a refusal because the courier does not go there: the next one by the rules is asked."""
COLLECTED = "collected"
"""`provider_code` of a refused cancellation because the courier has the parcel already."""
UNSURE = "outcome_unknown"
"""`provider_code` of an order that we do not place again: the courier may have it, and nobody but a person can ask."""
PICKUP_TIME = "pickup_time"
"""`provider_code` of a refused order or estimate because nobody comes at the wished time: offer another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostageBill:
    """The postage of one parcel, as the payments room is asked to bill it; due at an aware UTC moment."""

    shipment_no: str
    subject_no: str
    citizen_id: uuid.UUID
    amount_fen: int
    division_code: str
    department_code: str
    cargo: str
    due_at: datetime


class Postage(Protocol):
    """The payments room, as far as postage goes that a citizen pays before dispatch.

    Called by jobs only, never inside a transaction.
    """

    async def bill(self, asked: PostageBill) -> str:
        """Issue the bill of one parcel and return its number. Idempotent: yes, by the parcel's number."""

    async def end(self, bill_no: str, reason: str) -> None:
        """See to it that nobody pays a bill any more, and that what was paid goes back. Idempotent: yes.

        Raises: ProviderUnavailable, Conflict while a payment is under way; call again later.
        """


class Holders(Protocol):
    """The accounts room, as far as a courier must know whom alone a parcel may be given to."""

    async def identity_tail(self, citizen_id: uuid.UUID) -> str:
        """Return the last eight characters of a person's ID number, "" where none is known; by their consent only."""


@runtime_checkable
class CarrierGuess(Protocol):
    """What a courier with FOLLOW_ANY may offer besides: naming the carrier of a number that somebody typed."""

    async def guess_carriers(self, waybill_no: str) -> tuple[str, ...]:
        """Return carriers in 快递100's codes, likeliest first; () where nothing fits. A read.

        Raises: as every call of a courier.
        """
