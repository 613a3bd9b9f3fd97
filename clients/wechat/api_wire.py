"""A mini-program API call with its access token: renews a refused token and repeats, boundedly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from app.errors import ProviderProtocolError
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_errors import PROVIDER, TOKEN_REFUSED, code_of, error_from
from clients.wechat.api_exchange import exchange
from clients.wechat.config import MiniProgramConfig

T = TypeVar("T")


class ApiWire:
    """Calls of one mini-program."""

    def __init__(self, config: MiniProgramConfig, transport: Transport, tokens: AccessTokens) -> None:
        self.config = config
        self.transport = transport
        self._tokens = tokens
        self._addresses: dict[str, tuple[str, str]] = {}
        """By path: the newest token, and the address with it."""

    async def call(
        self, name: str, path: str, payload: Mapping[str, object] | None = None, *, repeatable: bool = False
    ) -> dict[str, Any]:
        """Call with a token; return a successful answer. A refused token did nothing, so any call may repeat then.

        Raises: ProviderUnreachable, ProviderRejected (also when the token stays refused), ProviderProtocolError.
        Source: WeChat mini-program documents, 接口调用凭据 (40001, 40014, 42001).
        """
        token = await self._tokens.current()
        answer = await self._send(name, path, token.value, payload, repeatable)
        if code_of(answer) in TOKEN_REFUSED and (renewed := await self._tokens.replace(token)):
            answer = await self._send(name, path, renewed.value, payload, repeatable)
            kept_by_wechat = renewed.value == token.value
            if code_of(answer) in TOKEN_REFUSED and kept_by_wechat:
                forced = await self._tokens.replace(renewed, force=True)
                if forced is not None:
                    answer = await self._send(name, path, forced.value, payload, repeatable)
        return checked(name, answer)

    async def _send(
        self, name: str, path: str, token: str, payload: Mapping[str, object] | None, repeatable: bool
    ) -> dict[str, Any]:
        known = self._addresses.get(path)
        if known is None or known[0] != token:
            query = urlencode({"access_token": token})
            known = self._addresses[path] = token, f"{self.config.api_base}{path}?{query}"
        return await exchange(self.transport, name, known[1], query={}, payload=payload, repeatable=repeatable)


def checked(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer if it is a success. Raises as `ApiWire.call`."""
    if code_of(answer):
        raise error_from(name, answer)
    return answer


def shaped(name: str, answer: object, wanted: type[T]) -> T:
    """Read (part of) an answer as a type; unknown fields are welcome. Raises ProviderProtocolError."""
    try:
        return msgspec.convert(answer, wanted)
    except msgspec.ValidationError:
        raise ProviderProtocolError(provider=PROVIDER, call=name, reason="unreadable_answer") from None
