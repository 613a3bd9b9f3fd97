"""What the licences room needs from outside: a seal on its documents, another format, who may act for an enterprise.

Adapters fulfil the first two, wiring the third from the accounts room.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Literal, Protocol

from app.tokens import Caller
from services.licences.types import Sealed

ShowLevel = Literal["L2", "L3"]


class SealAuthority(Protocol):
    """The electronic seal authority (电子印章平台).

    Only the digest of a document is told to it. It is called by jobs and sweeps, never while a person waits.
    """

    async def seal(self, pdf: bytes, reference: str, owner: str) -> Sealed:
        """Have the seal of a body put on a document.

        Args:
            reference: our own number of the document; the same one with the same document gives the same seal again.
            owner: credit code (18) of the body whose seal it is.

        Raises:
            ProviderUnavailable: the outcome is unknown. The caller leaves the document as it is and later asks with
                `find` before it calls again.
            ProviderRejected: there is no such seal, or the reference stands for another document. Nothing was sealed;
                the document waits for a person who looks.
            ProviderProtocolError: the answer is not the authority's, or contradicts the question. As unknown.
        """

    async def find(self, pdf: bytes, reference: str, owner: str) -> Sealed | None:
        """Ask what became of a reference; None when the authority does not know it. A read. Raises: as `seal`."""

    def is_genuine(self, sha256: str, evidence: str) -> bool:
        """Tell whether kept evidence is the authority's word about the document of this digest. Asks nobody."""


class OfdConverter(Protocol):
    """Turns a PDF into OFD (GB/T 33190), where such a service is connected."""

    async def convert(self, pdf: bytes) -> bytes:
        """Return the OFD file. Raises: ProviderUnavailable, ProviderRejected; the PDF can be had all the same."""


class Holders(Protocol):
    """The accounts room, as far as a licence needs its holder."""

    async def require_level(self, caller: Caller, least: ShowLevel) -> None:
        """Refuse callers below a real-name level. Raises: Forbidden; it passes to the citizen."""

    async def enterprises_of(self, citizen_id: uuid.UUID) -> Collection[uuid.UUID]:
        """Return the enterprises that somebody represents now; nobody else sees their licences."""

    async def enterprise(self, enterprise_id: uuid.UUID) -> tuple[str, str]:
        """Return name and credit code of an enterprise. Raises: NotFound."""
