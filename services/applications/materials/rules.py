"""Which ways of providing a material an item allows, and what is wrong with those that were named. Pure.

Called by the materials' use cases and by the archive, which offers the ways before they are chosen.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from app.db import Row
from app.errors import FieldFault
from services.applications.materials.types import MaterialState, Source
from services.applications.types import MaterialRef
from services.catalogue.types import Item, Material

Way = Literal["upload", "licence", "shared", "earlier", "promise", "later"]
WIRE: Mapping[Source, Way] = {
    Source.UPLOAD: "upload",
    Source.LICENCE: "licence",
    Source.SHARED: "shared",
    Source.EARLIER: "earlier",
    Source.PROMISE: "promise",
    Source.LATER: "later",
}
"""How a request names each way."""
_SUBSTITUTE = {
    Source.LICENCE: "licence",
    Source.SHARED: "shared_data",
    Source.PROMISE: "commitment",
    Source.LATER: "deferral",
}
"""Our word for a way of providing a material → the catalogue's."""
_NOT_ALLOWED = {
    Source.LICENCE: "《{}》不能以电子证照代替，请上传",
    Source.SHARED: "《{}》不能以数据共享代替，请上传",
    Source.EARLIER: "《{}》须为本次申请填写，不能沿用此前办件的材料",
    Source.PROMISE: "《{}》不适用告知承诺，请上传",
    Source.LATER: "《{}》不能容缺后补，请上传",
}
_WAYS = {
    Source.LICENCE: "使用电子证照",
    Source.SHARED: "使用共享数据",
    Source.PROMISE: "选择告知承诺",
    Source.LATER: "选择容缺后补",
}
_MADE_FOR_ONE_CASE = "form"
"""Kind of the papers that are filled in for one application and so are never taken from an earlier one."""


def listed(row: Row) -> list[dict[str, Any]]:
    """Return the materials of a stored case, as they were read with it."""
    found: list[dict[str, Any]] = msgspec.json.decode(row["materials"] or "[]")
    return found


def allows(material: Material, source: Source) -> bool:
    """Tell whether an item lets this material be provided in this way; a file is always taken."""
    if source is Source.UPLOAD:
        return True
    if source is Source.EARLIER:
        return material.kind.value != _MADE_FOR_ONE_CASE
    return _SUBSTITUTE[source] in {substitute.value for substitute in material.substitutes}


def demand(material: Material) -> str:
    """Ask for a missing material, naming every way to provide it."""
    others = [words for source, words in _WAYS.items() if allows(material, source)]
    return f"请上传《{material.name}》" + (f"，也可{'、'.join(others)}" if others else "")


def source_of(part: MaterialRef) -> Source:
    """Return the way that a request names."""
    return Source(part.source.upper())


def named_faults(item: Item, materials: Sequence[MaterialRef]) -> list[FieldFault]:
    """Return what is wrong with named materials before anything is looked up."""
    ways: dict[str, set[str]] = {}
    for part in materials:
        ways.setdefault(part.material_code, set()).add(part.source)
    counted: dict[str, int] = {}
    faults = []
    for index, part in enumerate(materials):
        counted[part.material_code] = counted.get(part.material_code, 0) + 1
        fault = _named_fault(
            f"materials[{index}]", item.material(part.material_code), part, counted[part.material_code]
        )
        if fault is None and len(ways[part.material_code]) > 1:
            fault = FieldFault(f"materials[{index}].source", "同一材料请只选择一种提供方式")
        faults += [fault] if fault else []
    return faults


def _named_fault(path: str, material: Material | None, part: MaterialRef, count: int) -> FieldFault | None:
    source = source_of(part)
    if material is None:
        return FieldFault(f"{path}.material_code", "该事项没有此项材料")
    if not allows(material, source):
        return FieldFault(f"{path}.source", _NOT_ALLOWED[source].format(material.name))
    if count > (material.max_files if source is Source.UPLOAD else 1):
        most = f"《{material.name}》最多上传{material.max_files}个文件"
        return FieldFault(path, most if source is Source.UPLOAD else f"《{material.name}》重复")
    return next(_shape_faults(path, part, source), None)


def _shape_faults(path: str, part: MaterialRef, source: Source) -> Iterator[FieldFault]:
    needed = {Source.UPLOAD: "upload_id", Source.LICENCE: "licence_no", Source.EARLIER: "application_no"}.get(source)
    for name in ("upload_id", "licence_no", "application_no"):
        given = bool(getattr(part, name))
        if name == needed and not given:
            yield FieldFault(f"{path}.{name}", "缺少此字段")
        elif name != needed and given:
            yield FieldFault(f"{path}.{name}", "与所选的提供方式不符")
    if part.text_sha256 and source not in (Source.PROMISE, Source.LATER):
        yield FieldFault(f"{path}.text_sha256", "与所选的提供方式不符")


def file_fault(
    path: str, material: Material, upload_id: uuid.UUID | None, content_types: Mapping[uuid.UUID, str]
) -> FieldFault | None:
    """Return what is wrong with a named file; `content_types` holds the uploads that may be used."""
    if upload_id is None or upload_id not in content_types:
        return FieldFault(path, "上传文件不存在")
    if content_types[upload_id] not in material.accepts:
        return FieldFault(path, f"《{material.name}》不接受此文件格式")
    return None


def is_fresh(uploaded_on: date, today: date, reuse_days: int) -> bool:
    """Tell whether a file of an earlier case is young enough to be used again (days, counted from its upload)."""
    return uploaded_on + timedelta(days=reuse_days) >= today


def state_of(source: str, due_on: date | None, today: date) -> MaterialState:
    """Tell how far a material is."""
    if source == Source.PROMISE:
        return MaterialState.PROMISED
    if source == Source.LATER:
        return MaterialState.OVERDUE if due_on is not None and due_on < today else MaterialState.AWAITED
    return MaterialState.PROVIDED
