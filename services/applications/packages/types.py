"""What crosses the door of package cases: views for the citizen and for the desk; frozen. Moments and money as in the
room's own types."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from payments.types import BillView
from services.applications.types import MaterialRef, TimelineView
from services.delivery.types import ShipmentView


class Asked(Struct, frozen=True, kw_only=True):
    """One thing that the citizen is asked for before a part can begin: its path in the merged form, and a sentence."""

    path: str
    message: str


class PartView(Struct, frozen=True, kw_only=True):
    """One part: where it stands, why, and the case that it became."""

    item_code: str
    item_name: str
    department_code: str
    division_code: str
    depends_on: list[str]
    status: str
    status_text: str
    explanation: str
    asked: list[Asked]
    application_no: str | None
    case_status: str
    case_status_text: str
    outcome: str
    outcome_text: str
    needs_correction: bool
    correction_due_at: str | None
    reason: str
    fee_fen: int
    fee_paid_at: str | None
    promised_due_on: str | None
    closed_at: str | None


class PackageCaseView(Struct, frozen=True, kw_only=True):
    """A package case with all its parts. Of a draft the parts are those that its answers call for by now."""

    package_no: str
    package_code: str
    package_version: int
    package_name: str
    division_code: str
    status: str
    status_text: str
    result_text: str
    version: int
    form: dict[str, Any]
    materials: list[MaterialRef]
    optional_items: list[str]
    parts: list[PartView]
    parts_total: int
    parts_decided: int
    reason: str
    created_at: str
    submitted_at: str | None
    withdrawn_at: str | None
    closed_at: str | None
    promised_due_on: str | None
    updated_at: str


class PackageCaseSummary(Struct, frozen=True, kw_only=True):
    """A line of the citizen's list."""

    package_no: str
    package_code: str
    package_name: str
    status: str
    status_text: str
    version: int
    parts_total: int
    parts_decided: int
    needs_you: bool
    submitted_at: str | None
    promised_due_on: str | None
    closed_at: str | None
    updated_at: str


class PackageCasePage(Struct, frozen=True, kw_only=True):
    """A page of the citizen's list."""

    data: list[PackageCaseSummary]
    next_cursor: str | None


class PackageStep(Struct, frozen=True, kw_only=True):
    """One step of the whole (`application_no` empty) or of one part."""

    application_no: str
    item_name: str
    step: TimelineView


class PackageBills(Struct, frozen=True, kw_only=True):
    """The bills of all parts, each of the body that collects it, and what is still to be paid of them together."""

    data: list[BillView]
    unpaid_fen: int
    unpaid_count: int
    next_cursor: None = None


class PartDelivery(Struct, frozen=True, kw_only=True):
    """How the result of one part comes; `together`: in the one parcel of the package."""

    item_code: str
    application_no: str
    method: str
    method_text: str
    together: bool


class PackageDelivery(Struct, frozen=True, kw_only=True):
    """The one choice for all results, what it means for each part, and the parcels that are under way."""

    method: str
    method_text: str
    receiver_shown: str
    locked: bool
    parts: list[PartDelivery]
    shipments: list[ShipmentView]
