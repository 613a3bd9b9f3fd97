"""The digest that 快递鸟 checks on every call and puts under every push. Apart from the backend's client."""

import base64
import hashlib
import hmac


def digest(request_data: str, app_key: str) -> str:
    """Compute DataSign: Base64 of the MD5's lower-case hex text. Source: 快递鸟 接口技术文档, 签名说明."""
    hexadecimal = hashlib.md5(f"{request_data}{app_key}".encode(), usedforsecurity=False).hexdigest()
    return base64.b64encode(hexadecimal.encode()).decode()


def matches(given: str, request_data: str, app_key: str) -> bool:
    """Compare a received digest in constant time."""
    return hmac.compare_digest(given.encode(), digest(request_data, app_key).encode())
