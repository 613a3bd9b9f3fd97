"""Before pick-up: a parcel is withdrawn from its courier, goes to another address, or with another courier.

A courier knows a parcel by our number and keeps what it was told under it, so a changed order is a new parcel with a
number of its own: it waits until the former one is certainly withdrawn, and takes over its paid postage then. Where the
courier has the parcel already, the former one goes on and the waiting one ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeAlias

import structlog

from app import clock
from app.db import Row, Transaction
from app.errors import Conflict, NotFound, ProviderProtocolError, ProviderRejected, ProviderUnavailable, SanjinError
from services.delivery import repository
from services.delivery.booking import repository as booking_repository
from services.delivery.booking import withdrawing_repository
from services.delivery.booking.making import ParcelMaker
from services.delivery.booking.notes import cancelled_note
from services.delivery.booking.reach import ReachDesk
from services.delivery.booking.types import NewAddress, NewParcel, ShipmentChange
from services.delivery.couriers.table import CourierTable
from services.delivery.ports import COLLECTED, UNSURE, Ability, Courier
from services.delivery.repository import ShipmentRow
from services.delivery.rules.types import Carriage
from services.delivery.states import MEANINGS, TERMINAL, ShipmentStatus
from services.delivery.tracking.recording import Recorder
from services.delivery.types import Booking, ParcelRef

Record: TypeAlias = Callable[[Transaction], Awaitable[None]]
AskOrBook: TypeAlias = Callable[[Courier, Row], Awaitable[Booking]]
BEFORE_PICKUP = frozenset(
    {
        ShipmentStatus.REQUESTED,
        ShipmentStatus.CREATED,
        ShipmentStatus.PICKUP_PENDING,
        ShipmentStatus.EXCEPTION,
    }
)
"""States in which a parcel may not have been picked up; with EXCEPTION only what was never on the road."""
_STALLED_AFTER, _BATCH = timedelta(minutes=10), 100
log = structlog.get_logger()


class Withdrawing:
    """Use cases of changing one's mind before pick-up.

    Args:
        ask_or_book: gives the order that a courier has under a parcel's number, placing it where there is none.
    """

    def __init__(self, couriers: CourierTable, recorder: Recorder, maker: ParcelMaker, ask_or_book: AskOrBook) -> None:
        self._couriers, self._recorder, self._maker, self._ask_or_book = couriers, recorder, maker, ask_or_book
        self._reach = ReachDesk(couriers, maker)

    async def cancel(self, shipment_no: str, reason: str, record: Record) -> ShipmentStatus:
        """Withdraw a parcel before pick-up; return where it stands afterwards.

        The courier is asked at once; where it does not answer, a job goes on asking. Paid postage goes back.
        Raises: NotFound; Conflict `parcel_collected`, `withdrawal_refused`, `parcel_ended`, `cancel_not_offered`.
        Idempotent: yes.
        """
        row = await self._changeable(shipment_no)
        if not await withdrawing_repository.want(row.shipment_no, row.version, reason, None, record):
            raise _moved_on()
        return await self._withdraw_now(shipment_no)

    async def change_address(self, shipment_no: str, to: NewAddress, record: Record) -> ShipmentChange:
        """Send a parcel to another address; say under which number it goes from now on.

        One that no courier has heard of keeps its number, and so does one that waits already; else see above.
        Raises: NotFound; Conflict `parcel_collected`, `withdrawal_refused`, `parcel_ended`, `address_not_served`,
        `in_person_only`, `stale_version`.
        """
        row = await self._going(shipment_no)
        await self._reach.require_for(row, to.contact, to.division_code)
        new = self._maker.sent_to(self._maker.successor(row), to.contact, to.shown, to.division_code)
        return await self._replace(row, await self._maker.routed(new), record, "已更改收件地址，改寄新单")

    async def change_courier(self, shipment_no: str, carriage: Carriage, record: Record) -> ShipmentChange:
        """Send a parcel with another courier; say under which number it goes from now on.

        Raises: as `change_address`, NotFound for a courier that is not here.
        """
        self._couriers.get(carriage.courier)
        row = await self._going(shipment_no)
        if (row.courier, row.carrier) == (carriage.courier, carriage.carrier or row.carrier):
            raise Conflict("该快递已由所选快递公司承运", code="same_courier")
        new = replace(
            self._maker.successor(row),
            courier=carriage.courier,
            carrier=carriage.carrier,
            product=carriage.product,
        )
        return await self._replace(row, new, record, "已更换快递公司，改寄新单")

    async def order_again(self, shipment_no: str, record: Record) -> str:
        """Order a parcel anew that its courier did not pick up; return the number under which it goes from now on.

        What stands at the courier is withdrawn first, by a job where it does not answer now.
        Raises: as `change_address`, without those of the address.
        """
        row = await self._going(shipment_no)
        new = await self._maker.routed(self._maker.successor(row))
        return (await self._replace(row, new, record, "快递公司未揽收，改寄新单")).shipment_no

    async def _replace(self, row: ShipmentRow, new: NewParcel, record: Record, reason: str) -> ShipmentChange:
        if row.booking_tried_at is None:
            if not await withdrawing_repository.change_untried(row.shipment_no, row.version, new, record):
                raise _moved_on()
            return _change(row, row.shipment_no, ShipmentStatus(row.status))
        successor_no = await withdrawing_repository.want(row.shipment_no, row.version, reason, new, record)
        if not successor_no:
            raise _moved_on()
        return _change(row, successor_no, await self._withdraw_now(row.shipment_no))

    async def _withdraw_now(self, shipment_no: str) -> ShipmentStatus:
        """Try at once what a job does otherwise. Raises: Conflict `parcel_collected`, `withdrawal_refused`."""
        refused = COLLECTED
        try:
            refused = await self._withdraw(shipment_no) or refused
        except (ProviderUnavailable, ProviderProtocolError, ProviderRejected) as error:
            log.warning("withdrawal_unknown", shipment_no=shipment_no, code=error.stable_code)
        row = await repository.find_shipment(shipment_no)
        assert row is not None, "parcels are never deleted"
        if row.cancel_wanted_at is None and row.status not in TERMINAL:
            raise _collected() if refused == COLLECTED else _refused()
        return ShipmentStatus(row.status)

    async def withdraw(self, job: Mapping[str, Any]) -> None:
        """Withdraw one parcel at its courier (job `delivery.withdraw`).

        Idempotent: yes; an order whose booking has an unknown outcome is looked for first.
        Raises: ProviderUnavailable, ProviderProtocolError, ProviderRejected (retryable): the job runs again.
        """
        await self._withdraw(job["shipment_no"])

    async def _withdraw(self, shipment_no: str) -> str:
        """Do so; return the courier's word where it refuses, else ""."""
        now = clock.now()
        held = await booking_repository.hold(shipment_no, now, now + booking_repository.HOLD, to_book=False)
        if held is None:
            row = await repository.find_shipment(shipment_no)
            if row is not None and row.cancel_wanted_at is not None and row.status not in TERMINAL:
                raise ProviderUnavailable(provider=row.courier, reason="order_busy")
            return ""
        try:
            await self._cancel_order(held)
        except ProviderRejected as error:
            if error.retryable:
                await booking_repository.let_go(shipment_no)
                raise
            await self._goes_on(held, error)
            return error.provider_code or "refused"
        except SanjinError:
            await booking_repository.let_go(shipment_no)
            raise
        is_followed = await withdrawing_repository.find_waiting(shipment_no) is not None
        note = cancelled_note(shipment_no, held["cancel_reason"], is_followed=is_followed)
        await self._recorder.record(shipment_no, [note], confirmed=True)
        await booking_repository.let_go(shipment_no)
        return ""

    async def sweep(self) -> None:
        """Go on with withdrawals whose job was lost. Idempotent."""
        await withdrawing_repository.enqueue_stalled(clock.now() - _STALLED_AFTER, _BATCH)

    async def _cancel_order(self, row: Row) -> None:
        if row["booking_tried_at"] is None:
            return
        courier = self._couriers.get(row["courier"])
        parcel = ParcelRef(
            shipment_no=row["shipment_no"],
            waybill_no=row["waybill_no"],
            order_ref=row["order_ref"],
            carrier=row["carrier"],
        )
        if row["booked_at"] is not None:
            await courier.cancel(parcel, row["cancel_reason"])
            return
        try:
            known = await self._known(courier, row, parcel)
            if known is not None:
                parcel = replace(parcel, waybill_no=known.waybill_no, order_ref=known.order_ref)
                await courier.cancel(parcel, row["cancel_reason"])
        except ProviderRejected as error:
            # A courier that has refused the order may have nothing to tell of it, or to give back.
            was_refused = row["status"] == ShipmentStatus.EXCEPTION and error.provider_code not in (COLLECTED, UNSURE)
            if error.retryable or not was_refused:
                raise

    async def _known(self, courier: Courier, row: Row, parcel: ParcelRef) -> Booking | None:
        """Return the order that was tried with an unknown outcome, None where the courier certainly has none.

        One that `find` may miss is ordered once more, which gives the first one back, if only to be withdrawn; not so
        what was refused at its first try.
        Raises: ProviderRejected where only a person can ask.
        """
        if courier.repeats_for is None:
            return await courier.find(parcel)
        if f"{row['courier']}:{row['carrier']}" in row["refused_by"].split():
            return None
        return await self._ask_or_book(courier, row)

    async def _goes_on(self, row: Row, error: ProviderRejected) -> None:
        """Let the former parcel go on, because its courier will not give it back, and end what waited for it."""
        shipment_no = row["shipment_no"]
        log.warning("withdrawal_refused", shipment_no=shipment_no, provider_code=error.provider_code)
        is_collected = error.provider_code == COLLECTED
        is_in_trouble = row["status"] == ShipmentStatus.EXCEPTION
        told = "快递员已揽收，不能更改" if is_collected else "快递公司未同意取消，请联系快递公司"
        successor = await withdrawing_repository.find_waiting(shipment_no)
        if successor is not None:
            note = cancelled_note(successor["shipment_no"], told)
            await self._recorder.record(successor["shipment_no"], [note], confirmed=True)
        await withdrawing_repository.give_up(row, told, needs_person=is_in_trouble or not is_collected)

    async def _going(self, shipment_no: str) -> ShipmentRow:
        """Return the parcel that a change is about: the one that waits for this one to be withdrawn, if any."""
        row = await self._changeable(shipment_no)
        waiting = await withdrawing_repository.find_waiting(shipment_no)
        return await self._changeable(waiting["shipment_no"]) if waiting else row

    async def _changeable(self, shipment_no: str) -> ShipmentRow:
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        if row.status in TERMINAL or row.is_own:
            raise Conflict("该快递已结束，不能更改", code="parcel_ended")
        was_carried = row.picked_up_at is not None or row.handed_over_at is not None
        if row.status not in BEFORE_PICKUP or was_carried:
            raise _collected()
        if row.booked_at is not None and Ability.CANCEL not in self._couriers.get(row.courier).abilities:
            raise Conflict("该快递公司不支持在线取消，请致电快递公司", code="cancel_not_offered")
        return row


def _change(row: ShipmentRow, shipment_no: str, former: ShipmentStatus) -> ShipmentChange:
    if shipment_no == row.shipment_no:
        told = "已更改，快递尚未下单，按新的信息寄送"
    elif former is ShipmentStatus.CANCELLED:
        told = "原快递单已取消，按新的信息另行下单"
    else:
        told = "正在取消原快递单，取消后按新的信息另行下单；如快递员已揽收则仍按原信息寄送"
    return ShipmentChange(
        shipment_no=shipment_no,
        former_no=row.shipment_no,
        former_status=former,
        former_status_text=MEANINGS[former].text,
        told=told,
    )


def _collected() -> Conflict:
    return Conflict("快递员已揽收，不能再取消或更改；请在派送时与快递员联系", code="parcel_collected")


def _refused() -> Conflict:
    return Conflict("快递公司未同意取消，工作人员将与快递公司核实", code="withdrawal_refused")


def _moved_on() -> Conflict:
    return Conflict("快递状态刚有变化，请刷新后再试", code="stale_version")
