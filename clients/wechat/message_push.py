"""Message push (消息推送): proves that WeChat sent a message, opens it, and gives one shape for JSON and XML.

Called by the WeChat callback door through its adapter. It must not answer, store or look anything up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from xml.parsers.expat import ExpatError

import msgspec
import xmltodict

from app import clock
from app.errors import CallbackRejected
from clients.wechat.api_errors import PROVIDER
from clients.wechat.config import MiniProgramConfig
from clients.wechat.push_events import PushMessage, normalise

# WeChat sets no limit; ours bounds how long a stolen message can be sent again.
WINDOW_SECONDS = 900
_KEY_BYTES = 32


class MessagePush:
    """The push channel of one mini-program: safe mode when the config has an EncodingAESKey, else plain."""

    def __init__(self, config: MiniProgramConfig, *, now: Callable[[], datetime] = clock.now) -> None:
        if not config.push_token:
            raise ValueError("message push needs its token")
        self._config = config
        self._now = now
        if config.push_aes_key and len(base64.b64decode(f"{config.push_aes_key}=")) != _KEY_BYTES:
            raise ValueError("EncodingAESKey is not base64")

    def answer_check(self, query: Mapping[str, str]) -> str:
        """Return the text to answer to WeChat's URL check (GET). Raises CallbackRejected.

        Source: WeChat mini-program documents, 消息推送 URL 校验.
        """
        self._check_signature(query, "signature")
        return query.get("echostr", "")

    def open(self, query: Mapping[str, str], body: bytes) -> PushMessage:
        """Verify and read one pushed message; answer `success` within 5 s. Raises CallbackRejected.

        In safe mode only `msg_signature` counts: the plain `signature` does not cover the body.
        Source: WeChat mini-program documents, 消息推送 消息加解密说明.
        """
        self._check_window(query)
        if not self._config.push_aes_key:
            self._check_signature(query, "signature")
            return normalise(self._config.app_id, _parse(body))
        sealed = _parse(body).get("Encrypt")
        if not isinstance(sealed, str):
            raise _rejected("not_encrypted")
        self._check_signature(query, "msg_signature", sealed)
        return normalise(self._config.app_id, _parse(self._decrypt(query, sealed)))

    def _decrypt(self, query: Mapping[str, str], sealed: str) -> bytes:
        # Loaded with the first sealed message: it brings an HTTP client of its own, 6 MiB that few processes need.
        from wechatpy.crypto import WeChatCrypto
        from wechatpy.exceptions import InvalidAppIdException

        crypto = WeChatCrypto(self._config.push_token, self._config.push_aes_key, self._config.app_id)
        try:
            opened = crypto.decrypt_message(
                {"Encrypt": sealed}, query["msg_signature"], query["timestamp"], query["nonce"]
            )
        except InvalidAppIdException:
            raise _rejected("appid") from None
        # wechatpy lets whatever a wrong key or a cut text causes pass through.
        except (ValueError, IndexError, struct.error):
            raise _rejected("decrypt") from None
        return str(opened).encode()

    def _check_signature(self, query: Mapping[str, str], name: str, *covered: str) -> None:
        parts = [self._config.push_token, query.get("timestamp", ""), query.get("nonce", ""), *covered]
        expected = hashlib.sha1("".join(sorted(parts)).encode(errors="replace")).hexdigest()
        if not hmac.compare_digest(expected.encode(), query.get(name, "").encode(errors="replace")):
            raise _rejected("signature")

    def _check_window(self, query: Mapping[str, str]) -> None:
        timestamp = query.get("timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise _rejected("timestamp")
        if abs(self._now().timestamp() - int(timestamp)) >= WINDOW_SECONDS:
            raise _rejected("stale")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        if body.lstrip().startswith(b"<"):
            message: object = xmltodict.parse(body)["xml"]
        else:
            message = msgspec.json.decode(body)
    # ValueError: expat's refusal of entities. RecursionError: a bomb of nested brackets.
    except (msgspec.DecodeError, ExpatError, KeyError, ValueError, RecursionError):
        raise _rejected("shape") from None
    if not isinstance(message, dict):
        raise _rejected("shape")
    return message


def _rejected(reason: str) -> CallbackRejected:
    return CallbackRejected(provider=PROVIDER, reason=reason)
