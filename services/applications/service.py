"""The applications' door for citizens: drafts, submission, correction, withdrawal, reading, choice of delivery.

Handlers call it; `desk` and `aftercare` hold the staff's use cases, `progress` what the house does by itself, `uploads`
the files.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from app import clock
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from app.identifiers import mask_address, mask_name, mask_phone
from app.ids import dated_no
from app.storage import FileStore
from app.tokens import Caller
from payments.service import PaymentService
from services.applications import forms, moves, repository
from services.applications.aftercare import Aftercare
from services.applications.cards.service import CardService
from services.applications.clock import Calendar
from services.applications.desk import CaseDesk
from services.applications.documents import letters
from services.applications.documents.ports import Seal
from services.applications.documents.service import DocumentService
from services.applications.moves import FormVault
from services.applications.parts import Parts
from services.applications.ports import Audit, Catalogue, People
from services.applications.progress import Progress
from services.applications.rateable.service import RateableCases
from services.applications.states import DELIVERY_OPEN, EDITABLE, STATUS_TEXT, TABS, TO_CORRECT, Act, Status
from services.applications.types import (
    ApplicationSummary,
    ApplicationView,
    MaterialRef,
    Timeline,
)
from services.applications.uploads import UploadService
from services.applications.views import (
    application_summary,
    application_view,
    entity_tag,
    listed_materials,
    timeline_view,
)
from services.catalogue.types import Item
from services.delivery.service import DeliveryService
from services.delivery.types import Choice, ChoiceView, Contact, DeliveryMethod, ShipmentView
from services.licences.service import LicenceService

_PREFIX = "14"
_METHODS = {
    DeliveryMethod.COURIER: "courier",
    DeliveryMethod.COUNTER: "pickup",
    DeliveryMethod.ELECTRONIC: "electronic",
}
"""Our word for a way of delivery → the catalogue's."""


class ApplicationService:
    """Use cases of citizens about their own cases; somebody else's case is not found.

    Args:
        upload_limit_bytes: largest file that is taken.
        calendar: working days, with what was published after the package was made.
        seal: seals written documents; None leaves the place of the seal empty.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        people: People,
        licences: LicenceService,
        delivery: DeliveryService,
        payments: PaymentService,
        audit: Audit,
        cipher: FieldCipher,
        storage: FileStore,
        upload_limit_bytes: int = 10_485_760,
        calendar: Calendar | None = None,
        seal: Seal | None = None,
    ) -> None:
        self._catalogue, self._people, self._delivery = catalogue, people, delivery
        self._vault = FormVault(cipher)
        calendar = calendar or Calendar()
        self.parts = Parts(
            catalogue=catalogue,
            people=people,
            licences=licences,
            delivery=delivery,
            payments=payments,
            audit=audit,
            cipher=cipher,
            vault=self._vault,
            storage=storage,
            calendar=calendar,
        )
        self.rateable = RateableCases(self.parts)
        self.uploads = UploadService(storage, audit, upload_limit_bytes)
        self.desk = CaseDesk(self.parts)
        self.documents = DocumentService(self.parts, seal)
        self.cards = CardService(calendar)
        self.aftercare = Aftercare(delivery, licences, audit)
        self.progress = Progress(catalogue, people, licences, delivery, payments, self._vault, calendar)

    async def save_draft(
        self, caller: Caller, item_code: str, form: Mapping[str, Any], materials: Sequence[MaterialRef]
    ) -> ApplicationView:
        """Begin a case; answers and materials may still be missing, but none may be wrong.

        Raises: NotFound (item), Conflict `item_closed`, InvalidRequest with the path of every fault.
        """
        item = await self._catalogue.open_item(item_code)
        forms.check_draft(item, form)
        await self._check_materials(caller.citizen_id, item, materials)
        sealed, record, now = self._vault.close(form, item), item.record, clock.now()
        row = await repository.add_draft(
            repository.NewDraft(
                application_no=dated_no(_PREFIX, now, 10),
                citizen_id=caller.citizen_id,
                provider=caller.provider,
                item_code=record.item_code,
                item_version=record.version,
                item_name=record.name,
                division_code=record.division_code,
                department_code=record.department_code,
                form=sealed.form,
                form_cipher=sealed.form_cipher,
                at=now,
            ),
            materials,
        )
        return application_view(row, dict(form), listed_materials(materials))

    async def update_draft(
        self,
        caller: Caller,
        application_no: str,
        *,
        form: Mapping[str, Any] | None = None,
        materials: Sequence[MaterialRef] | None = None,
        version: int | None = None,
    ) -> ApplicationView:
        """Replace answers or materials of a draft, or of a case sent back for correction; None leaves them.

        Args:
            version: what the caller has read; None takes whatever is stored now.
        Raises: NotFound, InvalidTransition, StaleVersion, InvalidRequest with the path of every fault.
        """
        row = await self._own(caller, application_no)
        moves.expect_version(row, version)
        changed = await self._change(row, form, materials)
        return application_view(changed, self._vault.open(changed))

    async def submit(self, caller: Caller, application_no: str, *, version: int | None = None) -> ApplicationView:
        """Hand a draft in, under the version of the item that is open now.

        Raises: Forbidden `real_name_required` below L2 (or what the item demands), NotFound, InvalidTransition,
        StaleVersion, Conflict `item_closed`, InvalidRequest `application_incomplete` with every fault at once.
        Idempotent: no; of concurrent submissions one wins, the others get a Conflict.
        """
        row = await self._own(caller, application_no)
        moves.expect_version(row, version)
        now, actor = clock.now(), moves.citizen_actor(caller.citizen_id)
        item = await self._catalogue.open_item(row["item_code"])
        move = moves.planned(
            row,
            Act.SUBMIT,
            actor,
            told="申请已提交，工作人员将在5个工作日内审核",
            facts={"provider": row["provider"]},
            sets={"submitted_at": now, "received_at": now, **await self._checked(caller, row, item)},
            at=now,
            stamps_applicant=True,
        )
        return application_view(await moves.make(move))

    async def resubmit(
        self,
        caller: Caller,
        application_no: str,
        *,
        form: Mapping[str, Any] | None = None,
        materials: Sequence[MaterialRef] | None = None,
        version: int | None = None,
    ) -> ApplicationView:
        """Hand a corrected case in again (提交补正), with the changes given here. Raises: as `submit`."""
        row = await self._own(caller, application_no)
        moves.expect_version(row, version)
        if row["status"] not in TO_CORRECT:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，不需要补正")
        if form is not None or materials is not None:
            row = await self._change(row, form, materials)
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        now = clock.now()
        move = moves.planned(
            row,
            Act.RESUBMIT,
            moves.citizen_actor(caller.citizen_id),
            told="补正材料已提交，工作人员将在5个工作日内审核",
            sets={
                "received_at": now,
                "correction_due_at": None,
                "reason": "",
                **await self._checked(caller, row, item),
            },
            at=now,
        )
        return application_view(await moves.make(move))

    async def withdraw(
        self, caller: Caller, application_no: str, reason: str = "", *, version: int | None = None
    ) -> ApplicationView:
        """Withdraw a case before it is decided. Raises: NotFound, InvalidTransition, StaleVersion."""
        row = await self._own(caller, application_no)
        moves.expect_version(row, version)
        now = clock.now()
        move = moves.planned(
            row,
            Act.WITHDRAW,
            moves.citizen_actor(caller.citizen_id),
            told="您已撤回申请",
            sets={"reason": reason, "closed_at": now},
            at=now,
            pause_ends=row["status"] == Status.SUSPENDED,
            document=letters.withdrawn(reason),
        )
        return application_view(await moves.make(move))

    async def detail(self, caller: Caller, application_no: str) -> tuple[ApplicationView, str]:
        """Return one own case and its ETag. Raises: NotFound."""
        row = await self._own(caller, application_no)
        # Sensitive answers are decrypted only where they are about to be edited.
        form = self._vault.open(row) if row["status"] in EDITABLE and row["form_cipher"] else None
        return application_view(row, form), entity_tag(row)

    async def list_own(
        self, caller: Caller, tab: str = "", after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[ApplicationSummary], uuid.UUID | None]:
        """Return a page of own cases, newest first, and the id to continue after.

        Args:
            tab: draft, handling, correction, closed; empty for all.
        """
        statuses = TABS[tab] if tab else tuple(Status)
        rows = await repository.list_own(caller.citizen_id, statuses, after, limit + 1)
        page = [application_summary(row) for row in rows[:limit]]
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def timeline(self, caller: Caller, application_no: str) -> Timeline:
        """Return the steps of one own case, oldest first. Raises: NotFound."""
        row = await self._own(caller, application_no)
        return Timeline(data=[timeline_view(step) for step in await repository.list_steps(row["id"])])

    async def choose_delivery(
        self, caller: Caller, application_no: str, method: DeliveryMethod, address_id: uuid.UUID | None
    ) -> ChoiceView:
        """Choose how the result comes; COURIER needs an own address, which is copied.

        Raises: NotFound (case, address), Conflict `delivery_locked` or `method_not_offered`, InvalidRequest.
        """
        row = await self._own(caller, application_no)
        if row["status"] not in DELIVERY_OPEN:
            raise Conflict("办件已进入送达环节，不能再更改送达方式", code="delivery_locked")
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        offered = {way.value for result in item.record.results for way in result.delivery}
        if _METHODS[method] not in offered:
            raise Conflict("该事项不支持所选的送达方式", code="method_not_offered")
        if method is not DeliveryMethod.COURIER:
            return await self._delivery.choose(Choice(application_no, caller.citizen_id, method))
        if address_id is None:
            raise InvalidRequest(faults=(FieldFault("address_id", "快递送达请选择收件地址"),))
        address = await self._people.plain_address(caller.citizen_id, address_id)
        receiver = Contact(name=address.recipient, phone=address.phone, address=address.region + address.street)
        shown = f"{mask_name(address.recipient)} {mask_phone(address.phone)} "
        shown += address.region + mask_address(address.street)
        choice = Choice(application_no, caller.citizen_id, method, address.division_code, receiver, shown[:128])
        return await self._delivery.choose(choice)

    async def shipments(self, caller: Caller, application_no: str) -> list[ShipmentView]:
        """List the parcels of an own case, oldest first. Raises: NotFound."""
        await self._own(caller, application_no)
        return await self._delivery.shipments_of(application_no)

    async def delivery_choice(self, caller: Caller, application_no: str) -> ChoiceView:
        """Return the choice of one own case. Raises: NotFound, also where none was made."""
        await self._own(caller, application_no)
        choice = await self._delivery.choice_of(application_no)
        if choice is None:
            raise NotFound("尚未选择送达方式")
        return choice

    async def require_own(self, caller: Caller, application_no: str) -> None:
        """Refuse a case that is not the caller's. Raises: NotFound."""
        await self._own(caller, application_no)

    async def _own(self, caller: Caller, application_no: str) -> Row:
        row = await repository.find_own(caller.citizen_id, application_no)
        if row is None:
            raise NotFound("未找到该办件")
        return row

    async def _checked(self, caller: Caller, row: Row, item: Item) -> dict[str, Any]:
        """Check that a case may be handed in; return the columns that follow from its answers."""
        await self._people.require_level(caller, "L3" if item.record.real_name_level.value == "L3" else "L2")
        answers = self._vault.open(row)
        forms.check_complete(item, answers, moves.material_codes(row))
        return {"item_version": item.record.version, "fee_fen": item.fee_fen(answers)}

    async def _change(self, row: Row, form: Mapping[str, Any] | None, materials: Sequence[MaterialRef] | None) -> Row:
        if row["status"] not in EDITABLE:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，不能修改")
        item = await self._catalogue.item(row["item_code"], row["item_version"])
        if form is not None:
            forms.check_draft(item, form)
        if materials is not None:
            await self._check_materials(row["citizen_id"], item, materials)
        sealed = self._vault.close(form, item) if form is not None else None
        changed = await repository.change_draft(row, [row["status"]], sealed, materials, clock.now())
        if changed is None:
            raise StaleVersion
        return changed

    async def _check_materials(self, citizen_id: uuid.UUID, item: Item, materials: Sequence[MaterialRef]) -> None:
        if not materials:
            return
        uploads = await repository.owned_uploads(citizen_id, [part.upload_id for part in materials])
        faults = forms.material_faults(item, materials, uploads)
        if faults:
            raise InvalidRequest(faults=tuple(faults))
