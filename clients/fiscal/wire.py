"""One signed call to the fiscal platform: exact bytes out, verified bytes back, then the result code.

The client calls it. It must not know what the content means.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app import clock
from app.errors import ProviderProtocolError
from clients.fiscal.codes import PROVIDER, SUCCESS, failure
from clients.fiscal.signing import NotGenuine, request_headers, verify_answer
from clients.fiscal.types import FiscalAccount
from clients.transport import Answer, Transport

_ROOT = "/nontax/v1/"


def _unanswered(answer: Answer) -> bool:
    # 429 comes from the gateway in front of the platform: nobody signs it.
    return answer.status >= 500 or answer.status == 429


class FiscalWire:
    """Calls of one account. Every call carries a number of ours or is a read, so every call may be repeated."""

    def __init__(
        self,
        account: FiscalAccount,
        transport: Transport,
        *,
        timeout_seconds: float = 10.0,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.account = account
        self._transport = transport
        self._timeout_seconds = timeout_seconds
        self._now = now

    async def call(self, call: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Send the content of a call (`notice/query`) and return the `data` of a success.

        Raises: ProviderUnavailable, ProviderRejected, ProviderProtocolError.
        Source: docs/providers/fiscal.md, Calls (our profile).
        """
        url = self.account.base_url.rstrip("/") + _ROOT + call
        path = urlsplit(url).path
        sent = {"AdmDivCode": self.account.region, **content}
        body = json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
        nonces: list[str] = []

        def headers() -> dict[str, str]:
            nonces.append(secrets.token_hex(16))
            timestamp = int(self._now().timestamp())
            return request_headers(self.account, path, body, timestamp=timestamp, nonce=nonces[-1])

        answer = await self._transport.send(
            call,
            "POST",
            url,
            body=body,
            headers=headers,
            timeout_seconds=self._timeout_seconds,
            repeatable=True,
            failed=_unanswered,
        )
        try:
            verify_answer(
                self.account, path, answer.status, answer.headers, answer.body, nonce=nonces[-1], now=self._now()
            )
        except NotGenuine as error:
            raise protocol_error(call, str(error.reason)) from None
        return self._data(call, answer)

    def _data(self, call: str, answer: Answer) -> dict[str, Any]:
        try:
            outer = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise protocol_error(call, "unreadable") from None
        code = outer.get("code") if isinstance(outer, dict) else None
        if not isinstance(code, str) or not code:
            raise protocol_error(call, "no_result_code")
        if code != SUCCESS:
            raise failure(call, code, str(outer.get("message") or ""))
        data = outer.get("data")
        if answer.status != 200 or not isinstance(data, dict):
            raise protocol_error(call, "no_data")
        if data.get("AdmDivCode") != self.account.region:
            raise protocol_error(call, "another_region")
        return data


def protocol_error(call: str, reason: str) -> ProviderProtocolError:
    """Build the error for an answer that cannot be believed or read.

    Source: docs/providers/fiscal.md, What is verified.
    """
    return ProviderProtocolError(provider=PROVIDER, call=call, reason=reason)
