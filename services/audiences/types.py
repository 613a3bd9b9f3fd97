"""What crosses the door of the audiences room: criteria of people, estimates, uploaded lists and their reports."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

MOST_LINES = 200_000
MOST_BYTES = 8 * 1_048_576
MOST_SHOWN_FAULTS = 200
Prefix = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2,12}$")]
Age = Annotated[int, msgspec.Meta(ge=0, le=150)]
Tag = Annotated[str, msgspec.Meta(pattern=r"^[\w·（）()-]{1,32}$")]
CaseState = Literal[
    "SUBMITTED",
    "RECEIVED",
    "CORRECTION",
    "ACCEPTED",
    "SUSPENDED",
    "APPROVED",
    "DENIED",
    "CERTIFYING",
    "DELIVERING",
    "CLOSED",
]


class Criteria(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is meant: everybody to whom all of it applies; an empty field asks for nothing.

    `topic` is what people can switch off; "" where they cannot (statutory).
    """

    divisions: list[Prefix] = []
    item_code: str = ""
    case_states: list[CaseState] = []
    age_from: Age | None = None
    age_to: Age | None = None
    level: Literal["", "L1", "L2", "L3"] = ""
    tag: str = ""
    list_id: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many people are meant; not exact where counting would have taken too long."""

    people: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class People:
    """A page of people in the order of their ids, and who was merged into one of them: (who stays, who has gone)."""

    ids: list[uuid.UUID]
    former: list[tuple[uuid.UUID, uuid.UUID]]


class BadLine(msgspec.Struct, frozen=True):
    """A line that was not understood: its number and what is wrong, never what stands in it."""

    line: int
    fault: str


class ListView(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded list and its report. READING is under way, BROKEN is of no use, `fault` says why."""

    list_id: str
    name: str
    status: str
    status_text: str
    fault: str
    uploaded_by: str
    created_at: str
    lines: int
    matched: int
    unknown: int
    doubled: int
    bad: int
    bad_lines: list[BadLine]


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of lists, newest first."""

    data: list[ListView]
    next_cursor: str | None = None


class Tagging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A word for all people of a list."""

    tag: Tag


class Tagged(msgspec.Struct, frozen=True, kw_only=True):
    """How many people got or lost the word."""

    tag: str
    people: int
