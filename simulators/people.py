"""The made-up citizens and their identities at the providers; ids are derived, so every restart gives the same ones.

Used by login, payment and message calls of all providers.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from simulators.config import Person
from simulators.state import StateStore


def _derive(*parts: str) -> str:
    digest = hashlib.sha512("\n".join(parts).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def openid_of(app_id: str, person_key: str) -> str:
    """Return the WeChat openid of a person in one mini-program: 28 characters starting with `o`."""
    return "o" + _derive("openid", app_id, person_key)[:27]


def unionid_of(person_key: str) -> str:
    """Return the WeChat unionid of a person across mini-programs: 28 characters starting with `o6_`."""
    return "o6_" + _derive("unionid", person_key)[:25]


def alipay_open_id_of(app_id: str, person_key: str) -> str:
    """Return the Alipay open_id of a person in one app: 47 characters."""
    return _derive("alipay-open-id", app_id, person_key)[:47]


def alipay_user_id_of(person_key: str) -> str:
    """Return the Alipay user_id (支付宝用户号) of a person: 2088 and twelve digits."""
    digest = hashlib.sha256(f"alipay-user\n{person_key}".encode()).digest()
    return f"2088{int.from_bytes(digest[:8], 'big') % 10**12:012d}"


class People:
    """All persons: those of the config file, overlaid with those added through the control API."""

    def __init__(self, configured: Iterable[Person], state: StateStore) -> None:
        self._configured = {person.key: person for person in configured}
        self._state = state
        self._openids: dict[tuple[str, str], str] = {}
        self._indexed: set[tuple[str, str]] = set()

    def all(self) -> list[Person]:
        """Return every person, the configured ones first."""
        added = {key: Person(**row) for key, row in self._added().items()}
        return list((self._configured | added).values())

    def find(self, key: str) -> Person | None:
        """Return the person with this key, or None."""
        row = self._added().get(key)
        return Person(**row) if row else self._configured.get(key)

    def find_by_openid(self, app_id: str, openid: str) -> Person | None:
        """Return the owner of a WeChat openid in this app, or None (also for an openid of another app)."""
        return self._find_by_id(app_id, openid, "wechat")

    def find_by_alipay_id(self, app_id: str, value: str) -> Person | None:
        """Return the owner of an Alipay open_id or user_id, or None."""
        return self._find_by_id(app_id, value, "alipay")

    def find_by_phone(self, phone: str) -> Person | None:
        """Return the owner of a mainland phone number (11 digits, `+86` allowed), or None."""
        bare = phone.removeprefix("+86").removeprefix("86") if len(phone) > 11 else phone
        return next((person for person in self.all() if person.phone == bare), None)

    def put(self, person: Person) -> None:
        """Add a person or change one; survives a restart."""
        self._added()[person.key] = asdict(person)
        self._state.touch()

    def _added(self) -> dict[str, Any]:
        return self._state.section("people")

    def _find_by_id(self, app_id: str, value: str, kind: str) -> Person | None:
        key = self._openids.get((app_id, value))
        if key is None:
            self._index(app_id, kind)
            key = self._openids.get((app_id, value))
        return self.find(key) if key else None

    def _index(self, app_id: str, kind: str) -> None:
        for key in self._configured.keys() | self._added().keys():
            if (app_id, f"{kind}:{key}") in self._indexed:
                continue
            self._indexed.add((app_id, f"{kind}:{key}"))
            if kind == "wechat":
                self._openids[app_id, openid_of(app_id, key)] = key
            else:
                self._openids[app_id, alipay_open_id_of(app_id, key)] = key
                self._openids[app_id, alipay_user_id_of(key)] = key
