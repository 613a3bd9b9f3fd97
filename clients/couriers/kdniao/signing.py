"""The proof under every call and every push of 快递鸟: a digest over the very JSON text and the app key.

The client and the push reader use it. The app key is the secret; nothing here may log.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def data_sign(request_data: str, app_key: str) -> str:
    """Return `DataSign`: Base64 of the lower-case hex MD5; the form encodes it once more, not we.

    Source: 快递鸟 接口技术文档, 签名说明 (DataSign).
    """
    digest = hashlib.md5((request_data + app_key).encode(), usedforsecurity=False).hexdigest()
    return base64.b64encode(digest.encode("ascii")).decode()


def is_genuine(shown: str, request_data: str, app_key: str) -> bool:
    """Compare a shown `DataSign` in constant time."""
    return hmac.compare_digest(shown.encode(), data_sign(request_data, app_key).encode())
