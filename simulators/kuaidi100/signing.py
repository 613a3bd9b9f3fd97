"""The MD5 signatures of 快递100, as the vendor checks and makes them. Used by its simulator only."""

import hashlib
import hmac


def sign(*parts: str) -> str:
    """Hash the joined parts. Source: 快递100 接口文档, sign: 32 位大写 MD5, no separators."""
    return hashlib.md5("".join(parts).encode("utf-8", "replace"), usedforsecurity=False).hexdigest().upper()


def matches(given: str, *parts: str) -> bool:
    """Compare a received signature in constant time, in either case."""
    return hmac.compare_digest(given.upper().encode("utf-8", "replace"), sign(*parts).encode())
