"""The words of a consent, its code, where an assistance stands, and what the trail keeps of acts for others."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.tokens import Caller
from services.accounts.types import Acting
from services.applications.assistance.consent import consents, new_code, qr_svg, qr_text, status_at
from services.applications.assistance.types import AssistedCaller
from services.applications.own import actor_of, trace_of

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
IDS = [uuid.UUID(int=number) for number in range(1, 6)]


def row(**changes: Any) -> dict[str, Any]:
    whole = {"declined_at": None, "ended_at": None, "consented_at": None, "expires_at": NOW + timedelta(minutes=1)}
    return whole | changes


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "OPEN"),
        ({"consented_at": NOW}, "ACTIVE"),
        ({"expires_at": NOW}, "ENDED"),
        ({"consented_at": NOW, "expires_at": NOW}, "ENDED"),
        ({"consented_at": NOW, "ended_at": NOW}, "ENDED"),
        ({"declined_at": NOW, "expires_at": NOW}, "DECLINED"),
    ],
)
def test_where_an_assistance_stands(changes: dict[str, Any], status: str) -> None:
    assert status_at(row(**changes), NOW) == status


def test_the_two_wordings_differ_in_the_submission_and_are_known_by_their_digests() -> None:
    fill_in, submit = consents("小店区综合窗口 郝婷", "居民身份证补领")
    assert (fill_in.may_submit, submit.may_submit) == (False, True)
    assert "提交申请须由本人在手机上完成" in fill_in.text
    assert "代为提交申请" in submit.text
    for one in (fill_in, submit):
        assert "郝婷" in one.text
        assert "居民身份证补领" in one.text
        assert one.sha256 == hashlib.sha256(one.text.encode()).hexdigest()
    assert consents("另一人", "居民身份证补领")[0].sha256 != fill_in.sha256


def test_codes_are_eight_digits_that_a_picture_shows() -> None:
    codes = {new_code() for _ in range(50)}
    assert len(codes) > 45
    assert all(len(code) == 8 and code.isdigit() for code in codes)
    assert qr_svg(qr_text("00000001")).startswith("<svg")


def test_one_s_own_acts_need_no_trace_and_others_name_both() -> None:
    caller = Caller(IDS[0], IDS[1], IDS[2], "WECHAT", 0)
    assert trace_of(caller, "14X", "submit") is None
    agent = Acting(
        citizen_id=IDS[3],
        agent_id=IDS[0],
        mandate_id=IDS[4],
        mandate_no="WT1",
        caller_shown="*娜",
        principal_shown="*伟",
    )
    trace = trace_of(caller, "14X", "submit", agent)
    assert trace is not None
    assert (trace.actor, trace.action, trace.object_no) == (f"citizen:{IDS[0].hex}", "case.submit", "14X")
    assert trace.details == {"citizen": IDS[3].hex, "mandate_no": "WT1"}
    assert len(trace.actor) <= 64
    assert actor_of(caller, agent).shown == "代办人 *娜（受 *伟 委托）"


def test_a_helped_citizen_is_named_with_the_member_of_staff() -> None:
    caller = AssistedCaller(
        citizen_id=IDS[0],
        session_id=IDS[1],
        identity_id=IDS[2],
        provider="WINDOW",
        expires_at=0,
        assistance_no="BB1",
        staff_username="window-xiaodian",
        staff_shown="小店区综合窗口 郝婷" * 9,
        citizen_shown="*伟",
        address="127.0.0.1",
    )
    trace = trace_of(caller, "14X", "submit")
    assert trace is not None
    assert (trace.actor, trace.address) == ("window-xiaodian", "127.0.0.1")
    assert trace.details == {"citizen": IDS[0].hex, "assistance_no": "BB1"}
    assert len(caller.actor.shown) <= 64
    assert caller.actor.shown.endswith("…（为 *伟 帮办）")


@pytest.mark.parametrize("agent_id", [None, IDS[1]])
def test_the_longest_names_leave_room_for_each_other(agent_id: uuid.UUID | None) -> None:
    acting = Acting(citizen_id=IDS[0], agent_id=agent_id, caller_shown="买" * 50, principal_shown="企" * 200)
    assert len(acting.shown) <= 64
    assert ("买" * 15 + "…" in acting.shown, "企" * 35 + "…" in acting.shown) == (True, True)
