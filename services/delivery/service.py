"""Delivery's door: the citizen's choice, parcels at the couriers, and what the couriers tell.

Called by the applications room, the callback door, the job runner and the staff console. Cases are moved by the
applications room, on the events emitted here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import structlog

from app import clock, db
from app.crypto import FieldCipher
from app.errors import Conflict, NotFound
from app.jobs import JobFunction
from app.storage import FileStore
from services.delivery import repository, shown_repository, together_repository
from services.delivery.board import DeliveryBoard
from services.delivery.booking.following import BookingFollower
from services.delivery.booking.making import ParcelMaker
from services.delivery.booking.postage import PostageDesk
from services.delivery.booking.reach import ReachDesk
from services.delivery.booking.repository import BILL, BOOK, END_BILL, WITHDRAW
from services.delivery.booking.service import BookingDesk
from services.delivery.changing.service import Changing
from services.delivery.collecting.lockers import Lockers
from services.delivery.collecting.service import Collecting
from services.delivery.couriers.table import CourierTable
from services.delivery.custody import repository as custody_repository
from services.delivery.custody.following import CustodyFollower
from services.delivery.custody.returning import Returning
from services.delivery.custody.service import Custody
from services.delivery.dispatching.service import DispatchDesk
from services.delivery.mailing.following import MailingFollower
from services.delivery.mailing.sending_back import SendingBack
from services.delivery.mailing.service import Mailings
from services.delivery.ports import Announce, Audit, Holders, Postage, unheard
from services.delivery.rules.service import RuleActs, RuleBook
from services.delivery.statements.service import StatementDesk
from services.delivery.tasks.following import TaskFollower
from services.delivery.tasks.service import ParcelTasks
from services.delivery.tracking.following import Subscriber
from services.delivery.tracking.recording import Recorder
from services.delivery.tracking.repository import CONFIRM
from services.delivery.tracking.service import Tracking
from services.delivery.types import (
    RECEIVER_COLUMN,
    Choice,
    ChoiceView,
    DeliveryMethod,
    Payer,
    ShipmentOrder,
    ShipmentView,
)
from services.delivery.views import choice_view, made_choice, shipment_view

log = structlog.get_logger()


class DeliveryService:
    """Use cases of delivery.

    The parts are doors of their own: `tracking`, `subscriber`, `booking`, `board`.

    Args:
        postage: bills what citizens pay before dispatch; None: only free and at the door.
        holders: knows whom alone a parcel may be given to; None: nobody is named to couriers.
        announce: tells the console's pages that a topic has changed; silence is allowed.
        silence_seconds: how long a parcel may be silent before we ask.
    """

    def __init__(
        self,
        couriers: CourierTable,
        cipher: FieldCipher,
        audit: Audit,
        storage: FileStore,
        *,
        announce: Announce = unheard,
        postage: Postage | None = None,
        holders: Holders | None = None,
        silence_seconds: int = 6 * 3600,
    ) -> None:
        self._couriers = couriers
        self._cipher = cipher
        book = RuleBook(couriers)
        self._maker = ParcelMaker(couriers, book, cipher, takes_payment=postage is not None)
        # A mailing is locked before its documents, as windows do: else each would wait for the other.
        recorder = Recorder(
            couriers, (MailingFollower(), CustodyFollower(), TaskFollower(), BookingFollower()), silence_seconds
        )
        self.tracking = Tracking(couriers, recorder, cipher, audit)
        self.subscriber = Subscriber(couriers, cipher)
        self.booking = BookingDesk(couriers, recorder, self._maker, holders)
        self.postage = PostageDesk(postage)
        self.reach = ReachDesk(couriers, self._maker)
        self.rules = RuleActs(couriers, audit)
        self.board = DeliveryBoard(couriers.name)
        self.custody = Custody()
        self.returning = Returning(recorder)
        self.tasks = ParcelTasks(audit, announce)
        self.collecting, self.lockers = Collecting(cipher), Lockers(cipher)
        self.changing = Changing(self.booking.cancel)
        self.mailing = Mailings(self.booking.withdrawing.cancel, recorder, self._maker.terms, self.find_shipment)
        self.sending_back = SendingBack(self._maker)
        self.dispatching = DispatchDesk(couriers, cipher, audit, storage, announce)
        self.statements = StatementDesk(couriers, audit, storage, announce)

    def jobs(self) -> Mapping[str, JobFunction]:
        """Return job name → function of the decoded payload, for wiring's job table."""
        return {
            BOOK: self.booking.book,
            WITHDRAW: self.booking.withdrawing.withdraw,
            BILL: self.postage.bill,
            END_BILL: self.postage.end,
            CONFIRM: self.tracking.confirm,
            **self.dispatching.jobs(),
            **self.statements.jobs(),
        }

    async def choose(self, choice: Choice) -> ChoiceView:
        """Keep how the citizen wants the result; the address is copied, later changes of the book do not move it.

        The caller has checked that the case is the citizen's own and allows the method.
        One that was fixed already is changed until the result was handed over.
        Raises: Conflict, see `Changing.change`. Idempotent: yes, the last choice holds.
        """
        sealed = self._sealed(choice)
        if not await repository.save_choice(choice, sealed, clock.now()):
            await self.changing.change(choice, sealed)
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

        With a copy that was made again, because a courier lost the one before, the citizen pays no second postage;
        where its address is forgotten by now, staff ask for one.

        Idempotent: yes, a result is put into one parcel only.
        """
        choice = await repository.find_choice(order.subject_no)
        if choice is None or choice.receiver_cipher is None:
            await self.returning.ask_for_address(subject_nos)
            return None
        new = await self._maker.outbound(order, choice)
        if await custody_repository.is_remade(subject_nos):
            new = replace(new, payer=Payer.FREE, postage_fen=0)
        return await together_repository.send(new, subject_nos)

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
        choice = await repository.lock_courier_choice(order.subject_no, clock.now())
        if choice is None:
            return None
        return await repository.request_shipment(await self._maker.outbound(order, choice))

    async def whose(self, citizen_id: uuid.UUID, shipment_no: str) -> tuple[str, bool]:
        """Return the case that a parcel belongs to, and whether it is this citizen's own. Raises: NotFound."""
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return row.subject_no, row.citizen_id == citizen_id

    async def subject_of(self, shipment_no: str) -> str:
        """Return the number of the case that a parcel belongs to. Raises: NotFound."""
        row = await repository.find_shipment(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return row.subject_no

    async def shipment(self, citizen_id: uuid.UUID, shipment_no: str) -> ShipmentView:
        """Return one parcel of this citizen with its road. Raises: NotFound (also for somebody else's)."""
        row = await shown_repository.find_own(citizen_id, shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return await self._view(row)

    async def find_shipment(self, shipment_no: str) -> ShipmentView:
        """Return one parcel with its road. Scope is the caller's business. Raises: NotFound."""
        row = await shown_repository.find(shipment_no)
        if row is None:
            raise NotFound("未找到该快递")
        return await self._view(row)

    async def refresh(self, citizen_id: uuid.UUID, shipment_no: str) -> ShipmentView:
        """Have the courier asked about a parcel of this citizen, then return it; stale where it does not answer.

        Raises: NotFound (also for somebody else's); TooManyRequests within ten minutes after the last time.
        """
        answered = await self.tracking.refresh(citizen_id, shipment_no)
        view = await self.shipment(citizen_id, shipment_no)
        return view if answered else msgspec.structs.replace(view, is_stale=True)

    async def shipments_of(self, subject_no: str) -> list[ShipmentView]:
        """Return the parcels of one case. Ownership or scope is the caller's business."""
        return [await self._view(row) for row in await shown_repository.list_of(subject_no)]

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Move everything of a merged citizen to the surviving one. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    def _sealed(self, choice: Choice) -> bytes | None:
        return self._cipher.encrypt_json(RECEIVER_COLUMN, choice.receiver) if choice.receiver else None

    async def _view(self, row: db.Row) -> ShipmentView:
        courier = row["courier"]
        return shipment_view(row, self._couriers.name(courier), is_stale=await self._couriers.is_away(courier))
