"""What changed between two versions of an item: element by element, with the Chinese name of each. Pure.

Parts of lists are told apart by their code or name, so that a material that moved is no change and one that was added
is not ten changes. Called by staff's comparison and by the offer of a newer version to drafts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from services.catalogue.publishing.types import Change, ChangeKind
from services.catalogue.records import ItemRecord

ELEMENTS: Mapping[str, str] = {
    "status": "受理状态", "status_note": "受理状态说明", "effective_on": "实施日期", "name": "事项名称",
    "plain_name": "事项通俗名称", "item_type": "事项类型", "topics": "主题", "keywords": "关键词",
    "audiences": "服务对象", "summary": "简介", "legal_bases": "设定依据", "level": "行使层级",
    "power_division": "权限划分", "division_code": "行政区划", "department_code": "实施部门", "body": "实施主体",
    "handling_kind": "办件类型", "handling_forms": "办理形式", "legal_time": "法定办结时限",
    "promised_time": "承诺办结时限", "conditions": "受理条件", "quantity_limit": "数量限制", "steps": "办理流程",
    "special_procedures": "特别程序", "intermediary_services": "中介服务", "materials": "申请材料", "fees": "收费",
    "results": "办理结果", "visits": "到办事现场次数", "visit_reason": "到现场原因", "online_depth": "网办深度",
    "reach": "通办范围", "reach_note": "通办说明", "booking": "是否支持预约", "self_service": "是否支持自助终端",
    "in_hall": "是否进驻大厅", "automatic": "是否智慧审批", "commitment": "告知承诺", "real_name_level": "实名等级",
    "delivery": "物流快递", "service_points": "办理地点", "hours": "办理时间", "phone": "咨询电话",
    "complaints": "监督投诉", "remedies": "行政救济", "mobile_path": "移动端地址", "questions": "常见问题",
    "form": "申请表", "former_until": "旧版本沿用截止日期",
}  # fmt: skip
_KEYS = ("code", "name", "question", "document", "direction")
_OWN = frozenset({"version"})


def changes(before: ItemRecord, after: ItemRecord) -> tuple[Change, ...]:
    """Return every difference between two versions, in the order of the record's elements."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    names = [name for name in ItemRecord.__struct_fields__ if name not in _OWN and (name in old or name in new)]
    return tuple(
        Change(path=path, element=ELEMENTS.get(name, name), kind=kind, before=was, after=now)
        for name in names
        for path, kind, was, now in _compared(name, old.get(name), new.get(name))
    )


Difference = tuple[str, ChangeKind, Any, Any]


def _compared(path: str, old: Any, new: Any) -> Iterator[Difference]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _compared(f"{path}.{name}", old.get(name), new.get(name))
    elif _is_listed(old) and _is_listed(new):
        yield from _compared_parts(path, _by_key(old), _by_key(new))
    elif old in (None, "", [], ()):
        yield path, ChangeKind.ADDED, None, new
    elif new in (None, "", [], ()):
        yield path, ChangeKind.REMOVED, old, None
    else:
        yield path, ChangeKind.CHANGED, old, new


def _compared_parts(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for key in [*old, *(key for key in new if key not in old)]:
        yield from _compared(f"{path}[{key}]", old.get(key), new.get(key))


def _is_listed(value: Any) -> bool:
    """Tell whether a value is a list of parts that can be told apart."""
    return isinstance(value, Sequence) and not isinstance(value, str) and _by_key(value) is not None


def _by_key(parts: Sequence[Any]) -> dict[str, Any]:
    for name in _KEYS:
        if all(isinstance(part, Mapping) and name in part for part in parts):
            found = {str(part[name]): part for part in parts}
            if len(found) == len(parts):
                return found
    return {str(position): part for position, part in enumerate(parts)}
