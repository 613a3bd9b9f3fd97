"""The seal authority's port over the simulator: sealed once, unknown stays unknown, nothing unproved is believed."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.rsa_keys import load_public_keys
from tests.contract.seal.conftest import SealStand

pytestmark = pytest.mark.anyio
OWNER = "11140105MB0001177F"
PDF = b"%PDF-1.4 made up"


async def test_seal_gives_a_statement_that_proves_the_document(stand: SealStand) -> None:
    sealed = await stand.authority.seal(PDF, "ZZ1", OWNER)
    digest = hashlib.sha256(PDF).hexdigest()
    assert sealed.pdf == PDF
    assert sealed.seal_no.isdecimal()
    assert len(sealed.seal_no) == 13
    assert stand.authority.is_genuine(digest, sealed.evidence)
    assert not stand.authority.is_genuine(hashlib.sha256(PDF + b" ").hexdigest(), sealed.evidence)


async def test_only_the_digest_leaves_the_house(stand: SealStand) -> None:
    await stand.authority.seal(PDF, "ZZ1", OWNER)
    kept = (await stand.sealed())[0]
    assert kept["DocumentSha256"] == hashlib.sha256(PDF).hexdigest()
    assert "made up" not in json.dumps(kept)


@pytest.mark.parametrize("field", ["Reference", "SealOwner", "SealNo", "SealedAt", "Signature"])
async def test_altered_evidence_proves_nothing(stand: SealStand, field: str) -> None:
    evidence = json.loads((await stand.authority.seal(PDF, "ZZ1", OWNER)).evidence)
    evidence[field] = evidence[field][:-1] + ("A" if evidence[field][-1] != "A" else "B")
    assert not stand.authority.is_genuine(hashlib.sha256(PDF).hexdigest(), json.dumps(evidence))


@pytest.mark.parametrize("evidence", ["", "{}", "[]", "nonsense", '{"DocumentSha256": 5}', "[" * 50_000])
async def test_malformed_evidence_proves_nothing(stand: SealStand, evidence: str) -> None:
    assert not stand.authority.is_genuine(hashlib.sha256(PDF).hexdigest(), evidence)


async def test_repeated_and_concurrent_calls_give_one_seal(stand: SealStand) -> None:
    found = await asyncio.gather(*(stand.authority.seal(PDF, "ZZ1", OWNER) for _ in range(5)))
    assert len({one.evidence for one in found}) == 1
    assert len(await stand.sealed()) == 1


async def test_reference_of_another_document_is_refused(stand: SealStand) -> None:
    await stand.authority.seal(PDF, "ZZ1", OWNER)
    with pytest.raises(ProviderRejected) as refused:
        await stand.authority.seal(b"another", "ZZ1", OWNER)
    assert refused.value.provider_code == "SE1002"
    with pytest.raises(ProviderProtocolError):
        await stand.authority.find(b"another", "ZZ1", OWNER)


async def test_body_without_a_seal_is_refused(stand: SealStand) -> None:
    few = stand.adapter(app_id="SJTSEALFEW", secret="y" * 32)
    assert (await few.seal(PDF, "ZZ1", OWNER)).seal_no
    with pytest.raises(ProviderRejected) as refused:
        await few.seal(PDF, "ZZ2", "11140000MB00000195")
    assert refused.value.provider_code == "SE1003"


@pytest.mark.parametrize(("kind", "times"), [("drop_after", 3), ("hang_after", 1)])
async def test_lost_answer_is_unknown_and_found_by_our_reference(stand: SealStand, kind: str, times: int) -> None:
    impatient = stand.adapter(timeout_seconds=0.7)
    await stand.arm("seals", kind, times)
    with pytest.raises(ProviderUnavailable):
        await impatient.seal(PDF, "ZZ1", OWNER)
    found = await stand.authority.find(PDF, "ZZ1", OWNER)
    assert found is not None
    assert found == await stand.authority.seal(PDF, "ZZ1", OWNER)
    assert len(await stand.sealed()) == 1


async def test_call_that_never_arrived_is_unknown_and_not_found(stand: SealStand) -> None:
    await stand.arm("seals", "drop", times=3)
    with pytest.raises(ProviderUnavailable):
        await stand.authority.seal(PDF, "ZZ1", OWNER)
    assert await stand.authority.find(PDF, "ZZ1", OWNER) is None


async def test_system_error_is_unknown(stand: SealStand) -> None:
    await stand.arm("seals", "error", code="SE9999")
    with pytest.raises(ProviderUnavailable):
        await stand.authority.seal(PDF, "ZZ1", OWNER)


async def test_busy_authority_asks_to_come_again(stand: SealStand) -> None:
    await stand.arm("seals", "error", code="SE9001")
    with pytest.raises(ProviderRejected) as refused:
        await stand.authority.seal(PDF, "ZZ1", OWNER)
    assert refused.value.retryable


@pytest.mark.parametrize("kind", ["unsigned", "wrong_signature", "stale", "rotated_key", "wrong_amount"])
async def test_answer_that_proves_nothing_is_not_believed(stand: SealStand, kind: str) -> None:
    await stand.arm("seals", kind)
    with pytest.raises(ProviderProtocolError):
        await stand.authority.seal(PDF, "ZZ1", OWNER)


@pytest.mark.parametrize(("changes", "code"), [({"secret": "wrong"}, "signature"), ({"app_id": "NOBODY"}, "headers")])
async def test_wrong_credentials_seal_nothing(stand: SealStand, changes: dict[str, str], code: str) -> None:
    with pytest.raises(ProviderProtocolError) as refused:
        await stand.adapter(**changes).seal(PDF, "ZZ1", OWNER)
    assert refused.value.details["reason"] == code
    assert await stand.sealed() == []


async def test_authority_with_two_keys_is_believed_while_it_changes(stand: SealStand) -> None:
    both = stand.sim.keys.public["platform"].encode() + stand.sim.keys.public["seal"].encode()
    sealed = await stand.adapter(authority_keys=load_public_keys(both)).seal(PDF, "ZZ1", OWNER)
    assert sealed.seal_no
    for pem in (b"", b"nonsense", stand.sim.keys.private["seal"].encode()):
        with pytest.raises(ValueError, match="key"):
            load_public_keys(pem)
