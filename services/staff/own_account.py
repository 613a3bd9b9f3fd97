"""What members of staff do with their own account: set and change the password, enrol the second factor, end sessions.

Called by handlers through the staff service. Every act leaves an audit row; secrets never do.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

import msgspec

from app import clock, db
from app.crypto import FieldCipher
from app.db import Row
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, Unauthenticated
from app.limits import RateLimits
from services.staff import repository
from services.staff.audit import AuditTrail
from services.staff.password_policy import KEPT_HASHES, fault_of
from services.staff.second_factor import Passwords, matching_step, new_totp_secret, totp_uri
from services.staff.sessions import Sessions, steps_of, view_of
from services.staff.types import (
    Act,
    Origin,
    Profile,
    SessionView,
    SetupStep,
    SetupView,
    StaffCaller,
    StaffSignedIn,
    TotpOffer,
)

TOTP_COLUMN = "staff_member.totp"
MOST_FAILURES = 5
LOCK = timedelta(minutes=30)
OFFER_SECONDS = 900
"""A TOTP secret that was shown must be proved within this time, in the session that asked for it."""
_CODE_RATE = "10/minute"
_DONE = "密码和动态口令均已设置"


class OwnAccount:
    """Use cases of one's own account."""

    def __init__(
        self, cipher: FieldCipher, passwords: Passwords, sessions: Sessions, audit: AuditTrail, limits: RateLimits
    ) -> None:
        self._cipher = cipher
        self._passwords = passwords
        self._sessions = sessions
        self._audit = audit
        self._limits = limits

    async def profile(self, caller: StaffCaller) -> Profile:
        """Show the caller's own account."""
        member, days = await self._member(caller), self._sessions.terms.password_days
        return Profile(
            staff=view_of(caller),
            password_set_at=clock.rfc3339(member["password_set_at"]),
            password_expires_at=clock.rfc3339(member["password_set_at"] + timedelta(days=days)) if days else None,
            totp_set_at=clock.rfc3339_or_none(member["totp_set_at"]),
        )

    async def setup(self, caller: StaffCaller) -> SetupView:
        """Say what the caller has to put right."""
        member = await self._member(caller)
        return SetupView(
            username=caller.username,
            display_name=caller.display_name,
            steps=self._steps(member),
            totp_offered=self._offered(caller, member) is not None,
        )

    async def set_password(self, caller: StaffCaller, password: str, origin: Origin) -> StaffSignedIn | None:
        """Choose a password in place of a first or an expired one; returns the full session where that was all.

        All other sessions end. Raises: InvalidRequest at `new_password`, Conflict `setup_done`, Unauthenticated.
        """
        member = await self._member(caller)
        if not caller.is_setup or SetupStep.PASSWORD not in self._steps(member):
            raise Conflict(_DONE, code="setup_done")
        new_hash = await self._chosen(member, password)
        answer = None
        async with db.transaction() as tx:
            await self._store(tx, member, new_hash)
            # Whoever else knows the first password must not put the rest right in a session of theirs.
            await self._sessions.end_all(tx, caller.staff_id, but=caller.session_id)
            if member["totp_cipher"] is not None:
                answer = await self._sessions.replace(tx, caller, member, origin)
            await self._audit.record(Act(caller.username, "staff.password_set", address=origin.address), tx)
        await self._sessions.announce_member(caller.staff_id)
        return answer

    async def change_password(
        self, caller: StaffCaller, password: str, totp: str, new_password: str, origin: Origin
    ) -> None:
        """Change the password, proving the old one and a code; all other sessions end.

        Raises: InvalidRequest (at `new_password`, or `proof_refused`), TooManyRequests.
        """
        # What cannot be chosen anyway is said first: it must not use up a code and one of the tries.
        _require_fit(new_password, caller.username)
        member, step = await self._proved(caller, password, totp, origin)
        new_hash = await self._chosen(member, new_password)
        async with db.transaction() as tx:
            await self._use(tx, caller, step)
            await self._store(tx, member, new_hash)
            ended = await self._sessions.end_all(tx, caller.staff_id, but=caller.session_id)
            act = Act(caller.username, "staff.password_changed", address=origin.address, details={"ended": ended})
            await self._audit.record(act, tx)
        await self._sessions.announce_member(caller.staff_id)

    async def offer_totp(self, caller: StaffCaller, password: str, totp: str, origin: Origin) -> TotpOffer:
        """Make a new TOTP secret to be shown; who has a second factor already proves it and the password first.

        Raises: InvalidRequest `proof_refused`, TooManyRequests.
        """
        member = await self._member(caller)
        step = None
        if member["totp_cipher"] is not None:
            member, step = await self._proved(caller, password, totp, origin)
        secret = new_totp_secret()
        async with db.transaction() as tx:
            if step is not None:
                await self._use(tx, caller, step)
            pending = f"{secret} {caller.session_id.hex} {clock.timestamp() + OFFER_SECONDS}"
            await repository.offer_totp(tx, caller.staff_id, self._cipher.encrypt(TOTP_COLUMN, pending))
            await self._audit.record(Act(caller.username, "staff.totp_offered", address=origin.address), tx)
        return TotpOffer(secret=secret, uri=totp_uri(secret, caller.username))

    async def offered_totp(self, caller: StaffCaller) -> TotpOffer:
        """Return the TOTP secret that this session has been offered and must prove. Raises: NotFound."""
        secret = self._offered(caller, await self._member(caller))
        if secret is None:
            raise NotFound("请先生成二维码")
        return TotpOffer(secret=secret, uri=totp_uri(secret, caller.username))

    async def confirm_totp(self, caller: StaffCaller, code: str, origin: Origin) -> StaffSignedIn | None:
        """Prove the shown secret by a code; from now on it counts. Returns the full session where that was all.

        All other sessions end. Raises: InvalidRequest at `totp`, NotFound, TooManyRequests, Unauthenticated.
        """
        await self._limits.hit(_CODE_RATE, "staff-totp", caller.staff_id.hex)
        member = await self._member(caller)
        secret = self._offered(caller, member)
        if secret is None:
            raise NotFound("请先生成二维码")
        step = matching_step(secret, code, clock.timestamp())
        if step is None:
            raise InvalidRequest(faults=(FieldFault("totp", "动态口令不正确，请核对手机时间后重试"),))
        answer = None
        async with db.transaction() as tx:
            pending, cipher = member["totp_pending_cipher"], self._cipher.encrypt(TOTP_COLUMN, secret)
            if not await repository.accept_totp(tx, caller.staff_id, pending, cipher, step, clock.now()):
                raise Conflict("二维码已更换，请重新扫描", code="totp_replaced")
            await self._sessions.end_all(tx, caller.staff_id, but=caller.session_id)
            if caller.is_setup and self._steps(member) == [SetupStep.TOTP]:
                answer = await self._sessions.replace(tx, caller, member, origin)
            await self._audit.record(Act(caller.username, "staff.totp_set", address=origin.address), tx)
        await self._sessions.announce_member(caller.staff_id)
        return answer

    async def sessions(self, caller: StaffCaller) -> list[SessionView]:
        """List the caller's live sessions."""
        return await self._sessions.live(caller)

    async def end_session(self, caller: StaffCaller, session_id: str, origin: Origin) -> None:
        """End one of the caller's sessions. Raises: NotFound."""
        try:
            wanted = uuid.UUID(hex=session_id)
        except ValueError:
            raise NotFound("没有这个会话，或已结束") from None
        async with db.transaction() as tx:
            token_hash = await self._sessions.end_one(tx, caller.staff_id, wanted)
            await self._audit.record(Act(caller.username, "staff.session_ended", address=origin.address), tx)
        await self._sessions.announce(token_hash)

    async def end_other_sessions(self, caller: StaffCaller, origin: Origin) -> int:
        """End all of the caller's sessions but this one; returns how many."""
        async with db.transaction() as tx:
            ended = await self._sessions.end_all(tx, caller.staff_id, but=caller.session_id)
            act = Act(caller.username, "staff.sessions_ended", address=origin.address, details={"ended": ended})
            await self._audit.record(act, tx)
        await self._sessions.announce_member(caller.staff_id)
        return ended

    async def _member(self, caller: StaffCaller) -> Row:
        row = await repository.find_secrets(caller.staff_id)
        if row is None:
            raise Unauthenticated("登录已失效，请重新登录", code="staff_session_ended")
        return row

    def _offered(self, caller: StaffCaller, member: Row) -> str | None:
        """Return the shown secret, as long as it waits for this session: another's cookie must not find it."""
        if member["totp_pending_cipher"] is None:
            return None
        secret, session, until = self._cipher.decrypt(TOTP_COLUMN, member["totp_pending_cipher"]).split(" ")
        return secret if session == caller.session_id.hex and clock.timestamp() < int(until) else None

    def _steps(self, member: Row) -> list[SetupStep]:
        return steps_of(member, self._sessions.terms, clock.now())

    async def _proved(self, caller: StaffCaller, password: str, totp: str, origin: Origin) -> tuple[Row, int]:
        """Have the caller prove password and second factor again; wrong tries count as those of the sign-in do."""
        await self._limits.hit(_CODE_RATE, "staff-proof", caller.staff_id.hex)
        tried = await repository.claim_attempt(caller.username, clock.now(), MOST_FAILURES, LOCK)
        right = await self._passwords.matches(tried["password_hash"] if tried is not None else None, password)
        cipher = tried["totp_cipher"] if tried is not None else None
        secret = self._cipher.decrypt(TOTP_COLUMN, cipher) if cipher is not None else ""
        step = matching_step(secret, totp, clock.timestamp()) if secret else None
        if not right or step is None or step <= (tried["totp_last_step"] if tried is not None else 0):
            act = "staff.locked" if tried is not None and tried["was_last_try"] else "staff.proof_refused"
            await self._audit.record(Act(caller.username, act, address=origin.address))
            raise InvalidRequest(
                "原密码或动态口令不正确（每个动态口令只能用一次）",
                code="proof_refused",
                faults=(FieldFault("password", "请核对原密码"), FieldFault("totp", "请等待验证器显示下一个口令后再试")),
            )
        return await self._member(caller), step

    async def _use(self, tx: db.Transaction, caller: StaffCaller, step: int) -> None:
        if not await repository.use_step(tx, caller.staff_id, step):
            raise InvalidRequest(faults=(FieldFault("totp", "该动态口令已使用，请等待下一个"),))

    async def _chosen(self, member: Row, password: str) -> str:
        _require_fit(password, member["username"])
        former = [member["password_hash"], *msgspec.json.decode(member["former_hashes"], type=list[str])]
        if await self._passwords.among(former, password):
            raise InvalidRequest(faults=(FieldFault("new_password", f"不能使用当前或最近{KEPT_HASHES}次用过的密码"),))
        return await self._passwords.hashed(password)

    async def _store(self, tx: db.Transaction, member: Row, new_hash: str) -> None:
        old = member["password_hash"]
        former = [old, *msgspec.json.decode(member["former_hashes"], type=list[str])][:KEPT_HASHES]
        if not await repository.set_password(tx, member["id"], old, new_hash, former, clock.now()):
            raise Conflict("密码刚被更改，请重新登录", code="password_changed")


def _require_fit(password: str, username: str) -> None:
    fault = fault_of(password, username)
    if fault is not None:
        raise InvalidRequest(faults=(FieldFault("new_password", fault),))
