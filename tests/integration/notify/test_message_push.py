"""What people write to customer service goes, encrypted and once, from the push door to the room that answers."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
import time
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from app import db
from app.crypto import FieldCipher
from app.errors import CallbackRejected
from app.events import DomainEvent
from clients.wechat.config import MiniProgramConfig
from clients.wechat.message_push import MessagePush
from notify.channels.wechat_push import WeChatPushDoor
from notify.ports import NoticeTable
from notify.service import NotifyService
from services.consultations import words
from services.consultations.types import Written
from tests.fakes.notify_house import FakeRecipients, NotifyHouse

pytestmark = pytest.mark.anyio
APP, TOKEN, KEY = "wx0123456789abcdef", "push-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def _pushed(**fields: Any) -> tuple[dict[str, str], bytes]:
    """A message as the platform seals it in safe mode."""
    message = {"ToUserName": "gh_1", "FromUserName": "o-1", "CreateTime": int(time.time()), **fields}
    key = base64.b64decode(KEY + "=")
    plain = json.dumps(message, ensure_ascii=False).encode()
    text = secrets.token_bytes(16) + struct.pack(">I", len(plain)) + plain + APP.encode()
    padding = 32 - len(text) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = base64.b64encode(encryptor.update(text + bytes([padding]) * padding) + encryptor.finalize()).decode()
    query = {"timestamp": str(int(time.time())), "nonce": secrets.token_hex(4), "encrypt_type": "aes"}
    parts = sorted((TOKEN, query["timestamp"], query["nonce"], sealed))
    query["msg_signature"] = hashlib.sha1("".join(parts).encode()).hexdigest()
    return query, json.dumps({"ToUserName": "gh_1", "Encrypt": sealed}).encode()


@pytest.fixture
def door(cipher: FieldCipher) -> WeChatPushDoor:
    """The push door of one mini-program."""
    return WeChatPushDoor(MessagePush(MiniProgramConfig(APP, "s" * 32, push_token=TOKEN, push_aes_key=KEY)), cipher)


@pytest.fixture
def service(house: NotifyHouse, door: WeChatPushDoor) -> NotifyService:
    """The notify room behind it."""
    return NotifyService(NoticeTable({}, {APP: door}), FakeRecipients())


async def _received(cipher: FieldCipher) -> list[Written]:
    rows = await db.fetch_all("SELECT payload FROM pgqueuer WHERE entrypoint = 'event' ORDER BY id")
    events = [msgspec.json.decode(row["payload"], type=DomainEvent) for row in rows]
    found = [
        words.opened(cipher, event.facts["sealed"]) for event in events if event.name == "platform.message_received"
    ]
    return [written for written in found if written is not None]


async def test_text_is_handed_on_once_with_its_inbox_row(service: NotifyService, cipher: FieldCipher) -> None:
    query, body = _pushed(MsgType="text", Content="请问怎么办？", MsgId=2300000000000000001)
    for _ in range(3):
        await service.receive_push(APP, query, body)
    (written,) = await _received(cipher)
    assert (written.provider, written.app_id, written.subject) == ("WECHAT", APP, "o-1")
    assert (written.kind, written.text, written.opens_quietly) == ("text", "请问怎么办？", False)
    row = await db.fetch_row("SELECT count(*) AS n FROM inbox_event WHERE provider = 'wechat'")
    assert row is not None
    assert row["n"] == 1
    jobs = await db.fetch_all("SELECT encode(payload, 'escape') AS text FROM pgqueuer")
    assert not any("o-1" in job["text"] for job in jobs)


@pytest.mark.parametrize(
    ("fields", "kind", "part", "quiet"),
    [
        ({"MsgType": "image", "MediaId": "m-1", "PicUrl": "http://mmbiz.example/1", "MsgId": 1}, "image", "m-1", False),
        ({"MsgType": "miniprogrampage", "Title": "办件", "PagePath": "pages/case", "MsgId": 2}, "other", "办件", False),
        ({"MsgType": "event", "Event": "user_enter_tempsession", "SessionFrom": "case"}, "other", "case", True),
        ({"MsgType": "voice", "MediaId": "v-1", "MsgId": 3}, "other", "v-1", False),
        ({"MsgType": "image", "MediaId": ["x"], "MsgId": 4}, "image", "媒体编号", False),
    ],
    ids=["image", "card", "entrance", "voice", "odd"],
)
async def test_other_kinds_are_noted(
    service: NotifyService, cipher: FieldCipher, fields: dict[str, Any], kind: str, part: str, quiet: bool
) -> None:
    await service.receive_push(APP, *_pushed(**fields))
    (written,) = await _received(cipher)
    assert (written.kind, written.opens_quietly) == (kind, quiet)
    assert part in written.text


async def test_permission_events_are_no_words(service: NotifyService, cipher: FieldCipher) -> None:
    await service.receive_push(APP, *_pushed(MsgType="event", Event="subscribe_msg_popup_event", List={}))
    await service.receive_push(APP, *_pushed(MsgType="text", Content="无名", FromUserName="", MsgId=9))
    assert await _received(cipher) == []


async def test_two_entrances_of_one_second_count_once(service: NotifyService, cipher: FieldCipher) -> None:
    at = int(time.time())
    for _ in range(2):
        fields = {"MsgType": "event", "Event": "user_enter_tempsession", "SessionFrom": "", "CreateTime": at}
        await service.receive_push(APP, *_pushed(**fields))
    assert len(await _received(cipher)) == 1


async def test_forged_message_leaves_nothing(service: NotifyService, cipher: FieldCipher) -> None:
    query, body = _pushed(MsgType="text", Content="假", MsgId=5)
    for spoiled, sent in (
        ({**query, "msg_signature": "0" * 40}, body),
        ({**query, "timestamp": "1"}, body),
        (query, body[:-20] + b'"}'),
        (query, b"<xml>"),
    ):
        with pytest.raises(CallbackRejected):
            await service.receive_push(APP, spoiled, sent)
    assert await _received(cipher) == []
    assert await db.fetch_row("SELECT 1 FROM inbox_event LIMIT 1") is None


async def test_words_on_their_way_open_for_nobody_else(cipher: FieldCipher) -> None:
    other = FieldCipher({"other": secrets.token_bytes(32)}, secrets.token_bytes(32))
    sealed = base64.b64encode(cipher.encrypt_json(words.ON_THE_WAY, {"text": "秘密"})).decode()
    for text in (sealed, "", "not base64", base64.b64encode(b"short").decode()):
        assert words.opened(other, text) is None
    assert words.opened(cipher, sealed) is None  # it opens, and is no message
