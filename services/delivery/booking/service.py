"""Parcels at the couriers: making them, placing orders in three beats, booking again. Called by jobs and other parts.

First the row, then a job, then the order under our own number. Whoever talks to a courier about an order holds the
parcel meanwhile, so that booking, withdrawing and passing on never overlap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import structlog

from app import clock
from app.db import Row, Transaction
from app.errors import Conflict, NotFound, ProviderRejected, ProviderUnavailable, SanjinError
from app.events import DomainEvent
from services.delivery import repository
from services.delivery.booking import making_repository, pickups
from services.delivery.booking import repository as booking_repository
from services.delivery.booking.making import ParcelMaker
from services.delivery.booking.types import InboundOrder, NewAddress, OwnParcel, ShipmentChange
from services.delivery.booking.withdrawing import Withdrawing
from services.delivery.couriers.table import CourierTable
from services.delivery.neutral_cargo import on_waybill
from services.delivery.ports import NOT_SERVED, UNSURE, Ability, Courier, Holders
from services.delivery.repository import ShipmentRow
from services.delivery.rules.types import Carriage, Errand
from services.delivery.states import TERMINAL, ShipmentStatus
from services.delivery.tasks.opening import close_task
from services.delivery.tasks.states import Outcome, TaskKind
from services.delivery.tracking.news import booking_news
from services.delivery.tracking.recording import Recorder
from services.delivery.types import (
    Booking,
    Contact,
    CourierOrder,
    Freight,
    Leg,
    Level,
    ParcelRef,
    Payer,
    Reach,
)
from services.delivery.views import booked_event, refused_event

_AGAIN_FROM = TERMINAL | {ShipmentStatus.REJECTED, ShipmentStatus.RETURNING}
"""DELIVERED: what arrived spoilt was made again."""
_ASK_THEM = "下单结果一直不明，请先向快递公司核实没有此订单，再重新下单"
log = structlog.get_logger()


class BookingDesk:
    """Use cases of placing orders.

    Args:
        holders: knows whom alone a parcel may be given to; None where that is not offered.
    """

    def __init__(
        self, couriers: CourierTable, recorder: Recorder, maker: ParcelMaker, holders: Holders | None = None
    ) -> None:
        self._couriers, self._recorder, self._maker, self._holders = couriers, recorder, maker, holders
        self.withdrawing = Withdrawing(couriers, recorder, maker, self._ask_or_book)

    async def book(self, job: Mapping[str, Any]) -> None:
        """Book one parcel at its courier (job `delivery.book`).

        A courier that does not serve it is followed by the next of the rules; an unknown outcome never is, before the
        courier has said that it has no such order.
        Idempotent: yes. A repeat after an unknown outcome first asks the courier by our number.
        Raises: ProviderUnavailable, ProviderProtocolError, ProviderRejected (retryable): the job runs again.
        """
        shipment_no = job["shipment_no"]
        now = clock.now()
        held = await booking_repository.hold(shipment_no, now, now + booking_repository.HOLD, to_book=True)
        if held is None:
            await self._require_free(shipment_no)
            return
        courier = self._couriers.get(held["courier"])
        try:
            booking = await self._ask_or_book(courier, held)
        except ProviderRejected as error:
            if error.retryable:
                await booking_repository.let_go(shipment_no)
                raise
            await self._refused(held, courier, error)
            return
        except SanjinError:
            await booking_repository.let_go(shipment_no)
            raise
        await self._recorder.record(
            shipment_no, [booked_event(courier.name, booking)], confirmed=True, news=booking_news(booking)
        )
        await booking_repository.let_go(shipment_no)

    async def _require_free(self, shipment_no: str) -> None:
        """Have the job come again where somebody else talks to the courier; else there is nothing to book."""
        row = await repository.find_shipment(shipment_no)
        if row is not None and row.ordering_until is not None and row.ordering_until > clock.now():
            raise ProviderUnavailable(provider=row.courier, reason="order_busy")

    async def _ask_or_book(self, courier: Courier, row: Row) -> Booking:
        if row["tried_before"] is None:
            return await courier.book(await self._order(row))
        known = await courier.find(ParcelRef(shipment_no=row["shipment_no"], carrier=row["carrier"]))
        if known is not None:
            return known
        unsure = ProviderRejected(provider=courier.code.lower(), provider_code=UNSURE)
        if _is_forgotten(courier, row["tried_before"]):
            raise unsure
        try:
            return await courier.book(await self._order(row))
        except ProviderRejected as error:
            # The repeat is refused; whether the first one stands, a `find` that may miss it cannot tell.
            if error.retryable or courier.repeats_for is None:
                raise
            log.error("repeated_booking_refused", shipment_no=row["shipment_no"], provider_code=error.provider_code)
            raise unsure from error

    async def _order(self, row: Row) -> CourierOrder:
        ours = msgspec.convert(_sender_of(row)["contact"], Contact)
        theirs = self._maker.opened(row["receiver_cipher"])
        is_inbound = row["leg"] == Leg.INBOUND
        pickup_from, pickup_until = pickups.still_ahead(row["pickup_from"], row["pickup_until"], clock.now())
        tail = ""
        if row["in_person"] and not is_inbound and self._holders is not None:
            tail = await self._holders.identity_tail(row["citizen_id"])
        return CourierOrder(
            shipment_no=row["shipment_no"],
            cargo=on_waybill(row["cargo"]),
            sender=theirs if is_inbound else ours,
            receiver=ours if is_inbound else theirs,
            freight=_freight(row["payer"], is_inbound=is_inbound),
            carrier=row["carrier"],
            product=row["product"],
            pickup_from=pickup_from,
            pickup_until=pickup_until,
            holder_tail=tail,
            is_inbound=is_inbound,
        )

    async def _refused(self, row: Row, courier: Courier, error: ProviderRejected) -> None:
        """Go to the next courier where this one does not serve the address, else leave it to staff."""
        shipment_no, key = row["shipment_no"], f"{row['courier']}:{row['carrier']}"
        log.error("booking_refused", shipment_no=shipment_no, provider_code=error.provider_code)
        following = await self._next(row, key) if await self._is_not_served(courier, row, error) else None
        if following is not None:
            await booking_repository.pass_on(shipment_no, key, following.courier, following.carrier, following.product)
            return
        await self._recorder.record(shipment_no, [refused_event(shipment_no)], confirmed=True)
        reason = f"快递公司未接单（{error.provider_code or '未说明原因'}）"
        await making_repository.open_refusal_task(row, _ASK_THEM if error.provider_code == UNSURE else reason)
        if row["tried_before"] is None:
            await booking_repository.note_refused(shipment_no, key)
        else:
            await booking_repository.let_go(shipment_no)

    async def _is_not_served(self, courier: Courier, row: Row, error: ProviderRejected) -> bool:
        if error.provider_code == NOT_SERVED:
            return True
        if Ability.REACH not in courier.abilities:
            return False
        order = await self._order(row)
        try:
            return await courier.reaches(order.sender, order.receiver, row["carrier"]) is Reach.NO
        except SanjinError:
            return False

    async def _next(self, row: Row, key: str) -> Carriage | None:
        errand = Errand(
            division_code=row["division_code"],
            to_division_code=row["to_division_code"],
            leg=Leg(row["leg"]),
            level=Level(row["level"]),
        )
        passed = {*row["refused_by"].split(), key}
        listed = await self._maker.rules.carriages(errand)
        return next((carriage for carriage in listed if carriage.key not in passed), None)

    async def rebook(
        self,
        shipment_no: str,
        record: Callable[[Transaction], Awaitable[None]],
        *,
        by: str = "",
        note: str = "",
    ) -> str:
        """Have a parcel ordered again that its courier refused, did not pick up, or cancelled by itself.

        One that no courier has keeps its number. An order that a courier knows is withdrawn, where it is not ended yet,
        and the parcel goes on under a number of its own, which is returned.

        Args:
            record: writes down who wants it, in the transaction of the act.
            by: who settles the task about it with that, `note` in which words.
        Raises: NotFound; Conflict `already_booked`, `postage_unpaid`, `parcel_collected` where the courier says that it
            has the parcel, else as `again` and `Withdrawing.cancel`.
        """

        async def settle(tx: Transaction) -> None:
            await record(tx)
            await close_task(tx, row.id, (TaskKind.BOOKING_REFUSED,), Outcome.REBOOKED, by, note=note)

        row = await self._found(shipment_no)
        if row.booked_at is None and row.status not in TERMINAL:
            if row.payer == Payer.ONLINE and row.paid_at is None:
                raise Conflict("该快递的邮费尚未支付，支付后自动下单", code="postage_unpaid")
            # Whoever settles the task that has them ask the courier has asked it: there is none.
            is_untried = await making_repository.is_open(row.id, _ASK_THEM)
            await booking_repository.rebook(
                shipment_no, is_untried, _event("shipment.rebooked", row, shipment_no), settle
            )
            return shipment_no
        if not await making_repository.is_to_be_ordered_again(shipment_no):
            raise Conflict("该快递已下单或已结束，不能重新下单", code="already_booked")
        if row.status == ShipmentStatus.CANCELLED:
            return await self.again(shipment_no, record=settle)
        return await self.withdrawing.order_again(shipment_no, settle)

    async def again(
        self,
        former_no: str,
        *,
        receiver: Contact | None = None,
        receiver_shown: str = "",
        to_division_code: str = "",
        is_remade: bool = False,
        record: Callable[[Transaction], Awaitable[None]],
    ) -> str:
        """Send what came back, was lost on its way or was never collected once more, as a parcel of its own.

        Postage is not asked for twice: what was paid and not given back covers this one too.

        Args:
            receiver: another contact with its masked line and division; None keeps the former one.
            is_remade: what lay in the former parcel is void: wherever that one is, this one goes, free of postage.
            record: writes down who wants it, in the transaction of the act.
        Raises: NotFound; Conflict `not_to_send_again`, `parcel_redacted`, `in_person_only`, `remedy_not_offered` where
        what lay in it was taken out to be fetched.
        Idempotent: yes, a parcel is followed by one.
        """
        row = await self._found(former_no)
        if row.is_own or not (is_remade or row.status in _AGAIN_FROM):
            raise Conflict("该快递当前不能再次寄送", code="not_to_send_again")
        new = replace(self._maker.successor(row), payer=Payer.FREE if is_remade else _payer_again(row))
        if receiver is not None:
            new = self._maker.sent_to(new, receiver, receiver_shown, to_division_code or row.to_division_code)
        if new.receiver_cipher is None:
            raise Conflict("收件信息已按规定清除", code="parcel_redacted")
        return await making_repository.make_again(
            await self._maker.routed(new), _event("shipment.sent_again", row, new.shipment_no), record
        )

    async def order_inbound(self, order: InboundOrder) -> str:
        """Make the parcel of originals that a courier picks up; a job books it. Returns its number.

        Idempotent: yes, while one of this case and content is under way; a cancelled one is followed by another.
        Raises: InvalidRequest for its pick-up time.
        """
        return await making_repository.make_next(await self._maker.inbound(order))

    async def cancel(
        self, shipment_no: str, reason: str, record: Callable[[Transaction], Awaitable[None]] | None = None
    ) -> ShipmentStatus:
        """Withdraw a parcel before pick-up. See `Withdrawing.cancel`."""
        return await self.withdrawing.cancel(shipment_no, reason, record or _nobody)

    async def change_address(
        self, shipment_no: str, to: NewAddress, record: Callable[[Transaction], Awaitable[None]]
    ) -> ShipmentChange:
        """Send a parcel to another address before pick-up. See `Withdrawing.change_address`."""
        return await self.withdrawing.change_address(shipment_no, to, record)

    async def change_courier(
        self, shipment_no: str, carriage: Carriage, record: Callable[[Transaction], Awaitable[None]]
    ) -> ShipmentChange:
        """Send a parcel with another courier before pick-up. See `Withdrawing.change_courier`."""
        return await self.withdrawing.change_courier(shipment_no, carriage, record)

    async def follow_own(self, own: OwnParcel) -> str:
        """Follow a parcel that the citizen has sent by themselves. Returns its number.

        Raises: Conflict `waybill_taken` where the number belongs to another parcel, `following_not_offered`.
        Idempotent: yes, by the number typed.
        """
        shipment_no = await making_repository.make_own(self._maker.own(own))
        if shipment_no is None:
            raise Conflict("该运单号已登记在其他办件中，请核对", code="waybill_taken")
        return shipment_no

    async def _found(self, shipment_no: str) -> ShipmentRow:
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return row


async def _nobody(tx: Transaction) -> None:
    """Write down nothing: the house itself acts, or whoever calls has their own record."""


def _sender_of(row: Row) -> dict[str, Any]:
    kept = row["sender"]
    found: dict[str, Any] = msgspec.json.decode(kept) if isinstance(kept, str) else kept
    return found


def _is_forgotten(courier: Courier, tried_at: datetime) -> bool:
    """Tell whether a courier may have an order of that moment and yet take a repeated one for another."""
    return courier.repeats_for is not None and clock.now() - tried_at > courier.repeats_for


def _freight(payer: str, *, is_inbound: bool) -> Freight:
    if payer != Payer.ON_DELIVERY:
        return Freight.ACCOUNT
    return Freight.SENDER if is_inbound else Freight.RECEIVER


def _payer_again(row: ShipmentRow) -> str:
    """Say who pays for sending again: the house, unless the citizen's money has gone back or was never due here."""
    if row.payer != Payer.ONLINE or row.status == ShipmentStatus.CANCELLED:
        return row.payer
    return Payer.FREE


def _event(name: str, row: ShipmentRow, shipment_no: str) -> DomainEvent:
    return DomainEvent(
        name=name, subject_no=row.subject_no, citizen_id=row.citizen_id.hex, facts={"shipment_no": shipment_no}
    )
