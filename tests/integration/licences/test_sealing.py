"""Seals: a licence counts when it bears its seal; an authority that is away, loses answers or refuses loses nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from app import db
from app.errors import Conflict, NotFound
from services.licences.service import LicenceService
from services.licences.sweeps import continue_prepared
from services.licences.types import Change
from tests.fakes.seal_authority import FakeSealAuthority
from tests.integration.licences.conftest import HOLDER, NEW, told

pytestmark = pytest.mark.anyio


async def older() -> None:
    await db.execute("UPDATE licence SET created_at = created_at - interval '1 minute'")


async def test_licence_bears_its_seal_and_proves_itself(
    sealed_licences: LicenceService, seals: FakeSealAuthority
) -> None:
    number = await sealed_licences.issue(NEW)
    view = await sealed_licences.licence(HOLDER, number)
    assert (view.seal_no, view.sealed_at is not None) == ("1400000000001", True)
    document = await sealed_licences.document(HOLDER, number)
    found = await sealed_licences.check_document(hashlib.sha256(document).hexdigest())
    assert (found.seal_genuine, found.type_name, found.status, found.version) == (True, "居民身份证", "VALID", 1)
    with pytest.raises(NotFound):
        await sealed_licences.check_document(hashlib.sha256(document + b" ").hexdigest())
    await sealed_licences.change_status(number, Change.REVOKE)
    assert (await sealed_licences.check_document(view.sha256)).status == "REVOKED"
    assert seals.calls == ["seal"]


async def test_forged_evidence_is_not_genuine(sealed_licences: LicenceService) -> None:
    number = await sealed_licences.issue(NEW)
    await db.execute("UPDATE licence SET seal_evidence = 'made up'")
    sha256 = (await sealed_licences.licence(HOLDER, number)).sha256
    assert not (await sealed_licences.check_document(sha256)).seal_genuine


async def test_authority_that_is_away_leaves_the_licence_waiting(
    sealed_licences: LicenceService, seals: FakeSealAuthority
) -> None:
    seals.trouble = "away"
    number = await sealed_licences.issue(NEW)
    assert await sealed_licences.issued_types(NEW.subject_no) == frozenset()
    assert await told() == []
    with pytest.raises(NotFound):
        await sealed_licences.licence(HOLDER, number)
    await older()
    await continue_prepared(sealed_licences)
    assert await told() == []
    seals.trouble = ""
    await continue_prepared(sealed_licences)
    await continue_prepared(sealed_licences)
    assert (await sealed_licences.licence(HOLDER, number)).seal_no == "1400000000001"
    assert [event.name for event in await told()] == ["licence.issued"]


async def test_lost_answer_is_found_by_our_number_and_not_sealed_again(
    sealed_licences: LicenceService, seals: FakeSealAuthority
) -> None:
    seals.trouble = "lost"
    number = await sealed_licences.issue(NEW)
    seals.trouble = ""
    await older()
    await continue_prepared(sealed_licences)
    assert seals.calls == ["seal", "find"]
    assert list(seals.sealed) == [number]
    assert (await sealed_licences.licence(HOLDER, number)).status == "VALID"


async def test_repeated_job_asks_before_it_seals(sealed_licences: LicenceService, seals: FakeSealAuthority) -> None:
    seals.trouble = "away"
    number = await sealed_licences.issue(NEW)
    seals.trouble = ""
    assert await sealed_licences.issue(NEW) == number
    assert seals.calls == ["seal", "find", "seal"]
    assert (await sealed_licences.licence(HOLDER, number)).status == "VALID"


async def test_document_of_an_earlier_try_is_sealed_not_drawn_again(
    sealed_licences: LicenceService, seals: FakeSealAuthority
) -> None:
    seals.trouble = "lost"
    number = await sealed_licences.issue(NEW)
    before = seals.sealed[number].pdf
    await db.execute("UPDATE licence SET issuer_name = '改了名的机关', created_at = created_at - interval '1 minute'")
    seals.trouble = ""
    await continue_prepared(sealed_licences)
    assert await sealed_licences.document(HOLDER, number) == before


async def test_refused_licence_does_not_keep_others_waiting(
    sealed_licences: LicenceService, seals: FakeSealAuthority
) -> None:
    seals.trouble = "refused"
    numbers = [await sealed_licences.issue(replace(NEW, subject_no=f"C{n}", citizen_id=HOLDER)) for n in range(3)]
    seals.trouble, seals.refuses = "", {numbers[0]}
    await older()
    assert await sealed_licences.issuing.continue_prepared() == 2
    rows = await db.fetch_all("SELECT licence_no FROM licence WHERE status = 'PREPARING'")
    assert [row["licence_no"] for row in rows] == numbers[:1]


async def test_authority_that_changes_the_document_is_kept_as_it_gave_it(
    sealed_licences: LicenceService, seals: FakeSealAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = seals.seal

    async def stamping(pdf: bytes, reference: str, owner: str) -> object:
        return replace(await plain(pdf, reference, owner), pdf=pdf + b"%stamped")

    monkeypatch.setattr(seals, "seal", stamping)
    number = await sealed_licences.issue(NEW)
    assert (await sealed_licences.document(HOLDER, number)).endswith(b"%stamped")


async def test_ofd_without_a_converter_is_a_clear_conflict(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    with pytest.raises(Conflict) as refused:
        await licences.ofd(HOLDER, number)
    assert refused.value.stable_code == "ofd_unavailable"
    assert (await licences.licence(HOLDER, number)).shows == []
