"""The access token of one mini-program: fetched by one process at a time, shared through Redis, renewed in time.

Used by api_wire. A token is a secret: never in a log or exception. With Redis away each process keeps its own copy,
which is safe because an ordinary stable_token call returns the same token to everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeGuard

from redis.asyncio import Redis

from app import clock
from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.transport import ProviderUnreachable, Transport
from clients.wechat.api_errors import PROVIDER, code_of, error_from
from clients.wechat.api_exchange import exchange
from clients.wechat.config import MiniProgramConfig
from clients.wechat.token_store import FORCE_GUARD_SECONDS, StoreAway, Token, TokenStore

RENEW_BEFORE_SECONDS = 300
_RECHECK_SECONDS = 10
_ALIVE_SECONDS = 5
_WAIT_SECONDS = 12.0
_POLL_SECONDS = 0.05
_REFUSED_PAUSE_SECONDS = 30


class AccessTokens:
    """Hands out the token. `redis` None means that this process is alone."""

    def __init__(
        self,
        config: MiniProgramConfig,
        transport: Transport,
        redis: Redis | None,
        *,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._config = config
        self._transport = transport
        self._store = TokenStore(redis, config.app_id, monotonic=monotonic) if redis is not None else None
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._held: Token | None = None
        self._recheck_at_seconds = 0.0
        self._force_again_at_seconds = 0.0
        self._refused: tuple[float, str, str] = (0.0, "", "")

    async def current(self) -> Token:
        """Return a usable token, usually from memory. Raises ProviderUnavailable, ProviderRejected (secret wrong)."""
        held = self._recently_checked()
        if held is not None:
            return held
        async with self._turn:
            return self._recently_checked() or await self._obtain(None, force=False)

    async def replace(self, failed: Token, *, force: bool = False) -> Token | None:
        """Return another token than the one WeChat just refused; None if a forced renewal is not allowed now.

        If somebody renewed already, theirs is taken; else it is renewed here. The value may be the same: ordinary
        renewal keeps a token that WeChat holds for good. Raises as `current`.
        """
        async with self._turn:
            if self._held is not None and self._held != failed and self._lives(self._held, _ALIVE_SECONDS):
                return self._held
            if force and not await self._may_force():
                return None
            return await self._obtain(failed, force=force)

    async def _obtain(self, failed: Token | None, *, force: bool) -> Token:
        try:
            token = await self._shared(failed, force)
        except StoreAway:
            token = await self._alone(failed, force)
        self._held = token
        self._recheck_at_seconds = self._monotonic() + _RECHECK_SECONDS
        return token

    async def _shared(self, failed: Token | None, force: bool) -> Token:
        if self._store is None:
            raise StoreAway
        give_up_at_seconds = self._monotonic() + _WAIT_SECONDS
        while True:
            stored = await self._store.read()
            if self._is_good(stored, failed):
                return stored
            owner = await self._store.try_lock()
            if owner is not None:
                return await self._renew(self._store, owner, failed, force)
            if stored is not None and stored != failed and self._lives(stored, _ALIVE_SECONDS):
                return stored
            if self._monotonic() > give_up_at_seconds:
                raise ProviderUnreachable(PROVIDER, "stable_token", "lock_wait", nothing_sent=True)
            await asyncio.sleep(_POLL_SECONDS)

    async def _renew(self, store: TokenStore, owner: str, failed: Token | None, force: bool) -> Token:
        try:
            # Somebody may have finished between our look and our lock.
            stored = await store.read()
            if self._is_good(stored, failed):
                return stored
            try:
                value, lifetime_seconds = await self._fetch(force)
            except ProviderUnavailable:
                if stored is not None and stored != failed and self._lives(stored, _ALIVE_SECONDS):
                    return stored
                raise
            saved = await store.save(owner, value, lifetime_seconds)
            return saved or Token(value, 0, self._monotonic() + lifetime_seconds)
        finally:
            await store.release(owner)

    async def _alone(self, failed: Token | None, force: bool) -> Token:
        held = self._held
        if self._is_good(held, failed):
            return held
        try:
            value, lifetime_seconds = await self._fetch(force)
        except ProviderUnavailable:
            if held is not None and held != failed and self._lives(held, _ALIVE_SECONDS):
                return held
            raise
        generation = held.generation + 1 if held else 1
        return Token(value, generation, self._monotonic() + lifetime_seconds)

    async def _fetch(self, force: bool) -> tuple[str, int]:
        """Source: WeChat mini-program documents, 获取稳定版接口调用凭据 (stable_token)."""
        refused_until_seconds, code, message = self._refused
        if self._monotonic() < refused_until_seconds:
            raise ProviderRejected(provider=PROVIDER, provider_code=code, provider_message=message)
        answer = await exchange(
            self._transport,
            "stable_token",
            f"{self._config.api_base}/cgi-bin/stable_token",
            query={},
            payload={
                "grant_type": "client_credential",
                "appid": self._config.app_id,
                "secret": self._config.app_secret,
                "force_refresh": force,
            },
            repeatable=not force,
            timeout_seconds=5.0,
        )
        if code_of(answer):
            error = error_from("stable_token", answer)
            if isinstance(error, ProviderRejected):
                pause_ends_seconds = self._monotonic() + _REFUSED_PAUSE_SECONDS
                self._refused = (pause_ends_seconds, error.provider_code, error.provider_message)
            raise error
        value, lifetime_seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not isinstance(lifetime_seconds, int) or lifetime_seconds < 1:
            raise ProviderProtocolError(provider=PROVIDER, call="stable_token", reason="unreadable_answer")
        return value, lifetime_seconds

    async def _may_force(self) -> bool:
        now_seconds = self._monotonic()
        if now_seconds < self._force_again_at_seconds:
            return False
        self._force_again_at_seconds = now_seconds + FORCE_GUARD_SECONDS
        try:
            return await self._store.may_force() if self._store is not None else True
        except StoreAway:
            return True

    def _recently_checked(self) -> Token | None:
        fresh = self._monotonic() < self._recheck_at_seconds
        held = self._held
        return held if fresh and held is not None and self._lives(held, _ALIVE_SECONDS) else None

    def _is_good(self, token: Token | None, failed: Token | None) -> TypeGuard[Token]:
        return token is not None and token != failed and self._lives(token, RENEW_BEFORE_SECONDS)

    def _lives(self, token: Token, seconds: float) -> bool:
        return token.dies_at_seconds - self._monotonic() > seconds
