"""Sends events to department systems (部门业务系统): one signed POST each, behind a breaker of its own per system.

The exchange room calls it. It must not know what an event says, or whether it comes again.
Source: docs/exchange.md, Events.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

import aiohttp

from app import clock, signatures
from app.signatures import SigningKey
from clients.breaker import Breaker
from clients.transport import Observer, Transport, unobserved

EVENT_NO = "x-exchange-event"
_PROVIDER = "department"


class DepartmentClient:
    """Calls of all systems over the shared session."""

    def __init__(
        self, session: aiohttp.ClientSession, *, observer: Observer = unobserved, timeout_seconds: float = 10.0
    ) -> None:
        self._session, self._observer, self._timeout_seconds = session, observer, timeout_seconds
        self._transports: dict[str, Transport] = {}

    async def send(self, system_code: str, url: str, key: SigningKey, event_no: str, body: bytes) -> int:
        """Send an event, signed anew for this try; return the status of the answer.

        Raises: ProviderUnavailable, ProviderProtocolError.
        Idempotent: yes, at the receiver, by the event's number.
        Source: docs/exchange.md, Events.
        """
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        signed = signatures.headers(
            key, "POST", target, body, timestamp=clock.timestamp(), nonce=secrets.token_urlsafe(24)
        )
        sent = {"Content-Type": "application/json; charset=utf-8", EVENT_NO: event_no, **signed}
        answer = await self._transport(system_code).send(
            "event", "POST", url, body=body, headers=sent, timeout_seconds=self._timeout_seconds
        )
        return answer.status

    def _transport(self, system_code: str) -> Transport:
        found = self._transports.get(system_code)
        if found is None:
            found = self._transports[system_code] = Transport(
                self._session,
                f"{_PROVIDER}:{system_code}",
                breaker=Breaker(failure_threshold=5, open_seconds=15.0),
                observer=self._observer,
                max_answer_bytes=64 * 1024,
            )
        return found
