"""The door of the staff room: sign in and out, who is calling; its parts: one's own account, members, the audit trail.

Handlers and doors call it; other rooms get a `StaffCaller` and record their acts through `audit`.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import NoReturn

import msgspec

from app import clock, db
from app.broadcast import Broadcast
from app.crypto import FieldCipher
from app.db import Row
from app.errors import FieldFault, Forbidden, InvalidRequest, Unauthenticated
from app.limits import RateLimits
from services.staff import repository
from services.staff.audit import AuditTrail
from services.staff.members import FIRST_PASSWORD_DAYS, Members
from services.staff.own_account import LOCK, MOST_FAILURES, TOTP_COLUMN, OwnAccount
from services.staff.second_factor import Passwords, matching_step
from services.staff.sessions import Sessions, steps_of, view_of
from services.staff.trail import Trail
from services.staff.types import Act, Colleague, Origin, Role, StaffCaller, StaffSignedIn, StaffView, Terms

_REFUSAL = "用户名、密码或动态口令不正确，或账号已锁定（连续失败5次锁定30分钟）"


class StaffService:
    """Use cases of staff accounts.

    Args:
        login_rate: how often one address may try to sign in, as `30/minute`.

    Attributes:
        own: what everybody does with their own account.
        members: what administrators do with others' accounts.
        trail: the audit trail for those who look at it.
    """

    def __init__(
        self,
        *,
        cipher: FieldCipher,
        limits: RateLimits,
        broadcast: Broadcast,
        audit: AuditTrail,
        login_rate: str = "30/minute",
        terms: Terms | None = None,
    ) -> None:
        self.audit = audit
        self.sessions = Sessions(broadcast, terms or Terms())
        self._cipher = cipher
        self._limits = limits
        self._login_rate = login_rate
        self._passwords = Passwords()
        self.own = OwnAccount(cipher, self._passwords, self.sessions, audit, limits)
        self.members = Members(self._passwords, self.sessions, audit)
        self.trail = Trail(audit)

    async def open(self) -> None:
        """Listen for sessions that end in other processes. Call once at start."""
        await self.sessions.listen()

    async def sign_in(self, username: str, password: str, totp: str, address: str, agent: str = "") -> StaffSignedIn:
        """Open a session by password and one-time code; each code works once.

        Somebody without a second factor needs no code, and gets a session that is good for enrolling one only; so does
        somebody with a first or an expired password for setting another. Every refusal looks and lasts the same, so
        that nobody learns which part was wrong or which account exists.
        Raises: TooManyRequests, Unauthenticated `staff_sign_in_refused`.
        """
        await self._limits.hit(self._login_rate, "staff-login", address)
        member = await repository.claim_attempt(username, clock.now(), MOST_FAILURES, LOCK)
        right = await self._passwords.matches(member["password_hash"] if member is not None else None, password)
        step = self._step(member, totp)
        if member is None or not right or step is None or _is_stale(member):
            await self._refuse(member, address)
        return await self._opened(member, step, Origin(address, agent))

    async def authenticate(self, token: str, *, setup: bool = False, unattended: bool = False) -> StaffCaller:
        """Tell who a bearer or cookie token belongs to; remembered for three seconds.

        Raises: Unauthenticated `staff_session_ended`, Forbidden `setup_required` unless the door serves `setup`.
        """
        return await self.sessions.authenticate(token, setup=setup, unattended=unattended)

    def check_csrf(self, caller: StaffCaller, given: str) -> None:
        """Refuse a write from a page that does not know the session's CSRF token. Raises: Forbidden `csrf_failed`."""
        if not hmac.compare_digest(caller.csrf_token.encode(), given.encode()):
            raise Forbidden("页面已过期，请刷新后重试", code="csrf_failed")

    async def sign_out(self, caller: StaffCaller, address: str) -> None:
        """End the session, in every process. Idempotent."""
        async with db.transaction() as tx:
            token_hash = await self.sessions.end_own(tx, caller)
            if token_hash is not None:
                await self.audit.record(Act(caller.username, "staff.signed_out", address=address), tx)
        if token_hash is not None:
            await self.sessions.announce(token_hash)

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
        return view_of(caller)

    def _step(self, member: Row | None, totp: str) -> int | None:
        """Return the step of the code; 0 where the account has no second factor yet, None where the code is wrong."""
        if member is None:
            return None
        if member["totp_cipher"] is None:
            return 0
        return matching_step(self._cipher.decrypt(TOTP_COLUMN, member["totp_cipher"]), totp, clock.timestamp())

    async def _opened(self, member: Row, step: int, origin: Origin) -> StaffSignedIn:
        steps = steps_of(member, self.sessions.terms, clock.now())
        async with db.transaction() as tx:
            answer = await self.sessions.begin(tx, member, step, steps, origin)
            if answer is not None:
                details = {"setup": [one.value for one in steps]} if steps else {}
                act = Act(member["username"], "staff.signed_in", address=origin.address, details=details)
                await self.audit.record(act, tx)
        if answer is None:
            await self._refuse(member, origin.address)
        return answer

    async def _refuse(self, member: Row | None, address: str) -> NoReturn:
        if member is not None:
            act = "staff.locked" if member["was_last_try"] else "staff.sign_in_refused"
            await self.audit.record(Act(member["username"], act, address=address))
        raise Unauthenticated(_REFUSAL, code="staff_sign_in_refused")


def _is_stale(member: Row) -> bool:
    """Tell whether a first password was not used in time: it may lie about in somebody's mail by now."""
    until = member["password_set_at"] + timedelta(days=FIRST_PASSWORD_DAYS)
    return bool(member["password_is_first"]) and until < clock.now()
