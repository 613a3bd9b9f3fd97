"""What crosses the applications' door: materials named in requests, views for citizens and staff. Frozen.

Moments are RFC 3339 with +08:00, dates YYYY-MM-DD, money fen.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.errors import FieldFault
from services.applications.cards.types import CaseCard
from services.applications.reviewing.types import CourseView, PointView
from services.applications.states import OUTCOME_TEXT, STATUS_TEXT, Correction, Status
from services.delivery.types import ShipmentView

__all__ = ["OUTCOME_TEXT", "STATUS_TEXT", "Correction", "Status"]

Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$", description="理由")]


class ActorKind(StrEnum):
    """Who moved a case."""

    CITIZEN = "CITIZEN"
    STAFF = "STAFF"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moved a case, as the timeline shows it."""

    kind: ActorKind
    id: str = ""
    shown: str = ""


class MaterialRef(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What satisfies one material of a case. Several uploads of one code are its pages, in this order.

    `licence_no` goes with the source licence, `application_no` with earlier; `text_sha256` names the words that a
    promise (promise, later) was given on.
    """

    material_code: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
    source: Literal["upload", "licence", "shared", "earlier", "promise", "later"] = "upload"
    upload_id: uuid.UUID | None = None
    licence_no: Annotated[str, Meta(max_length=64, pattern=r"^[0-9A-Z]*$")] = ""
    application_no: Annotated[str, Meta(max_length=50, pattern=r"^[0-9A-Z]*$")] = ""
    text_sha256: Annotated[str, Meta(max_length=64, pattern=r"^[0-9a-f]*$")] = ""


class MaterialView(Struct, frozen=True, kw_only=True):
    """One row of a case's materials: a file, or what stands in for it.

    `reference`: number of the licence or of the earlier case; `due_on`: by when it is handed in later.
    """

    material_code: str
    material_name: str
    page: int
    upload_id: str | None
    source: str
    state: str
    reference: str
    due_on: str | None


class ApplicationView(Struct, frozen=True, kw_only=True):
    """A case as its citizen sees it. Sensitive answers are whole while they can be edited, masked afterwards.

    Of drafts only: `expires_on`, the day after which one is deleted; `newer_item_version`, to which it may be moved;
    `unsaved`, what an autosave has left out because it is wrong as it stands.
    """

    application_no: str
    item_code: str
    item_version: int
    item_name: str
    division_code: str
    department_code: str
    status: str
    status_text: str
    outcome: str
    outcome_text: str
    version: int
    form: dict[str, Any]
    materials: list[MaterialView]
    fee_fen: int
    fee_paid_at: str | None
    reason: str
    created_at: str
    submitted_at: str | None
    correction_due_at: str | None
    accepted_at: str | None
    decided_at: str | None
    closed_at: str | None
    promised_due_on: str | None
    due_is_provisional: bool
    is_overdue: bool
    due_text: str
    overdue_reason: str
    extension_days: int
    correction_points: list[PointView]
    updated_at: str
    provider: str
    intake_division_code: str
    expires_on: str | None = None
    newer_item_version: int | None = None
    unsaved: list[FieldFault] = []


class ApplicationSummary(Struct, frozen=True, kw_only=True):
    """A line of the citizen's list."""

    application_no: str
    item_code: str
    item_name: str
    status: str
    status_text: str
    outcome: str
    outcome_text: str
    version: int
    fee_fen: int
    fee_paid_at: str | None
    submitted_at: str | None
    promised_due_on: str | None
    is_overdue: bool
    updated_at: str
    provider: str
    expires_on: str | None = None


class ApplicationPage(Struct, frozen=True, kw_only=True):
    """A page of the citizen's list."""

    data: list[ApplicationSummary]
    next_cursor: str | None


class TimelineView(Struct, frozen=True, kw_only=True):
    """One step of a case."""

    occurred_at: str
    event: str
    from_status: str
    to_status: str
    title: str
    told: str
    actor_kind: str
    actor_shown: str


class Timeline(Struct, frozen=True, kw_only=True):
    """All steps of a case, oldest first; there is never a next page."""

    data: list[TimelineView]
    next_cursor: None = None


class UploadView(Struct, frozen=True, kw_only=True):
    """A stored file: what it is and the digest of what was kept (after re-encoding)."""

    upload_id: str
    purpose: str
    content_type: str
    size: int
    sha256: str
    pages: int


class FileLink(Struct, frozen=True, kw_only=True):
    """A short link to a file: its path below our address, and when it ends."""

    path: str
    expires_at: str


class CaseSummary(Struct, frozen=True, kw_only=True):
    """A line of the staff's queue; the applicant is masked."""

    application_no: str
    item_code: str
    item_name: str
    division_code: str
    department_code: str
    status: str
    status_text: str
    outcome: str
    version: int
    applicant_shown: str
    provider: str
    fee_fen: int
    fee_paid: bool
    submitted_at: str | None
    accepted_at: str | None
    promised_due_on: str | None
    legal_due_on: str | None
    is_overdue: bool
    officer: str = ""


@dataclass(frozen=True, slots=True)
class ToldPerson:
    """Whom a notice about a case reaches; for the room that tells."""

    application_no: str
    item_name: str
    citizen_id: uuid.UUID


class CasePage(Struct, frozen=True, kw_only=True):
    """A page of the staff's queue."""

    data: list[CaseSummary]
    next_cursor: str | None


class ShipmentList(Struct, frozen=True, kw_only=True):
    """The parcels of one case; there is never a next page."""

    data: list[ShipmentView]
    next_cursor: None = None


class LicenceChanged(Struct, frozen=True, kw_only=True):
    """What became of a licence."""

    licence_no: str
    status: str


class StatusCount(Struct, frozen=True, kw_only=True):
    """How many open cases stand in a status, and how many of them are past their promised day."""

    status: str
    status_text: str
    count: int
    overdue: int


class ApplicantView(Struct, frozen=True, kw_only=True):
    """The applicant: masked, or in plain text for the officer in charge; every look is audited."""

    name: str
    id_number: str
    phone: str


class CaseMaterial(Struct, frozen=True, kw_only=True):
    """One row of a case's materials with what the officer needs: the file to open, or what stands in for it.

    Without a file `upload_id` and `content_type` are empty and `size` is 0; `sha256` is then the digest of the licence
    or of the words that were signed.
    """

    material_code: str
    material_name: str
    page: int
    upload_id: str
    content_type: str
    size: int
    sha256: str
    source: str = "UPLOAD"
    source_text: str = "已上传"
    state: str = "PROVIDED"
    state_text: str = "已提供"
    reference: str = ""
    seen_at: str | None = None
    due_on: str | None = None
    supplied_at: str | None = None


class Sibling(Struct, frozen=True, kw_only=True):
    """One part of the same package, as the officer of another part sees it: no answers, no files."""

    item_code: str
    item_name: str
    department_code: str
    status: str
    status_text: str
    application_no: str | None
    outcome: str


class Siblings(Struct, frozen=True, kw_only=True):
    """All parts of one package; there is never a next page."""

    data: list[Sibling]
    next_cursor: None = None


class CaseClock(Struct, frozen=True, kw_only=True):
    """Working days of an accepted case: used so far, and left (negative once its promised day has passed)."""

    used_days: int
    left_days: int
    is_paused: bool


class CaseView(Struct, frozen=True, kw_only=True):
    """A case as the officer in charge sees it: whole answers, applicant, files, steps, what may be done next.

    `clock` and `cards`: how far its time has run, and the yellow and red cards it has got.
    `is_masked`: personal data are hidden, for those who look on, and on pages until they are asked for.
    `siblings`: the parts of its package (一件事), itself among them; none where it is no part.
    """

    case: CaseSummary
    applicant: ApplicantView
    form: dict[str, Any]
    materials: list[CaseMaterial]
    reason: str
    due_is_provisional: bool
    decided_at: str | None
    closed_at: str | None
    acts: list[str]
    course: CourseView
    timeline: list[TimelineView]
    siblings: list[Sibling] = []
    clock: CaseClock | None = None
    cards: list[CaseCard] = []
    is_masked: bool = False
