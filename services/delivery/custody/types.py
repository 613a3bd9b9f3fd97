"""What crosses the door of custody: documents to be kept track of, and the views of who holds them; frozen."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from msgspec import Struct

from services.delivery.custody.states import Holder, PieceKind

__all__ = ["CameBack", "HeldPiece", "Holder", "NewPiece", "PieceChangeView", "PieceKind", "PieceList", "PieceView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPiece:
    """A physical document that begins to be kept track of; `code` is that of the result or material in its item.

    `copy` 2 and later is made again after the one before it was voided. `title` names the document, never a person.
    """

    subject_no: str
    citizen_id: uuid.UUID
    division_code: str
    department_code: str
    code: str
    title: str
    kind: PieceKind = PieceKind.RESULT
    holder: Holder = Holder.WINDOW
    copy: int = 1
    licence_no: str = ""


@dataclass(frozen=True, slots=True)
class HeldPiece:
    """A document that lies in a parcel, as far as others act on it."""

    piece_no: str
    subject_no: str
    licence_no: str
    holder: Holder
    kind: str


class PieceChangeView(Struct, frozen=True, kw_only=True):
    """One change of holder; `actor` is "" where it followed from the parcel's own course."""

    occurred_at: str
    from_holder: str
    to_holder: str
    to_holder_text: str
    shipment_no: str
    reason: str
    actor: str


class PieceView(Struct, frozen=True, kw_only=True):
    """A document, who holds it now, and how it came there, oldest first."""

    piece_no: str
    application_no: str
    kind: str
    kind_text: str
    title: str
    copy: int
    licence_no: str
    holder: str
    holder_text: str
    held_since: str
    shipment_no: str
    changes: list[PieceChangeView]


class PieceList(Struct, frozen=True, kw_only=True):
    """The documents of a case, a licence or a parcel."""

    data: list[PieceView]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """A parcel whose results wait for another way; `subject_nos` is empty where there is nothing to choose.

    `followed_by` names the parcel that they went on in, `taken_out` says that they are fetched instead. `is_remade`: it
    was lost or spoilt, and the copies that were made again wait for an address.
    """

    shipment_no: str
    subject_no: str
    subject_nos: tuple[str, ...]
    receiver_shown: str
    payer: str
    followed_by: str
    taken_out: bool
    is_remade: bool
