"""The two calls of the seal authority: seal a digest under our reference, and ask what became of a reference.

The adapter services/licences/adapters/seal.py calls it. It must not know what a document is about.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected
from clients.seal.signing import SIGNED_FIELDS, answer_fault, request_headers, statement_is_genuine
from clients.seal.types import SealAccount, Statement
from clients.transport import Answer, ProviderUnreachable, Transport

PROVIDER = "seal"
SUCCESS = "0000"
NO_SUCH_REFERENCE = "SE1001"
_UNKNOWN = "SE9999"
_COME_AGAIN = ("SE0003", "SE0006", "SE9001")
_SEAL, _QUERY = "seals", "seals/query"
_ROOT = "/seal/v1/"
_SEAL_NO = re.compile(r"[0-9A-Z]{8,64}")


class SealClient:
    """Calls of one account. All raise ProviderUnavailable, ProviderRejected and ProviderProtocolError; every call
    carries our reference, so every call may be repeated."""

    def __init__(
        self,
        account: SealAccount,
        transport: Transport,
        *,
        timeout_seconds: float = 10.0,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.account = account
        self._transport = transport
        self._timeout_seconds = timeout_seconds
        self._now = now

    async def seal(self, reference: str, document_sha256: str, owner: str) -> Statement:
        """Have the seal of a body put on the document of this digest.

        Raises: ProviderRejected SE1002 when the reference stands for another document, SE1003 when there is no seal.
        Idempotent: yes, by `reference` with the same digest.
        Source: docs/providers/seal.md, seals.
        """
        content = {"Reference": reference, "DocumentSha256": document_sha256, "SealOwner": owner}
        return self._statement(_SEAL, await self._call(_SEAL, content), content)

    async def query(self, reference: str, document_sha256: str, owner: str) -> Statement | None:
        """Ask what became of a reference; None when the authority does not know it. A read.

        Raises: ProviderProtocolError also when it stands for another document.
        Source: docs/providers/seal.md, seals/query.
        """
        try:
            data = await self._call(_QUERY, {"Reference": reference})
        except ProviderRejected as refused:
            if refused.provider_code == NO_SUCH_REFERENCE:
                return None
            raise
        asked = {"Reference": reference, "DocumentSha256": document_sha256, "SealOwner": owner}
        return self._statement(_QUERY, data, asked)

    def is_genuine(self, document_sha256: str, evidence: str) -> bool:
        """Tell whether kept evidence is the authority's signed word about the document of this digest.

        Source: docs/providers/seal.md, Statement.
        """
        try:
            statement = json.loads(evidence)
        except (ValueError, RecursionError):
            return False
        if not isinstance(statement, dict) or statement.get("DocumentSha256") != document_sha256:
            return False
        return statement_is_genuine(self.account.authority_keys, statement)

    async def _call(self, call: str, content: Mapping[str, Any]) -> dict[str, Any]:
        url = self.account.base_url.rstrip("/") + _ROOT + call
        path = urlsplit(url).path
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        nonces: list[str] = []

        def headers() -> dict[str, str]:
            nonces.append(secrets.token_hex(16))
            timestamp = int(self._now().timestamp())
            return request_headers(self.account, path, body, timestamp=timestamp, nonce=nonces[-1])

        answer = await self._transport.send(
            call, "POST", url, body=body, headers=headers, timeout_seconds=self._timeout_seconds, repeatable=True,
            failed=_unanswered,
        )  # fmt: skip
        fault = answer_fault(
            self.account, path, answer.status, answer.headers, answer.body, nonce=nonces[-1], now=self._now()
        )
        if fault:
            raise _protocol_error(call, fault)
        return _data(call, answer)

    def _statement(self, call: str, data: dict[str, Any], asked: Mapping[str, str]) -> Statement:
        if any(data.get(name) != value for name, value in asked.items()):
            raise _protocol_error(call, "another_document")
        if not statement_is_genuine(self.account.authority_keys, data):
            raise _protocol_error(call, "statement_signature")
        try:
            sealed_at = clock.from_beijing(data["SealedAt"])
        except ValueError:
            raise _protocol_error(call, "unreadable_value") from None
        if not _SEAL_NO.fullmatch(data["SealNo"]):
            raise _protocol_error(call, "unreadable_value")
        return Statement(
            reference=data["Reference"],
            document_sha256=data["DocumentSha256"],
            owner=data["SealOwner"],
            seal_no=data["SealNo"],
            sealed_at=sealed_at,
            evidence=_evidence(data),
        )


def _evidence(data: Mapping[str, Any]) -> str:
    """Return what must be kept to prove the seal later, and no more: it may be appended to a document."""
    kept = {name: data[name] for name in (*SIGNED_FIELDS, "Signature")}
    return json.dumps(kept, separators=(",", ":"))


def _unanswered(answer: Answer) -> bool:
    return answer.status >= 500 or answer.status == 429


def _data(call: str, answer: Answer) -> dict[str, Any]:
    try:
        outer = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise _protocol_error(call, "unreadable") from None
    code = outer.get("code") if isinstance(outer, dict) else None
    if not isinstance(code, str) or not code:
        raise _protocol_error(call, "no_result_code")
    if code == _UNKNOWN:
        raise ProviderUnreachable(PROVIDER, call, "system_error", provider_code=code)
    if code != SUCCESS:
        raise ProviderRejected(
            provider=PROVIDER,
            provider_code=code,
            provider_message=str(outer.get("message") or "")[:200],
            retryable=code in _COME_AGAIN,
            call=call,
        )
    data = outer.get("data")
    if not isinstance(data, dict):
        raise _protocol_error(call, "no_data")
    return data


def _protocol_error(call: str, reason: str) -> ProviderProtocolError:
    return ProviderProtocolError(provider=PROVIDER, call=call, reason=reason)
