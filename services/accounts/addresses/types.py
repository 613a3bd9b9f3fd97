"""What crosses the door of the address book: addresses to add and change, views, and the choice of a division.

Views are masked; only `PlainAddress` holds an address in plain text, and it does not print it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec

from services.accounts.types import DivisionCode, PersonName, PhoneText, PrintedText


class NewAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery address to add."""

    recipient: PersonName
    phone: PhoneText
    division_code: DivisionCode
    street: PrintedText
    is_default: bool = False

    def __repr__(self) -> str:
        return "NewAddress(…)"


class AddressChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to change of an address; what is left out stays."""

    recipient: PersonName | msgspec.UnsetType = msgspec.UNSET
    phone: PhoneText | msgspec.UnsetType = msgspec.UNSET
    division_code: DivisionCode | msgspec.UnsetType = msgspec.UNSET
    street: PrintedText | msgspec.UnsetType = msgspec.UNSET
    is_default: Literal[True] | msgspec.UnsetType = msgspec.UNSET

    def __repr__(self) -> str:
        return "AddressChange(…)"


class PastedText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that somebody pasted to be read as an address; it is neither stored nor logged."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

    def __repr__(self) -> str:
        return "PastedText(…)"


class AddressDoubt(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a pasted address that a person must look at, and why."""

    field: str
    message: str


class ParsedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What a pasted text says, as the fields of a new address; what it does not say is empty and doubtful."""

    recipient: str
    phone: str
    division_code: str
    region: str
    street: str
    uncertain: list[AddressDoubt]

    def __repr__(self) -> str:
        return "ParsedAddress(…)"


class RegionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Below which division to choose; empty: the provinces."""

    parent: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{6})?$(?!\n)")] = ""


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """A division of the country to choose for an address; `has_children`: one must choose further."""

    code: str
    name: str
    has_children: bool


class RegionList(msgspec.Struct, frozen=True):
    """The divisions right below one."""

    data: list[Region]
    next_cursor: None = None


class AddressView(msgspec.Struct, frozen=True, kw_only=True):
    """One address of the book, masked; `region` is the Chinese name of its division."""

    id: str
    recipient: str
    phone: str
    division_code: str
    region: str
    street: str
    is_default: bool


class AddressList(msgspec.Struct, frozen=True):
    """The whole book; it is small, so there is never a next page."""

    data: list[AddressView]
    next_cursor: None = None


@dataclass(frozen=True, slots=True)
class PlainAddress:
    """An address in plain text, for a shipment. Never log it."""

    address_id: uuid.UUID
    division_code: str
    region: str
    recipient: str = field(repr=False)
    phone: str = field(repr=False)
    street: str = field(repr=False)
