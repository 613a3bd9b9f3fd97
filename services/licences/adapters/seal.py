"""The seal authority behind the port `SealAuthority`: digests out, statements in; the PDF stays as it is."""

from __future__ import annotations

import asyncio
import hashlib

from clients.seal.client import SealClient
from clients.seal.types import Statement
from services.licences.types import Sealed


class SealAdapter:
    """Fulfils the port with the client; its errors are the house's already."""

    def __init__(self, client: SealClient) -> None:
        self._client = client

    async def seal(self, pdf: bytes, reference: str, owner: str) -> Sealed:
        """Have a document sealed. Idempotent: yes, by reference."""
        digest = await asyncio.to_thread(_digest, pdf)
        return _sealed(pdf, await self._client.seal(reference, digest, owner))

    async def find(self, pdf: bytes, reference: str, owner: str) -> Sealed | None:
        """Ask what became of a reference."""
        found = await self._client.query(reference, await asyncio.to_thread(_digest, pdf), owner)
        return None if found is None else _sealed(pdf, found)

    def is_genuine(self, sha256: str, evidence: str) -> bool:
        """Check kept evidence against the authority's keys."""
        return self._client.is_genuine(sha256, evidence)


def _digest(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()


def _sealed(pdf: bytes, statement: Statement) -> Sealed:
    return Sealed(pdf, statement.seal_no, statement.sealed_at, statement.evidence)
