"""The gateway's text formats: forms in, signed JSON out, Beijing times, yuan.

Pure; used by the Alipay simulator only.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.alipay import signing
from simulators.clock import BEIJING

_TIME = "%Y-%m-%d %H:%M:%S"
_YUAN = re.compile(r"(0|[1-9]\d{0,8})(\.\d{1,2})?")
_MAX_FEN = 10_000_000_000


@dataclass(frozen=True)
class Seal:
    """How an answer is signed: with which key, and whether the signature is spoilt on purpose."""

    key: rsa.RSAPrivateKey
    omitted: bool = False
    broken: bool = False


def parse_form(raw: str, charset: str) -> dict[str, str]:
    """Decode a query string or form body once, in the given charset; unknown charsets count as GBK, as at Alipay."""
    try:
        "".encode(charset)
    except LookupError:
        charset = "gbk"
    return dict(parse_qsl(raw, keep_blank_values=True, encoding=charset, errors="replace", max_num_fields=200))


def render_form(params: Mapping[str, str], charset: str = "utf-8") -> bytes:
    """Encode a notification as an HTTP form."""
    return urlencode(params, encoding=charset).encode("ascii")


def beijing(moment: datetime) -> str:
    """Write an aware time as Alipay does: Beijing time, seconds."""
    return moment.astimezone(BEIJING).strftime(_TIME)


def from_beijing(text: str) -> datetime:
    """Read `yyyy-MM-dd HH:mm:ss` Beijing time as aware UTC. Raises: ValueError."""
    return datetime.strptime(text, _TIME).replace(tzinfo=BEIJING).astimezone(UTC)


def fen(text: object) -> int:
    """Read yuan text as fen. Raises: ValueError unless it lies in 0.01 to 100000000 with at most two decimals."""
    if not isinstance(text, str | int | float) or isinstance(text, bool) or not _YUAN.fullmatch(str(text)):
        raise ValueError("not an amount in yuan")
    whole, _, cents = str(text).partition(".")
    amount_fen = int(whole) * 100 + int(f"{cents}00"[:2])
    if not 0 < amount_fen <= _MAX_FEN:
        raise ValueError("amount out of range")
    return amount_fen


def dumps(content: Any) -> str:
    """Serialise as the gateway does: raw Chinese, no spaces, slashes escaped."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")


def seal_answer(node: str, content_text: str, seal: Seal, charset: str = "utf-8") -> bytes:
    """Wrap the raw text of a response node with its signature.

    Source: 支付宝开放平台 同步返回验签: the sign covers the exact text of the node's value.
    """
    if seal.omitted:
        return f'{{"{node}":{content_text}}}'.encode(charset)
    signature = signing.sign_rsa2(seal.key, content_text.encode(charset))
    if seal.broken:
        signature = spoil(signature)
    return f'{{"{node}":{content_text},"sign":"{signature}"}}'.encode(charset)


def spoil(signature: str) -> str:
    """Turn a signature into another well-formed one that fits nothing."""
    return signature[:8] + ("B" if signature[8] == "A" else "A") + signature[9:]
