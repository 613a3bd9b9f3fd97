"""What crosses the door of dispatching: a batch to be made, scans, and the views of both; frozen."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Struct

from services.delivery.dispatching.states import OPEN
from services.staff.types import Role

__all__ = ["OPEN"]

READERS = (Role.DISPATCHER, Role.WINDOW, Role.ADMINISTRATOR)
SENDERS = (Role.DISPATCHER, Role.WINDOW)
"""Who gives parcels away; administrators look only."""

MOST_PARCELS = 1_000
"""A batch holds so many; the rest of a day goes into the next one."""
MOST_SCANS = 200
"""Numbers that one request brings."""
Number = Annotated[str, msgspec.Meta(max_length=64)]


class NewDispatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose parcels go with whom; `day` is today where it is left out."""

    division_code: Annotated[str, msgspec.Meta(min_length=2, max_length=12)]
    department_code: Annotated[str, msgspec.Meta(max_length=18)] = ""
    courier: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    day: date | None = None


class Scanning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers as they were scanned: waybill numbers or ours."""

    numbers: Annotated[list[Number], msgspec.Meta(min_length=1, max_length=MOST_SCANS)]


class Closing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of a hand-over; a reason is needed where parcels are missing, `collector` is a staff number."""

    collector: Annotated[str, msgspec.Meta(max_length=32)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Waiting(Struct, frozen=True, kw_only=True):
    """Parcels of a body that wait for a batch with a courier."""

    division_code: str
    department_code: str
    sender_name: str
    courier: str
    courier_name: str
    parcels: int


class WaitingList(Struct, frozen=True, kw_only=True):
    """Whatever waits for a batch."""

    data: list[Waiting]


class DispatchView(Struct, frozen=True, kw_only=True):
    """A batch with its counts; `remaining` are still to be handed over."""

    dispatch_no: str
    division_code: str
    department_code: str
    courier: str
    courier_name: str
    day: str
    status: str
    status_text: str
    total: int
    labelled: int
    failed: int
    handed_over: int
    remaining: int
    made_by: str
    made_at: str
    handed_over_at: str | None
    handed_over_by: str
    collector: str
    reason: str


class DispatchPage(Struct, frozen=True, kw_only=True):
    """A page of batches, newest first."""

    data: list[DispatchView]
    next_cursor: str | None


class DispatchLine(Struct, frozen=True, kw_only=True):
    """A parcel of a batch; the receiver is masked."""

    shipment_no: str
    application_no: str
    waybill_no: str
    receiver_shown: str
    status: str
    status_text: str
    has_label: bool
    label_fault: str
    is_cancelled: bool
    handed_over_at: str | None


class DispatchDetail(Struct, frozen=True, kw_only=True):
    """A batch and its parcels."""

    dispatch: DispatchView
    parcels: list[DispatchLine]


class ScanResult(Struct, frozen=True, kw_only=True):
    """What one scanned number turned out to be."""

    number: str
    outcome: str
    text: str
    shipment_no: str
    is_good: bool


class Scanned(Struct, frozen=True, kw_only=True):
    """What became of the scans, in their order, and what is left."""

    results: list[ScanResult]
    handed_over: int
    remaining: int
