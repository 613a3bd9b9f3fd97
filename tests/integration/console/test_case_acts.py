"""The newer acts of a case from their pages: pre-check, points of a correction, opinions, extension, documents."""

from __future__ import annotations

import re

import pytest

from app import db
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio


async def test_received_case_waits_for_acceptance_and_shows_its_receipt(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    assert (await clerk.send(f"/staff/cases/{number}/receive"))[:2] == (303, f"/staff/cases/{number}?done=receive")
    page = await clerk.get(f"/staff/cases/{number}?done=receive")
    assert 'role="status">已收件' in page
    assert "收件凭证（制作中）" in page
    assert "受理期限" in page
    assert f"/staff/cases/{number}/return" not in page
    row = await db.fetch_row("SELECT document_no FROM case_document")
    assert row is not None
    await clerk.house.applications.documents.draw({"document_no": row["document_no"]})
    link = re.search(rf'href="(/staff/cases/{number}/documents/[^"]+)"', await clerk.get(f"/staff/cases/{number}"))
    assert link is not None
    async with clerk.session.get(clerk.base + link[1]) as got:
        assert (got.status, got.content_type) == (200, "application/pdf")
        assert (await got.read()).startswith(b"%PDF")


async def test_opinion_needs_its_step_and_conclusion(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await clerk.send(f"/staff/cases/{number}/accept")
    status, _, page = await clerk.send(f"/staff/cases/{number}/review", given="属实", note="审查", choice="MAYBE")
    assert (status, "请选择结论" in page, "属实" in page) == (400, True, True)
    sent = await clerk.send(f"/staff/cases/{number}/review", given="材料属实", note="审查", choice="PASS")
    assert sent[:2] == (303, f"/staff/cases/{number}?done=review")
    page = await clerk.get(f"/staff/cases/{number}")
    assert "材料属实" in page
    assert "审查 通过" in page


async def test_extension_is_offered_to_the_head_only(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await clerk.send(f"/staff/cases/{number}/accept")
    assert f"/staff/cases/{number}/extend" not in await clerk.get(f"/staff/cases/{number}")
    status, _, page = await clerk.send(f"/staff/cases/{number}/extend", given="案情复杂", days="3")
    assert (status, 'role="alert"' in page) == (403, True)
    clerk.session.cookie_jar.clear()
    assert (await clerk.sign_in("approver"))[0] == 303
    assert f"/staff/cases/{number}/extend" in await clerk.get(f"/staff/cases/{number}")
    for days in ("", "0", "x", "366"):
        status, _, page = await clerk.send(f"/staff/cases/{number}/extend", given="案情复杂", days=days)
        assert (status, "请填写1至365的工作日数" in page) == (400, True)
    assert (await clerk.send(f"/staff/cases/{number}/extend", given="案情复杂", days="3"))[0] == 303
    assert "已延长3个工作日" in await clerk.get(f"/staff/cases/{number}")


async def test_late_case_is_explained_from_its_page(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await clerk.send(f"/staff/cases/{number}/accept")
    assert "/explain-overdue" not in await clerk.get(f"/staff/cases/{number}")
    await db.execute("UPDATE application SET promised_due_on = '2026-01-05', due_soon_on = '2026-01-04'")
    assert f"/staff/cases/{number}/explain-overdue" in await clerk.get(f"/staff/cases/{number}")
    assert (await clerk.send(f"/staff/cases/{number}/explain-overdue", given="系统核验延迟"))[0] == 303
    assert "系统核验延迟" in await clerk.get(f"/staff/cases/{number}")
