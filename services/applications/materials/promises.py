"""The words of a promise (告知承诺) and of a later supply (容缺受理), made from the item's record alone. Pure.

Source: 国办发〔2020〕42号 (告知承诺制: 告知内容、承诺方式、不实承诺的责任、核查); 优化营商环境条例 第十九条 (容缺).
"""

from __future__ import annotations

import hashlib

from services.applications.materials.types import PromiseView, SignedText, Source
from services.catalogue.types import ItemRecord, Material

_TITLES = {Source.PROMISE: "告知承诺书", Source.LATER: "容缺受理承诺书"}

_PROMISED = (
    "三、承诺：本人已知晓上述内容，符合办理条件，能够满足对该材料的要求，所填内容真实、准确、完整，"
    "并配合行政机关在办理中和办理后的核查。"
)
_LIABLE = (
    "四、责任：承诺不实的，行政机关将依法终止办理或者撤销已作出的决定，并依法记入信用记录；"
    "有不实承诺记录的，不再适用告知承诺。"
)


def promise_of(record: ItemRecord, material: Material, source: Source, later_days: int) -> SignedText:
    """Return what a person signs in place of a material; equal words have an equal digest.

    Args:
        source: PROMISE or LATER.
        later_days: working days after acceptance within which the material is handed in.
    """
    text = _promise(record, material) if source is Source.PROMISE else _later(record, material, later_days)
    return SignedText(source.value, text, hashlib.sha256(text.encode()).hexdigest())


def shown(record: ItemRecord, material: Material, source: Source, later_days: int) -> PromiseView:
    """Show the words before they are signed."""
    signed = promise_of(record, material, source, later_days)
    return PromiseView(
        item_code=record.item_code,
        item_version=record.version,
        material_code=material.code,
        material_name=material.name,
        kind=signed.kind,
        title=_TITLES[source],
        text=signed.text,
        text_sha256=signed.sha256,
        working_days=later_days if source is Source.LATER else None,
    )


def _promise(record: ItemRecord, material: Material) -> str:
    conditions = "；".join(record.conditions)
    lines = [
        f"{_TITLES[Source.PROMISE]}（{record.name}）",
        f"一、告知：办理“{record.name}”依法需要《{material.name}》。要求：{material.standard}。",
        f"二、办理条件：{conditions}。",
        _PROMISED,
        _LIABLE,
        "五、撤回：在作出办理决定之前，可以撤回承诺，改为提交该材料。是否选择告知承诺，由本人自主决定。",
    ]
    if record.commitment:
        lines.insert(3, f"　　{record.commitment}")
    return "\n".join(lines)


def _later(record: ItemRecord, material: Material, later_days: int) -> str:
    return "\n".join(
        (
            f"{_TITLES[Source.LATER]}（{record.name}）",
            f"一、告知：办理“{record.name}”需要《{material.name}》。要求：{material.standard}。其余主要材料齐全的，可以先行受理。",
            f"二、承诺：本人于办件受理之日起{later_days}个工作日内补交上述材料，内容真实、有效。",
            "三、责任：逾期未补交的，视为撤回申请。",
        )
    )
