"""What crosses the licences' door; frozen. Views carry masked holders, the document itself carries the full name."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from services.licences.states import CHANGE_TEXT, Change, LicenceStatus

__all__ = ["CHANGE_TEXT", "Change", "LicenceStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLicence:
    """A licence to be issued for a granted case.

    Attributes:
        type_code: 21 characters of the licence type.
        issuer_code: credit code of the issuing body (18).
        expires_on: last day it is valid, None = without end (or what its type says).
        enterprise_id: the enterprise it belongs to; `citizen_id` is then who filed for it.
        answers: answers of the case, out of which its type picks what is printed.
        supersedes: number of the licence that it takes the place of, where its type allows several at once.
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
    enterprise_id: uuid.UUID | None = None
    answers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    supersedes: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document that bears a body's seal: its bytes, the seal's number, and the authority's word as it gave it."""

    pdf: bytes = field(repr=False)
    seal_no: str
    sealed_at: datetime
    evidence: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableLicence:
    """A valid licence that may stand for a material (免证办): reference, hash and masked holder only."""

    licence_no: str
    type_code: str
    type_name: str
    holder_shown: str
    issuer_name: str
    issued_on: date
    expires_on: date | None
    sha256: str


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
    """One show of a licence, for its holder: who looked, and what for where that was said."""

    shown_at: str
    kind: str
    kind_text: str
    by: str
    purpose: str


class ChangeView(Struct, frozen=True, kw_only=True):
    """One step of a licence's history."""

    changed_at: str
    change: str
    change_text: str
    status_text: str
    reason: str
    by: str


class FieldView(Struct, frozen=True, kw_only=True):
    """One printed field; sensitive values are masked outside the document."""

    key: str
    name: str
    value: str


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
    seal_no: str
    sealed_at: str | None
    superseded_at: str | None
    fields: list[FieldView]
    changes: list[ChangeView]
    shows: list[ShowView]


class LicencePage(Struct, frozen=True, kw_only=True):
    """A page of the holder's licences."""

    data: list[LicenceSummary]
    next_cursor: str | None


class LicenceHistory(Struct, frozen=True, kw_only=True):
    """A licence as staff in charge see it: its standing and its history, no shows (they are the holder's own)."""

    licence_no: str
    identifier: str
    type_name: str
    version: int
    status: str
    status_text: str
    holder_shown: str
    issuer_name: str
    issued_on: str
    expires_on: str | None
    application_no: str
    seal_no: str
    sealed_at: str | None
    superseded_at: str | None
    changes: list[ChangeView]
    acts: list[str]


class PresentationView(Struct, frozen=True, kw_only=True):
    """A one-time code (亮证码): good once, until `expires_at`; `qr_svg` is a ready picture of it."""

    presentation_id: str
    code: str
    expires_at: str
    expires_in: int
    asks_first: bool
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


class AskedFields(Struct, frozen=True, kw_only=True):
    """A verifier's request that waits for the holder; `granted` are the fields the holder may allow."""

    presentation_id: str
    licence_no: str
    type_name: str
    verifier: str
    purpose: str
    fields: list[FieldView]
    asked_at: str
    expires_at: str


class AskedList(Struct, frozen=True, kw_only=True):
    """Requests that wait for the holder's word, oldest first."""

    data: list[AskedFields]


class VerificationView(Struct, frozen=True, kw_only=True):
    """A verifier's request: its token fetches the answer once; `status` ASKED or CONSENTED."""

    verification_id: str
    token: str
    status: str
    status_text: str
    fields: list[str]
    expires_at: str


class VerificationResult(Struct, frozen=True, kw_only=True):
    """How a request stands; `licence` and `fields` are there once, when the holder has consented."""

    verification_id: str
    status: str
    status_text: str
    licence: VerifiedLicence | None = None
    fields: list[FieldView] = []


class SealCheck(Struct, frozen=True, kw_only=True):
    """What is known of a document by its digest: which licence it is, how that stands, whether its seal is genuine."""

    type_name: str
    status: str
    status_text: str
    issuer_name: str
    version: int
    seal_no: str
    sealed_at: str | None
    seal_genuine: bool
    evidence: str
