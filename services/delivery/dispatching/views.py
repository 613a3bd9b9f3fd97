"""Rows of batches as the views of the door; pure."""

from __future__ import annotations

from typing import Any

import msgspec

from app import clock
from app.db import Row
from services.delivery.dispatching.states import DISPATCH_TEXT, SCAN_TEXT, Scan
from services.delivery.dispatching.types import DispatchLine, DispatchView, ScanResult, Waiting
from services.delivery.states import MEANINGS, ShipmentStatus


def waiting(row: Row, courier_name: str) -> Waiting:
    """Show what waits for a batch."""
    return Waiting(
        division_code=row["division_code"],
        department_code=row["department_code"],
        sender_name=row["sender_name"] or "",
        courier=row["courier"],
        courier_name=courier_name,
        parcels=row["parcels"],
    )


def dispatch(row: Row, courier_name: str) -> DispatchView:
    """Show a batch."""
    return DispatchView(
        dispatch_no=row["dispatch_no"],
        division_code=row["division_code"],
        department_code=row["department_code"],
        courier=row["courier"],
        courier_name=courier_name,
        day=row["day"].isoformat(),
        status=row["status"],
        status_text=DISPATCH_TEXT[row["status"]],
        total=row["total"],
        labelled=row["labelled"],
        failed=row["failed"],
        handed_over=row["handed_over"],
        remaining=row["remaining"],
        made_by=row["made_by"],
        made_at=clock.rfc3339(row["created_at"]),
        handed_over_at=clock.rfc3339_or_none(row["handed_over_at"]),
        handed_over_by=row["handed_over_by"],
        collector=row["collector"],
        reason=row["reason"],
    )


def line(row: Row) -> DispatchLine:
    """Show a parcel of a batch."""
    return DispatchLine(
        shipment_no=row["shipment_no"],
        application_no=row["subject_no"],
        waybill_no=row["waybill_no"],
        receiver_shown=row["receiver_shown"],
        status=row["status"],
        status_text=MEANINGS[ShipmentStatus(row["status"])].text,
        has_label=row["label_key"] != "",
        label_fault=row["label_fault"],
        is_cancelled=is_cancelled(row),
        handed_over_at=clock.rfc3339_or_none(row["handed_over_at"]),
    )


def scan_result(number: str, outcome: Scan, shipment_no: str = "", dispatch_no: str = "") -> ScanResult:
    """Say what a scan found, for people."""
    text = SCAN_TEXT[outcome]
    return ScanResult(
        number=number[:40],
        outcome=outcome,
        text=f"{text}（该件在批次{dispatch_no}）" if dispatch_no else text,
        shipment_no=shipment_no,
        is_good=outcome is Scan.HANDED_OVER,
    )


def is_cancelled(row: Row) -> bool:
    """Tell whether a parcel is not to be sent any more."""
    return row["status"] == ShipmentStatus.CANCELLED or row["cancel_wanted_at"] is not None


def sender_name(row: Row) -> str:
    """Return the name of the body that sends a parcel."""
    sender: dict[str, Any] = row["sender"] if isinstance(row["sender"], dict) else msgspec.json.decode(row["sender"])
    return str(sender.get("contact", {}).get("name", ""))
