"""The environment of a deployment, for tests: the example of deploy/ filled in, with files in the test's folder."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

_EXAMPLE = Path(__file__).parents[1] / "deploy" / "production.env.example"
_KEYS = ("token_keys", "field_keys", "hash_key")


def filled_example(folder: Path) -> dict[str, str]:
    """Return the variables of the example; what it leaves open is given, what it names in /run is a file here."""
    filled = {}
    for line in _EXAMPLE.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.startswith("SJT_"):
            filled[name] = _filled(value, folder) or "given"
    return filled


def _filled(value: str, folder: Path) -> str:
    key_id, equals, file = value.rpartition("=")
    if not file.startswith("/run/"):
        return value
    path = folder / Path(file).name
    key = f"2027a:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    path.write_text(key if path.name in _KEYS else "given")
    return f"{key_id}{equals}{path}"
