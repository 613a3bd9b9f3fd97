"""Stages that have a deadline, colours, and how a card is shown. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from services.applications.states import Status


class Stage(StrEnum):
    """What a deadline is for."""

    RECEIPT = "RECEIPT"
    REVIEW = "REVIEW"
    DELIVERY = "DELIVERY"


class Colour(StrEnum):
    """YELLOW: near; RED: past."""

    YELLOW = "YELLOW"
    RED = "RED"


STAGES: Mapping[Stage, tuple[Status, ...]] = {
    Stage.RECEIPT: (Status.SUBMITTED, Status.RECEIVED),
    Stage.REVIEW: (Status.ACCEPTED, Status.SUSPENDED),
    Stage.DELIVERY: (Status.APPROVED, Status.CERTIFYING, Status.DELIVERING),
}
"""Where a case is while a stage lasts; a card is settled once the case is elsewhere."""
STAGE_TEXT: Mapping[str, str] = {
    Stage.RECEIPT: "受理（5个工作日）",
    Stage.REVIEW: "办理（承诺期限）",
    Stage.DELIVERY: "送达（10个工作日）",
}
COLOUR_TEXT: Mapping[str, str] = {Colour.YELLOW: "黄牌", Colour.RED: "红牌"}


@dataclass(frozen=True, slots=True)
class Reach:
    """Which cases of a stage have come so far: the statuses, a column of the case, and its last value.

    Attributes:
        column: received_at, due_soon_on, promised_due_on or decided_at.
        until: cases whose column is not later (a day) or earlier (a moment) than this.
    """

    stage: Stage
    colour: Colour
    statuses: tuple[Status, ...]
    column: str
    until: date | datetime


class CardView(Struct, frozen=True, kw_only=True):
    """One card that is not settled."""

    application_no: str
    item_name: str
    division_code: str
    department_code: str
    stage: str
    stage_text: str
    colour: str
    colour_text: str
    due_on: str
    officer: str
    issued_at: str


class CaseCard(Struct, frozen=True, kw_only=True):
    """A card that a case has got; `settled_at`: when its stage ended."""

    stage_text: str
    colour: str
    colour_text: str
    due_on: str
    issued_at: str
    settled_at: str | None


class CardPage(Struct, frozen=True, kw_only=True):
    """A page of cards, oldest first."""

    data: list[CardView]
    next_cursor: str | None
