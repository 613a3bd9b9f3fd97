"""Delivery's door: the citizen's choice, parcels at the couriers, and what the couriers tell.

Called by the applications room, the callback door, the job runner and the staff console. Cases are moved by the
applications room, on the events emitted here.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

import msgspec
import structlog

from app import clock, metrics
from app.crypto import FieldCipher
from app.db import Transaction
from app.errors import CallbackRejected, Conflict, NotFound, ProviderRejected
from app.events import DomainEvent
from app.ids import dated_no
from services.delivery import repository, together_repository
from services.delivery.board import DeliveryBoard
from services.delivery.ports import Courier
from services.delivery.repository import ShipmentRow
from services.delivery.states import MEANINGS, TERMINAL, Derived, derive
from services.delivery.types import (
    Booking,
    Choice,
    ChoiceView,
    Contact,
    CourierEvent,
    CourierOrder,
    DeliveryMethod,
    ShipmentOrder,
    ShipmentView,
)
from services.delivery.views import booked_event, choice_view, made_choice, refused_event, shipment_view

_CHOICE_COLUMN = "delivery.receiver"
_AHEAD = timedelta(days=1)
"""So far our clock and a courier's may differ."""
_CARGO_LENGTH = 56
"""So much fits with the words that a further parcel gets."""
_SENDER_PAYS, _RECEIVER_PAYS = "SENDER", "RECEIVER"
log = structlog.get_logger()


class DeliveryService:
    """Use cases of delivery.

    Args:
        couriers: code → courier, as wiring lists them.
        default_courier: the code that new parcels go to.
        silence_seconds: how long a parcel may be silent before we ask.
    """

    def __init__(
        self,
        couriers: Mapping[str, Courier],
        cipher: FieldCipher,
        *,
        default_courier: str = "SF",
        silence_seconds: int = 6 * 3600,
    ) -> None:
        self._couriers = couriers
        self._cipher = cipher
        self._default_courier = default_courier
        self._silence = timedelta(seconds=silence_seconds)
        self.board = DeliveryBoard(self._name)

    async def choose(self, choice: Choice) -> ChoiceView:
        """Keep how the citizen wants the result; the address is copied, later changes of the book do not move it.

        The caller has checked that the case is the citizen's own and allows the method.
        Raises: Conflict `delivery_locked` when a parcel was already made. Idempotent: yes, the last choice holds.
        """
        if not await repository.save_choice(choice, self._sealed(choice), clock.now()):
            raise Conflict("快递已安排，不能再更改送达方式", code="delivery_locked")
        return made_choice(choice)

    async def choose_together(self, choice: Choice, methods: Mapping[str, DeliveryMethod]) -> ChoiceView:
        """Keep one choice for the results of several cases: `choice` names the whole, `methods` the way of each case.

        Those that go by courier share one parcel, which `send_together` makes when its owner says that all are ready.
        Ownership and methods are the caller's business.
        Raises: Conflict `delivery_locked` once a result waits for the parcel. Idempotent: yes, the last choice holds.
        """
        if not await together_repository.save_together(choice, self._sealed(choice), methods, clock.now()):
            raise Conflict("已有结果在等待寄送，不能再更改送达方式", code="delivery_locked")
        return made_choice(choice)

    async def share_choice(self, together_no: str, methods: Mapping[str, DeliveryMethod]) -> None:
        """Copy the choice of the whole, where one was made, to its cases. Idempotent: yes."""
        await together_repository.share(together_no, methods, clock.now())

    async def send_together(self, order: ShipmentOrder, subject_nos: Sequence[str]) -> str | None:
        """Make one parcel of the results of these cases that wait for it; a job books it. None where none waits.

        Idempotent: yes, a result is put into one parcel only.
        """
        return await together_repository.send(self._new_shipment(order), subject_nos)

    async def going_together(self, together_no: str, subject_nos: Sequence[str]) -> frozenset[str]:
        """Return those of the cases whose results wait for the parcel of the whole, or lie in the parcel named."""
        return await together_repository.list_together(together_no, subject_nos)

    async def choice_of(self, subject_no: str) -> ChoiceView | None:
        """Return the choice of one case, None where the citizen made none. Ownership is the caller's business."""
        row = await repository.find_choice(subject_no)
        return choice_view(row) if row else None

    async def lock_choice(self, subject_no: str, citizen_id: uuid.UUID, usual: DeliveryMethod) -> DeliveryMethod:
        """Fix how the result of a case goes, by the citizen's choice or as usual; it cannot be changed any more.

        Idempotent: yes.
        """
        return DeliveryMethod(await repository.lock_choice(subject_no, citizen_id, usual, clock.now()))

    async def request_shipment(self, order: ShipmentOrder) -> str | None:
        """Make the parcel of a case; a job books it. Returns its number, None where the choice is not 快递.

        Idempotent: yes, one parcel per case and cargo.
        """
        return await repository.request_shipment(self._new_shipment(order))

    async def book(self, job: Mapping[str, Any]) -> None:
        """Book one parcel at its courier (job `delivery.book`).

        Idempotent: yes. A repeat after an unknown outcome first asks the courier by our number.
        Raises: ProviderUnavailable, ProviderProtocolError, ProviderRejected (retryable): the job runs again.
        """
        row = await repository.find_shipment(job["shipment_no"])
        if row is None or row.booked_at is not None or row.status in TERMINAL:
            return
        courier = self._courier(row.courier)
        try:
            booking = await self._ask_or_book(courier, row)
        except ProviderRejected as error:
            if error.retryable:
                raise
            log.error("booking_refused", shipment_no=row.shipment_no, provider_code=error.provider_code)
            await self._record(row.shipment_no, [refused_event(row.shipment_no)], confirmed=True)
            return
        await self._record(
            row.shipment_no, [booked_event(courier.name, booking)], confirmed=True, waybill_no=booking.waybill_no
        )

    async def _ask_or_book(self, courier: Courier, row: ShipmentRow) -> Booking:
        if row.booking_tried_at is not None:
            known = await courier.find(row.shipment_no)
            if known is not None:
                return known
        await repository.mark_booking_tried(row.shipment_no, clock.now())
        receiver = msgspec.convert(self._cipher.decrypt_json(_CHOICE_COLUMN, row.receiver_cipher), Contact)
        return await courier.book(
            CourierOrder(
                shipment_no=row.shipment_no,
                cargo=row.cargo,
                sender=msgspec.convert(row.sender["contact"], Contact),
                receiver=receiver,
                paid_by_receiver=row.sender["pays"] == _RECEIVER_PAYS,
            )
        )

    async def confirm(self, job: Mapping[str, Any]) -> None:
        """Ask the courier about one parcel (job `delivery.confirm`), because a push alone ends nothing.

        Idempotent: yes. Raises: as the courier's `track`; the job runs again.
        """
        row = await repository.find_shipment(job["shipment_no"])
        if row is None:
            return
        events = await self._courier(row.courier).track(row.shipment_no)
        await self._record(row.shipment_no, events, confirmed=True)

    async def receive(self, courier_code: str, body: bytes) -> bytes:
        """Take a courier's push; return its acknowledgement. The door has checked the address's token.

        Unknown parcels are acknowledged, so that the courier stops, and counted. Idempotent: yes, by event.
        Raises: only when our own database is away, so that the courier sends it again.
        """
        courier = self._couriers[courier_code]
        try:
            events = courier.parse_push(body)
        except CallbackRejected:
            metrics.CALLBACKS.labels(courier_code.lower(), "rejected").inc()
            log.warning("push_rejected", courier=courier_code)
            return courier.acknowledge(accepted=False)
        latest = clock.now() + _AHEAD
        for shipment_no, own in groupby(sorted(events, key=_by_shipment), key=_by_shipment):
            # The newest event decides, so one from the future would hold its parcel for ever. Pushes are unsigned.
            believed = [event for event in own if event.occurred_at <= latest]
            known = await self._record(shipment_no, believed, confirmed=False)
            metrics.CALLBACKS.labels(courier_code.lower(), "unknown_number" if known is None else "recorded").inc()
        return courier.acknowledge(accepted=True)

    async def rebook(self, shipment_no: str, record: Callable[[Transaction], Awaitable[None]]) -> None:
        """Have a parcel that the courier refused booked again, after staff corrected what was wrong.

        Args:
            record: writes down who wants it, in the transaction of the act.
        Raises: NotFound; Conflict `already_booked`.
        """
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        if row.booked_at is not None:
            raise Conflict("该快递已下单", code="already_booked")
        facts = {"shipment_no": shipment_no}
        event = DomainEvent(
            name="shipment.rebooked", subject_no=row.subject_no, citizen_id=row.citizen_id.hex, facts=facts
        )
        await repository.rebook(shipment_no, event, record)

    async def subject_of(self, shipment_no: str) -> str:
        """Return the number of the case that a parcel belongs to. Raises: NotFound."""
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return row.subject_no

    async def shipment(self, citizen_id: uuid.UUID, shipment_no: str) -> ShipmentView:
        """Return one parcel of this citizen with its road. Raises: NotFound (also for somebody else's)."""
        row = await repository.find_own_shipment(citizen_id, shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return await self._view(row)

    async def find_shipment(self, shipment_no: str) -> ShipmentView:
        """Return one parcel with its road. Scope is the caller's business. Raises: NotFound."""
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return await self._view(row)

    async def shipments_of(self, subject_no: str) -> list[ShipmentView]:
        """Return the parcels of one case. Ownership or scope is the caller's business."""
        return [await self._view(row) for row in await repository.list_shipments(subject_no)]

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Move everything of a merged citizen to the surviving one. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    def _new_shipment(self, order: ShipmentOrder) -> repository.NewShipment:
        now = clock.now()
        sender = {"contact": order.sender, "pays": _RECEIVER_PAYS if order.paid_by_receiver else _SENDER_PAYS}
        return repository.NewShipment(
            shipment_no=dated_no("SJ", now, 12),
            subject_no=order.subject_no,
            courier=self._default_courier,
            cargo=order.cargo[:_CARGO_LENGTH],
            sender=msgspec.json.encode(sender).decode(),
            requested_at=now,
            ask_after=now + timedelta(minutes=10),
            division_code=order.division_code,
            department_code=order.department_code,
        )

    def _sealed(self, choice: Choice) -> bytes | None:
        return self._cipher.encrypt_json(_CHOICE_COLUMN, choice.receiver) if choice.receiver else None

    async def _record(
        self, shipment_no: str, events: Iterable[CourierEvent], *, confirmed: bool, waybill_no: str = ""
    ) -> Derived | None:
        return await repository.record_events(
            shipment_no,
            events,
            confirmed=confirmed,
            at=clock.now(),
            derive=derive,
            decide=self._decide,
            waybill_no=waybill_no,
        )

    def _decide(self, parcel: repository.Parcel, derived: Derived) -> repository.Change:
        meaning = MEANINGS[derived.status]
        moved = derived.status != parcel.status
        asked = 0 if moved else parcel.asked_count
        ask_after = clock.now() + (self._soon(asked) if derived.needs_confirmation else self._silence)
        emits = None
        if moved and meaning.emits:
            facts = {
                "shipment_no": parcel.shipment_no,
                "courier_name": self._name(parcel.courier),
                "waybill_no": parcel.waybill_no,
                "status": derived.status.value,
            }
            emits = DomainEvent(
                name=meaning.emits, subject_no=parcel.subject_no, citizen_id=parcel.citizen_id.hex, facts=facts
            )
        return repository.Change(meaning.custody, None if meaning.is_terminal else ask_after, asked, emits)

    def _soon(self, asked_count: int) -> timedelta:
        return min(timedelta(minutes=2 << min(asked_count, 8)), self._silence)

    def _courier(self, code: str) -> Courier:
        courier = self._couriers.get(code)
        if courier is None:
            raise NotFound("快递公司未配置", courier=code)
        return courier

    def _name(self, code: str) -> str:
        courier = self._couriers.get(code)
        return courier.name if courier else code

    async def _view(self, row: ShipmentRow) -> ShipmentView:
        return shipment_view(row, self._name(row.courier), await repository.list_events(row.id))


def _by_shipment(event: CourierEvent) -> str:
    return event.shipment_no
