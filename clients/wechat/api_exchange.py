"""One call to api.weixin.qq.com without token handling: JSON out unescaped, JSON in whatever its content type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from app.errors import ProviderProtocolError
from clients.transport import Transport
from clients.wechat.api_errors import PROVIDER

_ANSWER = msgspec.json.Decoder(dict[str, Any])
_JSON = {"Content-Type": "application/json"}


async def exchange(
    transport: Transport,
    call: str,
    url: str,
    *,
    query: Mapping[str, str],
    payload: Mapping[str, object] | None = None,
    repeatable: bool = False,
    timeout_seconds: float = 8.0,
) -> dict[str, Any]:
    """GET, or POST when there is a payload; return the JSON object, whatever its errcode.

    Raises: ProviderUnreachable; ProviderProtocolError when the answer is no JSON object.
    Source: WeChat mini-program documents, 服务端 API 调用: answers are 200 with JSON, often as text/plain.
    """
    answer = await transport.send(
        call,
        "GET" if payload is None else "POST",
        f"{url}?{urlencode(query)}" if query else url,
        body=None if payload is None else msgspec.json.encode(payload),
        headers=None if payload is None else _JSON,
        repeatable=repeatable,
        timeout_seconds=timeout_seconds,
    )
    try:
        return _ANSWER.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProviderProtocolError(
            provider=PROVIDER, call=call, reason="unreadable_answer", answer_status=answer.status
        ) from None
