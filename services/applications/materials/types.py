"""What a material of a case is satisfied by: a file, a licence, shared data, an earlier case, a promise, later supply.

Frozen; used by the room's use cases and by its doors. It carries no rule.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct


class Source(StrEnum):
    """Where a material of a case comes from."""

    UPLOAD = "UPLOAD"
    LICENCE = "LICENCE"
    SHARED = "SHARED"
    EARLIER = "EARLIER"
    PROMISE = "PROMISE"
    LATER = "LATER"


class MaterialState(StrEnum):
    """How far a material is: there, promised instead, still awaited, awaited for too long."""

    PROVIDED = "PROVIDED"
    PROMISED = "PROMISED"
    AWAITED = "AWAITED"
    OVERDUE = "OVERDUE"


SOURCE_TEXT: dict[str, str] = {
    Source.UPLOAD: "已上传",
    Source.LICENCE: "电子证照（免提交）",
    Source.SHARED: "数据共享（免提交）",
    Source.EARLIER: "沿用此前办件的材料",
    Source.PROMISE: "告知承诺",
    Source.LATER: "容缺后补",
}
STATE_TEXT: dict[str, str] = {
    MaterialState.PROVIDED: "已提供",
    MaterialState.PROMISED: "已承诺",
    MaterialState.AWAITED: "待补交",
    MaterialState.OVERDUE: "逾期未补交",
}


@dataclass(frozen=True, slots=True)
class SignedText:
    """The words that somebody puts their name to, and their digest. `kind` is PROMISE or LATER."""

    kind: str
    text: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMaterial:
    """One row of a case's materials, ready to be stored; several of one code are its pages, in this order.

    Attributes:
        reference: number of the licence or of the earlier case that it comes from.
        reference_hash: digest of what was seen there, at `seen_at`; no copy is kept.
        signed: the promise that stands in for it.
    """

    material_code: str
    material_name: str
    source: Source = Source.UPLOAD
    upload_id: uuid.UUID | None = None
    reference: str = ""
    reference_hash: str = ""
    seen_at: datetime | None = None
    due_on: date | None = None
    signed: SignedText | None = field(default=None, repr=False)


class PromiseView(Struct, frozen=True, kw_only=True):
    """The words of a promise before it is given; `text_sha256` goes back with the promise, so that both mean the same.

    `working_days`: within so many working days after acceptance the material is handed in (LATER only).
    """

    item_code: str
    item_version: int
    material_code: str
    material_name: str
    kind: str
    title: str
    text: str
    text_sha256: str
    working_days: int | None


class Supply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was promised for later, or a file in place of a withdrawn promise: files in the order of their pages."""

    upload_ids: Annotated[list[uuid.UUID], Meta(min_length=1, max_length=20)]
    version: Annotated[int, Meta(ge=1, le=2_000_000_000)] | None = None


class PromiseWithdrawal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take a promise back before the decision."""

    version: Annotated[int, Meta(ge=1, le=2_000_000_000)] | None = None
