"""The rows of a correction notice under construction: what each may be about, its words, and phrases to choose. Pure.

The editor's page sends every row as two fields, so that it works without a script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from app.errors import FieldFault, InvalidRequest
from services.applications.reviewing.types import MOST_POINTS, CorrectionPoint
from services.catalogue.types import Item

LONGEST_POINT = 300
PHRASES = (
    "图片不清晰，请重新拍摄后上传",
    "缺少部分页，请补齐全部页",
    "没有提供，请补充上传",
    "已过有效期，请提供有效的证件",
    "没有签名或盖章，请补齐",
    "与申请表填写的内容不一致，请核对后更正",
    "填写不完整，请补充",
    "请提供本人的材料",
)
"""What officers write most often; a material's own standard comes beside them."""
_Target = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^(|(materials|form)\.[0-9A-Za-z_-]+)$")]
_Words = Annotated[str, msgspec.Meta(max_length=2000)]
RowsForm = msgspec.defstruct(
    "RowsForm",
    [
        ("version", Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]),
        (
            "do",
            Annotated[str, msgspec.Meta(max_length=16, pattern=r"^(add|phrase|preview|edit|send|remove-[0-9]{1,2})$")],
        ),
        *((f"target_{place}", _Target, "") for place in range(MOST_POINTS)),
        *((f"text_{place}", _Words, "") for place in range(MOST_POINTS)),
        ("phrase_target", _Target, ""),
        ("phrase", _Words, ""),
        ("csrf_token", Annotated[str, msgspec.Meta(max_length=128)], ""),
    ],
    forbid_unknown_fields=True,
    kw_only=True,
    module=__name__,
)
"""The editor's form: thirty rows at most, what button was pressed, and a phrase to be added."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it is about (empty: the whole case), and the words."""

    target: str = ""
    text: str = ""


def targets(item: Item | None) -> list[tuple[str, str]]:
    """Return what a row may be about, with its name: the whole case, each material, each field of the form."""
    if item is None:
        return [("", "整个办件")]
    fields: dict[str, Any] = item.record.form.get("properties", {})
    materials = [(f"materials.{each.code}", f"材料：{each.name}") for each in item.record.materials]
    form = [(f"form.{name}", f"表单：{schema.get('title', name)}") for name, schema in fields.items()]
    return [("", "整个办件"), *materials, *form]


def phrases(item: Item | None) -> list[str]:
    """Return the phrases to choose from: the common ones, then the standards of the item's materials."""
    standards = [each.standard for each in item.record.materials if each.standard] if item else []
    own = [f"不符合要求，请按以下标准重新提交：{standard}"[:LONGEST_POINT] for standard in dict.fromkeys(standards)]
    return [*PHRASES, *own]


def rows_of(form: Any) -> list[Row]:
    """Read the rows of a form that say anything, in order."""
    rows = [
        Row(getattr(form, f"target_{place}"), getattr(form, f"text_{place}").replace("\r\n", "\n").strip())
        for place in range(MOST_POINTS)
    ]
    return [row for row in rows if row.target or row.text]


def after(form: Any) -> list[Row]:
    """Return the rows after a button that changes them: one more, one less, or a phrase as a row."""
    rows, do = rows_of(form), form.do
    if do.startswith("remove-"):
        all_rows = [Row(getattr(form, f"target_{n}"), getattr(form, f"text_{n}")) for n in range(MOST_POINTS)]
        place = int(do.removeprefix("remove-"))
        return [row for at, row in enumerate(all_rows) if at != place and (row.target or row.text.strip())]
    if do == "phrase" and form.phrase.strip() and len(rows) < MOST_POINTS:
        return [*rows, Row(form.phrase_target, form.phrase.strip())]
    if do == "add" and len(rows) < MOST_POINTS:
        return [*rows, Row()]
    return rows


def read(rows: Sequence[Row]) -> list[CorrectionPoint]:
    """Turn rows into the points of a notice. Raises: InvalidRequest with every row that is not right."""
    if not rows:
        raise InvalidRequest(faults=(FieldFault("text_0", "请写明需要补正的全部内容"),))
    faults = [
        FieldFault(
            f"text_{place}",
            f"第{place + 1}条请写明需要补正什么" if not row.text else f"每一条不能超过{LONGEST_POINT}字",
        )
        for place, row in enumerate(rows)
        if not 0 < len(row.text) <= LONGEST_POINT
    ]
    if faults:
        raise InvalidRequest(faults=tuple(faults))
    return [CorrectionPoint(target=row.target, text=row.text) for row in rows]
