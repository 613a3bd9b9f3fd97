"""What a person wishes of notices, as pure rules: which channels in which order, and when the night ends.

Delivery and the estimates of mass pushes call it. It reads no clock and no table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from app import clock

if TYPE_CHECKING:
    from notify.templates import Template

_SMS = "SMS"


@dataclass(frozen=True, slots=True)
class TopicWish:
    """What a person wants of one topic."""

    subscribe_messages: bool = True
    sms: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The wishes of one person; the defaults are those of somebody who never said anything.

    `quiet_from` and `quiet_until` are Beijing time and may cross midnight; where they are equal there is no quiet time.
    """

    elder_mode: bool = False
    subscribe_messages: bool = True
    sms: bool = True
    topics: Mapping[str, TopicWish] = field(default_factory=dict)
    quiet: bool = True
    quiet_from: time = time(21)
    quiet_until: time = time(8)
    language: str = "zh-CN"

    def allows(self, channel: str, topic: str) -> bool:
        """Tell whether messages of a topic may go out on a channel."""
        wish = self.topics.get(topic, _ANY)
        if channel == _SMS:
            return self.sms and wish.sms
        return self.subscribe_messages and wish.subscribe_messages


_ANY = TopicWish()


@dataclass(frozen=True, slots=True)
class Order:
    """The channels of one template for one person, in the order of tries, and those that the person switched off."""

    channels: tuple[str, ...]
    muted: tuple[str, ...] = ()


def order(template: Template, preferences: Preferences) -> Order:
    """Return the channels for a person: SMS first in elder mode, those switched off named apart.

    A statutory template heeds no switch: the person has to be told.
    """
    named: list[str] = [name for name in template.channels if name in template.bindings]
    if preferences.elder_mode:
        named.sort(key=lambda name: name != _SMS)
    if template.statutory:
        return Order(tuple(named))
    muted = tuple(name for name in named if not preferences.allows(name, template.topic))
    return Order(tuple(name for name in named if name not in muted), muted)


def quiet_until(preferences: Preferences, moment: datetime) -> datetime | None:
    """Return when the quiet time that a moment falls into ends, in UTC; None outside of it.

    Args:
        moment: aware; the hours are those of Beijing. Callers do not ask for what is urgent or statutory.
    """
    begins, ends = preferences.quiet_from, preferences.quiet_until
    if not preferences.quiet or begins == ends:
        return None
    local = clock.to_beijing(moment)
    now = local.time().replace(tzinfo=None)
    inside = begins <= now < ends if begins < ends else now >= begins or now < ends
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if now >= ends else 0)
    return clock.from_beijing(f"{day:%Y-%m-%d} {ends:%H:%M}:00")
