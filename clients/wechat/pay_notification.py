"""Turns a raw WeChat Pay notification into a typed one: verify the bytes, then open, then read.

Called by the payments adapter. It must not look anything up or decide whether the content fits our records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from app.errors import CallbackRejected, ProviderProtocolError
from clients.wechat.config import PayMerchant
from clients.wechat.pay_crypto import Resource, Undecryptable, decrypt_resource
from clients.wechat.pay_errors import PROVIDER
from clients.wechat.pay_keys import KeyStore
from clients.wechat.pay_types import Moment, Refund, Transaction
from clients.wechat.pay_verify import NotGenuine, verify
from clients.wechat.pay_wire import read


class _Envelope(msgspec.Struct):
    id: str
    create_time: Moment
    event_type: str
    resource: Resource
    summary: str = ""


@dataclass(frozen=True, slots=True)
class PayNotification:
    """A genuine notification. `content` is None for event types that we do not use; `plaintext` is evidence."""

    notification_id: str
    created_at: datetime
    event_type: str
    content: Transaction | Refund | None
    plaintext: bytes


def parse_notification(
    headers: Mapping[str, str], body: bytes, merchant: PayMerchant, keys: KeyStore, now: datetime
) -> PayNotification:
    """Verify and open one notification; `body` must be the bytes as received.

    Raises: CallbackRejected (not genuine, stale, probe: answer 401, it comes again); ProviderProtocolError (genuine
    but not to be opened or read: answer 5xx and alarm, the APIv3 key may have been changed).
    Source: WeChat Pay, 支付成功回调通知; 退款结果通知; 如何验证签名.
    """
    try:
        verify(headers, body, keys, now)
    except NotGenuine as refusal:
        raise CallbackRejected(provider=PROVIDER, reason=str(refusal.reason)) from None
    envelope = read("notification", body, _Envelope)
    try:
        plaintext = decrypt_resource(envelope.resource, (merchant.apiv3_key, *merchant.earlier_apiv3_keys))
    except Undecryptable:
        raise ProviderProtocolError(provider=PROVIDER, call="notification", reason="decrypt") from None
    created_at = envelope.create_time.astimezone(UTC)
    content = _read_content(envelope.event_type, plaintext)
    return PayNotification(envelope.id, created_at, envelope.event_type, content, plaintext)


def _read_content(event_type: str, plaintext: bytes) -> Transaction | Refund | None:
    if event_type.startswith("TRANSACTION."):
        return read("notification", plaintext, Transaction)
    if event_type.startswith("REFUND."):
        return read("notification", plaintext, Refund)
    return None
