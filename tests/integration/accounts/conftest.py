"""An accounts room on a real database and Redis, with platforms played by complete fakes of the identity port."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from app import db
from app.broadcast import Broadcast
from app.crypto import FieldCipher
from app.errors import InvalidRequest, ProviderUnavailable, Unauthenticated
from app.limits import RateLimits
from app.live import LiveEvents
from app.revocations import Revocations
from app.tokens import AccessTokens, Caller
from services.accounts import repository
from services.accounts.enterprises.ports import Confirmed, NotConfirmed, RegisterVerdict
from services.accounts.places import DivisionTable
from services.accounts.ports import ActionRequired, Failed, Passed, ProvenIdentity, ProvenPhone, Verdict
from services.accounts.service import AccountsService
from services.accounts.types import AuthorityRules, PhoneProof, RealNameRequest, SignedIn
from tests.waiting import until

_AUTHORITY = AuthorityRules()
ZHANG_WEI = RealNameRequest(name="张伟", id_number="140105199003070012")
LI_NA = RealNameRequest(name="李娜", id_number="140105199211160020")
SOONER_SECONDS = 10.0
"""Sooner than every process asks the database anyway; only a message can be that quick."""


@dataclass
class FakePlatform:
    """A platform that knows persons by key: login code `KEY` or `KEY:anything`, subject `KEY@APP`."""

    app_id: str
    needs_action: bool = False
    session_keys: bool = False
    old_ids: bool = False
    owners: dict[str, RealNameRequest] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    open_checks: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    asked: int = 0

    async def sign_in(self, code: str) -> ProvenIdentity:
        """Know everybody but `bad`."""
        await asyncio.sleep(0)
        key = code.partition(":")[0]
        if key == "bad":
            raise Unauthenticated(code="login_code_invalid")
        user_id = f"2088{key}" if self.old_ids else None
        subject = f"{key}@{self.app_id}"
        return ProvenIdentity(subject, None, user_id, f"key of {code}" if self.session_keys else None)

    async def phone(self, proof: PhoneProof, subject: str) -> ProvenPhone:
        """Vouch for the number whose key is the code; Alipay-like codes begin with `replayable-`."""
        if proof.code not in self.phones:
            raise InvalidRequest(code="phone_proof_invalid")
        number = self.phones[proof.code]
        return ProvenPhone(number, number if proof.code.startswith("replayable-") else "")

    async def begin_real_name(self, name: str, id_number: str, subject: str, code: str) -> Verdict:
        """Compare with the owner, or wait for an action first."""
        self.asked += 1
        if self.needs_action:
            reference = secrets.token_hex(16)
            self.open_checks[reference] = (name, id_number, subject)
            return ActionRequired(reference, f"https://platform.invalid/{reference}")
        return self._verdict(name, id_number, subject)

    async def finish_real_name(self, reference: str) -> Verdict:
        """Judge once the person has done what they must."""
        if reference not in self.finished:
            return ActionRequired(reference, f"https://platform.invalid/{reference}")
        return self._verdict(*self.open_checks[reference])

    def _verdict(self, name: str, id_number: str, subject: str) -> Verdict:
        owner = self.owners.get(subject.partition("@")[0])
        own = owner is not None and (owner.name, owner.id_number) == (name, id_number)
        return Passed() if own else Failed("not_the_owner")


@dataclass
class FakeRegister:
    """A business register that knows enterprises by code: name, person's name and ID number; `away` answers nobody."""

    known: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    away: bool = False
    asked: int = 0

    async def legal_representative_matches(
        self, uscc: str, name: str, person_name: str, id_number: str
    ) -> RegisterVerdict:
        """Compare all three."""
        self.asked += 1
        if self.away:
            raise ProviderUnavailable
        if self.known.get(uscc) == (name, person_name, id_number):
            return Confirmed("山西省太原市小店区学府街66号")
        return NotConfirmed("mismatch" if uscc in self.known else "unknown")


@dataclass
class House:
    """The room and what it stands on, under the names that doors expect."""

    accounts: AccountsService
    tokens: AccessTokens
    cipher: FieldCipher
    limits: RateLimits
    broadcast: Broadcast
    revocations: Revocations
    live: LiveEvents
    wechat: FakePlatform
    alipay: FakePlatform
    register: FakeRegister

    async def sign_in(self, key: str, provider: str = "WECHAT") -> tuple[SignedIn, Caller]:
        """Sign a person in; return the answer and the caller behind its token."""
        signed_in = await self.accounts.sign_in(provider, key, f"test-{secrets.token_hex(4)}")
        return signed_in, self.tokens.verify(signed_in.access_token)


def make_house(
    redis: Redis,
    cipher: FieldCipher,
    token_keys: dict[str, bytes],
    login_rate: str,
    authority: AuthorityRules = _AUTHORITY,
) -> House:
    """Put the room together as one process of the product does."""
    tokens, limits, broadcast = AccessTokens(token_keys), RateLimits(redis), Broadcast(redis)
    revocations = Revocations(tokens, broadcast, repository.recent_revocations)
    wechat, alipay, register = FakePlatform("wx1"), FakePlatform("2021"), FakeRegister()
    accounts = AccountsService(
        tokens=tokens,
        cipher=cipher,
        limits=limits,
        revocations=revocations,
        places=DivisionTable(),
        providers={"WECHAT": wechat, "ALIPAY": alipay},
        login_rate=login_rate,
        register=register,
        authority=authority,
    )
    live = LiveEvents(broadcast)
    return House(accounts, tokens, cipher, limits, broadcast, revocations, live, wechat, alipay, register)


@pytest.fixture
def token_keys() -> dict[str, bytes]:
    """One throw-away token key."""
    return {"t": secrets.token_bytes(32)}


@pytest.fixture
async def house(database: str, redis: Redis, cipher: FieldCipher, token_keys: dict[str, bytes]) -> House:
    """The room of one process."""
    return make_house(redis, cipher, token_keys, "1000/minute")


@pytest.fixture
async def other_process(
    house: House, redis: Redis, cipher: FieldCipher, token_keys: dict[str, bytes]
) -> AsyncIterator[House]:
    """The same room as a second process has it, with its listeners running."""
    other = make_house(redis, cipher, token_keys, "1000/minute")
    running = [asyncio.create_task(other.broadcast.run()), asyncio.create_task(other.revocations.run())]
    await until("the broadcast", lambda: other.broadcast.connected)
    yield other
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def divisions(database: str) -> None:
    """Three current divisions and a retired one."""
    await db.execute(
        "INSERT INTO division (code, name, level, parent_code, kind, successor_code) VALUES"
        " ('140000', '山西省', 'province', '', 'current', ''), ('140100', '太原市', 'city', '140000', 'current', ''),"
        " ('140105', '小店区', 'county', '140100', 'current', ''),"
        " ('140103', '北城区', 'county', '140100', 'retired', '')"
    )
