"""A seal authority in memory: the whole port, with answers that get lost and refusals as a test arms them."""

from __future__ import annotations

import hashlib
from typing import Literal

from app import clock
from app.errors import ProviderRejected, ProviderUnavailable
from services.licences.types import Sealed

Trouble = Literal["", "away", "lost", "refused"]


class FakeSealAuthority:
    """Seals by reference, once; `trouble` says how the next calls end."""

    def __init__(self) -> None:
        self.sealed: dict[str, Sealed] = {}
        self.trouble: Trouble = ""
        self.refuses: set[str] = set()
        self.calls: list[str] = []

    async def seal(self, pdf: bytes, reference: str, owner: str) -> Sealed:
        self.calls.append("seal")
        if self.trouble == "away":
            raise ProviderUnavailable
        if self.trouble == "refused" or reference in self.refuses:
            raise ProviderRejected(provider="seal", provider_code="SE1003")
        evidence = f"{hashlib.sha256(pdf).hexdigest()}:{owner}"
        found = self.sealed.setdefault(reference, Sealed(pdf, "1400000000001", clock.now(), evidence))
        if found.evidence != evidence:
            raise ProviderRejected(provider="seal", provider_code="SE1002")
        if self.trouble == "lost":
            raise ProviderUnavailable
        return found

    async def find(self, pdf: bytes, reference: str, owner: str) -> Sealed | None:
        self.calls.append("find")
        if self.trouble == "away":
            raise ProviderUnavailable
        return self.sealed.get(reference)

    def is_genuine(self, sha256: str, evidence: str) -> bool:
        return evidence.startswith(f"{sha256}:")
