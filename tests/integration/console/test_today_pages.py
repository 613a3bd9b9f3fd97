"""The day's page: what each role sees of it, its live parts, and figures that are right."""

from __future__ import annotations

import re

import pytest

from app import clock, db
from app.ids import new_id
from tests.integration.console.conftest import Browser

pytestmark = pytest.mark.anyio


async def test_window_sees_queues_parcels_notices_and_charts(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    page = await clerk.get("/staff")
    for seen in (
        "待认领",
        "我的办件",
        "待答复咨询",
        "寄送异常",
        "7日内发送失败的消息",
        "期限",
        "14日内提交与决定的办件",
        number,
    ):
        assert seen in page, seen
    for hidden in ("未处理差异", "待复核退款", "收银日报"):
        assert hidden not in page, hidden
    assert 'data-refresh="/staff/today/work"' in page


async def test_cashier_sees_money_and_no_queue(browser: Browser) -> None:
    await browser.house.submitted_case()
    await browser.sign_in("cashier")
    page = await browser.get("/staff")
    for seen in ("未处理差异", "待复核退款", "收银日报"):
        assert seen in page, seen
    for hidden in ("待认领", "待答复咨询", "寄送异常", "期限</h2>"):
        assert hidden not in page, hidden


async def test_parts_answer_their_inside_only(clerk: Browser) -> None:
    await clerk.house.submitted_case()
    for part in ("work", "deadlines", "charts"):
        inside = await clerk.get(f"/staff/today/{part}")
        assert "<html" not in inside
        assert "<h2>" in inside


async def test_chart_counts_submissions_and_decisions_by_beijing_day(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    await db.execute(
        "UPDATE application SET submitted_at = $2::date::timestamp AT TIME ZONE 'Asia/Shanghai'"
        " WHERE application_no = $1",
        number,
        clock.beijing_date(),
    )
    inside = await clerk.get("/staff/today/charts")
    today = clock.beijing_date().isoformat()[5:]
    assert f'<th scope="row">{today}</th><td>1</td><td>0</td>' in inside
    await db.execute(
        "UPDATE application SET decided_at = submitted_at - interval '1 second' WHERE application_no = $1", number
    )
    inside = await clerk.get("/staff/today/charts")
    assert re.search(rf'<td>0</td><td>1</td></tr><tr><th scope="row">{today}</th><td>1</td><td>0</td>', inside)


async def test_failed_notices_are_counted(clerk: Browser) -> None:
    await db.execute(
        "INSERT INTO notice (id, occurred_at, created_at, dedupe_key, citizen_id, template_code, template_version,"
        " title, text, variables, subject_kind, subject_no, status, sent_channel, tries)"
        " VALUES ($1, $2, $2, 'k', $1, 'application.accepted', 1, '受理', '文', '{}', '', '', 'FAILED', '', 1)",
        new_id(),
        clock.now(),
    )
    inside = await clerk.get("/staff/today/work")
    assert re.search(r'7日内发送失败的消息\s*<span class="figure">1</span>', inside)


async def test_case_tells_what_its_person_was_told(clerk: Browser) -> None:
    number = await clerk.house.submitted_case()
    notice_id, now = new_id(), clock.now()
    await db.execute(
        "INSERT INTO notice (id, occurred_at, created_at, dedupe_key, citizen_id, template_code, template_version,"
        " title, text, variables, subject_kind, subject_no, status, reason, sent_channel, tries)"
        " VALUES ($1, $2, $2, 'k', $1, 'application.accepted', 1, '办件受理通知', '文', '{}', 'case', $3, 'INBOX_ONLY',"
        " 'no_permission', '', 1)",
        notice_id,
        now,
        number,
    )
    await db.execute(
        "INSERT INTO notice_attempt (id, created_at, notice_id, channel, number, outcome, provider_code,"
        " provider_message_no) VALUES ($1, $2, $3, 'SMS', 1, 'REFUSED', 'x', '')",
        new_id(),
        now,
        notice_id,
    )
    page = await clerk.get(f"/staff/cases/{number}")
    for seen in ("办件受理通知", "仅站内", "短信被拒绝", "用户未授权订阅消息"):
        assert seen in page, seen
