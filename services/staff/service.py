"""The door of the staff room: sign in and out, who is calling, and the audit trail.

Handlers and doors call it; other rooms get a `StaffCaller` and record their acts through `audit`.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import NoReturn

import msgspec
import structlog

from app import clock, db
from app.broadcast import Broadcast
from app.crypto import FieldCipher, hash_secret
from app.db import Row
from app.errors import FieldFault, Forbidden, InvalidRequest, Unauthenticated
from app.ids import new_id, new_secret
from app.limits import RateLimits
from services.staff import repository
from services.staff.audit import AuditTrail
from services.staff.repository import NewSession
from services.staff.second_factor import Passwords, matching_step
from services.staff.types import Act, Colleague, Role, StaffCaller, StaffSignedIn, StaffView

log = structlog.get_logger()
MOST_FAILURES = 5
LOCK = timedelta(minutes=30)
IDLE = timedelta(minutes=15)
LIFETIME = timedelta(hours=10)
TOTP_COLUMN = "staff_member.totp"
_TOUCH = timedelta(seconds=30)
_KEPT_SECONDS = 3.0
_MOST_KEPT = 5_000
_CHANNEL = "sjt:staff-sessions"
_REFUSAL = "用户名、密码或动态口令不正确，或账号已锁定（连续失败5次锁定30分钟）"


class StaffService:
    """Use cases of staff accounts.

    Args:
        login_rate: how often one address may try to sign in, as `30/minute`.
    """

    def __init__(
        self,
        *,
        cipher: FieldCipher,
        limits: RateLimits,
        broadcast: Broadcast,
        audit: AuditTrail,
        login_rate: str = "30/minute",
    ) -> None:
        self.audit = audit
        self._cipher = cipher
        self._limits = limits
        self._broadcast = broadcast
        self._login_rate = login_rate
        self._passwords = Passwords()
        self._seen: dict[str, tuple[StaffCaller, float]] = {}

    async def open(self) -> None:
        """Listen for sessions that end in other processes. Call once at start."""
        await self._broadcast.listen(_CHANNEL, lambda message: self._forget(message.decode()))

    async def sign_in(self, username: str, password: str, totp: str, address: str) -> StaffSignedIn:
        """Open a session by password and one-time code; each code works once.

        Every refusal looks and lasts the same, so that nobody learns which part was wrong or which account exists.
        Raises: TooManyRequests, Unauthenticated `staff_sign_in_refused`.
        """
        await self._limits.hit(self._login_rate, "staff-login", address)
        now = clock.now()
        member = await repository.claim_attempt(username, now, MOST_FAILURES, LOCK)
        right = await self._passwords.matches(member["password_hash"] if member is not None else None, password)
        step = self._step(member, totp)
        if member is None or not right or step is None:
            await self._refuse(member, address)
        return await self._opened(member, step, address)

    async def authenticate(self, token: str) -> StaffCaller:
        """Tell who a bearer or cookie token belongs to; remembered for three seconds.

        Raises: Unauthenticated `staff_session_ended` (unknown, signed out, idle for 15 minutes, older than 10 hours).
        """
        token_hash = hash_secret(token)
        caller, until_seconds = self._seen.get(token_hash, (None, 0.0))
        if caller is not None and clock.monotonic() < until_seconds:
            return caller
        row = await repository.find_session(token_hash, clock.now(), IDLE, _TOUCH)
        if row is None:
            self._forget(token_hash)
            raise Unauthenticated("登录已失效，请重新登录", code="staff_session_ended")
        caller = _caller(row)
        if len(self._seen) >= _MOST_KEPT:
            self._seen.clear()
        self._seen[token_hash] = (caller, clock.monotonic() + _KEPT_SECONDS)
        return caller

    def check_csrf(self, caller: StaffCaller, given: str) -> None:
        """Refuse a write from a page that does not know the session's CSRF token. Raises: Forbidden `csrf_failed`."""
        if not hmac.compare_digest(caller.csrf_token.encode(), given.encode()):
            raise Forbidden("页面已过期，请刷新后重试", code="csrf_failed")

    async def sign_out(self, caller: StaffCaller, address: str) -> None:
        """End the session, in every process. Idempotent."""
        async with db.transaction() as tx:
            token_hash = await repository.revoke_session(tx, caller.session_id, clock.now())
            if token_hash is not None:
                await self.audit.record(Act(caller.username, "staff.signed_out", address=address), tx)
        if token_hash is not None:
            self._forget(token_hash)
            await self._broadcast.publish(_CHANNEL, token_hash.encode())

    async def colleague(self, username: str) -> Colleague:
        """Return an active member of staff by name, as the one who shall have a case.

        Raises: InvalidRequest, for the name stands in a request.
        """
        row = await repository.find_active(username)
        if row is None:
            raise InvalidRequest(faults=(FieldFault("username", "没有此工作人员"),))
        return Colleague(
            username=row["username"],
            display_name=row["display_name"],
            roles=frozenset(msgspec.json.decode(row["roles"], type=list[Role])),
            divisions=tuple(msgspec.json.decode(row["divisions"])),
            departments=tuple(msgspec.json.decode(row["departments"])),
        )

    def view(self, caller: StaffCaller) -> StaffView:
        """Show the caller to themselves."""
        return StaffView(
            id=caller.staff_id.hex,
            username=caller.username,
            display_name=caller.display_name,
            roles=sorted(caller.roles),
            divisions=list(caller.divisions),
            departments=list(caller.departments),
        )

    def _step(self, member: Row | None, totp: str) -> int | None:
        if member is None or member["totp_cipher"] is None:
            return None
        return matching_step(self._cipher.decrypt(TOTP_COLUMN, member["totp_cipher"]), totp, clock.timestamp())

    async def _opened(self, member: Row, step: int, address: str) -> StaffSignedIn:
        now, token = clock.now(), new_secret()
        session = NewSession(new_id(), member["id"], hash_secret(token), new_secret(), now, now + LIFETIME)
        async with db.transaction() as tx:
            fresh = await repository.open_session(tx, session, step)
            if fresh:
                await self.audit.record(Act(member["username"], "staff.signed_in", address=address), tx)
        if not fresh:
            await self._refuse(member, address)
        opened = {"session_id": session.session_id, "csrf_token": session.csrf_token, "staff_id": member["id"]}
        return StaffSignedIn(
            access_token=token,
            csrf_token=session.csrf_token,
            expires_in=int(LIFETIME.total_seconds()),
            staff=self.view(_caller({**member, **opened})),
        )

    async def _refuse(self, member: Row | None, address: str) -> NoReturn:
        if member is not None:
            act = "staff.locked" if member["was_last_try"] else "staff.sign_in_refused"
            await self.audit.record(Act(member["username"], act, address=address))
        raise Unauthenticated(_REFUSAL, code="staff_sign_in_refused")

    def _forget(self, token_hash: str) -> None:
        self._seen.pop(token_hash, None)


def _caller(row: Row) -> StaffCaller:
    return StaffCaller(
        staff_id=row["staff_id"],
        session_id=row["session_id"],
        username=row["username"],
        display_name=row["display_name"],
        roles=frozenset(msgspec.json.decode(row["roles"], type=list[Role])),
        divisions=tuple(msgspec.json.decode(row["divisions"])),
        departments=tuple(msgspec.json.decode(row["departments"])),
        csrf_token=row["csrf_token"],
    )
