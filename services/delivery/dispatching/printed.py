"""What stands on a label (面单) and on the list of a batch (交寄清单). The desk fills them in; the drawings print them.

Apart from the drawings, so that a process that draws none does not load their library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Party:
    """One end of the parcel, as it is printed."""

    name: str
    phone: str
    address: str

    def __repr__(self) -> str:
        return "Party(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What is printed; texts ready for people. `route_code` is "" where the courier gives none.

    `cargo` is a word that says nothing of the case.
    """

    shipment_no: str
    waybill_no: str
    courier_name: str
    service: str
    route_code: str
    sender: Party = field(repr=False)
    receiver: Party = field(repr=False)
    cargo: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """One parcel; the receiver is masked."""

    waybill_no: str
    shipment_no: str
    receiver_shown: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is printed."""

    dispatch_no: str
    body_name: str
    courier_name: str
    day: str
    lines: Sequence[ManifestLine]
