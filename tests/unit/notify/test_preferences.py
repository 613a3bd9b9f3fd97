"""Wishes of a person: channels in order, and the end of the night."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from notify.preferences import Order, Preferences, TopicWish, order, quiet_until
from notify.templates import Binding, Template

BINDING = Binding(template_id="x", fields={})


def template(**changes: object) -> Template:
    given = {
        "code": "bill.opened",
        "title": "一",
        "inbox_text": "二",
        "topic": "payment",
        "channels": ["WECHAT", "ALIPAY", "SMS"],
        "bindings": {"WECHAT": BINDING, "ALIPAY": BINDING, "SMS": BINDING},
    }
    return Template(**(given | changes))


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (Preferences(), Order(("WECHAT", "ALIPAY", "SMS"))),
        (Preferences(elder_mode=True), Order(("SMS", "WECHAT", "ALIPAY"))),
        (Preferences(sms=False), Order(("WECHAT", "ALIPAY"), ("SMS",))),
        (Preferences(elder_mode=True, sms=False), Order(("WECHAT", "ALIPAY"), ("SMS",))),
        (Preferences(subscribe_messages=False), Order(("SMS",), ("WECHAT", "ALIPAY"))),
        (Preferences(topics={"payment": TopicWish(sms=False)}), Order(("WECHAT", "ALIPAY"), ("SMS",))),
        (Preferences(topics={"case": TopicWish(sms=False)}), Order(("WECHAT", "ALIPAY", "SMS"))),
        (
            Preferences(sms=False, topics={"payment": TopicWish(subscribe_messages=False, sms=True)}),
            Order((), ("WECHAT", "ALIPAY", "SMS")),
        ),
    ],
)
def test_switched_off_channels_are_left_out_and_named(wishes: Preferences, expected: Order) -> None:
    assert order(template(), wishes) == expected


def test_statutory_notice_heeds_no_switch_but_elder_mode() -> None:
    silent = Preferences(elder_mode=True, sms=False, subscribe_messages=False)
    assert order(template(statutory=True), silent) == Order(("SMS", "WECHAT", "ALIPAY"))


def test_channel_without_a_binding_is_no_channel() -> None:
    bound = template(bindings={"SMS": BINDING})
    assert order(bound, Preferences(sms=False)) == Order((), ("SMS",))


@pytest.mark.parametrize(
    ("beijing", "ends"),
    [
        ("2026-11-21T20:59:59+08:00", None),
        ("2026-11-21T21:00:00+08:00", "2026-11-22T08:00:00+08:00"),
        ("2026-11-21T23:59:59+08:00", "2026-11-22T08:00:00+08:00"),
        ("2026-11-22T00:00:00+08:00", "2026-11-22T08:00:00+08:00"),
        ("2026-11-22T07:59:59+08:00", "2026-11-22T08:00:00+08:00"),
        ("2026-11-22T08:00:00+08:00", None),
    ],
)
def test_night_crosses_midnight_in_beijing(beijing: str, ends: str | None) -> None:
    moment = datetime.fromisoformat(beijing).astimezone(UTC)
    assert quiet_until(Preferences(), moment) == (None if ends is None else datetime.fromisoformat(ends))


def test_quiet_noon_ends_on_the_same_day_and_can_be_switched_off() -> None:
    noon = datetime.fromisoformat("2026-11-21T12:30:00+08:00")
    wishes = Preferences(quiet_from=time(12), quiet_until=time(14))
    assert quiet_until(wishes, noon) == datetime.fromisoformat("2026-11-21T14:00:00+08:00")
    assert quiet_until(Preferences(quiet=False, quiet_from=time(12), quiet_until=time(14)), noon) is None
    assert quiet_until(Preferences(quiet_from=time(12), quiet_until=time(12)), noon) is None
