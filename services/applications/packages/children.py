"""Begins the case of one part: an ordinary application that is handed in at once, in its package's transaction.

Called by the package repository only. The edge is that of the room's own table, the event the ordinary one, so that
everything that follows a submission follows here.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.db import Transaction
from app.events import DomainEvent
from app.ids import new_id
from services.applications import moves
from services.applications.materials.types import KeptMaterial
from services.applications.repository import Answers
from services.applications.states import Act, Status, next_edge


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChild:
    """A case to be handed in for a package, with what satisfies its materials."""

    application_no: str
    package_no: str
    package_name: str
    citizen_id: uuid.UUID
    provider: str
    item_code: str
    item_version: int
    item_name: str
    division_code: str
    department_code: str
    intake_division_code: str
    answers: Answers
    fee_fen: int
    materials: Sequence[KeptMaterial]
    at: datetime


async def begin_child(tx: Transaction, new: NewChild) -> None:
    """Insert the case as submitted, with its materials, its step and its event."""
    case_id, edge = new_id(), next_edge(Status.DRAFT, Act.SUBMIT)
    await tx.execute(
        """INSERT INTO application (id, created_at, application_no, citizen_id, provider, package_no, item_code,
               item_version, item_name, division_code, department_code, intake_division_code, status, outcome, version,
               form, form_cipher, applicant_shown, fee_fen, reason, due_is_provisional, submitted_at, received_at,
               updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', 1, $14::jsonb, $15,
               COALESCE((SELECT c.name_masked FROM citizen c WHERE c.id = $4), ''), $16, '', false, $2, $2, $2)""",
        case_id,
        new.at,
        new.application_no,
        new.citizen_id,
        new.provider,
        new.package_no,
        new.item_code,
        new.item_version,
        new.item_name,
        new.division_code,
        new.department_code,
        new.intake_division_code,
        edge.to.value,
        new.answers.form,
        new.answers.form_cipher,
        new.fee_fen,
    )
    await _keep_materials(tx, case_id, new)
    actor = moves.citizen_actor(new.citizen_id)
    await tx.execute(
        """INSERT INTO timeline_entry (id, occurred_at, application_id, event, from_status, to_status, title, told,
               actor_kind, actor_id, actor_shown, dedupe_key)
           VALUES ($1, $2, $3, $4::text, 'DRAFT', $5, $6, $7, $8, $9, $10, $4::text || ':1')""",
        new_id(),
        new.at,
        case_id,
        edge.emits,
        edge.to.value,
        edge.title,
        f"已随“{new.package_name}”提交，工作人员将在5个工作日内审核",
        actor.kind.value,
        actor.id,
        actor.shown,
    )
    facts = {"item_name": new.item_name, "provider": new.provider, "package_no": new.package_no}
    tx.emit(
        DomainEvent(
            name=edge.emits,
            subject_no=new.application_no,
            citizen_id=new.citizen_id.hex,
            occurred_at=new.at,
            facts=facts,
        )
    )


async def _keep_materials(tx: Transaction, case_id: uuid.UUID, new: NewChild) -> None:
    pages: dict[str, int] = {}
    rows = []
    for part in new.materials:
        page = pages[part.material_code] = pages.get(part.material_code, 0) + 1
        seen = (part.upload_id, part.reference, part.reference_hash, part.seen_at, part.due_on)
        rows.append((new_id(), new.at, case_id, part.material_code, part.material_name, page, part.source.value, *seen))
    await tx.execute_many(
        "INSERT INTO application_material (id, created_at, application_id, material_code, material_name, page, source,"
        " upload_id, reference, reference_hash, seen_at, due_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
        " $12)",
        rows,
    )
    await tx.execute_many(
        "INSERT INTO case_promise (id, created_at, application_id, material_code, kind, text, text_sha256, signed_by,"
        " signed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $2)",
        [
            (new_id(), new.at, case_id, part.material_code, said.kind, said.text, said.sha256, new.citizen_id)
            for part in new.materials
            if (said := part.signed) is not None
        ],
    )
