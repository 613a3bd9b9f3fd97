"""What the seal authority takes and tells. Times are aware UTC, digests hex."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SealAccount:
    """Our access to the authority; several keys while it changes the one that it signs with."""

    base_url: str
    app_id: str
    secret: str = field(repr=False)
    authority_keys: tuple[RSAPublicKey, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The authority's word that a document of this digest bears a body's seal; `evidence` is all of it, to be kept."""

    reference: str
    document_sha256: str
    owner: str
    seal_no: str
    sealed_at: datetime
    evidence: str
