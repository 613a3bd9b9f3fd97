"""Message push: every vector opens to its exact content or is refused for its reason; both shapes become one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import CallbackRejected
from clients.wechat.config import MiniProgramConfig
from clients.wechat.message_push import MessagePush
from clients.wechat.push_events import PushMessage, normalise

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "wechat.json").read_text())["message_push"]
NOW = datetime(2026, 1, 1, 1, 0, tzinfo=UTC)
SAFE = MiniProgramConfig(
    VECTORS["appid"], "secret", push_token=VECTORS["token"], push_aes_key=VECTORS["encoding_aes_key"]
)
PLAIN = replace(SAFE, push_aes_key="")
OPENED = {case["name"]: case for case in VECTORS["aes"] if case["valid"]}
PROGRESS, EXPRESS = (
    "TPL_progress_0000000000000000000000000000001",
    "TPL_express_00000000000000000000000000000002",
)


def opened(case: Mapping[str, Any], config: MiniProgramConfig = SAFE, at: datetime = NOW) -> PushMessage:
    return MessagePush(config, now=lambda: at).open(case["query"], case["body"].encode())


def refused(query: Mapping[str, str], body: bytes, config: MiniProgramConfig = SAFE) -> object:
    with pytest.raises(CallbackRejected) as refusal:
        MessagePush(config, now=lambda: NOW).open(query, body)
    return refusal.value.details["reason"]


@pytest.mark.parametrize("case", VECTORS["url_verify"], ids=lambda case: str(case["valid"]))
def test_url_check_is_answered_only_for_a_right_signature(case: dict[str, Any]) -> None:
    push = MessagePush(SAFE, now=lambda: NOW)
    if case["valid"]:
        assert push.answer_check(case["query"]) == case["reply"]
    else:
        with pytest.raises(CallbackRejected):
            push.answer_check(case["query"])


@pytest.mark.parametrize("case", VECTORS["plain"], ids=lambda case: case["name"])
def test_plain_message_is_read(case: dict[str, Any]) -> None:
    assert opened(case, PLAIN).fields == json.loads(case["body"])


@pytest.mark.parametrize("case", VECTORS["plain"], ids=lambda case: case["name"])
def test_plain_message_is_refused_in_safe_mode(case: dict[str, Any]) -> None:
    assert refused(case["query"], case["body"].encode()) == "not_encrypted"


@pytest.mark.parametrize("case", OPENED.values(), ids=OPENED)
def test_encrypted_message_opens_to_its_exact_content(case: dict[str, Any]) -> None:
    message = opened(case)
    if case["plaintext"].startswith("<"):
        assert message.event == "subscribe_msg_popup_event"
    else:
        assert message.fields == json.loads(case["plaintext"])


@pytest.mark.parametrize("case", [case for case in VECTORS["aes"] if not case["valid"]], ids=lambda case: case["name"])
def test_other_encrypted_message_is_refused_for_its_reason(case: dict[str, Any]) -> None:
    assert refused(case["query"], case["body"].encode()) == case["reject_reason"]


def test_reply_vector_opens_like_a_message() -> None:
    sealed = VECTORS["encrypted_reply"]
    made = sealed["expected"]
    query = {"timestamp": str(made["TimeStamp"]), "nonce": made["Nonce"], "msg_signature": made["MsgSignature"]}
    body = json.dumps({"Encrypt": made["Encrypt"]}).encode()
    message = MessagePush(SAFE, now=lambda: NOW).open(query, body)
    assert message.fields == json.loads(sealed["plaintext"])


def test_one_item_and_several_items_have_one_shape() -> None:
    single, several, xml = (opened(OPENED[name]) for name in ("popup_single", "popup_several", "popup_xml"))
    assert [(item.template_id, item.status) for item in single.items] == [(PROGRESS, "accept")]
    both = [(PROGRESS, "accept"), (EXPRESS, "reject")]
    assert [(item.template_id, item.status) for item in several.items] == both
    assert [(item.template_id, item.status) for item in xml.items] == both
    assert single.created_at == several.created_at == xml.created_at == NOW
    assert single.openid == xml.openid == "oTEST0000000000000000000000A"


def test_sent_event_tells_the_outcome() -> None:
    (item,) = opened(OPENED["sent"]).items
    assert (item.message_id, item.error_code, item.error_status) == ("1864323726461255680", 0, "success")


def test_repeat_has_the_same_dedupe_key_and_others_have_their_own() -> None:
    keys = [opened(case).dedupe_key for case in OPENED.values()]
    assert len(set(keys)) == len(keys)
    assert opened(OPENED["sent"]).dedupe_key == opened(OPENED["sent"]).dedupe_key
    said = {"MsgId": 24000000000000001, "Content": "你好", "MsgType": "text"}
    assert normalise("wx1", said).dedupe_key == normalise("wx1", said | {"CreateTime": 5}).dedupe_key
    assert normalise("wx1", said).dedupe_key != normalise("wx2", said).dedupe_key


@pytest.mark.parametrize("moved_seconds", [-900, 900, 86_400])
def test_old_or_early_message_is_refused(moved_seconds: int) -> None:
    at = datetime.fromtimestamp(NOW.timestamp() + moved_seconds, UTC)
    with pytest.raises(CallbackRejected, match="callback_rejected") as refusal:
        opened(OPENED["sent"], at=at)
    assert refusal.value.details["reason"] == "stale"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"<xml>",
        b"<other/>",
        b"<xml/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>',
        b"\xff\xfe",
        b'{"x":' + b"[" * 100_000,
        b'{"Encrypt": 5}',
    ],
)
def test_malformed_body_is_refused(body: bytes) -> None:
    assert refused(OPENED["sent"]["query"], body) in ("shape", "not_encrypted")


@pytest.mark.parametrize("name", ["timestamp", "nonce", "msg_signature"])
def test_missing_query_field_is_refused(name: str) -> None:
    case = OPENED["sent"]
    query = {key: value for key, value in case["query"].items() if key != name}
    assert refused(query, case["body"].encode()) in ("timestamp", "signature")


@pytest.mark.parametrize("sealed", ["", "AAAA", "????", "QUFB" * 16])
def test_rightly_signed_rubbish_is_refused(sealed: str) -> None:
    timestamp, nonce = "1767229200", "1"
    parts = "".join(sorted([VECTORS["token"], timestamp, nonce, sealed]))
    query = {
        "timestamp": timestamp,
        "nonce": nonce,
        "msg_signature": hashlib.sha1(parts.encode()).hexdigest(),
    }
    assert refused(query, json.dumps({"Encrypt": sealed}).encode()) in ("decrypt", "appid")
