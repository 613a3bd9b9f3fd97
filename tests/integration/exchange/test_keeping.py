"""What operators do by `run.py exchange`: systems and keys, each secret shown once, every change audited."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from app import db, signatures
from app.crypto import FieldCipher
from app.errors import Conflict, InvalidRequest, NotFound
from app.signatures import ED25519, HMAC_SHA256
from services.exchange.keeper import SystemKeeper, made_key
from services.exchange.types import NewKey, NewSystem
from services.staff.audit import AuditTrail

pytestmark = pytest.mark.anyio
POLICE = "11140105MB0001177F"


def _keeper(cipher: FieldCipher, *, loopback: bool = False) -> SystemKeeper:
    return SystemKeeper(cipher, AuditTrail(secrets.token_bytes(32)), loopback_events=loopback)


async def test_a_system_is_listed_with_its_live_keys(database: str, cipher: FieldCipher) -> None:
    keeper, private = _keeper(cipher), secrets.token_bytes(32)
    theirs = NewKey("police-1", ED25519, signs_events=False, public_key=signatures.public_pem(private))
    system = NewSystem("police", "公安", (POLICE,), (), "https://ga.example.gov.cn/events")
    await keeper.add(system, [theirs, made_key("police-1-events", ED25519, signs_events=True)], "cli")
    await keeper.add_keys("police", [made_key("police-2", HMAC_SHA256, signs_events=False)], "cli")
    await keeper.retire_key("police-1", "cli")
    listed = await keeper.all()
    assert [(each.code, each.departments, each.waiting, each.failed) for each in listed] == [("police", [POLICE], 0, 0)]
    assert listed[0].keys == ["police-1-events (events)", "police-2"]
    acts = [row["action"] for row in await db.fetch_all("SELECT action FROM audit_entry ORDER BY seq")]
    assert acts == ["exchange.system_added", "exchange.system_key_added", "exchange.system_key_retired"]


async def test_secrets_are_stored_encrypted_only(database: str, cipher: FieldCipher) -> None:
    key = made_key("police-1", HMAC_SHA256, signs_events=False)
    await _keeper(cipher).add(NewSystem("police", "公安", (POLICE,)), [key], "cli")
    row = await db.fetch_row("SELECT secret_cipher, public_key FROM system_key")
    assert row is not None
    assert key.secret not in row["secret_cipher"]
    assert key.secret.hex().encode() not in row["secret_cipher"]
    assert row["public_key"] == ""
    details = await db.fetch_row("SELECT details FROM audit_entry")
    assert details is not None
    assert key.secret.hex() not in details["details"]


@pytest.mark.parametrize(
    "url",
    [
        "http://ga.example.gov.cn/events",
        "https://127.0.0.1/e",
        "https://localhost/e",
        "https://u:p@h/e",
        "x",
        "https://例子.中国/e",
        "https://h:99999/e",
        "https://[::1/e",
        "https://LOCALHOST/e",
        "https://h/" + "e" * 300,
    ],
)
async def test_production_sends_events_over_tls_to_others_only(database: str, cipher: FieldCipher, url: str) -> None:
    with pytest.raises(InvalidRequest):
        await _keeper(cipher).add(NewSystem("police", "公安", (POLICE,), (), url), [], "cli")


async def test_a_key_number_is_given_once(database: str, cipher: FieldCipher) -> None:
    keeper, key = _keeper(cipher), made_key("police-1", HMAC_SHA256, signs_events=False)
    await keeper.add(NewSystem("police", "公安", (POLICE,)), [key], "cli")
    with pytest.raises(Conflict):
        await keeper.add_keys("police", [made_key("police-1", HMAC_SHA256, signs_events=False)], "cli")
    with pytest.raises(Conflict):
        await keeper.add(NewSystem("other", "其他", (POLICE,)), [key], "cli")
    assert [each.code for each in await keeper.all()] == ["police"]


async def test_what_is_not_there_cannot_be_changed(database: str, cipher: FieldCipher) -> None:
    keeper = _keeper(cipher)
    for refused in (
        keeper.retire_key("nobody", "cli"),
        keeper.requeue("EV0"),
        keeper.skip("EV0"),
        keeper.send_events_to("nobody", "https://ga.example.gov.cn/events", "cli"),
        keeper.add_keys("nobody", [made_key("k", HMAC_SHA256, signs_events=False)], "cli"),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_a_file_that_is_no_public_key_is_refused(database: str, cipher: FieldCipher) -> None:
    wrong = NewKey("police-1", ED25519, signs_events=False, public_key=Path(__file__).read_text(encoding="utf-8"))
    with pytest.raises(InvalidRequest):
        await _keeper(cipher).add(NewSystem("police", "公安", (POLICE,)), [wrong], "cli")
