"""One signed question to the business register: is this person the legal representative of this enterprise?

The adapter in services/accounts/identity calls it. Personal data go in the body only, never in an address.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected
from clients.register.signing import answer_text, fits, request_text, signature
from clients.register.types import RegisterAccount, RegisterAnswer, RegisterResult
from clients.transport import Answer, Transport

PROVIDER = "register"
_PATH = "/register/v1/representative-checks"
_CALL = "representative_check"


class _Body(msgspec.Struct):
    code: str
    message: str = ""
    result: RegisterResult | None = None
    address: str = ""


class RegisterClient:
    """Questions of one account. They only read, so an unanswered one is asked again."""

    def __init__(
        self,
        account: RegisterAccount,
        transport: Transport,
        *,
        timeout_seconds: float = 8.0,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._account, self._transport = account, transport
        self._timeout_seconds, self._now = timeout_seconds, now

    async def check_representative(self, uscc: str, name: str, person_name: str, id_number: str) -> RegisterAnswer:
        """Compare an enterprise and a person with the register.

        Raises: ProviderUnavailable, ProviderRejected, ProviderProtocolError.
        Source: docs/providers/register.md, Call (our profile).
        """
        url = self._account.base_url.rstrip("/") + _PATH
        path = urlsplit(url).path
        sent = {"uscc": uscc, "name": name, "representative_name": person_name, "representative_id_number": id_number}
        body, nonces = msgspec.json.encode(sent), list[str]()

        def headers() -> dict[str, str]:
            nonces.append(secrets.token_hex(16))
            return self._headers(path, nonces[-1], body)

        answer = await self._transport.send(
            _CALL,
            "POST",
            url,
            body=body,
            headers=headers,
            timeout_seconds=self._timeout_seconds,
            repeatable=True,
        )
        return self._read(answer, path, nonces[-1])

    def _headers(self, path: str, nonce: str, body: bytes) -> dict[str, str]:
        account, timestamp = self._account, int(self._now().timestamp())
        text = request_text("POST", path, account.app_id, timestamp, nonce, body)
        return {
            "Content-Type": "application/json",
            "X-Register-App-Id": account.app_id,
            "X-Register-Timestamp": str(timestamp),
            "X-Register-Nonce": nonce,
            "X-Register-Signature": signature(account.secret, text),
        }

    def _read(self, answer: Answer, path: str, nonce: str) -> RegisterAnswer:
        given = answer.headers.get("X-Register-Signature", "")
        if not fits(self._account.secret, answer_text(answer.status, path, nonce, answer.body), given):
            raise _protocol_error("not_genuine")
        try:
            body = msgspec.json.decode(answer.body, type=_Body)
        except msgspec.DecodeError:
            raise _protocol_error("unreadable") from None
        if body.code != "OK":
            raise ProviderRejected(provider=PROVIDER, provider_code=body.code, provider_message=body.message)
        if answer.status != 200 or body.result is None:
            raise _protocol_error("no_result")
        return RegisterAnswer(body.result, body.address)


def _protocol_error(reason: str) -> ProviderProtocolError:
    return ProviderProtocolError(provider=PROVIDER, call=_CALL, reason=reason)
