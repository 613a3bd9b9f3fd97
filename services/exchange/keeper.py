"""Keeps department systems and their keys: add, change keys while both work, list, put events right. For operators.

The commands `run.py exchange` and demo mode call it. A secret is shown once, when it is made; every change is audited.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from app import clock
from app.crypto import FieldCipher
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound
from app.signatures import ALGORITHMS, ED25519, HMAC_SHA256, public_pem, read_public_key
from services.exchange import event_repository, repository
from services.exchange.guard import SECRET_COLUMN
from services.exchange.ports import Audit
from services.exchange.types import EventView, NewKey, NewSystem, SystemView
from services.staff.types import Act

_LEAST_SECRET_BYTES = 32
_PLAIN_URL = re.compile(r"https?://[!-~]{1,290}")
_LOCAL = ("localhost", "127.", "[::1]", "0.0.0.0")


class SystemKeeper:
    """Use cases of operators.

    Args:
        loopback_events: whether events may go to this machine and without TLS; demo mode only.
    """

    def __init__(self, cipher: FieldCipher, audit: Audit, *, loopback_events: bool) -> None:
        self._cipher, self._audit, self._loopback_events = cipher, audit, loopback_events

    async def add(self, new: NewSystem, keys: Sequence[NewKey], actor: str) -> None:
        """Make a system known. Raises: InvalidRequest, Conflict `system_exists`, `key_exists`."""
        if not new.departments or not all(new.departments):
            raise InvalidRequest(faults=(FieldFault("departments", "至少需要一个部门的统一社会信用代码"),))
        if new.event_url:
            self._check_url(new.event_url)
        stored = [self._stored(key) for key in keys]
        act = _act(actor, "system_added", new.code, keys=[key.key_id for key in keys])
        if not await repository.add_system(new, stored, clock.now(), act, self._audit):
            raise Conflict("已有同名系统", code="system_exists")

    async def is_known(self, code: str) -> bool:
        """Tell whether there is a system of this code."""
        return await repository.find_system(code) is not None

    async def add_keys(self, code: str, keys: Sequence[NewKey], actor: str) -> None:
        """Give a system further keys; the old ones go on until they are retired. Raises: NotFound, InvalidRequest."""
        system = await repository.find_system(code)
        if system is None:
            raise NotFound("没有这个系统")
        stored = [self._stored(key) for key in keys]
        act = _act(actor, "system_key_added", code, keys=[key.key_id for key in keys])
        await repository.add_keys(system["id"], stored, clock.now(), act, self._audit)

    async def send_events_to(self, code: str, url: str, actor: str) -> None:
        """Change where a system's events go; empty for nowhere. Raises: NotFound, InvalidRequest.

        Idempotent: yes, the same address again changes nothing.
        """
        if url:
            self._check_url(url)
        system = await repository.find_system(code)
        if system is None:
            raise NotFound("没有这个系统")
        if system["event_url"] != url:
            await repository.set_event_url(system["id"], url, _act(actor, "system_moved", code), self._audit)

    async def retire_key(self, key_id: str, actor: str) -> None:
        """End a key at once. Raises: NotFound."""
        act = _act(actor, "system_key_retired", key_id)
        if not await repository.retire_key(key_id, clock.now(), act, self._audit):
            raise NotFound("没有这个有效密钥")

    async def all(self) -> list[SystemView]:
        """List the systems with their live keys and unsent events."""
        return [
            SystemView(
                code=row["code"],
                name=row["name"],
                departments=msgspec.json.decode(row["departments"]),
                item_codes=msgspec.json.decode(row["item_codes"]),
                event_url=row["event_url"],
                status=row["status"],
                keys=list(row["keys"]),
                waiting=row["waiting"],
                failed=row["failed"],
            )
            for row in await repository.list_systems()
        ]

    async def unsent(self, limit: int = 200) -> list[EventView]:
        """List the events that were given up or wait after a failed try."""
        return [
            EventView(
                event_no=row["event_no"],
                system_code=row["code"],
                kind=row["kind"],
                subject_no=row["subject_no"],
                status=row["status"],
                attempts=row["attempts"],
                last_error=row["last_error"],
            )
            for row in await event_repository.list_unsent(limit)
        ]

    async def requeue(self, event_no: str) -> None:
        """Send an event again that was given up or left out. Raises: NotFound."""
        if not await event_repository.requeue(event_no, clock.now()):
            raise NotFound("没有这个未送达的事件")

    async def skip(self, event_no: str) -> None:
        """Leave out an event, so that the later ones of its case are sent. Raises: NotFound."""
        if not await event_repository.skip(event_no):
            raise NotFound("没有这个未送达的事件")

    def _stored(self, key: NewKey) -> repository.StoredKey:
        if key.algorithm not in ALGORITHMS:
            raise InvalidRequest(faults=(FieldFault("algorithm", f"应为 {'、'.join(ALGORITHMS)}"),))
        if key.algorithm == HMAC_SHA256 and len(key.secret) < _LEAST_SECRET_BYTES:
            raise InvalidRequest(faults=(FieldFault("secret", "共享密钥至少 32 字节"),))
        public_key = key.public_key
        if key.algorithm == ED25519:
            try:
                public_key = public_key or public_pem(key.secret)
                read_public_key(public_key)
            except ValueError:
                raise InvalidRequest(faults=(FieldFault("public_key", "不是 Ed25519 公钥 PEM"),)) from None
        sealed = self._cipher.encrypt(SECRET_COLUMN, key.secret.hex()) if key.secret else None
        return repository.StoredKey(key.key_id, key.algorithm, sealed, public_key, key.signs_events)

    def _check_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            plain = _PLAIN_URL.fullmatch(url) and parts.port != 0  # reading the port checks it
        except ValueError:
            raise _bad_url() from None
        if not plain or not parts.hostname or parts.username or parts.fragment:
            raise _bad_url()
        local = parts.scheme != "https" or parts.netloc.lower().startswith(_LOCAL)
        if local and not self._loopback_events:
            raise InvalidRequest(faults=(FieldFault("event_url", "生产环境的事件地址应为 https，且不能是本机"),))


def _bad_url() -> InvalidRequest:
    return InvalidRequest(faults=(FieldFault("event_url", "不是有效的地址"),))


def made_key(key_id: str, algorithm: str, *, signs_events: bool) -> NewKey:
    """Make a new key: 32 random bytes, which are the shared secret or the private key."""
    return NewKey(key_id, algorithm, signs_events, secrets.token_bytes(_LEAST_SECRET_BYTES))


def _act(actor: str, action: str, object_no: str, **details: object) -> Act:
    return Act(actor, f"exchange.{action}", "department_system", object_no, details)
