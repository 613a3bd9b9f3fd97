"""What the documents need from outside: somebody who seals them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed file, and the number under which the seal's keeper knows this sealing."""

    content: bytes
    seal_no: str = ""


class Seal(Protocol):
    """The electronic seal (电子印章) of the issuing bodies.

    Called by the job that draws a document, once for each try, before the file is stored. Asking again for the same
    number must be harmless.
    """

    async def seal(self, pdf: bytes, document_no: str, issuer_code: str) -> Sealed:
        """Put the seal of the issuing body (credit code) on a document.

        Raises:
            ProviderUnavailable: outcome unknown; the job runs again.
            ProviderRejected: the keeper refuses; the job runs again later and an operator sees it.
        """
