"""What crosses the licences' door; frozen. Views carry masked holders, the document itself carries the full name."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date

from msgspec import Struct

from services.licences.states import Change, LicenceStatus

__all__ = ["Change", "LicenceStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLicence:
    """A licence to be issued for a granted case.

    Attributes:
        type_code: 21 characters of the licence type.
        issuer_code: credit code of the issuing body (18).
        expires_on: last day it is valid, None = without end.
    """

    subject_no: str
    citizen_id: uuid.UUID
    type_code: str
    type_name: str
    holder_name: str = field(repr=False)
    holder_id_number: str = field(repr=False)
    issuer_code: str
    issuer_name: str
    issued_on: date
    expires_on: date | None


class LicenceSummary(Struct, frozen=True, kw_only=True):
    """A line of the holder's list."""

    licence_no: str
    type_name: str
    status: str
    status_text: str
    holder_shown: str
    issuer_name: str
    issued_on: str
    expires_on: str | None


class ShowView(Struct, frozen=True, kw_only=True):
    """One show of a licence, for its holder."""

    shown_at: str
    kind: str
    kind_text: str
    by: str


class LicenceView(Struct, frozen=True, kw_only=True):
    """One licence with the latest shows; `identifier` is its number under GB/T 36903."""

    licence_no: str
    identifier: str
    type_code: str
    type_name: str
    version: int
    status: str
    status_code: str
    status_text: str
    holder_shown: str
    issuer_code: str
    issuer_name: str
    issued_on: str
    expires_on: str | None
    application_no: str
    sha256: str
    shows: list[ShowView]


class LicencePage(Struct, frozen=True, kw_only=True):
    """A page of the holder's licences."""

    data: list[LicenceSummary]
    next_cursor: str | None


class PresentationView(Struct, frozen=True, kw_only=True):
    """A one-time code (亮证码): good once, until `expires_at`; `qr_svg` is a ready picture of it."""

    code: str
    expires_at: str
    expires_in: int
    qr_svg: str


class VerifiedLicence(Struct, frozen=True, kw_only=True):
    """What somebody who was shown a code learns: the least that proves the licence."""

    type_name: str
    status: str
    status_text: str
    holder_shown: str
    issuer_name: str
    issued_on: str
    expires_on: str | None
    verified_at: str
