"""The staff doors over real HTTP: bearer for programs, cookie with CSRF token for pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from app.settings import Settings
from handlers.doors import STAFF_COOKIE
from handlers.staff import auth
from tests.doorway import served
from tests.integration.staff.conftest import House

pytestmark = pytest.mark.anyio


@pytest.fixture
async def base(house: House) -> AsyncIterator[str]:
    """Open doors."""
    front = SimpleNamespace(staff=house.staff, cipher=house.cipher, settings=Settings(public_url="https://sjt.example"))
    async with served(front, auth.ROUTES) as address:
        yield f"{address}/api/staff/v1"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no cookies by itself."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def _sign_in(client: aiohttp.ClientSession, base: str, house: House) -> Any:
    body = {"username": "window-1", "password": house.credentials["window-1"].password, "totp": house.code("window-1")}
    async with client.post(f"{base}/sign-in", json=body) as answer:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        return await answer.json()


async def test_journey_with_a_bearer_token(client: aiohttp.ClientSession, base: str, house: House) -> None:
    signed_in = await _sign_in(client, base, house)
    assert set(signed_in) == {"access_token", "csrf_token", "expires_in", "staff", "setup"}
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    async with client.get(f"{base}/me", headers=headers) as answer:
        assert await answer.json() == signed_in["staff"]
    async with client.post(f"{base}/sign-out", headers=headers) as answer:
        assert answer.status == 204
        cookie = answer.headers["Set-Cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Secure", "Max-Age=0"))
    async with client.get(f"{base}/me", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "staff_session_ended")


async def test_no_browser_keeps_or_guesses_at_what_staff_see(
    client: aiohttp.ClientSession, base: str, house: House
) -> None:
    signed_in = await _sign_in(client, base, house)
    for token, status in ((signed_in["access_token"], 200), ("x", 401)):
        async with client.get(f"{base}/me", headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == status
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_cookie_needs_the_csrf_token_to_write(client: aiohttp.ClientSession, base: str, house: House) -> None:
    signed_in = await _sign_in(client, base, house)
    cookie = {"Cookie": f"{STAFF_COOKIE}={signed_in['access_token']}"}
    async with client.get(f"{base}/me", headers=cookie) as answer:
        assert answer.status == 200
    async with client.post(f"{base}/sign-out", headers=cookie) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "csrf_failed")
    async with client.post(f"{base}/sign-out", headers=cookie | {"X-CSRF-Token": signed_in["csrf_token"]}) as answer:
        assert answer.status == 204


async def test_strangers_and_citizens_are_kept_out(client: aiohttp.ClientSession, base: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": f"{STAFF_COOKIE}=x"}):
        async with client.get(f"{base}/me", headers=headers) as answer:
            assert answer.status == 401


def test_session_cookie_is_out_of_reach_for_scripts_and_other_sites() -> None:
    assert auth.session_cookie("t", secure=True) == f"{STAFF_COOKIE}=t; Path=/; HttpOnly; SameSite=Strict; Secure"
    assert "Secure" not in auth.session_cookie("t", secure=False)
