"""Drafts and corrections: begun, changed from any device, saved by themselves while typing, moved to a newer version.

The citizens' door calls it, packages begin their parts here. Every change counts the version up; two devices never
overwrite what they have not seen, for a patch names only what its own device has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app import clock
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, InvalidTransition, NotFound, StaleVersion
from app.ids import dated_no
from app.tokens import Caller
from services.accounts.types import Acting, OnBehalfOf
from services.applications import forms, moves, repository
from services.applications.drafts import merging
from services.applications.drafts import repository as statements
from services.applications.drafts.repository import Change, NewDraft
from services.applications.drafts.types import DraftTerms, UpgradeView
from services.applications.materials import rules
from services.applications.materials.check import MaterialCheck, all_named
from services.applications.materials.owner import Owner
from services.applications.materials.promises import promise_of
from services.applications.materials.types import KeptMaterial, Source
from services.applications.own import Held, trace_of
from services.applications.parts import Parts
from services.applications.states import EDITABLE, STATUS_TEXT, Status
from services.applications.types import ApplicationView, MaterialRef
from services.applications.views import application_view, listed_materials
from services.catalogue.types import Item, Material

_PREFIX = "14"
_TRIES = 5
"""So often an autosave without a version is applied anew when another device was faster; patches do not conflict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a change is to replace; None leaves it. `patch` names single answers, `form` all of them."""

    form: Mapping[str, Any] | None = None
    patch: Mapping[str, Any] | None = None
    materials: Sequence[MaterialRef] | None = None
    is_autosave: bool = False


class Drafts:
    """Use cases of cases that are still being filled in."""

    def __init__(self, parts: Parts, check: MaterialCheck, terms: DraftTerms) -> None:
        self._catalogue, self._people, self._vault = parts.catalogue, parts.people, parts.vault
        self._check, self.kept_days, self._later_days = check, terms.kept_days, terms.later_days
        self._audit = parts.audit

    async def begin(
        self,
        caller: Caller,
        item_code: str,
        form: Mapping[str, Any],
        materials: Sequence[MaterialRef],
        *,
        division: str = "",
        on_behalf_of: OnBehalfOf | None = None,
        package_no: str = "",
    ) -> ApplicationView:
        """Begin a case; answers and materials may still be missing, but none may be wrong.

        Raises: NotFound (item, mandate), Forbidden (mandate), Conflict `item_closed` or `out_of_reach`, InvalidRequest
        with the path of every fault.
        """
        item = await self._catalogue.open_item(item_code)
        acting = await self._people.acting(caller, on_behalf_of, item_code) if on_behalf_of else None
        owner, intake = Owner.acting(caller, acting), await self._intake(item_code, division)
        forms.check_draft(item, form)
        kept = await self._check.kept(owner, item, materials)
        new = self._new(caller, item, form, acting, intake, package_no)
        row = await statements.add_draft(new, kept)
        if acting is not None and (trace := trace_of(caller, row["application_no"], "begun", acting)) is not None:
            await self._audit.record(trace)
        return application_view(row, dict(form), listed_materials(kept), kept_days=self.kept_days)

    async def change(self, held: Held, wish: Wish, version: int | None = None) -> tuple[Row, tuple[FieldFault, ...]]:
        """Replace answers or materials of a draft, or of a case sent back; return what an autosave left out, too.

        Raises: InvalidTransition, StaleVersion, InvalidRequest with the path of every fault.
        """
        row = held.row
        for _ in range(_TRIES):
            moves.expect_version(row, version)
            if row["status"] not in EDITABLE:
                raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，不能修改")
            item = await self._catalogue.item(row["item_code"], row["item_version"])
            change, left_out = await self._change(Owner.of(row, held.caller), row, item, wish)
            changed = await statements.change_draft(row, [row["status"]], change)
            if changed is not None:
                return changed, left_out
            now = await repository.find_case(row["application_no"])
            if now is None or not (wish.is_autosave and version is None):
                raise StaleVersion(current=moves.current(now) if now else None)
            row = now
        raise StaleVersion(current=moves.current(row))

    async def planned(self, held: Held, item: Item, wish: Wish) -> Change:
        """Return what a change would write; nothing is stored. Raises: InvalidRequest with the path of every fault."""
        return (await self._change(held.owner, held.row, item, wish))[0]

    async def upgrade(self, held: Held, version: int | None = None) -> UpgradeView:
        """Move a draft to the version of its item that is open now; what still fits is kept.

        Raises: InvalidTransition, StaleVersion, NotFound, Conflict `item_closed` or `item_version_current`.
        """
        row = held.row
        moves.expect_version(row, version)
        if row["status"] != Status.DRAFT:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，事项版本不再变更")
        old = await self._catalogue.item(row["item_code"], row["item_version"])
        new = await self._catalogue.open_item(row["item_code"])
        if new.record.version == row["item_version"]:
            raise Conflict("草稿已是最新版本的事项", code="item_version_current")
        carried = merging.carried(old, new, self._vault.open(row))
        kept, dropped = await self._carried_materials(held.owner, row, old, new)
        record = new.record
        change = Change(
            answers=self._vault.close(carried.answers, new),
            materials=kept,
            signed_by=held.caller.citizen_id,
            at=clock.now(),
            item=(record.version, record.name, record.division_code, record.department_code),
        )
        changed = await statements.change_draft(row, [Status.DRAFT], change)
        if changed is None:
            now = await repository.find_case(row["application_no"])
            raise StaleVersion(current=moves.current(now) if now else None)
        return UpgradeView(
            application=application_view(changed, carried.answers, kept_days=self.kept_days),
            dropped=[*carried.left_out, *dropped],
            to_answer=forms.lacking(new, carried.answers, moves.material_codes(changed)),
        )

    async def forget(self, application_no: str) -> None:
        """Take back a draft that was begun and may not stay; one that somebody has changed since stays. Idempotent."""
        await statements.delete_unchanged(application_no)

    async def newer_version(self, row: Row) -> int | None:
        """Return the version that is open now where a draft has another; None also where the item takes none now."""
        try:
            item = await self._catalogue.open_item(row["item_code"])
        except (NotFound, Conflict):
            return None
        return item.record.version if item.record.version != row["item_version"] else None

    async def _change(self, owner: Owner, row: Row, item: Item, wish: Wish) -> tuple[Change, tuple[FieldFault, ...]]:
        answers, left_out = wish.form, tuple[FieldFault, ...]()
        if wish.patch is not None:
            stored = self._vault.open(row)
            merge = merging.merged_sound if wish.is_autosave else merging.merged_plainly
            outcome = merge(item, stored, wish.patch)
            answers, left_out = outcome.answers, outcome.left_out
        if answers is not None:
            forms.check_draft(item, answers)
        kept = None if wish.materials is None else await self._check.kept(owner, item, wish.materials)
        return Change(
            answers=None if answers is None else self._vault.close(answers, item),
            materials=kept,
            signed_by=owner.caller_id,
            at=clock.now(),
        ), left_out

    async def _carried_materials(
        self, owner: Owner, row: Row, old: Item, new: Item
    ) -> tuple[list[KeptMaterial], list[FieldFault]]:
        """Return the materials that still fit, and the others as faults; a promise does while its words are equal."""
        kept: list[KeptMaterial] = []
        dropped: list[FieldFault] = []
        for code, named in all_named(row).items():
            before, now = old.material(code), new.material(code)
            fits = before is not None and now is not None and self._means_the_same(old, before, new, now, named[0])
            try:
                kept += await self._check.kept(owner, new, named) if fits else []
            except InvalidRequest:
                fits = False
            if not fits:
                reason = "在新版事项中不再需要" if now is None else "需要按新版事项重新提供"
                dropped.append(FieldFault(f"materials.{code}", f"《{before.name if before else code}》{reason}"))
        return kept, dropped

    async def _intake(self, item_code: str, division: str) -> str:
        """Return the division that a case is filed from (受理地), if one is named. Raises: Conflict `out_of_reach`."""
        if not division:
            return ""
        reach = await self._catalogue.reach(item_code, division)
        if not reach.may_be_filed:
            raise Conflict(reach.note or "该事项不能在所选地区申请", code="out_of_reach")
        return reach.division_code

    def _means_the_same(self, old: Item, before: Material, new: Item, now: Material, named: MaterialRef) -> bool:
        source = rules.source_of(named)
        if source not in (Source.PROMISE, Source.LATER):
            return before.name == now.name
        return promise_of(old.record, before, source, self._later_days) == promise_of(
            new.record, now, source, self._later_days
        )

    def _new(
        self,
        caller: Caller,
        item: Item,
        form: Mapping[str, Any],
        acting: Acting | None,
        division: str,
        package_no: str,
    ) -> NewDraft:
        sealed, record, now = self._vault.close(form, item), item.record, clock.now()
        return NewDraft(
            application_no=dated_no(_PREFIX, now, 10),
            citizen_id=acting.citizen_id if acting else caller.citizen_id,
            provider=caller.provider,
            item_code=record.item_code,
            item_version=record.version,
            item_name=record.name,
            division_code=record.division_code,
            department_code=record.department_code,
            form=sealed.form,
            form_cipher=sealed.form_cipher,
            at=now,
            signed_by=caller.citizen_id,
            package_no=package_no,
            enterprise_id=acting.enterprise_id if acting else None,
            agent_id=acting.agent_id if acting else None,
            mandate_id=acting.mandate_id if acting else None,
            intake_division_code=division,
        )
