"""A citizen hands a case in, hands it in again after a correction, or takes it back. The service is the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app import clock
from app.db import Row
from app.errors import InvalidTransition, StaleVersion
from services.accounts.types import Level
from services.applications import forms, moves
from services.applications.documents import letters
from services.applications.drafts import repository as statements
from services.applications.drafts.service import Drafts, Wish
from services.applications.materials.check import MaterialCheck
from services.applications.materials.types import KeptMaterial
from services.applications.own import Held
from services.applications.parts import Parts
from services.applications.states import STATUS_TEXT, TO_CORRECT, Act, Status, next_edge
from services.catalogue.types import Item


class HandingIn:
    """Moves of a case by its applicant. Raises in all of them: InvalidTransition, StaleVersion."""

    def __init__(self, parts: Parts, drafts: Drafts, check: MaterialCheck) -> None:
        self._catalogue, self._people, self._vault = parts.catalogue, parts.people, parts.vault
        self._drafts, self._check, self._audit = drafts, check, parts.audit

    async def submit(self, held: Held, version: int | None) -> Row:
        """Hand a draft in, under the version of the item that it was made under while that may still be used.

        Raises: Forbidden `real_name_required` below L2 (or what the item demands), Conflict `item_closed` or
        `item_version_withdrawn`, InvalidRequest `application_incomplete` with every fault at once.
        """
        moves.expect_version(held.row, version)
        now = clock.now()
        next_edge(held.row["status"], Act.SUBMIT)
        item = await self._catalogue.usable_item(held.row["item_code"], held.row["item_version"])
        row, columns = await self._checked(held, item)
        move = moves.planned(
            row,
            Act.SUBMIT,
            held.actor,
            told="申请已提交，工作人员将在5个工作日内审核",
            facts={"provider": held.caller.provider},
            sets={"submitted_at": now, "received_at": now, "provider": held.caller.provider, **columns},
            at=now,
            stamps_applicant=True,
        )
        return await moves.make(move, act=held.trace("submit"), audit=self._audit)

    async def resubmit(self, held: Held, wish: Wish, version: int | None) -> Row:
        """Hand a corrected case in again (提交补正), with the changes given here. Raises: as `submit`."""
        moves.expect_version(held.row, version)
        if held.row["status"] not in TO_CORRECT:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[held.row['status']]}”，不需要补正")
        if (wish.form, wish.patch, wish.materials) != (None, None, None):
            changed, _ = await self._drafts.change(held, wish, held.row["version"])
            held = replace(held, row=changed)
        item = await self._catalogue.item(held.row["item_code"], held.row["item_version"])
        row, columns = await self._checked(held, item)
        now = clock.now()
        move = moves.planned(
            row,
            Act.RESUBMIT,
            held.actor,
            told="补正材料已提交，工作人员将在5个工作日内审核",
            sets={"received_at": now, "correction_due_at": None, "reason": "", **columns},
            at=now,
        )
        return await moves.make(move, act=held.trace("resubmit"), audit=self._audit)

    async def withdraw(self, held: Held, reason: str, version: int | None) -> Row:
        """Withdraw a case before it is decided."""
        moves.expect_version(held.row, version)
        move = moves.planned(
            held.row,
            Act.WITHDRAW,
            held.actor,
            told="您已撤回申请",
            sets={"reason": reason, "closed_at": clock.now()},
            pause_ends=held.row["status"] == Status.SUSPENDED,
            document=letters.withdrawn(reason),
        )
        return await moves.make(move, act=held.trace("withdraw"), audit=self._audit)

    async def _checked(self, held: Held, item: Item) -> tuple[Row, dict[str, Any]]:
        """Check that a case may be handed in; return it, and the columns that follow from its answers.

        What others share is looked up now, so that it is not asked of the applicant; it is then part of the case.
        """
        row = held.row
        level: Level = "L3" if item.record.real_name_level.value == "L3" else "L2"
        await self._people.require_level(held.caller, level)
        answers, codes = self._vault.open(row), moves.material_codes(row)
        missing = [part for part in item.needed_materials(answers) if part.code not in codes]
        shared = await self._check.shared_for(held.owner, item, missing) if missing else []
        codes |= {part.material_code for part in shared}
        forms.check_complete(item, answers, codes, await self._check.stored_faults(held.owner, item, row))
        if shared:
            row = await self._with(row, shared)
        return row, {"fee_fen": item.fee_fen(answers)}

    async def _with(self, row: Row, shared: Sequence[KeptMaterial]) -> Row:
        changed = await statements.add_materials(row, shared, clock.now())
        if changed is None:
            raise StaleVersion
        return changed
