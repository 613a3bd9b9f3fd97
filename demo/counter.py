"""Members of staff at their counter: signed in with password and one-time code, deciding cases over the staff API."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import pyotp

from demo.wire import Answer, Wire

_STEP_SECONDS = 30


class Counter:
    """One member of staff.

    Args:
        account: username, password and TOTP secret, as demo mode wrote them down.
        service: the backend.
    """

    def __init__(self, account: dict[str, Any], service: Wire) -> None:
        self.account, self._service = account, service
        self.token = ""

    async def sign_in(self) -> dict[str, Any]:
        """Sign in; a one-time code works once: a second sign-in takes the next one, a third waits for one more."""
        for offset_seconds, wait in ((0, False), (_STEP_SECONDS, False), (_STEP_SECONDS, True)):
            if wait:
                await asyncio.sleep(_STEP_SECONDS - time.time() % _STEP_SECONDS)
            claim = {
                "username": self.account["username"],
                "password": self.account["password"],
                "totp": self.code(offset_seconds),
            }
            answer = await self._service.send("POST", "/api/staff/v1/sign-in", value=claim)
            if answer.status == 200:
                break
        signed_in: dict[str, Any] = answer.expect(200)
        self.token = signed_in["access_token"]
        return signed_in

    def code(self, offset_seconds: int = 0) -> str:
        """Read the authenticator; empty where none was enrolled yet."""
        secret = self.account["totp_secret"]
        return pyotp.TOTP(secret).at(int(time.time()) + offset_seconds) if secret else ""

    async def call(self, method: str, path: str, value: Any = None, *, key: str = "", **more: Any) -> Answer:
        """Call the staff API, writes under a key: a new one unless it is given."""
        headers = {"Idempotency-Key": key or secrets.token_hex(12)} if method != "GET" else {}
        return await self._service.send(
            method, f"/api/staff/v1{path}", value=value, token=self.token, headers=headers, **more
        )
