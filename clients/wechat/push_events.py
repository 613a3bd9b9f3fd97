"""The shapes of pushed messages made one: JSON or XML, one item or several, numbers as text or not. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

_WRAPPERS = ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent")


@dataclass(frozen=True, slots=True)
class SubscriptionItem:
    """One template in a subscription event.

    `status` (accept, reject, …) in popup and change events; `message_id`, `error_code` (0 = delivered) and
    `error_status` in sent events.
    """

    template_id: str
    status: str = ""
    message_id: str = ""
    error_code: int | None = None
    error_status: str = ""


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One pushed message. `event` is empty for what a person wrote (`kind` text, image, …).

    `dedupe_key` is equal for WeChat's repeats of one message. `fields` are all fields as received.
    """

    app_id: str
    openid: str
    kind: str
    event: str
    created_at: datetime | None
    dedupe_key: str
    items: tuple[SubscriptionItem, ...]
    text: str = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)


def normalise(app_id: str, fields: Mapping[str, Any]) -> PushMessage:
    """Make one shape of a parsed message; missing or odd fields become empty, never an error.

    Source: WeChat mini-program documents, 消息推送; 订阅消息 事件推送.
    """
    return PushMessage(
        app_id=app_id,
        openid=_text(fields.get("FromUserName")),
        kind=_text(fields.get("MsgType")),
        event=_text(fields.get("Event")),
        created_at=_moment(fields.get("CreateTime")),
        dedupe_key=_dedupe_key(app_id, fields),
        items=tuple(_item(entry) for entry in _entries(fields)),
        text=_text(fields.get("Content")),
        fields=fields,
    )


def _entries(fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Find the `List`: at the top in JSON, under the event's own element in XML; one item is not in an array."""
    holder: Mapping[str, Any] = fields
    for wrapper in _WRAPPERS:
        if isinstance(inner := fields.get(wrapper), dict):
            holder = inner
    found = holder.get("List")
    several = found if isinstance(found, list) else [found]
    return [entry for entry in several if isinstance(entry, dict)]


def _item(entry: Mapping[str, Any]) -> SubscriptionItem:
    error_code = _text(entry.get("ErrorCode"))
    return SubscriptionItem(
        template_id=_text(entry.get("TemplateId")),
        status=_text(entry.get("SubscribeStatusString")),
        message_id=_text(entry.get("MsgID")),
        error_code=int(error_code) if error_code.lstrip("-").isdecimal() else None,
        error_status=_text(entry.get("ErrorStatus")),
    )


def _dedupe_key(app_id: str, fields: Mapping[str, Any]) -> str:
    """MsgId names a person's message; events have none, and two of them may share person, second and kind."""
    message_id = _text(fields.get("MsgId"))
    known_by = message_id.encode() if message_id else msgspec.json.encode(fields, order="deterministic")
    return hashlib.sha256(app_id.encode() + b"\n" + known_by).hexdigest()


def _moment(value: object) -> datetime | None:
    seconds = _text(value)
    return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() and len(seconds) <= 10 else None


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
