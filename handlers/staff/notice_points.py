"""A correction notice as an officer writes it: one point a line, which may begin with what it is about. Pure."""

from __future__ import annotations

from app.errors import FieldFault, InvalidRequest
from services.applications.reviewing.types import CorrectionPoint
from services.catalogue.types import Item

_LONGEST_POINT = 300


def target_names(item: Item) -> dict[str, str]:
    """Return what a line may begin with, and the target that it means: names of materials, titles of the form."""
    fields = item.record.form.get("properties", {})
    form = {str(schema.get("title", name)): f"form.{name}" for name, schema in fields.items()}
    return form | {material.name: f"materials.{material.code}" for material in item.record.materials}


def read_points(text: str, item: Item | None) -> list[CorrectionPoint]:
    """Read the points of a notice. Raises: InvalidRequest for a line that is too long."""
    names = target_names(item) if item else {}
    points = []
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        name, colon, rest = line.replace(":", "：", 1).partition("：")
        is_named = bool(colon) and name.strip() in names and bool(rest.strip())
        said = rest.strip() if is_named else line
        if len(said) > _LONGEST_POINT:
            raise InvalidRequest(faults=(FieldFault("given", f"每一条不能超过{_LONGEST_POINT}字"),))
        points.append(CorrectionPoint(target=names[name.strip()] if is_named else "", text=said))
    return points
