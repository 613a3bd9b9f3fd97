"""What crosses the door of self-collection: points, waiting results, one-time codes; frozen, codes unprinted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct


class PlaceKind(StrEnum):
    """A window of a hall, or a locker (自助柜)."""

    POINT = "POINT"
    LOCKER = "LOCKER"


class CollectionStatus(StrEnum):
    """How far a collection is: being made ready, ready to be fetched, fetched, not needed any more."""

    PREPARING = "PREPARING"
    READY = "READY"
    COLLECTED = "COLLECTED"
    ENDED = "ENDED"


STATUS_TEXT = {
    CollectionStatus.PREPARING: "备件中",
    CollectionStatus.READY: "待领取",
    CollectionStatus.COLLECTED: "已领取",
    CollectionStatus.ENDED: "已取消",
}


class Collector(StrEnum):
    """Who fetches: the applicant, or somebody whom they authorised."""

    SELF = "SELF"
    AGENT = "AGENT"


COLLECTOR_TEXT = {Collector.SELF: "申请人本人", Collector.AGENT: "受托人"}


class PlaceRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of data/collection_points.json; an empty department takes results of any body of the division."""

    code: Annotated[str, Meta(min_length=3, max_length=32, pattern=r"^[A-Za-z0-9-]+$")]
    kind: PlaceKind
    name: Annotated[str, Meta(min_length=2, max_length=128)]
    division_code: Annotated[str, Meta(pattern=r"^\d{6}$")]
    department_code: Annotated[str, Meta(max_length=18)] = ""
    address: Annotated[str, Meta(min_length=4, max_length=200)]
    phone: Annotated[str, Meta(max_length=32)] = ""
    hours: Annotated[str, Meta(max_length=200)] = ""
    boxes: Annotated[int, Meta(ge=0, le=999)] = 0
    enabled: bool = True


class PlaceView(Struct, frozen=True, kw_only=True):
    """A place where results may be collected."""

    place_code: str
    kind: str
    kind_text: str
    name: str
    division_code: str
    address: str
    phone: str
    hours: str
    boxes: int


class PlaceList(Struct, frozen=True, kw_only=True):
    """Places of a division."""

    data: list[PlaceView]
    next_cursor: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCollection:
    """A result that is to be collected, of a body, for a citizen."""

    subject_no: str
    citizen_id: uuid.UUID
    division_code: str
    department_code: str


class CollectionView(Struct, frozen=True, kw_only=True):
    """A result that is to be collected, for the citizen and for staff; the code is never in it."""

    application_no: str
    status: str
    status_text: str
    place: PlaceView | None
    box: str
    ready_at: str | None
    keep_until: str | None
    collected_at: str | None
    collected_by_text: str
    version: int
    how: str


class CollectionPage(Struct, frozen=True, kw_only=True):
    """A page of results that are to be collected, in the caller's scope."""

    data: list[CollectionView]
    next_cursor: str | None = None


class CodeView(Struct, frozen=True, kw_only=True):
    """A one-time code, shown once to the person who asked for it."""

    application_no: str
    code: str
    expires_at: str
    expires_in: int
    place: PlaceView | None
    box: str

    def __repr__(self) -> str:
        return "CodeView(…)"


@dataclass(frozen=True, slots=True)
class Deposit:
    """Where staff put a result; "" leaves the place as it was chosen."""

    place_code: str = ""
    box: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """By what staff know who fetches: the one-time code, or the identity seen in person with a reason."""

    code: str = field(default="", repr=False)
    collector: Collector = Collector.SELF
    reason: str = ""


class LockerOpened(Struct, frozen=True, kw_only=True):
    """What a locker's terminal learns: which box to open for whom it has before it."""

    place_code: str
    application_no: str
    box: str
    opened_at: str
