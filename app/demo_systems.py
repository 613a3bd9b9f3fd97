"""Makes up the department systems that data/systems.json wishes for, with their keys; tells the simulators of them.

Called by demo_keys at every start of demo mode; exchange_desk writes their rows. Production never comes here.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.signatures import ED25519

FILE = "systems.json"
PORT_OFFSET = 10


def prepare(keys: Path, data: Path, sim_port: int) -> list[dict[str, Any]]:
    """Make the systems that are missing and keep them in a file; return all. Idempotent: what was made is kept.

    Args:
        keys: folder of demo mode's keys.
        data: folder with the wishes.
        sim_port: control port of the simulators; events go to the one of the departments.
    """
    file = keys / FILE
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    kept = {entry["code"]: entry for entry in earlier}
    made = []
    for wish in json.loads((data / FILE).read_text(encoding="utf-8")):
        entry = wish | _keys(wish["code"]) | kept.get(wish["code"], {})
        made.append(entry | {"event_url": f"http://127.0.0.1:{sim_port + PORT_OFFSET}/{wish['code']}/events"})
    file.touch(mode=0o600)
    file.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")
    return made


def introduce(made: list[dict[str, Any]], simulators: dict[str, Any]) -> None:
    """Tell the stand-in department systems who they are and which keys they know."""
    simulators["department"] = {"systems": [_told(entry) for entry in made]}


def _keys(code: str) -> dict[str, str]:
    return {
        "key_id": f"{code}-demo",
        "secret": secrets.token_hex(32),
        "event_key_id": f"{code}-demo-events",
        "event_secret": secrets.token_hex(32),
    }


def _told(entry: dict[str, Any]) -> dict[str, str]:
    told = {name: entry[name] for name in ("code", "algorithm", "key_id", "secret", "event_key_id")}
    event_key = entry["event_secret"]
    if entry["algorithm"] == ED25519:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(event_key))
        event_key = private.public_key().public_bytes_raw().hex()
    return told | {"event_key": event_key}
