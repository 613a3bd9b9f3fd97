"""WeChat's message push (消息推送): permissions, the fate of sent messages, and what people write, made neutral."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from app.clock import now, rfc3339
from app.crypto import FieldCipher
from clients.wechat.message_push import MessagePush
from clients.wechat.push_events import PushMessage
from notify.neutral import PermissionChange, PushEvent, Receipt

PROVIDER = "wechat"
_POPUP, _CHANGE, _SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
_ENTERED = "user_enter_tempsession"
_CARD = "miniprogrampage"
SEALED = "platform_message.content"
"""The column name that binds what people write on its way to the room that answers."""
_LONGEST = 2_000
_POPUP_CHANGES = {"accept": PermissionChange.GRANTED, "ban": PermissionChange.WITHDRAWN}


class WeChatPushDoor:
    """The push address of one mini-program. See ports.PushDoor."""

    def __init__(self, push: MessagePush, cipher: FieldCipher) -> None:
        self._push = push
        self._cipher = cipher

    def answer_check(self, query: Mapping[str, str]) -> str:
        """Answer the URL check. Source: WeChat mini-program documents, 消息推送."""
        return self._push.answer_check(query)

    def parse(self, query: Mapping[str, str], body: bytes) -> PushEvent:
        """Verify, open and read one message. Source: WeChat mini-program documents, 订阅消息 事件推送."""
        message = self._push.open(query, body)
        return PushEvent(
            provider=PROVIDER,
            event_key=message.dedupe_key,
            occurred_at=message.created_at or now(),
            app_id=message.app_id,
            subject=message.openid,
            changes=_changes(message),
            receipts=_receipts(message),
            sealed=self._sealed(message),
        )

    def _sealed(self, message: PushMessage) -> str:
        """Encrypt what somebody wrote to customer service (客服消息), with whom it is from."""
        words = _words(message)
        if words is None:
            return ""
        return base64.b64encode(self._cipher.encrypt_json(SEALED, words)).decode()


def _changes(message: PushMessage) -> dict[str, PermissionChange]:
    """A refusal in the panel leaves earlier consents alone; one in the settings withdraws them all."""
    if message.event == _POPUP:
        return {
            item.template_id: _POPUP_CHANGES.get(item.status, PermissionChange.KEPT)
            for item in message.items
            if item.template_id
        }
    if message.event == _CHANGE:
        return {
            item.template_id: PermissionChange.WITHDRAWN
            for item in message.items
            if item.template_id and item.status != "accept"
        }
    return {}


def _receipts(message: PushMessage) -> tuple[Receipt, ...]:
    if message.event != _SENT:
        return ()
    return tuple(
        Receipt(item.message_id, item.error_code == 0, str(item.error_code))
        for item in message.items
        if item.message_id and item.error_code is not None
    )


def _words(message: PushMessage) -> dict[str, Any] | None:
    """Return a customer-service message in neutral words; None for every other push.

    Source: WeChat mini-program documents, 接收消息和事件 (text, image, miniprogrampage, user_enter_tempsession).
    """
    entered = message.event == _ENTERED
    if not message.openid or (message.event and not entered) or (message.kind == "event" and not entered):
        return None
    kind, text = ("other", _entrance(message)) if entered else _content(message)
    return {
        "provider": "WECHAT",
        "app_id": message.app_id,
        "subject": message.openid,
        "kind": kind,
        "text": text[:_LONGEST],
        "key": message.dedupe_key,
        "written_at": rfc3339(message.created_at or now()),
        "opens_quietly": entered,
    }


def _content(message: PushMessage) -> tuple[str, str]:
    if message.kind == "text":
        return "text", message.text
    if message.kind == "image":
        return "image", f"媒体编号 {_field(message, 'MediaId')} {_field(message, 'PicUrl')}".strip()
    if message.kind == _CARD:
        return "other", f"小程序卡片 {_field(message, 'Title')} {_field(message, 'PagePath')}".strip()
    return "other", f"{message.kind[:32]} {_field(message, 'MediaId')}".strip()


def _entrance(message: PushMessage) -> str:
    return f"进入客服会话 {_field(message, 'SessionFrom')}".strip()


def _field(message: PushMessage, name: str) -> str:
    value = message.fields.get(name, "")
    return value[:500] if isinstance(value, str) else ""
