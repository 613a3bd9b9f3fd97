"""A citizen hands a case in, hands it in again after a correction, or takes it back. The service is the door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from app import clock
from app.db import Row, Transaction
from app.errors import InvalidTransition
from services.accounts.types import Level
from services.applications import forms, moves, repository
from services.applications.documents import letters
from services.applications.drafts import repository as statements
from services.applications.drafts.repository import Change
from services.applications.drafts.service import Drafts, Wish
from services.applications.materials.check import MaterialCheck
from services.applications.materials.types import KeptMaterial
from services.applications.own import Held
from services.applications.parts import Parts
from services.applications.repository import Move
from services.applications.states import STATUS_TEXT, TO_CORRECT, Act, Status, next_edge
from services.applications.views import listed_materials
from services.catalogue.types import Item

Also = Callable[[Transaction], Awaitable[None]]


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
        columns, shared = await self._checked(held, item)
        move = moves.planned(
            held.row,
            Act.SUBMIT,
            held.actor,
            told="申请已提交，工作人员将在5个工作日内审核",
            facts={"provider": held.caller.provider},
            sets={"submitted_at": now, "received_at": now, "provider": held.caller.provider, **columns},
            at=now,
            stamps_applicant=True,
            also=_keeping(held.row, None, shared, now),
        )
        return await self._made(held, move, "submit")

    async def resubmit(self, held: Held, wish: Wish, version: int | None) -> Row:
        """Hand a corrected case in again (提交补正), with the changes given here; all of it or nothing is stored.

        Raises: as `submit`.
        """
        row = held.row
        moves.expect_version(row, version)
        if row["status"] not in TO_CORRECT:
            raise InvalidTransition(f"办件当前为“{STATUS_TEXT[row['status']]}”，不需要补正")
        item, change = await self._catalogue.item(row["item_code"], row["item_version"]), None
        if (wish.form, wish.patch, wish.materials) != (None, None, None):
            change = await self._drafts.planned(held, item, wish)
        columns, shared = await self._checked(replace(held, row=_changed(row, change)), item)
        now = clock.now()
        move = moves.planned(
            row,
            Act.RESUBMIT,
            held.actor,
            told="补正材料已提交，工作人员将在5个工作日内审核",
            sets={"received_at": now, "correction_due_at": None, "reason": "", **columns, **_answers(change)},
            at=now,
            also=_keeping(row, change, shared, now),
        )
        return await self._made(held, move, "resubmit")

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

    async def _checked(self, held: Held, item: Item) -> tuple[dict[str, Any], list[KeptMaterial]]:
        """Check that a case may be handed in; return the columns that follow from its answers, and what others share.

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
        return {"fee_fen": item.fee_fen(answers)}, shared

    async def _made(self, held: Held, move: Move, action: str) -> Row:
        row = await moves.make(move, act=held.trace(action), audit=self._audit)
        # What was written beside the move is not in its answer yet.
        return row if move.also is None else (await repository.find_case(row["application_no"]) or row)


def _changed(row: Row, change: Change | None) -> Row:
    """Return a case as it would be with a change."""
    if change is None:
        return row
    listed = {"materials": _listed(change.materials)} if change.materials is not None else {}
    return {**row, **_answers(change), **listed}


def _answers(change: Change | None) -> dict[str, Any]:
    if change is None or change.answers is None:
        return {}
    return {"form": change.answers.form, "form_cipher": change.answers.form_cipher}


def _listed(materials: Sequence[KeptMaterial]) -> str:
    return msgspec.json.encode(listed_materials(materials)).decode()


def _keeping(row: Row, change: Change | None, shared: Sequence[KeptMaterial], at: datetime) -> Also | None:
    """Return what writes the materials of a case with its move; None where they stay as they are."""
    given = change.materials if change is not None else None
    if given is None and not shared:
        return None

    async def keep(tx: Transaction) -> None:
        if change is not None and given is not None:
            await statements.replace_materials(tx, row, change, given)
        if shared:
            await statements.add_materials(tx, row, shared, at)

    return keep
