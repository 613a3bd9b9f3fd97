"""Rows of statements as the views of the door; pure."""

from __future__ import annotations

from collections.abc import Sequence

from app import clock
from app.db import Row
from services.delivery.statements.states import DIFFERENCE_TEXT, STATUS_TEXT
from services.delivery.statements.types import (
    CourierStatementDetail,
    CourierStatementView,
    DifferenceLine,
    DifferenceSum,
)


def statement(row: Row, courier_name: str) -> CourierStatementView:
    """Show a statement."""
    return CourierStatementView(
        statement_no=row["statement_no"],
        courier=row["courier"],
        courier_name=courier_name,
        month=f"{row['month']:%Y-%m}",
        status=row["status"],
        status_text=STATUS_TEXT[row["status"]],
        fault=row["fault"],
        lines=row["lines"],
        charged_fen=row["charged_fen"],
        matched=row["matched"],
        differing=row["differing"],
        open=row["open"],
        uploaded_by=row["uploaded_by"],
        uploaded_at=clock.rfc3339(row["created_at"]),
        compared_at=clock.rfc3339_or_none(row["compared_at"]),
    )


def detail(shown: CourierStatementView, sums: Sequence[Row]) -> CourierStatementDetail:
    """Show a statement with its sums, the kinds in the order in which they are judged."""
    by_kind = {row["difference"]: row for row in sums}
    matched = by_kind.get("")
    return CourierStatementDetail(
        statement=shown,
        sums=[_sum(by_kind[kind], text) for kind, text in DIFFERENCE_TEXT.items() if kind in by_kind],
        unpriced=matched["unpriced"] if matched else 0,
    )


def _sum(row: Row, text: str) -> DifferenceSum:
    return DifferenceSum(
        difference=row["difference"],
        difference_text=text,
        count=row["lines"],
        open=row["open"],
        charged_fen=row["charged_fen"],
        expected_fen=row["expected_fen"],
        gap_fen=row["charged_fen"] - row["expected_fen"],
    )


def line(row: Row) -> DifferenceLine:
    """Show a line that differs."""
    return DifferenceLine(
        line_id=row["id"].hex,
        line=row["line"],
        waybill_no=row["waybill_no"],
        shipment_no=row["shipment_no"],
        carried_on=row["carried_on"].isoformat() if row["carried_on"] else None,
        weight_grams=row["weight_grams"],
        charged_fen=row["charged_fen"],
        expected_fen=row["expected_fen"],
        difference=row["difference"],
        difference_text=DIFFERENCE_TEXT[row["difference"]],
        settled_at=clock.rfc3339_or_none(row["settled_at"]),
        settled_by=row["settled_by"],
        note=row["note"],
    )
