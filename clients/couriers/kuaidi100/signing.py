"""The signatures of 快递100: MD5 over the exact characters sent, without separators.

The client and the push reader call it. Key, secret and salt are secrets; nothing here may log.
"""

from __future__ import annotations

import hashlib
import hmac


def query_sign(param: str, key: str, customer: str) -> str:
    """Sign a real-time query. Source: 快递100 实时快递查询接口技术文档, sign = MD5(param+key+customer)."""
    return _md5(param + key + customer)


def order_sign(param: str, milliseconds: str, key: str, secret: str) -> str:
    """Sign an order, label or address call. Source: 快递100 商家寄件接口技术文档, sign = MD5(param+t+key+secret)."""
    return _md5(param + milliseconds + key + secret)


def push_sign(param: str, salt: str) -> str:
    """Return what 快递100 signs a push with. Source: 快递100 快递信息推送服务, sign = MD5(param+salt)."""
    return _md5(param + salt)


def is_genuine(param: str, sign: str | None, salt: str | None) -> bool:
    """Compare a push's signature, without regard to case and in constant time.

    A subscription without a salt (None) is pushed unsigned, so nothing of it is proven; with an empty one the text
    alone is signed, which everybody can do: it passes here, and only here, as the vendor defines it.
    """
    if salt is None or not sign:
        return False
    given = sign.upper().encode("utf-8", "surrogatepass")
    return hmac.compare_digest(given, push_sign(param, salt).encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
