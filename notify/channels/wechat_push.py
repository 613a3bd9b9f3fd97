"""WeChat's message push (消息推送): decisions about permissions and the fate of sent messages, made neutral."""

from __future__ import annotations

from collections.abc import Mapping

from app.clock import now
from clients.wechat.message_push import MessagePush
from clients.wechat.push_events import PushMessage
from notify.neutral import PermissionChange, PushEvent, Receipt

PROVIDER = "wechat"
_POPUP, _CHANGE, _SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
_POPUP_CHANGES = {"accept": PermissionChange.GRANTED, "ban": PermissionChange.WITHDRAWN}


class WeChatPushDoor:
    """The push address of one mini-program. See ports.PushDoor."""

    def __init__(self, push: MessagePush) -> None:
        self._push = push

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
        )


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
