"""Phones over HTTP for the citizens' doors: one for every caller and platform, over the world of the room's tests."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp

from app.crypto import FieldCipher
from app.tokens import AccessTokens, Caller
from handlers.doors import Route
from tests.doorway import served
from tests.integration.applications.test_doors import Phone


@asynccontextmanager
async def phones_of(world: Any, cipher: FieldCipher, routes: Sequence[Route]) -> AsyncIterator[Callable[..., Phone]]:
    """Serve some doors; yields a function that gives the phone of a caller."""
    tokens = AccessTokens({"k": secrets.token_bytes(32)})
    house = SimpleNamespace(applications=world.applications, tokens=tokens, cipher=cipher)
    async with served(house, routes) as base, aiohttp.ClientSession() as session:

        def phone(caller: Caller, provider: str = "WECHAT") -> Phone:
            token = tokens.issue(caller.citizen_id, caller.session_id, caller.identity_id, provider)
            return Phone(session, base, token)

        yield phone
