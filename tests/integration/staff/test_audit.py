"""The audit chain: ordered under concurrency, one with the act it tells of, and no change goes unseen."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from app import db
from services.staff.audit import AuditTrail
from services.staff.types import Act

pytestmark = pytest.mark.anyio


def _act(number: int) -> Act:
    return Act("window-1", "case.approved", "application", f"BJ{number}", {"意见": "同意", "n": number}, "10.0.0.1")


async def _record(audit: AuditTrail, count: int) -> None:
    for number in range(count):
        await audit.record(_act(number))


async def test_empty_chain_is_intact(audit: AuditTrail) -> None:
    verdict = await audit.verify()
    assert (verdict.intact, verdict.entries) == (True, 0)


async def test_concurrent_acts_form_one_chain(audit: AuditTrail) -> None:
    await asyncio.gather(*(audit.record(_act(number)) for number in range(30)))
    verdict = await audit.verify()
    assert (verdict.intact, verdict.entries, verdict.head_seq) == (True, 30, 30)


async def test_act_that_is_rolled_back_leaves_no_entry(audit: AuditTrail) -> None:
    async def act_and_fail() -> None:
        async with db.transaction() as tx:
            await audit.record(_act(2), tx)
            raise ValueError("stop")

    await audit.record(_act(1))
    with pytest.raises(ValueError, match="stop"):
        await act_and_fail()
    await audit.record(_act(3))
    assert (await audit.verify()).entries == 2


@pytest.mark.parametrize(
    ("change", "seq", "reason"),
    [
        ("UPDATE audit_entry SET actor = 'other' WHERE seq = 3", 3, "altered_entry"),
        ("UPDATE audit_entry SET details = '{}' WHERE seq = 2", 2, "altered_entry"),
        (
            "UPDATE audit_entry SET occurred_at = occurred_at + interval '1 microsecond' WHERE seq = 4",
            4,
            "altered_entry",
        ),
        ("UPDATE audit_entry SET address = '' WHERE seq = 1", 1, "altered_entry"),
        ("DELETE FROM audit_entry WHERE seq = 3", 3, "missing_entry"),
        ("DELETE FROM audit_entry WHERE seq = 5", 5, "end_cut_off"),
        ("UPDATE audit_head SET seq = 4", 5, "end_cut_off"),
    ],
)
async def test_change_is_found_where_it_is(audit: AuditTrail, change: str, seq: int, reason: str) -> None:
    await _record(audit, 5)
    assert (await audit.verify()).intact
    await db.execute(change)
    verdict = await audit.verify()
    assert (verdict.intact, verdict.broken_at_seq, verdict.reason) == (False, seq, reason)


async def test_end_cut_off_with_its_head_is_found_by_an_anchor(audit: AuditTrail) -> None:
    await _record(audit, 5)
    noted = await audit.verify()
    await db.execute("DELETE FROM audit_entry WHERE seq = 5")
    await db.execute("UPDATE audit_head SET seq = 4, entry_hash = (SELECT entry_hash FROM audit_entry WHERE seq = 4)")
    assert (await audit.verify()).intact
    verdict = await audit.verify((noted.head_seq, noted.head_hash))
    assert (verdict.intact, verdict.reason) == (False, "anchor_missing")
    await audit.record(_act(99))
    assert (await audit.verify((noted.head_seq, noted.head_hash))).reason == "anchor_differs"


async def test_chain_of_another_key_is_not_believed(audit: AuditTrail) -> None:
    await _record(audit, 2)
    assert (await AuditTrail(secrets.token_bytes(32)).verify()).broken_at_seq == 1


async def test_chain_longer_than_a_page_is_read_to_its_end(audit: AuditTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    await _record(audit, 7)
    monkeypatch.setattr("services.staff.audit._PAGE", 3)
    assert (await audit.verify()).entries == 7
