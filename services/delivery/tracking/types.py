"""A parcel as people are shown it: its progress and its road. Made by the room's views; frozen."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class TrackingView(Struct, frozen=True, kw_only=True):
    """One event of the parcel for the citizen; `undone`: the courier has taken it back."""

    occurred_at: str
    status: str
    status_text: str
    text: str
    place: str
    undone: bool = False


class StepState(StrEnum):
    """How far a step of a parcel's road is; TROUBLE stands in place of a step that was not reached."""

    DONE = "DONE"
    NOW = "NOW"
    NEXT = "NEXT"
    TROUBLE = "TROUBLE"


class StepView(Struct, frozen=True, kw_only=True):
    """One step of a parcel's road with the moment at which it began."""

    title: str
    state: StepState
    at: str | None = None


class ShipmentView(Struct, frozen=True, kw_only=True):
    """A parcel for the citizen and for staff: its progress in steps, and its road newest first.

    `promise_text`, `courier_phone`, `collect_hint` and `signed_text` are "" where there is nothing to say. `is_stale`:
    the courier can not be asked now, so what is shown is as old as `told_at`.
    """

    shipment_no: str
    application_no: str
    courier: str
    courier_name: str
    waybill_no: str
    status: str
    status_text: str
    custody: str
    cargo: str
    receiver_shown: str
    requested_at: str
    booked_at: str | None
    delivered_at: str | None
    events: list[TrackingView]
    leg: str = "OUTBOUND"
    is_own: bool = False
    payer: str = "FREE"
    payer_text: str = ""
    postage_fen: int = 0
    postage_bill_no: str = ""
    steps: list[StepView] = []
    next_text: str = ""
    promised_at: str | None = None
    promise_text: str = ""
    courier_phone: str = ""
    collect_hint: str = ""
    signed_text: str = ""
    told_at: str | None = None
    is_stale: bool = False
    refreshable_at: str | None = None
