"""How 丰桥 is called: one POST address, a service code, a JSON text, and a digest or a token. SfClient uses it.

It must not know what a service does. With a token address set, the check word buys a token (OAuth2) instead of signing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.errors import ProviderProtocolError, ProviderRejected
from clients.couriers.sf.answers import access_token, inner_data, msg_data
from clients.couriers.sf.signing import message_digest
from clients.couriers.sf.types import SfAccount
from clients.transport import Transport

_FORM = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
_TOKEN_CALL = "oauth2_access_token"
_EARLY = timedelta(minutes=5)


class SfWire:
    """Calls of one 丰桥 account."""

    def __init__(self, account: SfAccount, transport: Transport, now: Callable[[], datetime]) -> None:
        self.account = account
        self.now = now
        self._transport = transport
        self._token = ""
        self._token_ends_at: datetime | None = None

    async def call(
        self, service_code: str, content: Mapping[str, Any], *, repeatable: bool = False, timeout_seconds: float = 8.0
    ) -> dict[str, Any]:
        """Return msgData of a success. Raises: ProviderRejected, ProviderUnavailable, ProviderProtocolError."""
        return msg_data(await self._twice(service_code, content, msg_data, repeatable, timeout_seconds), service_code)

    async def call_bare(
        self, service_code: str, content: Mapping[str, Any], *, timeout_seconds: float = 15.0
    ) -> dict[str, Any]:
        """Return the inner layer of a service that has no msgData in it. A read. Raises: as `call`."""
        return inner_data(await self._twice(service_code, content, inner_data, True, timeout_seconds), service_code)

    async def fetch(self, service_code: str, url: str, headers: Mapping[str, str]) -> bytes:
        """Get a file that SF named in an answer: over https, or from the very host that we call.

        Raises: ProviderUnavailable, ProviderProtocolError.
        """
        parts, own = urlsplit(url), urlsplit(self.account.service_url)
        if parts.scheme != "https" and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            raise ProviderProtocolError(provider="sf", call=service_code, reason="unsafe_file_address")
        answer = await self._transport.send(
            f"{service_code}.file", "GET", url, headers=headers, timeout_seconds=15.0, repeatable=True
        )
        if answer.status != 200:
            raise ProviderProtocolError(provider="sf", call=service_code, reason="no_file", answer_status=answer.status)
        return answer.body

    async def _twice(
        self,
        service_code: str,
        content: Mapping[str, Any],
        check: Callable[[bytes, str], dict[str, Any]],
        repeatable: bool,
        timeout_seconds: float,
    ) -> bytes:
        try:
            raw = await self._post(service_code, content, repeatable, timeout_seconds)
            check(raw, service_code)
            return raw
        except ProviderRejected as error:
            # Too old a timestamp or token was not executed; A1007 means our own repeat under one requestID crossed an
            # answer that got lost. A fresh request settles both.
            if error.provider_code != "A1002" and not (repeatable and error.provider_code == "A1007"):
                raise
        self._token_ends_at = None
        return await self._post(service_code, content, repeatable, timeout_seconds)

    async def _post(
        self, service_code: str, content: Mapping[str, Any], repeatable: bool, timeout_seconds: float
    ) -> bytes:
        msg = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        timestamp = str(int(self.now().timestamp() * 1000))
        form = {
            "partnerID": self.account.partner_id,
            "requestID": str(uuid.uuid4()),
            "serviceCode": service_code,
            "timestamp": timestamp,
            **await self._proof(msg, timestamp),
            "msgData": msg,
        }
        return await self._send(service_code, self.account.service_url, form, repeatable, timeout_seconds)

    async def _proof(self, msg: str, timestamp: str) -> dict[str, str]:
        if not self.account.token_url:
            return {"msgDigest": message_digest(msg, timestamp, self.account.check_word)}
        if self._token_ends_at is None or self.now() >= self._token_ends_at - _EARLY:
            await self._buy_token()
        return {"accessToken": self._token}

    async def _buy_token(self) -> None:
        """Get a token for about two hours. Source: 丰桥 API 对接规范, OAuth2 认证 (accessToken)."""
        form = {"partnerID": self.account.partner_id, "secret": self.account.check_word, "grantType": "password"}
        raw = await self._send(_TOKEN_CALL, self.account.token_url, form, True, 8.0)
        self._token, seconds = access_token(raw, _TOKEN_CALL)
        self._token_ends_at = self.now() + timedelta(seconds=seconds)

    async def _send(
        self, call: str, url: str, form: Mapping[str, str], repeatable: bool, timeout_seconds: float
    ) -> bytes:
        answer = await self._transport.send(
            call,
            "POST",
            url,
            body=urlencode(form).encode("ascii"),
            headers=_FORM,
            timeout_seconds=timeout_seconds,
            repeatable=repeatable,
        )
        if answer.status != 200:
            raise ProviderProtocolError(
                provider="sf", call=call, reason="unexpected_status", answer_status=answer.status
            )
        return answer.body
