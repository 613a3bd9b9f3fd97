"""Licences on a real database and file store: issued once, shown to their holder, presented once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from app import db
from app.errors import Conflict, InvalidTransition, NotFound, ServiceUnavailable
from app.identifiers import parse_licence_number
from services.licences.intake import FILE, load_kinds
from services.licences.kinds import read_kinds
from services.licences.service import LicenceService
from services.licences.states import TRANSITIONS, LicenceStatus, effective
from services.licences.sweeps import forget_presentations
from services.licences.types import Change
from tests.integration.licences.conftest import HOLDER, NEW, OTHER, ROOT, holder

pytestmark = pytest.mark.anyio


async def test_issue_gives_a_number_of_the_standard_and_a_document(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    view = await licences.licence(HOLDER, number)
    assert parse_licence_number(view.identifier).version == 1
    assert (view.status, view.status_code, view.holder_shown, view.version) == ("VALID", "01", "*伟", 1)
    assert (await licences.document(HOLDER, number)).startswith(b"%PDF-")
    shows = (await licences.licence(HOLDER, number)).shows
    assert [show.kind for show in shows] == ["DOWNLOADED"]


async def test_issue_repeated_and_at_once_issues_one(licences: LicenceService) -> None:
    numbers = await asyncio.gather(*(licences.issue(NEW) for _ in range(4)))
    assert len({*numbers, await licences.issue(NEW)}) == 1
    assert len(await db.fetch_all("SELECT 1 FROM pgqueuer WHERE entrypoint = 'event'")) == 1


async def test_issue_interrupted_is_continued_under_the_same_number(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    await db.execute("UPDATE licence SET status = 'PREPARING', storage_key = '', sha256 = ''")
    with pytest.raises(NotFound):
        await licences.licence(HOLDER, number)
    assert await licences.issue(NEW) == number
    assert (await licences.licence(HOLDER, number)).status == "VALID"


async def test_holder_is_stored_encrypted(licences: LicenceService) -> None:
    await licences.issue(NEW)
    row = await db.fetch_row("SELECT holder_cipher, holder_shown FROM licence")
    assert row is not None
    assert "张伟".encode() not in row["holder_cipher"]
    assert NEW.holder_id_number.encode() not in row["holder_cipher"]


async def test_licence_of_somebody_else_is_not_found(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    for attempt in (
        licences.licence(OTHER, number),
        licences.document(OTHER, number),
        licences.presenting.present(holder(OTHER), number),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await licences.list_own(OTHER, None, 20) == ([], None)


async def test_list_own_pages_newest_first(licences: LicenceService) -> None:
    numbers = [await licences.issue(replace(NEW, subject_no=f"CASE{place}")) for place in range(3)]
    first, following = await licences.list_own(HOLDER, None, 2)
    second, end = await licences.list_own(HOLDER, following, 2)
    assert [line.licence_no for line in (*first, *second)] == numbers[::-1]
    assert end is None


async def test_presented_code_verifies_once(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    shown = await licences.presenting.present(holder(), number)
    assert shown.qr_svg.startswith("<svg")
    assert 60 <= shown.expires_in <= 300
    results = await asyncio.gather(
        *(licences.presenting.verify(shown.code, "酒店") for _ in range(3)), return_exceptions=True
    )
    verified = [result for result in results if not isinstance(result, BaseException)]
    assert [(each.holder_shown, each.status) for each in verified] == [("*伟", "VALID")]
    assert sum(isinstance(result, NotFound) for result in results) == 2
    view = await licences.licence(HOLDER, number)
    assert {(show.kind, show.by) for show in view.shows} == {("PRESENTED", "本人"), ("VERIFIED", "酒店")}


async def test_code_is_kept_by_hash_only(licences: LicenceService) -> None:
    shown = await licences.presenting.present(holder(), await licences.issue(NEW))
    row = await db.fetch_row("SELECT code_hash FROM presentation")
    assert row is not None
    assert row["code_hash"] != shown.code


async def test_verify_expired_or_unknown_code_is_not_found(licences: LicenceService) -> None:
    shown = await licences.presenting.present(holder(), await licences.issue(NEW))
    await db.execute("UPDATE presentation SET expires_at = now() - interval '1 minute'")
    for code in (shown.code, "nonsense"):
        with pytest.raises(NotFound) as refused:
            await licences.presenting.verify(code, "酒店")
        assert refused.value.stable_code == "presentation_invalid"


async def test_suspended_licence_is_not_presented_until_restored(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    assert await licences.change_status(number, Change.SUSPEND) is LicenceStatus.SUSPENDED
    with pytest.raises(Conflict):
        await licences.presenting.present(holder(), number)
    await licences.change_status(number, Change.RESTORE)
    assert (await licences.presenting.present(holder(), number)).code


async def test_revoked_licence_stays_revoked(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    await licences.change_status(number, Change.REVOKE)
    for change in Change:
        with pytest.raises(InvalidTransition):
            await licences.change_status(number, change)


async def test_revocation_between_show_and_scan_is_seen(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    shown = await licences.presenting.present(holder(), number)
    await licences.change_status(number, Change.REVOKE)
    assert (await licences.presenting.verify(shown.code, "酒店")).status == "REVOKED"


async def test_document_that_was_altered_is_not_given_out(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    await db.execute("UPDATE licence SET sha256 = 'other'")
    with pytest.raises(ServiceUnavailable):
        await licences.document(HOLDER, number)


async def test_forget_presentations_keeps_young_ones(licences: LicenceService) -> None:
    number = await licences.issue(NEW)
    await licences.presenting.present(holder(), number)
    await db.execute("UPDATE presentation SET expires_at = now() - interval '2 days'")
    await licences.presenting.present(holder(), number)
    await forget_presentations()
    assert len(await db.fetch_all("SELECT 1 FROM presentation")) == 1


def test_effective_status_past_the_last_day_is_expired() -> None:
    assert effective("VALID", date(2026, 3, 1), date(2026, 3, 1)) is LicenceStatus.VALID
    assert effective("VALID", date(2026, 3, 1), date(2026, 3, 2)) is LicenceStatus.EXPIRED
    assert effective("REVOKED", date(2026, 3, 1), date(2026, 3, 2)) is LicenceStatus.REVOKED


def test_every_change_is_possible_from_somewhere() -> None:
    assert {change for _, change in TRANSITIONS} == set(Change)


async def test_import_of_kinds_changes_nothing_the_second_time(database: str) -> None:
    assert await load_kinds(ROOT / "data") == len(read_kinds(ROOT / "data" / FILE))
    assert await load_kinds(ROOT / "data") == 0
    await db.execute("UPDATE licence_type SET content_hash = 'old', name = 'old' WHERE code = $1", NEW.type_code)
    assert await load_kinds(ROOT / "data") == 1
    row = await db.fetch_row("SELECT name FROM licence_type WHERE code = $1", NEW.type_code)
    assert row is not None
    assert row["name"] == "居民身份证"
