"""The citizen's guide (办事指南): drawn from the item record and the service points it names, nothing else; pure.

Called by the service, which keeps the result; codes get their Chinese words, amounts and times their texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec

from app import money
from services.catalogue.codes import Coded, HandlingForm
from services.catalogue.forms import in_order, prefill_sources
from services.catalogue.packages import UnitedMaterial, unite
from services.catalogue.places import ServicePoint
from services.catalogue.records import Fees, ItemRecord, Material, PackageRecord, TimeLimit
from services.catalogue.terms import is_generated, may_be_spared
from services.catalogue.types import ItemSummary, ListedItem

_PLAIN = (str, int, float, bool, dict, type(None))


def render_guide(record: ItemRecord, points: Sequence[ServicePoint]) -> dict[str, Any]:
    """Return the whole guide of an item as JSON values."""
    guide: dict[str, Any] = _shown(record)
    guide["visits_text"] = visits_text(record.visits)
    guide["legal_time"]["text"] = time_text(record.legal_time)
    guide["promised_time"]["text"] = time_text(record.promised_time)
    guide["fees"]["text"] = fee_text(record.fees)
    for shown, fee in zip(guide["fees"]["items"], record.fees.items, strict=True):
        shown["amount_text"] = money.shown(fee.amount_fen)
    guide["materials"] = [_material(record.item_code, material) for material in record.materials]
    guide["service_points"] = [_shown(point) for point in points]
    guide["form"] = in_order(record.form)
    guide["prefill"] = prefill_sources(record.form)
    return guide


def render_package(package: PackageRecord, items: Mapping[str, ItemRecord]) -> dict[str, Any]:
    """Return a package with the names, times, fees and the united materials of its items."""
    shown: dict[str, Any] = _shown(package)
    shown["visits_text"] = visits_text(package.visits)
    shown["promised_time"]["text"] = time_text(package.promised_time)
    shown["form"] = in_order(package.form)
    present = [items[part.item_code] for part in package.items if part.item_code in items]
    united = {material.name: material for material in unite(present)}
    materials: dict[str, Any] = {}
    for part in shown["items"]:
        if (item := items.get(part["item_code"])) is None:
            continue
        part |= {"name": item.name, "department_name": item.body.name, "version": item.version}
        part |= {"promised_text": time_text(item.promised_time), "fee_text": fee_text(item.fees)}
        for material in item.materials:
            if material.name not in materials:
                shared = _united(united[material.name]) if material.name in united else {}
                materials[material.name] = _material(item.item_code, material) | shared
    shown["materials"] = list(materials.values())
    return shown


def summarise(item: ListedItem, *, elsewhere: bool = False) -> ItemSummary:
    """Return the line of a list that stands for an item; `elsewhere` when another area's body decides it."""
    return ItemSummary(
        item_code=item.item_code,
        version=item.version,
        status=item.status,
        status_text=item.status.word,
        name=item.name,
        plain_name=item.plain_name,
        summary=item.summary,
        item_type_text=item.item_type.word,
        topics=item.topics,
        division_code=item.division_code,
        department_name=item.body.name,
        handling_kind_text=item.handling_kind.word,
        promised_text=time_text(item.promised_time),
        visits_text=visits_text(item.visits),
        online=HandlingForm.MOBILE in item.handling_forms,
        courier=item.delivery.courier,
        fee_text=fee_text(item.fees),
        reach_text=item.reach.word,
        handled_elsewhere=elsewhere,
    )


def time_text(limit: TimeLimit) -> str:
    """Print a time: 20个工作日, 当场办结."""
    return f"{limit.length}{limit.unit.word}" if limit.length else "当场办结"


def visits_text(visits: int) -> str:
    """Print the number of visits in the words of the three kinds of running (三个跑)."""
    return "不用跑" if visits == 0 else "最多跑一次" if visits == 1 else f"需到现场{visits}次"


def fee_text(fees: Fees) -> str:
    """Print the fee: 不收费, 40.00元, or the lowest of several with 起."""
    if not fees.charged:
        return "不收费"
    lowest = money.shown(min(fee.amount_fen for fee in fees.items))
    return lowest if len(fees.items) == 1 else f"{lowest}起"


def _united(material: UnitedMaterial) -> dict[str, Any]:
    places = [{"item_code": item_code, "material_code": code} for item_code, code in material.used_by]
    return {"code": material.code, "used_by": places}


def _material(item_code: str, material: Material) -> dict[str, Any]:
    shown: dict[str, Any] = _shown(material)
    base = f"/api/v1/items/{item_code}/materials/{material.code}"
    shown["generated"] = is_generated(material)
    shown["spared"] = may_be_spared(material)
    shown["blank_url"] = f"{base}/blank.pdf" if material.blank else None
    shown["sample_url"] = f"{base}/sample.pdf" if material.sample else None
    del shown["blank"], shown["sample"]
    return shown


def _shown(value: Any) -> Any:
    if isinstance(value, Coded):
        return {"code": value.value, "name": value.word}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, msgspec.Struct):
        return {name: _shown(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_shown(element) for element in value]
    if isinstance(value, _PLAIN):
        return value
    return msgspec.to_builtins(value)
