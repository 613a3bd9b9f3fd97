"""The inbox, the stock of permissions, and what providers say back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app import db
from app.clock import now
from app.errors import CallbackRejected, InvalidRequest, NotFound
from app.ids import new_id
from app.tokens import Caller
from notify import stock_repository
from notify.types import ReadNotices
from tests.fakes.notify_house import WECHAT_APP, NotifyHouse

pytestmark = pytest.mark.anyio
GENUINE = {"signature": "genuine", "echostr": "1234"}


def _push(house: NotifyHouse, key: str = "k1", **content: object) -> bytes:
    return json.dumps({"key": key, "at": now().isoformat(), "subject": house.openid} | content).encode()


async def test_inbox_pages_newest_first_and_counts_unread(house: NotifyHouse) -> None:
    for _ in range(5):
        await house.service.tell(house.event("application.withdrawn"))
    first, following, unread = await house.service.inbox(house.caller, limit=3)
    second, end, _ = await house.service.inbox(house.caller, following, limit=3)
    assert (len(first), len(second), end, unread) == (3, 2, None, 5)
    assert [v.id for v in first + second] == sorted((v.id for v in first + second), reverse=True)


async def test_read_some_then_all_and_never_those_of_others(house: NotifyHouse) -> None:
    for _ in range(3):
        await house.service.tell(house.event("application.withdrawn"))
    views, _, _ = await house.service.inbox(house.caller)
    stranger = Caller(new_id(), new_id(), new_id(), "WECHAT", 4_000_000_000)
    assert await house.service.mark_read(stranger, ReadNotices(ids=[views[0].id])) == 0
    assert await house.service.mark_read(house.caller, ReadNotices(ids=[views[0].id])) == 2
    assert await house.service.mark_read(house.caller, ReadNotices(all=True)) == 0
    assert (await house.service.inbox(stranger))[0] == []
    for wrong in (ReadNotices(), ReadNotices(ids=[views[0].id], all=True)):
        with pytest.raises(InvalidRequest):
            await house.service.mark_read(house.caller, wrong)


async def test_told_lists_what_a_case_was_told(house: NotifyHouse) -> None:
    event = house.event()
    await house.service.tell(event)
    await house.drain()
    told = await house.service.told(event.subject_no)
    assert [(t.event, t.channel, t.status) for t in told] == [("application.accepted", "SMS", "SENT")]


async def test_subscriptions_group_events_by_template(house: NotifyHouse) -> None:
    await house.allow(times=2)
    listed = {view.template_id: view for view in await house.service.subscriptions(house.caller)}
    assert len(listed) <= 5, "one panel of WeChat takes five"
    progress = listed[house.template_id("application.accepted")]
    assert progress.in_stock == 2
    assert "application.approved" in progress.events


async def test_report_of_unknown_template_is_refused_whole(house: NotifyHouse) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await house.service.report_subscriptions(
            house.caller, {house.template_id("bill.issued"): "accept", "nobody-knows-this": "accept"}
        )
    assert refused.value.faults[0].path == "results.nobody-knows-this"
    assert await house.stock() == {}


async def test_ban_voids_and_reject_keeps_earlier_permissions(house: NotifyHouse) -> None:
    template_id = house.template_id("application.accepted")
    await house.allow(times=2)
    await house.service.report_subscriptions(house.caller, {template_id: "reject"})
    assert await house.stock() == {"IN_STOCK": 2}
    await house.service.report_subscriptions(house.caller, {template_id: "ban"})
    assert await house.stock() == {"VOID": 2}


@pytest.mark.parametrize("order", ["report_first", "push_first"])
async def test_consent_told_by_phone_and_platform_counts_once(house: NotifyHouse, order: str) -> None:
    push = _push(house, changes={house.template_id("application.accepted"): "GRANTED"})
    if order == "report_first":
        await house.allow()
    await house.service.receive_push(WECHAT_APP, GENUINE, push)
    if order == "push_first":
        await house.allow()
    assert await house.stock() == {"IN_STOCK": 1}
    await house.allow()
    assert await house.stock() == {"IN_STOCK": 2}


async def test_pushed_event_counts_once_however_often_it_comes(house: NotifyHouse) -> None:
    push = _push(house, changes={house.template_id("application.accepted"): "GRANTED"})
    await asyncio.gather(*(house.service.receive_push(WECHAT_APP, GENUINE, push) for _ in range(10)))
    assert await house.stock() == {"IN_STOCK": 1}


async def test_withdrawal_in_the_settings_voids_the_stock(house: NotifyHouse) -> None:
    await house.allow(times=2)
    push = _push(house, changes={house.template_id("application.accepted"): "WITHDRAWN"})
    await house.service.receive_push(WECHAT_APP, GENUINE, push)
    assert await house.stock() == {"VOID": 2}


async def test_long_term_permission_is_one_row_and_never_consumed(house: NotifyHouse) -> None:
    await db.execute("""UPDATE notice_template SET bindings = jsonb_set(bindings, '{WECHAT,kind}', '"LONG_TERM"')
        WHERE bindings ? 'WECHAT'""")
    await house.allow(times=3)
    for _ in range(4):
        await house.service.tell(house.event())
    await house.drain()
    assert len(house.wechat.sent) == 4
    assert await house.stock() == {"IN_STOCK": 1}


async def test_forged_push_stores_nothing(house: NotifyHouse) -> None:
    with pytest.raises(CallbackRejected):
        await house.service.receive_push(WECHAT_APP, {"signature": "forged"}, _push(house))
    with pytest.raises(NotFound):
        await house.service.receive_push("wxffffffffffffffff", GENUINE, _push(house))
    assert house.service.answer_push_check(WECHAT_APP, GENUINE) == "1234"
    assert await db.fetch_all("SELECT id FROM inbox_event") == []


async def test_failed_receipt_sends_the_notice_to_the_next_channel(house: NotifyHouse) -> None:
    await house.allow()
    await house.service.tell(house.event())
    await house.drain()
    attempt = await db.fetch_row("SELECT provider_message_no FROM notice_attempt")
    assert attempt is not None
    push = _push(house, receipts=[[attempt["provider_message_no"], False, "-1"]])
    await house.service.receive_push(WECHAT_APP, GENUINE, push)
    await house.drain()
    assert await house.attempts() == [("WECHAT", "FAILED"), ("SMS", "SENT")]


async def test_delivery_report_is_written_once_and_asks_for_the_secret(house: NotifyHouse) -> None:
    await house.service.tell(house.event())
    await house.drain()
    attempt = await db.fetch_row("SELECT provider_message_no FROM notice_attempt")
    assert attempt is not None
    body = json.dumps([[attempt["provider_message_no"], True, "DELIVERED"], ["unknown", True, ""]]).encode()
    for _ in range(2):
        assert await house.service.receive_receipts("aliyun", "secret", body) == b'{"code":0}'
    assert await house.attempts() == [("SMS", "DELIVERED")]
    for provider, token in (("aliyun", "guess"), ("nobody", "secret")):
        with pytest.raises(NotFound):
            await house.service.receive_receipts(provider, token, body)


async def test_merge_moves_notices_and_permissions(house: NotifyHouse) -> None:
    await house.allow()
    await house.service.tell(house.event("application.withdrawn"))
    survivor = Caller(new_id(), new_id(), house.caller.identity_id, "WECHAT", 4_000_000_000)
    await house.service.move_notices(house.caller.citizen_id, survivor.citizen_id)
    assert len((await house.service.inbox(survivor))[0]) == 1
    assert (await house.service.inbox(house.caller))[0] == []


async def test_a_phone_that_reports_without_end_fills_no_table(house: NotifyHouse, monkeypatch: Any) -> None:
    monkeypatch.setattr(stock_repository, "MOST_IN_STOCK", 3)
    await house.allow(times=5)
    assert await house.stock() == {"IN_STOCK": 3}
    await house.service.tell(house.event())
    await house.drain()
    await house.allow()
    assert await house.stock() == {"IN_STOCK": 3, "CONSUMED": 1}
