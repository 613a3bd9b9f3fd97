"""What becomes of a result whose parcel came back, was lost or spoilt: the citizen's choice, the staff's acts.

Handlers call it, and the reaction to a loss that the courier admits. The delivery room keeps parcels, documents and
tasks; here is what they mean for cases and licences.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial

from app.db import Transaction
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.identifiers import mask_address, mask_name, mask_phone
from app.tokens import Caller
from services.applications import moves, own, repository
from services.applications.packages import repository as package_repository
from services.applications.parts import Parts
from services.applications.remedies.reissuing import Reissuing
from services.applications.remedies.types import REMEDY_TEXT, RemedyMethod, RemedyOption, RemedyView
from services.applications.states import Correction, Outcome, Status, forced_edge
from services.applications.types import Actor, ActorKind
from services.delivery.collecting.types import NewCollection
from services.delivery.custody.types import CameBack
from services.delivery.tasks.types import Outcome as TaskOutcome
from services.delivery.tasks.types import TaskKind, TaskView
from services.delivery.types import PAYER_TEXT, Contact, Payer
from services.staff.types import Act, StaffCaller

_BY_CASE = {TaskOutcome.REDELIVERED: RemedyMethod.REDELIVER, TaskOutcome.TO_COLLECT: RemedyMethod.COLLECT}
_OUTCOME = {method: outcome for outcome, method in _BY_CASE.items()}


class Remedies:
    """Use cases of results that did not arrive."""

    def __init__(self, parts: Parts) -> None:
        self._delivery, self._people, self._audit = parts.delivery, parts.people, parts.audit
        self._reissuing = Reissuing(parts)

    async def options(self, caller: Caller, shipment_no: str) -> RemedyView:
        """Return what the citizen may choose for a parcel of theirs. Raises: NotFound."""
        await self._require_own(caller, shipment_no)
        return await self._view(shipment_no, "")

    async def choose(
        self, caller: Caller, shipment_no: str, method: RemedyMethod, address_id: uuid.UUID | None
    ) -> RemedyView:
        """Have a result that came back sent once more, to the same or another address, or fetch it at the window.

        Raises: NotFound (also the address), Conflict `remedy_not_offered`, `not_returned`; so does the later one of two
        ways that are chosen at the same moment. Idempotent: yes, the first choice holds.
        """
        trace = await self._require_own(caller, shipment_no)
        actor = moves.citizen_actor(caller.citizen_id)
        receiver = await self._receiver(caller, address_id) if address_id and method is RemedyMethod.REDELIVER else None
        if trace is not None:
            await self._audit.record(trace)
        await self._take(shipment_no, method, actor, receiver)
        return await self._view(shipment_no, method)

    async def settle(
        self, staff: StaffCaller, task_id: uuid.UUID, outcome: TaskOutcome, words: str, address: str
    ) -> TaskView:
        """Settle a task about a parcel, with what follows for its cases.

        A loss or damage that a colleague has declared is made good by a second person.
        Raises: NotFound, Forbidden, InvalidRequest, StaleVersion, Conflict `outcome_not_offered`, `task_taken`,
            `second_person_needed`, `remedy_not_offered`, `already_booked`, `postage_unpaid`, `parcel_collected`.
        """
        if outcome not in (*_BY_CASE, TaskOutcome.REISSUED, TaskOutcome.REBOOKED):
            return await self._delivery.tasks.settle_by_words(staff, task_id, outcome, words, address)
        task = await self._delivery.tasks.require_open(staff, task_id, outcome)
        details = {"outcome": outcome.value, "kind": task.kind, "shipment_no": task.shipment_no}
        act = Act(staff.username, "shipment_task.settled", "shipment_task", task.task_id, details, address)
        if outcome is TaskOutcome.REBOOKED:
            await self._delivery.booking.rebook(
                task.shipment_no, partial(self._audit.record, act), by=staff.username, note=words.strip()[:300]
            )
            return await self._delivery.tasks.settle(staff, task_id, outcome, words)
        if outcome is TaskOutcome.REISSUED and len(words.strip()) < 4:
            raise InvalidRequest(faults=(FieldFault("note", "请写明快递公司的说明和原件的处理"),))
        # Written first: an audit entry without its change is a question, a change without its entry a hole.
        await self._audit.record(act)
        actor = Actor(ActorKind.STAFF, staff.username, staff.display_name)
        if outcome is TaskOutcome.REISSUED:
            await self._reissue(task, actor)
        else:
            await self._take(task.shipment_no, _BY_CASE[outcome], actor, None)
        return await self._delivery.tasks.settle(staff, task_id, outcome, words)

    async def reissue_admitted(self, shipment_no: str) -> None:
        """Have made again what lay in a parcel that its courier has lost, by its own confirmed word. Idempotent.

        Raises: StaleVersion when a case keeps moving; the job runs again.
        """
        if await self._reissuing.reissue(shipment_no, is_lost=True):
            await self._delivery.returning.close(shipment_no, TaskOutcome.REISSUED, "")

    async def _reissue(self, task: TaskView, actor: Actor) -> None:
        from_loss = task.kind == TaskKind.LOST
        if from_loss:
            await self._delivery.returning.note_lost(task.shipment_no)
        if await self._reissuing.reissue(task.shipment_no, is_lost=from_loss, actor=actor):
            return
        # The reaction to the loss may have been faster; then nothing that counts lies in the parcel any more.
        if any(piece.kind == "RESULT" for piece in await self._delivery.custody.in_parcel(task.shipment_no)):
            raise Conflict("没有可以作废补发的证照：可能已经补发，或已由发证机关注销", code="nothing_to_reissue")

    async def _take(
        self, shipment_no: str, method: RemedyMethod, actor: Actor, receiver: tuple[Contact, str, str] | None
    ) -> None:
        back = await self._delivery.returning.find(shipment_no)
        if not back.subject_nos:
            if method == _chosen(back):
                return
            raise Conflict("快件尚未退回窗口，或已作出安排", code="remedy_not_offered")
        for number in back.subject_nos:
            await self._reopen(number, actor)
        if method is RemedyMethod.COLLECT:
            by = actor.id if actor.kind is ActorKind.STAFF else actor.shown or "申请人"
            await self._delivery.returning.to_window(shipment_no, by, _unrecorded)
            await self._prepare(back.subject_nos)
            return
        contact, shown, division_code = receiver or (None, "", "")
        await self._delivery.booking.again(
            shipment_no,
            receiver=contact,
            receiver_shown=shown,
            to_division_code=division_code,
            is_remade=back.is_remade,
            record=_unrecorded,
        )
        await self._delivery.returning.close(shipment_no, _OUTCOME[method], actor.id)

    async def _prepare(self, subject_nos: Sequence[str]) -> None:
        for number in subject_nos:
            row = await repository.find_case(number)
            if row is not None:
                await self._delivery.collecting.prepare(
                    NewCollection(
                        subject_no=number,
                        citizen_id=row["citizen_id"],
                        division_code=row["division_code"],
                        department_code=row["department_code"],
                    )
                )

    async def _reopen(self, application_no: str, actor: Actor) -> None:
        """Bring a case back to delivery that was closed by a signature which the courier took back."""
        row = await repository.find_case(application_no)
        if row is None or row["status"] != Status.CLOSED or row["outcome"] != Outcome.GRANTED:
            return
        correction = Correction.REOPEN_DELIVERY
        move = moves.along(
            row,
            forced_edge(row["status"], row["outcome"], correction),
            actor,
            told="快递公司撤销签收，办理结果重新送达",
            facts={"correction": correction.value, "reason": "快递公司撤销签收"},
            sets={"closed_at": None},
        )
        await moves.make(move)

    async def _require_own(self, caller: Caller, shipment_no: str) -> Act | None:
        """Refuse others' parcels; return what the trail keeps of a choice made for somebody else."""
        subject_no = await self._delivery.subject_of(shipment_no)
        package = await package_repository.find(subject_no)
        if package is None:
            _, acting = await own.look(self._people, caller, subject_no)
            return own.trace_of(caller, subject_no, "parcel_remedied", acting)
        if package["citizen_id"] != caller.citizen_id:
            raise NotFound("未找到该快递")
        return own.trace_of(caller, subject_no, "parcel_remedied")

    async def _receiver(self, caller: Caller, address_id: uuid.UUID) -> tuple[Contact, str, str]:
        address = await self._people.plain_address(caller.citizen_id, address_id)
        contact = Contact(name=address.recipient, phone=address.phone, address=address.region + address.street)
        shown = f"{mask_name(address.recipient)} {mask_phone(address.phone)} "
        return contact, (shown + address.region + mask_address(address.street))[:128], address.division_code

    async def _view(self, shipment_no: str, chosen: str) -> RemedyView:
        back = await self._delivery.returning.find(shipment_no)
        is_open = bool(back.subject_nos)
        return RemedyView(
            shipment_no=shipment_no,
            application_no=back.subject_no,
            is_open=is_open,
            options=[RemedyOption(method=one, text=REMEDY_TEXT[one]) for one in RemedyMethod] if is_open else [],
            receiver_shown=back.receiver_shown,
            payer_text=PAYER_TEXT[Payer.ON_DELIVERY if back.payer == Payer.ON_DELIVERY else Payer.FREE],
            chosen=chosen or _chosen(back),
            redelivered_as=back.followed_by,
        )


def _chosen(back: CameBack) -> str:
    """Name the way that was taken, "" where none was."""
    if back.followed_by:
        return RemedyMethod.REDELIVER
    return RemedyMethod.COLLECT if back.taken_out else ""


async def _unrecorded(tx: Transaction) -> None:
    """Write down nothing: the timeline and the documents' chain name the citizen, staff have been audited before."""
