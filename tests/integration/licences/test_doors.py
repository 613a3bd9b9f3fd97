"""The doors of holders and verifiers over HTTP: a show from code to answer, refusals, limits, other people's rows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from app.broadcast import Broadcast
from app.crypto import FieldCipher
from app.limits import RateLimits
from app.live import LiveEvents
from app.live_log import Entry
from app.tables import CITIZEN_EVENTS
from app.tokens import AccessTokens
from handlers import verifiers
from handlers.citizen import licences as doors
from services.licences.service import LicenceService
from services.licences.types import Change
from tests.doorway import served
from tests.integration.licences.conftest import HOLDER, NEW, OTHER, told

pytestmark = pytest.mark.anyio
ASK = {"verifier": "某某酒店", "purpose": "入住登记"}


@dataclass
class Client:
    """Speaks for one person, or for nobody."""

    session: aiohttp.ClientSession
    base: str
    token: str = ""

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(method, f"{self.base}/api/v1/{path}", json=body, headers=headers) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw and "json" in answer.headers["Content-Type"] else raw


@dataclass
class Scene:
    """A holder with a card, a stranger, a verifier."""

    holder: Client
    other: Client
    verifier: Client
    number: str
    live: LiveEvents

    async def code(self, **body: Any) -> str:
        status, shown = await self.holder("POST", f"licences/{self.number}/presentations", body)
        assert status == 201
        return str(shown["code"])


@pytest.fixture
async def scene(sealed_licences: LicenceService, redis: Redis, cipher: FieldCipher) -> AsyncIterator[Scene]:
    tokens = AccessTokens({"k": secrets.token_bytes(32)})
    house = SimpleNamespace(licences=sealed_licences, tokens=tokens, limits=RateLimits(redis), cipher=cipher)
    broadcast = Broadcast(redis)
    running = asyncio.create_task(broadcast.run())
    number = await sealed_licences.issue(NEW)

    def token(citizen_id: uuid.UUID) -> str:
        return tokens.issue(citizen_id, uuid.uuid4(), uuid.uuid4(), "WECHAT")

    async with served(house, [*doors.ROUTES, *verifiers.ROUTES]) as base, aiohttp.ClientSession() as session:
        yield Scene(
            Client(session, base, token(HOLDER)),
            Client(session, base, token(OTHER)),
            Client(session, base),
            number,
            LiveEvents(broadcast),
        )
    running.cancel()


async def test_show_from_code_to_answer(scene: Scene) -> None:
    code = await scene.code(asks_first=True)
    status, problem = await scene.verifier("POST", "presentations/verify", {"code": code})
    assert (status, problem["code"]) == (404, "presentation_invalid")
    status, asked = await scene.verifier(
        "POST", "licence-verifications", ASK | {"code": code, "fields": ["name", "residence_address"]}
    )
    assert (status, asked["status"], asked["fields"]) == (201, "ASKED", ["name"])
    result = f"licence-verifications/{asked['verification_id']}/result"
    status, waiting = await scene.verifier("POST", result, {"token": asked["token"]})
    assert (status, waiting["status"], waiting["licence"]) == (202, "ASKED", None)
    (mine,) = (await scene.holder("GET", "presentations"))[1]["data"]
    assert (mine["verifier"], mine["purpose"], mine["fields"]) == (
        "某某酒店",
        "入住登记",
        [{"key": "name", "name": "姓名", "value": "*伟"}],
    )
    assert (await scene.other("GET", "presentations"))[1]["data"] == []
    consent = f"presentations/{mine['presentation_id']}/consent"
    assert (await scene.other("POST", consent, {}))[0] == 404
    assert (await scene.holder("POST", consent, {"fields": ["id_number"]}))[0] == 400
    assert (await scene.holder("POST", consent))[0] == 204
    assert (await scene.holder("POST", consent))[1]["code"] == "presentation_ended"
    assert (await scene.verifier("POST", result, {"token": "another-token"}))[0] == 404
    status, answer = await scene.verifier("POST", result, {"token": asked["token"]})
    assert (status, answer["fields"], answer["licence"]["status_text"]) == (200, mine["fields"], "有效")
    assert NEW.holder_id_number not in json.dumps(answer)
    assert (await scene.verifier("POST", result, {"token": asked["token"]}))[1]["code"] == "presentation_invalid"
    shows = (await scene.holder("GET", f"licences/{scene.number}"))[1]["shows"]
    assert [show["kind_text"] for show in shows] == ["被核验", "同意核验", "请求核验", "出示"]


async def test_refusal_is_told_to_the_verifier_without_a_word_more(scene: Scene) -> None:
    code = await scene.code(asks_first=True)
    asked = (await scene.verifier("POST", "licence-verifications", ASK | {"code": code, "fields": ["name"]}))[1]
    assert (await scene.holder("POST", f"presentations/{asked['verification_id']}/refuse"))[0] == 204
    status, answer = await scene.verifier(
        "POST", f"licence-verifications/{asked['verification_id']}/result", {"token": asked["token"]}
    )
    assert (status, answer["status"], answer["licence"], answer["fields"]) == (200, "REFUSED", None, [])


async def test_code_made_with_consent_in_advance_is_verified_at_once(scene: Scene) -> None:
    status, found = await scene.verifier("POST", "presentations/verify", {"code": await scene.code()})
    assert (status, found["holder_shown"], found["status"]) == (200, "*伟", "VALID")
    assert found.keys() == {
        "type_name", "status", "status_text", "holder_shown", "issuer_name", "issued_on", "expires_on", "verified_at",
    }  # fmt: skip


async def test_phone_is_told_live_while_somebody_asks(scene: Scene) -> None:
    assert "licence.asked" in CITIZEN_EVENTS
    code = await scene.code(asks_first=True)
    heard: asyncio.Queue[Entry] = asyncio.Queue()
    async with scene.live.subscribe(HOLDER, heard.put_nowait, lambda: None):
        await scene.verifier("POST", "licence-verifications", ASK | {"code": code})
        await scene.live.publish((await told())[-1])
        event = json.loads((await asyncio.wait_for(heard.get(), 5)).text)
    assert (event["event"], event["facts"]["verifier"]) == ("licence.asked", "某某酒店")


async def test_document_proves_itself_by_its_digest(scene: Scene) -> None:
    status, document = await scene.holder("GET", f"licences/{scene.number}/document")
    assert status == 200
    digest = hashlib.sha256(document).hexdigest()
    status, found = await scene.verifier("POST", "licence-documents/verify", {"sha256": digest})
    assert (status, found["seal_genuine"], found["seal_no"]) == (200, True, "1400000000001")
    assert "伟" not in json.dumps(found, ensure_ascii=False)
    altered = hashlib.sha256(document + b"x").hexdigest()
    assert (await scene.verifier("POST", "licence-documents/verify", {"sha256": altered}))[0] == 404


async def test_copy_needs_a_purpose_and_is_a_pdf(scene: Scene) -> None:
    one = f"licences/{scene.number}/file"
    status, copy = await scene.holder("GET", f"{one}?purpose=租房备案")
    assert (status, copy[:5]) == (200, b"%PDF-")
    for query in ("", "?purpose=", "?purpose=x", "?purpose=%20%20%20", "?purpose=a%0Ab", f"?purpose={'长' * 31}"):
        assert (await scene.holder("GET", one + query))[0] == 400, query
    assert (await scene.other("GET", f"{one}?purpose=租房备案"))[0] == 404


async def test_ofd_is_a_conflict_while_no_converter_is_there(scene: Scene) -> None:
    status, problem = await scene.holder("GET", f"licences/{scene.number}/document.ofd")
    assert (status, problem["code"]) == (409, "ofd_unavailable")
    assert (await scene.other("GET", f"licences/{scene.number}/document.ofd"))[0] == 404


async def test_licence_that_does_not_count_is_not_shown(scene: Scene, sealed_licences: LicenceService) -> None:
    await sealed_licences.change_status(scene.number, Change.SUSPEND, actor="reviewer", reason="依法暂扣")
    status, problem = await scene.holder("POST", f"licences/{scene.number}/presentations", {})
    assert (status, problem["code"]) == (409, "licence_not_valid")
    changes = (await scene.holder("GET", f"licences/{scene.number}"))[1]["changes"]
    assert [(one["change_text"], one["reason"], one["by"]) for one in changes][1:] == [("暂扣", "依法暂扣", "发证机关")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("presentations/verify", {"code": "短"}),
        ("presentations/verify", {"code": "x" * 65}),
        ("licence-verifications", {"code": "0123456789"}),
        ("licence-verifications", ASK | {"code": "0123456789", "surprise": 1}),
        ("licence-verifications", ASK | {"code": "0123456789", "verifier": " \t"}),
        ("licence-verifications", ASK | {"code": "0123456789", "purpose": "a\x00b"}),
        ("licence-verifications", ASK | {"code": "0123456789", "fields": "name"}),
        ("licence-verifications", ASK | {"code": "0123456789", "fields": ["x"] * 31}),
        ("licence-verifications/x/result", {"token": ""}),
        ("licence-documents/verify", {"sha256": "A" * 64}),
        ("licence-documents/verify", {"sha256": "a" * 64 + "\n"}),
    ],
)
async def test_bad_input_is_refused_with_its_path(scene: Scene, path: str, body: dict[str, Any]) -> None:
    status, problem = await scene.verifier("POST", path, body)
    assert (status, problem["code"]) == (400, "invalid_request")
    assert problem["errors"]


async def test_unknown_things_are_not_found(scene: Scene) -> None:
    for path, body in (
        ("licence-verifications", ASK | {"code": "unknown-code"}),
        ("licence-verifications/x/result", {"token": "unknown-token"}),
        (f"licence-verifications/{uuid.uuid4().hex}/result", {"token": "unknown-token"}),
        ("licence-documents/verify", {"sha256": "a" * 64}),
    ):
        assert (await scene.verifier("POST", path, body))[0] == 404, path
    for path in ("presentations/x/consent", f"presentations/{uuid.uuid4().hex}/refuse"):
        assert (await scene.holder("POST", path, {} if "consent" in path else None))[0] == 404, path


async def test_guessing_codes_is_limited(scene: Scene) -> None:
    statuses = [
        (await scene.verifier("POST", "presentations/verify", {"code": f"guess{number:08d}"}))[0]
        for number in range(62)
    ]
    assert set(statuses[:60]) == {404}
    assert statuses[-1] == 429
