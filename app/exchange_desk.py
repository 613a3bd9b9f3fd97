"""What commands and the start do with department systems: the keeper over an open database, demo mode's own systems."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app import db, demo_systems
from app.crypto import FieldCipher, parse_keys
from app.settings import Settings
from app.signatures import ED25519, public_pem
from services.exchange.keeper import SystemKeeper
from services.exchange.types import NewKey, NewSystem
from services.staff.audit import AuditTrail


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[SystemKeeper]:
    """Open the database for one command; nobody is called by it."""
    await db.start(settings.database_url, pool_max=4)
    try:
        yield keeper(settings)
    finally:
        await db.stop()


def keeper(settings: Settings) -> SystemKeeper:
    """Return the keeper of systems and keys; needs the database open."""
    hash_key = next(iter(parse_keys(settings.hash_key).values()))
    cipher = FieldCipher(parse_keys(settings.field_keys), hash_key, settings.cipher)
    return SystemKeeper(cipher, AuditTrail(hash_key), loopback_events=settings.is_demo)


async def import_demonstration(settings: Settings) -> None:
    """Write demo mode's systems that are missing; those that are there get the events' address of today. Idempotent."""
    file, desk = settings.var / "keys" / demo_systems.FILE, keeper(settings)
    for entry in _made_up(file):
        if await desk.is_known(entry["code"]):
            await desk.send_events_to(entry["code"], entry["event_url"], "system")
            continue
        departments, items = tuple(entry["departments"]), tuple(entry["item_codes"])
        system = NewSystem(entry["code"], entry["name"], departments, items, entry["event_url"])
        await desk.add(system, (_calling_key(entry), _event_key(entry)), "system")


def _made_up(file: Path) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return made


def _calling_key(entry: dict[str, Any]) -> NewKey:
    secret = bytes.fromhex(entry["secret"])
    if entry["algorithm"] == ED25519:
        return NewKey(entry["key_id"], ED25519, signs_events=False, public_key=public_pem(secret))
    return NewKey(entry["key_id"], entry["algorithm"], signs_events=False, secret=secret)


def _event_key(entry: dict[str, Any]) -> NewKey:
    secret = bytes.fromhex(entry["event_secret"])
    return NewKey(entry["event_key_id"], entry["algorithm"], signs_events=True, secret=secret)
