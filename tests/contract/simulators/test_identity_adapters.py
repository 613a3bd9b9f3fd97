"""The identity port's suite, run over both real adapters against the simulated platforms, and one whole journey."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import pytest
from redis.asyncio import Redis

from app.broadcast import Broadcast
from app.crypto import FieldCipher
from app.errors import Conflict, InvalidRequest, ProviderUnavailable, Unauthenticated
from app.limits import RateLimits
from app.revocations import Revocations
from app.tokens import AccessTokens as OwnTokens
from clients.alipay import keys
from clients.alipay.config import AlipayApp
from clients.alipay.gateway import AlipayGateway
from clients.transport import Transport
from clients.wechat.access_token import AccessTokens
from clients.wechat.api_wire import ApiWire
from clients.wechat.config import MiniProgramConfig
from clients.wechat.miniprogram import MiniProgramClient
from services.accounts import repository
from services.accounts.identity.alipay import AlipayIdentityProvider
from services.accounts.identity.wechat import WeChatIdentityProvider
from services.accounts.places import DivisionTable
from services.accounts.ports import ActionRequired, Failed, IdentityProvider, Passed
from services.accounts.service import AccountsService
from services.accounts.types import PhoneProof, RealNameAction, RealNameRequest, RealNameVerified

from .simulator_config import PEOPLE
from .simulator_process import Simulators

pytestmark = pytest.mark.anyio
ZHANG, LI = PEOPLE


@dataclass
class Platform:
    """One adapter with the user's side of its simulator."""

    adapter: IdentityProvider
    sim: Simulators
    name: str

    async def control(self, path: str, body: Any) -> Any:
        """Act as the user."""
        return await asyncio.to_thread(self.sim.control, "POST", path, body)

    async def login_code(self, person: str) -> str:
        """Get a fresh single-use login code."""
        path, field = ("/wechat/login-codes", "code") if self.name == "wechat" else ("/alipay/auth-codes", "auth_code")
        code: str = (await self.control(path, {"person": person}))[field]
        return code

    async def phone_proof(self, person: str) -> PhoneProof:
        """Press the phone button."""
        path = "/wechat/phone-codes" if self.name == "wechat" else "/alipay/phone-payloads"
        return msgspec.convert(await self.control(path, {"person": person}), PhoneProof)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


@pytest.fixture
def wechat(sim: Simulators, session: aiohttp.ClientSession, redis: Redis) -> Platform:
    app = sim.config["wechat"]["apps"][0]
    config = MiniProgramConfig(app["app_id"], app["app_secret"], sim.url("wechat"))
    transport = Transport(session, "wechat")
    client = MiniProgramClient(ApiWire(config, transport, AccessTokens(config, transport, redis)))
    return Platform(WeChatIdentityProvider(client, config.app_id), sim, "wechat")


@pytest.fixture
def alipay(sim: Simulators, session: aiohttp.ClientSession) -> Platform:
    app = AlipayApp(
        app_id="2021000000000001",
        seller_id="2088101117955611",
        private_key=keys.load_private_key(sim.keys.private["alipay_app"]),
        alipay_public_keys=(keys.load_public_key(sim.keys.public["alipay"]),),
        aes_key=bytes(range(16)),
        gateway_url=f"{sim.url('alipay')}/gateway.do",
    )
    gateway = AlipayGateway(app, Transport(session, "alipay"))
    return Platform(AlipayIdentityProvider(gateway, "alipays://platformapi/startapp"), sim, "alipay")


@pytest.fixture(params=["wechat", "alipay"])
def platform(request: pytest.FixtureRequest, wechat: Platform, alipay: Platform) -> Platform:
    """Each platform in turn."""
    return wechat if request.param == "wechat" else alipay


async def test_login_code_proves_one_person_and_works_once(platform: Platform) -> None:
    code = await platform.login_code("zhang-wei")
    first = await platform.adapter.sign_in(code)
    again = await platform.adapter.sign_in(await platform.login_code("zhang-wei"))
    other = await platform.adapter.sign_in(await platform.login_code("li-na"))
    assert first.subject == again.subject != other.subject
    with pytest.raises(Unauthenticated) as refused:
        await platform.adapter.sign_in(code)
    assert refused.value.stable_code == "login_code_invalid"


async def test_unknown_login_code_is_unauthenticated(platform: Platform) -> None:
    with pytest.raises(Unauthenticated):
        await platform.adapter.sign_in("no-such-code")


async def test_platform_that_fails_leaves_the_outcome_unknown(platform: Platform) -> None:
    call = "jscode2session" if platform.name == "wechat" else "alipay.system.oauth.token"
    code = await platform.login_code("zhang-wei")
    await platform.control("/faults", {"provider": platform.name, "call": call, "kind": "http", "times": 1})
    with pytest.raises(ProviderUnavailable):
        await platform.adapter.sign_in(code)


async def test_phone_proof_gives_the_persons_number(platform: Platform) -> None:
    who = await platform.adapter.sign_in(await platform.login_code("zhang-wei"))
    proven = await platform.adapter.phone(await platform.phone_proof("zhang-wei"), who.subject)
    assert proven.number == ZHANG["phone"]
    assert bool(proven.once_key) == (platform.name == "alipay")


async def test_phone_proof_that_is_not_genuine_is_refused(platform: Platform) -> None:
    who = await platform.adapter.sign_in(await platform.login_code("zhang-wei"))
    proof = await platform.phone_proof("zhang-wei")
    for bad in (PhoneProof(), msgspec.structs.replace(proof, code="x", sign="AAAA", response=f"{proof.response}A")):
        with pytest.raises(InvalidRequest):
            await platform.adapter.phone(bad, who.subject)


@pytest.mark.parametrize("kind", ["unsigned", "bad_sign", "other_key", "error"])
async def test_alipay_phone_payload_that_alipay_did_not_sign_is_refused(alipay: Platform, kind: str) -> None:
    payload = await alipay.control("/alipay/phone-payloads", {"person": "zhang-wei", "kind": kind})
    with pytest.raises(InvalidRequest):
        await alipay.adapter.phone(msgspec.convert(payload, PhoneProof), "subject")


async def test_alipay_phone_payload_may_come_as_the_text_that_the_phone_got(alipay: Platform) -> None:
    payload = await alipay.control("/alipay/phone-payloads", {"person": "zhang-wei"})
    proof = PhoneProof(response=msgspec.json.encode(payload).decode())
    assert (await alipay.adapter.phone(proof, "subject")).number == ZHANG["phone"]


async def test_wechat_phone_code_of_somebody_else_is_refused(wechat: Platform) -> None:
    who = await wechat.adapter.sign_in(await wechat.login_code("li-na"))
    with pytest.raises(InvalidRequest) as refused:
        await wechat.adapter.phone(await wechat.phone_proof("zhang-wei"), who.subject)
    assert refused.value.stable_code == "phone_proof_invalid"


async def test_wechat_real_name_passes_for_the_owner_only(wechat: Platform) -> None:
    who = await wechat.adapter.sign_in(await wechat.login_code("zhang-wei"))
    begin = wechat.adapter.begin_real_name
    assert await begin(ZHANG["name"], ZHANG["id_number"], who.subject, "") == Passed()
    assert isinstance(await begin(LI["name"], LI["id_number"], who.subject, ""), Failed)
    assert isinstance(await begin(LI["name"], ZHANG["id_number"], who.subject, ""), Failed)


async def test_alipay_real_name_needs_the_face_check(alipay: Platform) -> None:
    who = await alipay.adapter.sign_in(await alipay.login_code("zhang-wei"))
    open_check = await alipay.adapter.begin_real_name(ZHANG["name"], ZHANG["id_number"], who.subject, "")
    assert isinstance(open_check, ActionRequired)
    assert open_check.url.startswith(alipay.sim.url("alipay"))
    assert ZHANG["id_number"] not in open_check.url
    assert await alipay.adapter.finish_real_name(open_check.reference) != Passed()
    await alipay.control(f"/alipay/certify/{open_check.reference}", {"passed": True})
    assert await alipay.adapter.finish_real_name(open_check.reference) == Passed()
    assert isinstance(await alipay.adapter.finish_real_name("0" * 32), Failed)


@pytest.fixture
def tokens() -> OwnTokens:
    """Our own access tokens, under a throw-away key."""
    return OwnTokens({"t": secrets.token_bytes(32)})


@pytest.fixture
def accounts(
    wechat: Platform, alipay: Platform, database: str, redis: Redis, cipher: FieldCipher, tokens: OwnTokens
) -> AccountsService:
    """The whole room over both simulated platforms."""
    return AccountsService(
        tokens=tokens,
        cipher=cipher,
        limits=RateLimits(redis),
        revocations=Revocations(tokens, Broadcast(redis), repository.recent_revocations),
        places=DivisionTable(),
        providers={"WECHAT": wechat.adapter, "ALIPAY": alipay.adapter},
    )


async def test_one_person_on_both_platforms_becomes_one_citizen(
    accounts: AccountsService, tokens: OwnTokens, wechat: Platform, alipay: Platform
) -> None:
    claim = RealNameRequest(name=ZHANG["name"], id_number=ZHANG["id_number"])
    signed_in = await accounts.sign_in("WECHAT", await wechat.login_code("zhang-wei"), "a")
    caller = tokens.verify(signed_in.access_token)
    await accounts.bind_phone(caller, await wechat.phone_proof("zhang-wei"))
    verified = await accounts.verify_real_name(caller, claim)
    assert isinstance(verified, RealNameVerified)

    second = await accounts.sign_in("ALIPAY", await alipay.login_code("zhang-wei"), "a")
    other = tokens.verify(second.access_token)
    action = await accounts.verify_real_name(other, claim)
    assert isinstance(action, RealNameAction)
    await alipay.control(f"/alipay/certify/{action.certify_id}", {"passed": True})
    merged = await accounts.verify_real_name(other, claim)
    assert isinstance(merged, RealNameVerified)
    assert (merged.merged, merged.citizen) == (True, verified.citizen)
    assert tokens.verify(second.access_token).citizen_id == caller.citizen_id


async def test_name_of_somebody_else_is_a_mismatch(
    accounts: AccountsService, tokens: OwnTokens, wechat: Platform
) -> None:
    signed_in = await accounts.sign_in("WECHAT", await wechat.login_code("zhang-wei"), "a")
    caller = tokens.verify(signed_in.access_token)
    with pytest.raises(Conflict) as refused:
        await accounts.verify_real_name(caller, RealNameRequest(name=LI["name"], id_number=LI["id_number"]))
    assert refused.value.stable_code == "real_name_mismatch"
