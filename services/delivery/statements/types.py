"""What crosses the door of statements: views of them, of their differences, and how one is settled; frozen."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from services.delivery.statements.states import AT_WORK, DIFFERENCE_TEXT
from services.staff.types import Role

__all__ = ["AT_WORK", "DIFFERENCE_TEXT"]

READERS = (Role.DISPATCHER, Role.CASHIER, Role.AUDITOR, Role.ADMINISTRATOR)
KEEPERS = (Role.DISPATCHER, Role.CASHIER)
"""Who uploads statements and settles their differences."""
MOST_BYTES = 8 * 1_048_576
MOST_LINES = 100_000
Kind = Literal[
    "",
    "UNKNOWN_WAYBILL",
    "DOUBLE_LINE",
    "CANCELLED_CHARGED",
    "PAID_BY_CITIZEN",
    "AMOUNT_DIFFERS",
    "WEIGHT_DIFFERS",
    "NOT_CHARGED",
]


class Settling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a difference was settled with the courier."""

    note: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class CourierStatementView(Struct, frozen=True, kw_only=True):
    """A statement and what its comparison found; `open` differences are not settled yet.

    While it is read, `lines` grow and the rest is 0; `fault` says why a FAULTY one cannot be read.
    """

    statement_no: str
    courier: str
    courier_name: str
    month: str
    status: str
    status_text: str
    fault: str
    lines: int
    charged_fen: int
    matched: int
    differing: int
    open: int
    uploaded_by: str
    uploaded_at: str
    compared_at: str | None


class CourierStatementPage(Struct, frozen=True, kw_only=True):
    """A page of statements, newest first."""

    data: list[CourierStatementView]
    next_cursor: str | None


class DifferenceSum(Struct, frozen=True, kw_only=True):
    """All differences of a kind; `gap_fen` is what the courier charges beyond what we expect."""

    difference: str
    difference_text: str
    count: int
    open: int
    charged_fen: int
    expected_fen: int
    gap_fen: int


class CourierStatementDetail(Struct, frozen=True, kw_only=True):
    """A statement with its sums by kind; `unpriced` lines match, but no rule says what they should cost."""

    statement: CourierStatementView
    sums: list[DifferenceSum]
    unpriced: int


class DifferenceLine(Struct, frozen=True, kw_only=True):
    """A line that differs; `line` is 0 where the statement leaves a parcel of ours out."""

    line_id: str
    line: int
    waybill_no: str
    shipment_no: str
    carried_on: str | None
    weight_grams: int | None
    charged_fen: int | None
    expected_fen: int | None
    difference: str
    difference_text: str
    settled_at: str | None
    settled_by: str
    note: str


class DifferencePage(Struct, frozen=True, kw_only=True):
    """A page of differences, in the order of the file."""

    data: list[DifferenceLine]
    next_cursor: str | None
