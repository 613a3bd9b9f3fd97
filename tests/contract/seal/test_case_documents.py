"""Written documents of cases under the same seal: the file proves itself by its last line."""

from __future__ import annotations

import hashlib

import pytest

from app.adapters import DocumentSealing
from tests.contract.seal.conftest import SealStand

pytestmark = pytest.mark.anyio
OWNER = "11140105MB0001177F"
PDF = b"%PDF-1.4 made up\n%%EOF\n"
NUMBER = "小店公受〔2026〕1号"


async def test_sealed_document_proves_itself(stand: SealStand) -> None:
    sealed = await DocumentSealing(stand.authority).seal(PDF, NUMBER, OWNER)
    body, mark, evidence = sealed.content.rpartition(b"\n%SJT-SEAL ")
    assert (body, mark) == (PDF, b"\n%SJT-SEAL ")
    assert stand.authority.is_genuine(hashlib.sha256(body).hexdigest(), evidence.decode())
    assert (await stand.sealed())[0]["SealOwner"] == OWNER
    # Readers look for the end of a PDF within its last 1,024 bytes.
    assert len(sealed.content) - sealed.content.rindex(b"%%EOF") < 1024


async def test_same_document_asked_again_is_sealed_once(stand: SealStand) -> None:
    sealing = DocumentSealing(stand.authority)
    assert await sealing.seal(PDF, NUMBER, OWNER) == await sealing.seal(PDF, NUMBER, OWNER)
    assert len(await stand.sealed()) == 1
    await sealing.seal(PDF + b" drawn otherwise", NUMBER, OWNER)
    assert len(await stand.sealed()) == 2
