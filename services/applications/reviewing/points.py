"""The points of a correction notice (补正): what they may name, and which of them a second notice may still hold.

The law knows one notice that lists everything (行政许可法 第三十二条). Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from app.errors import Conflict, FieldFault, InvalidRequest
from services.applications.reviewing.types import CorrectionPoint, PointView
from services.catalogue.types import Item

_LONGEST = 500


def named(item: Item, points: Sequence[CorrectionPoint]) -> list[PointView]:
    """Give every point the name of what it is about. Raises: InvalidRequest with every target that is not there."""
    titles = _titles(item)
    faults = tuple(
        FieldFault(f"points.{place}.target", "该事项没有此材料或表单项")
        for place, point in enumerate(points)
        if point.target not in titles
    )
    if faults:
        raise InvalidRequest(faults=faults)
    return [PointView(target=point.target, title=titles[point.target], text=point.text.strip()) for point in points]


def require_first_or_new(
    points: Sequence[PointView], earlier: Sequence[Mapping[str, str]], changed: Collection[str]
) -> None:
    """Refuse a second notice with points that the first one should have held.

    Args:
        earlier: points of the notices so far.
        changed: targets that were handed in anew since the last notice.
    Raises: Conflict `correction_already_given`.
    """
    stood = {point["target"] for point in earlier if point["target"]}
    said = {point["text"] for point in earlier if not point["target"]}
    late = [
        point
        for point in points
        if point.target not in stood and point.target not in changed and (point.target or point.text not in said)
    ]
    if late:
        listed = "、".join(point.title or point.text[:20] for point in late)
        raise Conflict(
            f"补正内容须一次性告知；不得再要求首次告知之外、且未重新提交的内容：{listed}",
            code="correction_already_given",
        )


def changed_since(seen: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    """Return the targets whose content differs from what the last notice saw."""
    return {target for target in seen.keys() | now.keys() if seen.get(target) != now.get(target)}


def as_reason(points: Sequence[PointView]) -> str:
    """Tell all points in one sentence; the notice itself holds them in full."""
    told = "；".join(f"{point.title}：{point.text}" if point.title else point.text for point in points)
    return told if len(told) <= _LONGEST - 60 else told[: _LONGEST - 60] + "…（全部内容见补正告知书）"


def _titles(item: Item) -> dict[str, str]:
    fields: Mapping[str, Mapping[str, object]] = item.record.form.get("properties", {})
    materials = {f"materials.{material.code}": material.name for material in item.record.materials}
    form = {f"form.{name}": str(schema.get("title", name)) for name, schema in fields.items()}
    return {"": ""} | materials | form
