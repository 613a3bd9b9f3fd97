"""The business register: our client and adapter against the simulator, an independent caller against its refusals."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from app.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from clients.register.client import RegisterClient
from clients.register.types import RegisterAccount
from clients.transport import Transport
from services.accounts.enterprises.ports import Confirmed, NotConfirmed
from services.accounts.identity.register import RegisterAdapter

pytestmark = pytest.mark.anyio
PATH = "/register/v1/representative-checks"
CLOUD = ("91140105MA0K7QX256", "太原晋云信息技术有限公司")
ZHANG_WEI = ("张伟", "140105199003070012")


@pytest.fixture
async def register(sim: Any) -> AsyncIterator[RegisterAdapter]:
    account = RegisterAccount(sim.url("register"), "SJTREGTEST", "r" * 32)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        client = RegisterClient(account, Transport(session, "register"), timeout_seconds=1.5)
        yield RegisterAdapter(client)


def arm(sim: Any, kind: str, **more: Any) -> None:
    sim.control("POST", "/faults", {"provider": "register", "call": "representative_check", "kind": kind, **more})


def ask(sim: Any, content: Any, **change: str) -> Any:
    """Send one signed question; `change` replaces what is signed, or the signature."""
    body = json.dumps(content).encode()
    values = {"app_id": "SJTREGTEST", "timestamp": str(int(time.time())), "nonce": secrets.token_hex(16)} | change
    lines = ("POST", PATH, values["app_id"], values["timestamp"], values["nonce"], hashlib.sha256(body).hexdigest())
    text = "".join(f"{line}\n" for line in lines).encode()
    made = hmac.new(b"r" * 32, text, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Register-App-Id": values["app_id"],
        "X-Register-Timestamp": values["timestamp"],
        "X-Register-Nonce": values["nonce"],
        "X-Register-Signature": values.get("signature", made),
    }
    return sim.call("register", "POST", PATH, body, headers)


async def test_only_the_registered_person_is_confirmed(register: RegisterAdapter, sim: Any) -> None:
    matches = register.legal_representative_matches
    assert await matches(*CLOUD, *ZHANG_WEI) == Confirmed("山西省太原市小店区学府街66号")
    assert await matches(*CLOUD, "李娜", "140106198504120024") == NotConfirmed("mismatch")
    assert await matches(CLOUD[0], "晋云", *ZHANG_WEI) == NotConfirmed("mismatch")
    assert await matches("91140100MA0GWN8X3Q", CLOUD[1], *ZHANG_WEI) == NotConfirmed("unknown")
    closed = {"uscc": CLOUD[0], "name": CLOUD[1], "legal_representative": "zhang-wei", "status": "CLOSED"}
    sim.control("PUT", "/register/enterprises", closed)
    assert await matches(*CLOUD, *ZHANG_WEI) == NotConfirmed("closed")


@pytest.mark.parametrize(
    ("kind", "more", "error"),
    [
        ("http", {"times": 9, "status": 503}, ProviderUnavailable),
        ("drop", {"times": 9}, ProviderUnavailable),
        ("hang", {"times": 9}, ProviderUnavailable),
        ("unsigned", {}, ProviderProtocolError),
        ("wrong_signature", {}, ProviderProtocolError),
        ("error", {"code": "RG9001"}, ProviderRejected),
    ],
)
async def test_what_is_not_a_genuine_answer_is_no_answer(
    register: RegisterAdapter, sim: Any, kind: str, more: dict[str, Any], error: type[Exception]
) -> None:
    arm(sim, kind, **more)
    with pytest.raises(error):
        await register.legal_representative_matches(*CLOUD, *ZHANG_WEI)


async def test_a_lost_answer_is_asked_for_again(register: RegisterAdapter, sim: Any) -> None:
    arm(sim, "drop_after")
    assert isinstance(await register.legal_representative_matches(*CLOUD, *ZHANG_WEI), Confirmed)


def test_register_refuses_what_is_not_rightly_signed(sim: Any) -> None:
    question = {"uscc": "1", "name": "2", "representative_name": "3", "representative_id_number": "4"}
    assert ask(sim, question).json()["result"] == "UNKNOWN"
    for change, code in (
        ({"app_id": "NOBODY"}, "RG0001"),
        ({"timestamp": "1"}, "RG0002"),
        ({"timestamp": "x"}, "RG0002"),
        ({"signature": "0" * 64}, "RG0003"),
        ({"nonce": "short"}, "RG0003"),
    ):
        answer = ask(sim, question, **change)
        assert (answer.status, answer.json()["code"]) == (401, code)
    nonce = secrets.token_hex(16)
    assert ask(sim, question, nonce=nonce).status == 200
    assert ask(sim, question, nonce=nonce).json()["code"] == "RG0004"
    for content in ({}, [], {**question, "name": 5}, {**question, "uscc": ""}):
        assert ask(sim, content).json()["code"] == "RG0005"
