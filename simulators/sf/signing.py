"""The digest that 丰桥 checks on every call. Used by the SF simulator only, apart from the backend's client."""

import base64
import hashlib
import hmac
from urllib.parse import quote_plus


def digest(msg_data: str, timestamp: str, check_word: str) -> str:
    """Compute msgDigest: Base64 of the raw MD5 of Java's URLEncoder over the three joined texts.

    Source: 丰桥开放平台 数字签名认证说明 (msgDigest).
    """
    encoded = quote_plus(msg_data + timestamp + check_word, safe="*-._").replace("~", "%7E")
    return base64.b64encode(hashlib.md5(encoded.encode(), usedforsecurity=False).digest()).decode()


def matches(given: str, msg_data: str, timestamp: str, check_word: str) -> bool:
    """Compare a received digest in constant time."""
    return hmac.compare_digest(given.encode(), digest(msg_data, timestamp, check_word).encode())
