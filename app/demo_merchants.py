"""Makes up the further merchant accounts that data/merchants.json wishes for, with their secrets, and tells the
simulators of them. Called by demo_keys at every start of demo mode; production never comes here.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

IMPORT_FILE = "merchants.json"
FOLDER = "merchants"
_PLATFORM_KEY = "wechat_pay_platform.pub.pem"


def prepare(keys: Path, data: Path, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make the accounts that are missing, in the form of `run.py merchants import`, and their secret files; return all.

    Idempotent: what an earlier start made is kept.

    Args:
        keys: folder of demo mode's keys.
        data: folder with the wishes.
        values: settings of demo mode (`SJT_…` → text).
    """
    file = keys / IMPORT_FILE
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    kept = {entry["code"]: entry for entry in earlier}
    wishes = json.loads((data / "merchants.json").read_text(encoding="utf-8"))
    made = [kept.get(wish["code"]) or wish | _numbers(wish["channel"], values) for wish in wishes]
    for entry in made:
        _write_secrets(keys / FOLDER / entry["key_reference"], entry["channel"])
    _write(file, json.dumps(made, ensure_ascii=False, indent=1))
    return made


def introduce(keys: Path, made: list[dict[str, Any]], simulators: dict[str, Any]) -> None:
    """Add the accounts to what the stand-in providers know: a service provider's sub-merchant, an authorised app."""
    for entry in made:
        folder = f"{FOLDER}/{entry['key_reference']}"
        if entry["channel"] == "WECHAT":
            simulators["wechat_pay"]["merchants"].append(
                {
                    "mch_id": entry["mch_id"],
                    "app_ids": [entry["app_id"]],
                    "serial": entry["serial_no"],
                    "public_key_file": f"{folder}/private_key.pub.pem",
                    "apiv3_key": (keys / folder / "apiv3_key").read_text(encoding="utf-8"),
                    "sub_merchants": [entry["sub_mch_id"]],
                }
            )
        else:
            merchant = {
                "token": (keys / folder / "app_auth_token").read_text(encoding="utf-8"),
                "auth_app_id": entry["sub_mch_id"],
                "seller_id": entry["mch_id"],
            }
            simulators["alipay"]["apps"][0].setdefault("merchants", []).append(merchant)


def _numbers(channel: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the made-up identity of an account: a service provider for the mini-program, or a merchant of our app."""
    if channel == "WECHAT":
        return {
            "mode": "PARTNER",
            "app_id": "wx" + secrets.token_hex(8),
            "mch_id": "19001" + _digits(5),
            "sub_mch_id": "19002" + _digits(5),
            "sub_app_id": values["SJT_WECHAT_APP_ID"],
            "serial_no": secrets.token_hex(20).upper(),
            "keys": [{"key_id": values["DEMO_PUBLIC_KEY_ID"], "file": _PLATFORM_KEY}],
        }
    return {
        "mode": "PARTNER",
        "app_id": values["SJT_ALIPAY_APP_ID"],
        "mch_id": "2088" + _digits(12),
        "sub_mch_id": "2021" + _digits(12),
    }


def _write_secrets(folder: Path, channel: str) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if channel == "WECHAT":
        _make(folder / "apiv3_key", lambda: _text(32))
        if not (folder / "private_key.pem").is_file():
            _write_pair(folder)
    else:
        _make(folder / "app_auth_token", lambda: f"{_digits(6)}BB{_text(32)}")


def _make(path: Path, value: Callable[[], str]) -> None:
    if not path.is_file():
        _write(path, value())


def _write_pair(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(folder / "private_key.pem", private.decode())
    _write(folder / "private_key.pub.pem", public.decode())


def _digits(count: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(count))


def _text(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
