"""The door of package cases (一件事) for citizens: one form, materials once, one submission, one view of all parts.

Handlers call it. Each part is an ordinary case afterwards, corrected, paid and followed at that case's own doors; what
follows between the parts stands in `course`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from app.tokens import Caller
from services.applications import forms
from services.applications.materials.check import MaterialCheck
from services.applications.packages import merging, repository, views
from services.applications.packages.course import PackageCourse, may_be_withdrawn
from services.applications.packages.delivering import JointDelivery
from services.applications.packages.filing import Filer
from services.applications.packages.filling import PartFilling
from services.applications.packages.merging import Filing
from services.applications.packages.numbers import package_no as new_package_no
from services.applications.packages.repository import Change, NewPackage
from services.applications.packages.states import (
    OPEN,
    STATUS_TEXT,
    TABS,
    PackageStatus,
    PartStatus,
    course,
)
from services.applications.packages.steps import merged_steps
from services.applications.packages.submission import submission
from services.applications.packages.types import (
    PackageBills,
    PackageCaseSummary,
    PackageCaseView,
    PackageDelivery,
    PackageStep,
)
from services.applications.packages.vault import PackageVault
from services.applications.parts import Parts
from services.applications.progress import Progress
from services.applications.types import MaterialRef
from services.catalogue.types import PackageTerms
from services.delivery.booking.types import SendingWish
from services.delivery.types import DeliveryMethod

_PAYABLE = frozenset({"UNPAID", "PAYING"})


class PackageService:
    """Use cases of citizens about their own package cases; somebody else's is not found."""

    def __init__(self, parts: Parts, check: MaterialCheck, progress: Progress) -> None:
        self._catalogue, self._people, self._payments = parts.catalogue, parts.people, parts.payments
        self._calendar = parts.calendar
        self._vault, self._filer = PackageVault(parts.cipher), Filer(check)
        self._delivering = JointDelivery(parts, progress)
        self.course = PackageCourse(parts, self._filer, self._vault, self._delivering)
        self.filling = PartFilling(parts, self._vault, self.course)

    async def save_draft(
        self,
        caller: Caller,
        package_code: str,
        form: Mapping[str, Any],
        materials: Sequence[MaterialRef],
        optional_items: Sequence[str] = (),
    ) -> PackageCaseView:
        """Begin a package case; answers and materials may still be missing, but none may be wrong.

        Raises: NotFound (package), Conflict `item_closed`, InvalidRequest with the path of every fault.
        """
        terms = await self._catalogue.open_package(package_code)
        await self._check_draft(caller.citizen_id, terms, form, materials, optional_items)
        record, now = terms.record, clock.now()
        row = await repository.add_draft(
            NewPackage(
                package_no=new_package_no(now),
                citizen_id=caller.citizen_id,
                provider=caller.provider,
                package_code=record.package_code,
                package_version=record.version,
                package_name=record.name,
                division_code=record.division_code,
                answers=self._vault.close(form, terms),
                materials=_text(list(materials)),
                chosen=_text(list(optional_items)),
                at=now,
            )
        )
        return self._draft_view(row, terms)

    async def update_draft(
        self,
        caller: Caller,
        package_no: str,
        *,
        form: Mapping[str, Any] | None = None,
        materials: Sequence[MaterialRef] | None = None,
        optional_items: Sequence[str] | None = None,
        version: int | None = None,
    ) -> PackageCaseView:
        """Replace answers, materials or chosen items of a draft; None leaves them.

        Raises: NotFound, InvalidTransition, StaleVersion, InvalidRequest with the path of every fault.
        """
        row = await self._own(caller, package_no, version)
        _require(row, {PackageStatus.DRAFT}, "一件事已提交，不能再修改")
        terms = await self._terms(row)
        await self._check_draft(
            caller.citizen_id,
            terms,
            self._vault.open(row) if form is None else form,
            views.stored_materials(row) if materials is None else materials,
            msgspec.json.decode(row["chosen"]) if optional_items is None else optional_items,
        )
        sets: dict[str, Any] = {}
        if form is not None:
            sealed = self._vault.close(form, terms)
            sets |= {"form": sealed.form, "form_cipher": sealed.form_cipher}
        if materials is not None:
            sets["materials"] = _text(list(materials))
        if optional_items is not None:
            sets["chosen"] = _text(list(optional_items))
        changed = await self._write(row, Change(status=row["status"], at=clock.now(), sets=sets))
        return self._draft_view(changed, terms)

    async def submit(self, caller: Caller, package_no: str, *, version: int | None = None) -> PackageCaseView:
        """Hand a package in: its parts are made, and the cases of those that wait for nothing begin at once.

        All of it commits together, so that nobody ever meets half a package.
        Raises: Forbidden `real_name_required`, NotFound, InvalidTransition, StaleVersion, Conflict `item_closed`,
        InvalidRequest `application_incomplete` with every fault at once, by the paths of the merged form.
        """
        row = await self._own(caller, package_no, version)
        _require(row, {PackageStatus.DRAFT}, "一件事已提交，请勿重复提交")
        terms = await self._catalogue.open_package(row["package_code"])
        answers = self._vault.open(row)
        chosen, materials = msgspec.json.decode(row["chosen"]), views.stored_materials(row)
        filed = await self._filer.file_all(row["citizen_id"], terms, answers, chosen, materials)
        await self._check_complete(caller, terms, answers, filed)
        await self._delivering.share(row, terms, [each.part.item_code for each in filed])
        now, depends = clock.now(), merging.waits_for(filed)
        turn = await self.course.turn(row, terms, [code for code, waits in depends.items() if not waits], now)
        await self._write(row, submission(row, terms, filed, turn.children, self._calendar, now))
        return await self._now(caller, package_no)

    async def answer_part(
        self,
        caller: Caller,
        package_no: str,
        item_code: str,
        *,
        form: Mapping[str, Any],
        materials: Sequence[MaterialRef] = (),
        version: int | None = None,
    ) -> PackageCaseView:
        """Add what a part still lacks, before its case begins; it begins at once where its turn has come.

        `form` holds answers of the merged form, and only those of this part that no case has been handed in with;
        `materials` are added to those of the package.
        Raises: NotFound, InvalidTransition, StaleVersion, InvalidRequest with the path of every fault.
        """
        row = await self._own(caller, package_no, version)
        _require(row, OPEN, "一件事当前不需要补充信息")
        terms = await self._terms(row)
        parts = {part.item_code: part for part in views.stored_parts(await repository.list_parts(row["id"]))}
        part = parts.get(item_code)
        if part is None:
            raise NotFound("该一件事没有此事项")
        if part.status not in (PartStatus.WAITING, PartStatus.ASKED):
            raise InvalidTransition("该事项已提交或不再办理，不能补充信息")
        started = {code for code, each in parts.items() if each.application_no is not None}
        _check_free(terms, item_code, started, form)
        answers = self._vault.open(row) | dict(form)
        added = [*views.stored_materials(row), *materials]
        await self._check_draft(caller.citizen_id, terms, answers, added, msgspec.json.decode(row["chosen"]))
        sealed = self._vault.close(answers, terms)
        sets = {"form": sealed.form, "form_cipher": sealed.form_cipher, "materials": _text(added)}
        await self._write(row, Change(status=row["status"], at=clock.now(), sets=sets))
        await self.course.follow(package_no)
        return await self._now(caller, package_no)

    async def withdraw(
        self, caller: Caller, package_no: str, reason: str = "", *, version: int | None = None
    ) -> PackageCaseView:
        """Withdraw a package: no further part begins, and every case is withdrawn that is not decided yet.

        What is decided stays so; the answer shows which. Raises: NotFound, InvalidTransition, StaleVersion.
        """
        row = await self._own(caller, package_no, version)
        _require(row, OPEN, "一件事尚未提交或已办结，不能撤回")
        parts = views.stored_parts(await repository.list_parts(row["id"]))
        pending = any(part.status in (PartStatus.WAITING, PartStatus.ASKED) for part in parts)
        if not pending and not any(part.application_no and may_be_withdrawn(part.case_status) for part in parts):
            raise InvalidTransition("各事项均已作出决定，不能撤回")
        now = clock.now()
        standing = course(parts, withdrawn=True).standing
        sets = {"withdrawn_at": row["withdrawn_at"] or now, "reason": reason}
        await self._write(row, Change(status=row["status"], at=now, standing=standing, sets=sets))
        await self.course.follow(package_no)
        return await self._now(caller, package_no)

    async def detail(self, caller: Caller, package_no: str) -> tuple[PackageCaseView, str]:
        """Return one own package case with all its parts, and its ETag. Raises: NotFound."""
        row = await self._own(caller, package_no)
        rows = await repository.list_parts(row["id"])
        return await self._view(row, rows), views.entity_tag(row, rows)

    async def _now(self, caller: Caller, package_no: str) -> PackageCaseView:
        return (await self.detail(caller, package_no))[0]

    async def _view(self, row: Row, rows: Sequence[Row]) -> PackageCaseView:
        """Show a package case: a draft with whole answers, afterwards with masked ones and the cases of its parts."""
        terms = await self._terms(row)
        if row["status"] == PackageStatus.DRAFT:
            return self._draft_view(row, terms)
        asked = await self.course.asked(row, terms, views.stored_parts(rows))
        shown = views.part_views(rows, terms, asked, withdrawn=row["withdrawn_at"] is not None)
        return views.package_view(row, msgspec.json.decode(row["form"]), shown)

    async def list_own(
        self, caller: Caller, tab: str = "", after: uuid.UUID | None = None, limit: int = 20
    ) -> tuple[list[PackageCaseSummary], uuid.UUID | None]:
        """Return a page of own package cases, newest first, and the id to continue after."""
        statuses = TABS[tab] if tab else tuple(PackageStatus)
        rows = await repository.list_own(caller.citizen_id, statuses, after, limit + 1)
        return [views.summary(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def timeline(self, caller: Caller, package_no: str) -> list[PackageStep]:
        """Return the steps of the package and of all its parts together, oldest first. Raises: NotFound."""
        row = await self._own(caller, package_no)
        parts = await repository.list_parts(row["id"])
        steps = await repository.list_steps([part["case_id"] for part in parts if part["case_id"] is not None])
        return merged_steps(row, parts, steps)

    async def bills(self, caller: Caller, package_no: str) -> PackageBills:
        """Return the bills of all parts and of the shared parcel; each is paid by itself. Raises: NotFound."""
        row = await self._own(caller, package_no)
        bills = [
            bill
            for part in await repository.list_parts(row["id"])
            if part["application_no"] is not None
            for bill in await self._payments.own_bills(caller, part["application_no"])
        ]
        bills += await self._payments.own_bills(caller, package_no)
        unpaid = [bill.amount_fen for bill in bills if bill.status in _PAYABLE]
        return PackageBills(data=bills, unpaid_fen=sum(unpaid), unpaid_count=len(unpaid))

    async def choose_delivery(
        self,
        caller: Caller,
        package_no: str,
        method: DeliveryMethod,
        address_id: uuid.UUID | None,
        wish: SendingWish | None = None,
    ) -> PackageDelivery:
        """Choose once how all results come; COURIER needs an own address, which is copied, and means one parcel.

        Raises: NotFound, InvalidRequest, InvalidTransition, Conflict as of the choice of one case.
        """
        row = await self._own(caller, package_no)
        _require(row, {PackageStatus.DRAFT, *OPEN}, "一件事已办结，不能再更改送达方式")
        await self._delivering.choose(caller, row, method, address_id, await self._codes(row), wish)
        return await self.delivery(caller, package_no)

    async def delivery(self, caller: Caller, package_no: str) -> PackageDelivery:
        """Return the one choice, what it means for each part, and the parcels. Raises: NotFound, also without one."""
        row = await self._own(caller, package_no)
        shown = await self._delivering.shown(row, await self._codes(row))
        if shown is None:
            raise NotFound("尚未选择送达方式")
        return shown

    async def take_over(self, from_citizen_id: uuid.UUID, into_citizen_id: uuid.UUID) -> None:
        """Move package cases of a merged citizen to the surviving one. Idempotent."""
        await repository.take_over(from_citizen_id, into_citizen_id)

    async def _own(self, caller: Caller, package_no: str, version: int | None = None) -> Row:
        row = await repository.find_own(caller.citizen_id, package_no)
        if row is None:
            raise NotFound("未找到该一件事办件")
        if version is not None and version != row["version"]:
            raise StaleVersion(current=_current(row))
        return row

    async def _terms(self, row: Row) -> PackageTerms:
        return await self._catalogue.package_terms(row["package_code"], row["package_version"])

    async def _write(self, row: Row, change: Change) -> Row:
        written = await repository.change(row, change)
        if written is None:
            now = await repository.find(row["package_no"])
            raise StaleVersion(current=_current(now) if now else None)
        return written

    async def _codes(self, row: Row) -> list[str]:
        """Return the items of a package: its parts, of a draft those that its answers call for."""
        if row["status"] != PackageStatus.DRAFT:
            return [part["item_code"] for part in await repository.list_parts(row["id"])]
        chosen = msgspec.json.decode(row["chosen"])
        return [part.item_code for part in (await self._terms(row)).applying(self._vault.open(row), chosen)]

    def _draft_view(self, row: Row, terms: PackageTerms) -> PackageCaseView:
        answers = self._vault.open(row)
        applying = terms.applying(answers, msgspec.json.decode(row["chosen"]))
        return views.package_view(row, answers, views.planned_views(terms, applying))

    async def _check_draft(
        self,
        citizen_id: uuid.UUID,
        terms: PackageTerms,
        answers: Mapping[str, Any],
        materials: Sequence[MaterialRef],
        chosen: Sequence[str],
    ) -> None:
        faults = [*forms.draft_faults(terms, answers)]
        faults += await self._filer.draft_faults(citizen_id, terms, answers, chosen, materials)
        faults += [
            FieldFault(f"optional_items[{index}]", "该一件事没有此可选事项")
            for index, code in enumerate(chosen)
            if code not in terms.optional_items()
        ]
        if faults:
            raise InvalidRequest(faults=tuple(faults))

    async def _check_complete(
        self, caller: Caller, terms: PackageTerms, answers: Mapping[str, Any], filed: Sequence[Filing]
    ) -> None:
        levels = {each.item.record.real_name_level.value for each in filed}
        await self._people.require_level(caller, "L3" if "L3" in levels else "L2")
        faults = merging.faults_of(terms, answers, filed)
        if faults:
            raise InvalidRequest("请补全申请内容后再提交", code="application_incomplete", faults=faults)
        if not filed:
            raise Conflict("所填内容没有需要办理的事项", code="nothing_to_do")


def _check_free(terms: PackageTerms, item_code: str, started: set[str], form: Mapping[str, Any]) -> None:
    """Refuse answers that are none of the part's, or that another part has been handed in with already."""
    sources = {part.item_code: set(part.field_map.values()) for part in terms.record.items}
    used = set().union(*(sources[code] for code in started if code in sources))
    faults = []
    for name in form:
        if name not in sources.get(item_code, set()):
            faults.append(FieldFault(f"form.{name}", "该事项不需要此项"))
        elif name in used:
            faults.append(FieldFault(f"form.{name}", "已用于已提交的事项，不能修改"))
    if faults:
        raise InvalidRequest(faults=tuple(faults))


def _require(row: Row, statuses: frozenset[PackageStatus] | set[PackageStatus], otherwise: str) -> None:
    if row["status"] not in statuses:
        raise InvalidTransition(otherwise, current=_current(row))


def _current(row: Row) -> dict[str, Any]:
    return {"version": row["version"], "status": row["status"], "status_text": STATUS_TEXT[row["status"]]}


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
