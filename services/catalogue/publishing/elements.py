"""Every element (要素) of an item's version in words: titles in Chinese, codes by their word, money in yuan. Pure.

Called by the use cases of versions; what a person must be able to read before publishing is made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from app import money
from services.catalogue.codes import Coded
from services.catalogue.publishing.changes import ELEMENTS
from services.catalogue.publishing.types import ElementLine
from services.catalogue.records import ItemRecord

_NUMBERS: Mapping[str, str] = {
    "item_code": "实施编码", "business_code": "业务办理项编码", "basic_code": "基本编码", "version": "版本",
}  # fmt: skip
_PARTS: Mapping[str, str] = {
    "code": "代码", "name": "名称", "document": "文件", "article": "条款", "text": "原文",
    "uscc": "统一社会信用代码", "nature": "主体性质", "entrusted_department": "委托部门", "length": "时长",
    "unit": "单位", "note": "说明", "kind": "类型", "basis": "依据", "days": "天数", "provider": "提供机构",
    "actor": "办理人员", "content": "内容", "time": "时限", "result": "结果", "from_form": "由申请表生成",
    "forms": "形式", "original_count": "原件份数", "copy_count": "复印件份数", "source": "来源", "issuer": "出具单位",
    "necessity": "必要性", "condition": "适用条件", "condition_note": "条件说明", "blank": "空表", "sample": "样表",
    "instructions": "填报须知", "standard": "标准", "substitutes": "可替代方式", "licence_type": "证照类型",
    "accepts": "文件格式", "max_files": "最多文件数", "amount_fen": "金额", "reduction": "减免", "charged": "是否收费",
    "items": "收费项目", "online_payment": "是否网上缴费", "validity": "有效期", "validity_months": "有效月数",
    "electronic": "是否电子证照", "delivery": "送达方式", "direction": "方向", "contents": "物品", "address": "地址",
    "contact": "联系人", "phone": "电话", "payer": "付费方", "courier": "是否支持快递", "legs": "寄送",
    "question": "问题", "answer": "解答", "field": "申请表字段", "values": "取值",
}  # fmt: skip


def elements(record: ItemRecord) -> tuple[ElementLine, ...]:
    """Return every element of a version in the order of the record; empty ones say so."""
    titles = {**_NUMBERS, **ELEMENTS}
    names = record.__struct_fields__
    return tuple(_line(titles.get(name, name), name, getattr(record, name)) for name in names)


def said(value: Any) -> str:
    """Return one value of a difference in words: parts by their titles, money in yuan."""
    if isinstance(value, Mapping):
        parts = (f"{_PARTS.get(name, name)}：{_said_as(name, part)}" for name, part in value.items())
        return "；".join(parts)
    if isinstance(value, (list, tuple)):
        return "、".join(said(part) for part in value)
    return _text("", value)


def _said_as(name: str, value: Any) -> str:
    return _text(name, value) if name.endswith("_fen") else said(value)


def _line(title: str, name: str, value: Any) -> ElementLine:
    if name == "form":
        return ElementLine(title=title, groups=tuple(_fields(value)))
    if isinstance(value, Struct):
        return ElementLine(title=title, groups=(_parts(value),))
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        return ElementLine(title=title, groups=tuple(_parts(part) for part in value))
    return ElementLine(title=title, text=_text(name, value))


def _parts(part: Struct) -> tuple[ElementLine, ...]:
    given = ((name, getattr(part, name)) for name in part.__struct_fields__)
    return tuple(_line(_PARTS.get(name, name), name, value) for name, value in given if value not in ("", (), None))


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[ElementLine, ...]]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        title = str(field.get("title", name))
        marks = [f"字段 {name}", "必填" if name in required else "选填"]
        if "enum" in field:
            marks.append("可选：" + "、".join(str(value) for value in field["enum"]))
        yield (ElementLine(title=title, text="，".join(marks)),)


def _text(name: str, value: Any) -> str:
    if value is None or value in ("", ()):
        return "—"
    if isinstance(value, Coded):
        return value.word
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, tuple):
        return "、".join(_text("", part) for part in value)
    if isinstance(value, date):
        return value.isoformat()
    return money.shown(value) if name.endswith("_fen") else str(value)
