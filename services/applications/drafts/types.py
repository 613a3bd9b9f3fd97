"""What crosses the drafts' door; frozen."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from app.errors import FieldFault
from services.applications.types import ApplicationView


class UpgradeView(Struct, frozen=True, kw_only=True):
    """A draft that was moved to a newer version of its item.

    `dropped`: answers and materials that no longer fit; `to_answer`: what is lacking before it can be handed in.
    """

    application: ApplicationView
    dropped: list[FieldFault]
    to_answer: list[FieldFault]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTerms:
    """How long things last.

    Attributes:
        kept_days: for so many days a draft that nobody touches is kept; its end is told a week before.
        later_days: working days after acceptance within which deferred materials come in (容缺).
        reuse_days: days for which a file of an earlier case may be used again.
    """

    kept_days: int = 90
    later_days: int = 10
    reuse_days: int = 180
