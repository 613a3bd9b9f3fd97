"""The digest of a 丰桥 request: MD5 over Java's form encoding of content, time and check word.

The client calls it. The check word is the secret; nothing here may log.
"""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote_plus


def java_url_encode(text: str) -> str:
    """Encode as `java.net.URLEncoder` does in UTF-8: space to `+`, `*` kept, `~` escaped.

    Source: java.net.URLEncoder; SF's own sample signs with it.
    """
    return quote_plus(text, safe="*-._").replace("~", "%7E")


def message_digest(msg_data: str, timestamp: str, check_word: str) -> str:
    """Return `msgDigest` over the very msgData text that is sent.

    Source: 丰桥 API 对接规范, 数字签名 (msgDigest).
    """
    encoded = java_url_encode(msg_data + timestamp + check_word)
    return base64.b64encode(hashlib.md5(encoded.encode("ascii"), usedforsecurity=False).digest()).decode()
