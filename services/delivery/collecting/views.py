"""Rows of self-collection as its views, and the events of it; pure. Called by the part's use cases only."""

from __future__ import annotations

from typing import Any

from app import clock
from app.db import Row
from app.events import DomainEvent
from services.delivery.collecting.types import (
    COLLECTOR_TEXT,
    STATUS_TEXT,
    CollectionStatus,
    CollectionView,
    Collector,
    PlaceKind,
    PlaceView,
)

KIND_TEXT = {PlaceKind.POINT: "自取窗口", PlaceKind.LOCKER: "自助取件柜"}
_HOW_CODE = "请在三晋通该办件中点“获取取件码”，凭取件码领取；取件码15分钟内有效，请勿转告他人"
_HOW = {
    CollectionStatus.PREPARING: "办理结果正在备件，备好后会通知您领取",
    CollectionStatus.READY: _HOW_CODE,
    CollectionStatus.COLLECTED: "办理结果已领取",
    CollectionStatus.ENDED: "",
}
_WINDOW = "办理部门窗口"


def place_view(row: Row) -> PlaceView:
    """Show a place, also as it stands beside a collection."""
    kind = PlaceKind(row["place_kind"])
    return PlaceView(
        place_code=row["place_code"],
        kind=kind,
        kind_text=KIND_TEXT[kind],
        name=row["place_name"],
        division_code=row["place_division"],
        address=row["place_address"],
        phone=row["place_phone"],
        hours=row["place_hours"],
        boxes=row["place_boxes"],
    )


def known_place(row: Row) -> PlaceView | None:
    """Show the place of a collection; None where the body's own window hands it over."""
    return None if row["place_kind"] is None else place_view(row)


def collection_view(row: Row) -> CollectionView:
    """Show a collection."""
    status = CollectionStatus(row["status"])
    return CollectionView(
        application_no=row["subject_no"],
        status=status,
        status_text=STATUS_TEXT[status],
        place=known_place(row),
        box=row["box"],
        ready_at=clock.rfc3339_or_none(row["ready_at"]),
        keep_until=clock.rfc3339_or_none(row["keep_until"]),
        collected_at=clock.rfc3339_or_none(row["collected_at"]),
        collected_by_text=COLLECTOR_TEXT[Collector(row["collected_by"])] if row["collected_by"] else "",
        version=row["version"],
        how=_HOW[status],
    )


def event(row: Row, name: str, **facts: Any) -> DomainEvent:
    """Make an event of a collection."""
    return DomainEvent(
        name=f"collection.{name}", subject_no=row["subject_no"], citizen_id=row["citizen_id"].hex, facts=facts
    )


def told_place(place: Row | None) -> dict[str, str]:
    """Return what a notice says of a place."""
    if place is None or place["place_kind"] is None:
        return {"place_name": _WINDOW, "place_address": "", "place_hours": ""}
    return {
        "place_name": place["place_name"],
        "place_address": place["place_address"],
        "place_hours": place["place_hours"],
    }
