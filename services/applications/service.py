"""The applications' door for citizens: drafts, submission, correction, withdrawal, reading, choice of delivery.

Handlers call it; `desk` and `aftercare` hold the staff's use cases, `progress` what the house does by itself, `uploads`
the files.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from app.crypto import FieldCipher
from app.db import Row
from app.errors import FieldFault, NotFound
from app.storage import FileStore
from app.tokens import Caller
from payments.service import PaymentService
from services.accounts.types import OnBehalfOf
from services.applications import moves, own, repository
from services.applications.aftercare import Aftercare
from services.applications.archive.service import Archive
from services.applications.archive.ways import MaterialWays
from services.applications.assistance.service import AssistanceService
from services.applications.cards.service import CardService
from services.applications.clock import Calendar
from services.applications.desk import CaseDesk
from services.applications.documents.ports import Seal
from services.applications.documents.service import DocumentService
from services.applications.drafts.service import Drafts, Wish
from services.applications.drafts.types import DraftTerms, UpgradeView
from services.applications.figures.service import CaseFigures
from services.applications.files.links import FileLinks
from services.applications.files.ports import VirusScan
from services.applications.finding.service import Finding
from services.applications.handing_in import HandingIn
from services.applications.instant.asking import Asking
from services.applications.instant.service import InstantApproval
from services.applications.materials.check import MaterialCheck
from services.applications.materials.promise_checks import PromiseChecks
from services.applications.materials.service import CaseMaterials
from services.applications.materials.sources import Sources
from services.applications.materials.types import PromiseView, Source
from services.applications.moves import FormVault
from services.applications.own import Held
from services.applications.packages.service import PackageService
from services.applications.paper.collections import Collections
from services.applications.paper.originals import Originals
from services.applications.parts import Parts
from services.applications.ports import Audit, Catalogue, People, SharedData
from services.applications.progress import Progress
from services.applications.rateable.service import RateableCases
from services.applications.remedies.holders import Holders
from services.applications.remedies.service import Remedies
from services.applications.represented.service import RepresentedCases
from services.applications.result_choice import ResultChoice
from services.applications.routing.handover import Handover
from services.applications.routing.service import Routing
from services.applications.states import EDITABLE, TABS, Status
from services.applications.types import (
    ApplicationSummary,
    ApplicationView,
    MaterialRef,
    Timeline,
)
from services.applications.uploads import UploadService
from services.applications.viewing.service import MaterialViewer
from services.applications.views import application_summary, application_view, entity_tag, timeline_view
from services.delivery.booking.types import DeliveryOptions, SendingWish
from services.delivery.service import DeliveryService
from services.delivery.types import ChoiceView, DeliveryMethod, ShipmentView
from services.licences.service import LicenceService

_TERMS = DraftTerms()


class ApplicationService:
    """Use cases of citizens about their own cases; somebody else's case is not found.

    Args:
        upload_limit_bytes: largest file that is taken.
        calendar: working days, with what was published after the package was made.
        scan: looks for viruses in what people send; None = nobody does.
        seal: seals written documents; None leaves the place of the seal empty.
        shared: data that other bodies share; None asks for uploads instead.
        terms: how long drafts are kept, earlier materials count and later ones are waited for.
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
        scan: VirusScan | None = None,
        shared: SharedData | None = None,
        terms: DraftTerms = _TERMS,
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
        sources, days = Sources(licences, shared), {"later_days": terms.later_days, "reuse_days": terms.reuse_days}
        check = MaterialCheck(sources, **days)
        self.promise_checks = PromiseChecks(self.parts)
        self.archive = Archive(self.parts, sources, MaterialWays(sources, **days))
        self.materials = CaseMaterials(self.parts, later_days=terms.later_days)
        self.drafts = Drafts(self.parts, check, terms)
        self._handing_in = HandingIn(self.parts, self.drafts, check)
        self.result_choice = ResultChoice(self.parts)
        self.uploads = UploadService(storage, audit, upload_limit_bytes, FileLinks(cipher), scan)
        self.assistances = AssistanceService(self.parts, self.drafts, self._handing_in, self.uploads)
        self.represented = RepresentedCases(self.parts, self.drafts.kept_days)
        self.desk = CaseDesk(self.parts)
        self.finding = Finding(people, audit)
        self.figures = CaseFigures()
        self.viewer = MaterialViewer(storage, audit, cipher)
        self.documents = DocumentService(self.parts, seal)
        self.cards = CardService(calendar, delivery.mailing.of_cases)
        self.originals, self.collections = Originals(self.parts), Collections(self.parts)
        self.aftercare = Aftercare(delivery, licences, audit)
        self.remedies, self.holders = Remedies(self.parts), Holders(self.parts)
        self.progress = Progress(catalogue, people, licences, delivery, payments, self._vault, calendar)
        self.packages = PackageService(self.parts, check, self.progress)
        self.routing = Routing(audit, self.desk.accept)
        self.handover = Handover(self.parts, self.progress)
        self.instant = InstantApproval(self.parts, self.desk, self.progress)
        self.asking = Asking(self.parts)

    async def save_draft(
        self,
        caller: Caller,
        item_code: str,
        form: Mapping[str, Any],
        materials: Sequence[MaterialRef],
        *,
        division: str = "",
        on_behalf_of: OnBehalfOf | None = None,
    ) -> ApplicationView:
        """Begin a case. Raises: as `Drafts.begin`."""
        return await self.drafts.begin(caller, item_code, form, materials, division=division, on_behalf_of=on_behalf_of)

    async def update_draft(
        self,
        caller: Caller,
        application_no: str,
        *,
        form: Mapping[str, Any] | None = None,
        form_patch: Mapping[str, Any] | None = None,
        materials: Sequence[MaterialRef] | None = None,
        is_autosave: bool = False,
        version: int | None = None,
    ) -> ApplicationView:
        """Change answers or materials of a draft, or of a case sent back for correction; None leaves them.

        Args:
            form_patch: single answers; null takes one out.
            is_autosave: keep what is right as it stands and name the rest, instead of refusing all of it.
            version: what the caller has read; None takes whatever is stored now.
        Raises: NotFound, InvalidTransition, StaleVersion, InvalidRequest with the path of every fault.
        """
        wish = Wish(form=form, patch=form_patch, materials=materials, is_autosave=is_autosave)
        row, unsaved = await self.drafts.change(await self._held(caller, application_no), wish, version)
        return self._editable(row, unsaved)

    async def upgrade(self, caller: Caller, application_no: str, *, version: int | None = None) -> UpgradeView:
        """Move a draft to the newest version of its item. Raises: NotFound, and as `Drafts.upgrade`."""
        return await self.drafts.upgrade(await self._held(caller, application_no), version)

    async def submit(self, caller: Caller, application_no: str, *, version: int | None = None) -> ApplicationView:
        """Hand a draft in. Raises: NotFound, and as `HandingIn.submit`.

        Idempotent: no; of concurrent submissions one wins, the others get a Conflict.
        """
        return self._shown(await self._handing_in.submit(await self._held(caller, application_no), version))

    async def resubmit(
        self,
        caller: Caller,
        application_no: str,
        *,
        form: Mapping[str, Any] | None = None,
        form_patch: Mapping[str, Any] | None = None,
        materials: Sequence[MaterialRef] | None = None,
        version: int | None = None,
    ) -> ApplicationView:
        """Hand a corrected case in again (提交补正), with the changes given here. Raises: as `submit`."""
        wish = Wish(form=form, patch=form_patch, materials=materials)
        return self._shown(await self._handing_in.resubmit(await self._held(caller, application_no), wish, version))

    async def withdraw(
        self, caller: Caller, application_no: str, reason: str = "", *, version: int | None = None
    ) -> ApplicationView:
        """Withdraw a case before it is decided. Raises: NotFound, InvalidTransition, StaleVersion."""
        return self._shown(await self._handing_in.withdraw(await self._held(caller, application_no), reason, version))

    async def supply(
        self,
        caller: Caller,
        application_no: str,
        material_code: str,
        upload_ids: Sequence[uuid.UUID],
        *,
        version: int | None = None,
    ) -> ApplicationView:
        """Hand in an awaited material (容缺补交). Raises: NotFound, InvalidTransition, InvalidRequest, StaleVersion."""
        held = await self._held(caller, application_no)
        moves.expect_version(held.row, version)
        return self._shown(await self.materials.supply(held.owner, held.row, material_code, upload_ids, held.actor))

    async def withdraw_promise(
        self, caller: Caller, application_no: str, material_code: str, *, version: int | None = None
    ) -> ApplicationView:
        """Take a promise back before the decision. Raises: NotFound, InvalidTransition, StaleVersion."""
        held = await self._held(caller, application_no)
        moves.expect_version(held.row, version)
        return self._shown(await self.materials.withdraw_promise(held.row, material_code, held.actor))

    async def promise(self, item_code: str, material_code: str, source: Source) -> PromiseView:
        """Show the words that may stand in for a material of an open item. Raises: NotFound, Conflict."""
        return await self.materials.promise(await self._catalogue.open_item(item_code), material_code, source)

    async def detail(self, caller: Caller, application_no: str) -> tuple[ApplicationView, str]:
        """Return one own case and its ETag; of a draft also the version it may be moved to. Raises: NotFound."""
        row = await self._own(caller, application_no)
        if row["status"] not in EDITABLE:
            return self._shown(row), entity_tag(row)
        if row["status"] != Status.DRAFT:
            return self._editable(row), entity_tag(row)
        newer = await self.drafts.newer_version(row)
        return self._editable(row, newer=newer), f'{entity_tag(row)[:-1]}{f".{newer}" if newer else ""}"'

    async def list_own(
        self, caller: Caller, tab: str = "", after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[ApplicationSummary], uuid.UUID | None]:
        """Return a page of own cases, newest first, and the id to continue after.

        Args:
            tab: draft, handling, correction, rating, closed; empty for all.
        """
        statuses = TABS[tab] if tab else tuple(Status)
        rows = await repository.list_own(caller.citizen_id, statuses, after, limit + 1, unrated=tab == "rating")
        page = [application_summary(row, self.drafts.kept_days) for row in rows[:limit]]
        return page, rows[limit - 1]["id"] if len(rows) > limit else None

    async def timeline(self, caller: Caller, application_no: str) -> Timeline:
        """Return the steps of one own case, oldest first. Raises: NotFound."""
        row = await self._own(caller, application_no)
        return Timeline(data=[timeline_view(step) for step in await repository.list_steps(row["id"])])

    async def choose_delivery(
        self,
        caller: Caller,
        application_no: str,
        method: DeliveryMethod,
        address_id: uuid.UUID | None,
        wish: SendingWish | None = None,
    ) -> ChoiceView:
        """Choose how the result comes. See `ResultChoice.choose`. Raises: as there; NotFound (case)."""
        return await self.result_choice.choose(await self._held(caller, application_no), method, address_id, wish)

    async def delivery_options(
        self, caller: Caller, application_no: str, address_id: uuid.UUID | None
    ) -> DeliveryOptions:
        """Return what may be chosen for the result of an own case. Raises: NotFound."""
        return await self.result_choice.options(await self._held(caller, application_no), address_id)

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

    async def _held(self, caller: Caller, application_no: str) -> Held:
        return await own.find(self._people, caller, application_no)

    async def _own(self, caller: Caller, application_no: str) -> Row:
        return (await own.look(self._people, caller, application_no))[0]

    def _shown(self, row: Row) -> ApplicationView:
        return application_view(row, kept_days=self.drafts.kept_days)

    def _editable(self, row: Row, unsaved: Sequence[FieldFault] = (), newer: int | None = None) -> ApplicationView:
        # Sensitive answers are decrypted only where they are about to be edited.
        form = self._vault.open(row) if row["form_cipher"] else None
        return application_view(row, form, kept_days=self.drafts.kept_days, newer=newer, unsaved=unsaved)
