"""What crosses the door of remedies: the ways that are open to a citizen whose parcel came back; frozen."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class RemedyMethod(StrEnum):
    """How a result that came back reaches its citizen after all."""

    REDELIVER = "REDELIVER"
    COLLECT = "COLLECT"


REMEDY_TEXT = {RemedyMethod.REDELIVER: "重新寄送", RemedyMethod.COLLECT: "到窗口领取"}


class RemedyOption(Struct, frozen=True, kw_only=True):
    """A way that is open."""

    method: str
    text: str


class RemedyView(Struct, frozen=True, kw_only=True):
    """What the citizen may choose for a parcel, or has chosen; `redelivered_as` is the parcel that follows it."""

    shipment_no: str
    application_no: str
    is_open: bool
    options: list[RemedyOption]
    receiver_shown: str
    payer_text: str
    chosen: str
    redelivered_as: str
