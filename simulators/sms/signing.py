"""Recomputes the request signatures of Aliyun (ACS3) and Tencent Cloud (TC3). Used by the SMS simulator only."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

ACS3 = "ACS3-HMAC-SHA256"
TC3 = "TC3-HMAC-SHA256"


def sha256_hex(data: bytes) -> str:
    """Hash as both vendors write it: lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def parse_authorization(header: str, scheme: str) -> dict[str, str]:
    """Split `Scheme A=1,B=2` (with or without spaces) into its parts; empty when it is another scheme."""
    name, _, rest = header.partition(" ")
    if name != scheme:
        return {}
    return dict(part.strip().partition("=")[::2] for part in rest.split(","))


def _acs3_canonical(method: str, query: Mapping[str, str], headers: Mapping[str, str], signed: str, body: bytes) -> str:
    pairs = "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed.split(";"))
    return f"{method}\n/\n{pairs}\n{lines}\n{signed}\n{sha256_hex(body)}"


def acs3_signature(
    secret: str, method: str, query: Mapping[str, str], headers: Mapping[str, str], signed_headers: str, body: bytes
) -> str:
    """Sign an Aliyun RPC call; `headers` has lower-case names.

    Source: 阿里云 V3 版本请求体 & 签名机制 (ACS3-HMAC-SHA256).
    """
    canonical = _acs3_canonical(method, query, headers, signed_headers, body)
    text = f"{ACS3}\n{sha256_hex(canonical.encode())}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def tc3_signature(
    secret: str, headers: Mapping[str, str], signed_headers: str, timestamp: int, service: str, body: bytes
) -> str:
    """Sign a Tencent Cloud JSON call; `timestamp` in seconds, `headers` with lower-case names.

    Source: 腾讯云 API 签名方法 v3 (TC3-HMAC-SHA256).
    """
    lines = "".join(f"{name}:{headers.get(name, '').strip().lower()}\n" for name in signed_headers.split(";"))
    canonical = f"POST\n/\n\n{lines}\n{signed_headers}\n{sha256_hex(body)}"
    day = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    text = f"{TC3}\n{timestamp}\n{day}/{service}/tc3_request\n{sha256_hex(canonical.encode())}"
    key = f"TC3{secret}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
