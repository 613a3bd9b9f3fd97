"""Live sessions of staff: who a token belongs to, remembered for three seconds, and their end in every process.

Called by the parts of the staff room and by every door of staff. Roles are read anew with every look-up.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import msgspec

from app import clock
from app.broadcast import Broadcast
from app.crypto import hash_secret
from app.db import Row, Transaction
from app.errors import Forbidden, NotFound, Unauthenticated
from app.ids import new_id, new_secret
from services.staff import session_repository as repository
from services.staff.session_repository import NewSession
from services.staff.types import Origin, Role, SessionView, SetupStep, StaffCaller, StaffSignedIn, StaffView, Terms

FULL, SETUP = "FULL", "SETUP"
_SETUP_LIFETIME = timedelta(minutes=30)
_TOUCH = timedelta(seconds=30)
_KEPT_SECONDS = 3.0
_MOST_KEPT = 5_000
_CHANNEL = "sjt:staff-sessions"
_MEMBER = "member:"
_AGENT_LENGTH = 100


class Sessions:
    """Opens, finds and ends sessions; other processes hear of every end."""

    def __init__(self, broadcast: Broadcast, terms: Terms) -> None:
        self.terms = terms
        self._broadcast = broadcast
        self._seen: dict[str, tuple[StaffCaller, float]] = {}

    async def listen(self) -> None:
        """Hear of sessions that end in other processes. Call once at start."""
        await self._broadcast.listen(_CHANNEL, lambda message: self._forget(message.decode()))

    async def authenticate(self, token: str, *, setup: bool = False, unattended: bool = False) -> StaffCaller:
        """Tell who a token belongs to.

        Args:
            setup: whether the door serves those too who have their password or second factor to put right.
            unattended: a page asks by itself; that does not keep an idle session alive.

        Raises: Unauthenticated `staff_session_ended` (unknown, signed out, idle or open for too long),
        Forbidden `setup_required`.
        """
        caller = await self._found(hash_secret(token), unattended)
        if caller.is_setup and not setup:
            raise Forbidden("请先设置密码和动态口令", code="setup_required")
        return caller

    async def _found(self, token_hash: str, unattended: bool) -> StaffCaller:
        caller, until_seconds = self._seen.get(token_hash, (None, 0.0))
        if caller is not None and clock.monotonic() < until_seconds:
            return caller
        row = await repository.find_session(token_hash, clock.now(), self.terms.idle, self._touch(unattended))
        if row is None:
            self._forget(token_hash)
            raise Unauthenticated("登录已失效，请重新登录", code="staff_session_ended")
        caller = caller_of(row)
        if not unattended:
            if len(self._seen) >= _MOST_KEPT:
                self._seen.clear()
            self._seen[token_hash] = (caller, clock.monotonic() + _KEPT_SECONDS)
        return caller

    def _touch(self, unattended: bool) -> timedelta:
        """Return how old the note of the last use may be; nobody's use is noted for a page that asks by itself."""
        return self.terms.lifetime if unattended else _TOUCH

    async def begin(
        self, tx: Transaction, member: Row, step: int, steps: list[SetupStep], origin: Origin
    ) -> StaffSignedIn | None:
        """Open a session with a one-time code that has not served yet; None where it has, or the password has gone."""
        token, session = self._new(member, steps, origin)
        fresh = await repository.open_session(tx, session, step, member["password_hash"])
        return self._answer(token, session, member, steps) if fresh else None

    async def replace(self, tx: Transaction, caller: StaffCaller, member: Row, origin: Origin) -> StaffSignedIn:
        """End the session in which somebody has put everything right, and open one that is good for all doors.

        Raises: Unauthenticated `staff_session_ended` where somebody else has just ended it.
        """
        if await repository.revoke_session(tx, caller.staff_id, caller.session_id, clock.now()) is None:
            raise Unauthenticated("登录已失效，请重新登录", code="staff_session_ended")
        token, session = self._new(member, [], origin)
        await repository.continue_as(tx, session)
        return self._answer(token, session, member, [])

    async def live(self, caller: StaffCaller) -> list[SessionView]:
        """List the caller's live sessions, the newest first."""
        rows = await repository.list_live(caller.staff_id, clock.now(), self.terms.idle)
        return [
            SessionView(
                id=row["id"].hex,
                address=row["address"],
                agent=row["agent"],
                kind=row["kind"],
                signed_in_at=clock.rfc3339(row["created_at"]),
                last_seen_at=clock.rfc3339(row["last_seen_at"]),
                is_this_one=row["id"] == caller.session_id,
            )
            for row in rows
        ]

    async def end_one(self, tx: Transaction, staff_id: uuid.UUID, session_id: uuid.UUID) -> str:
        """End one session of a member; return its token hash for `announce`. Raises: NotFound."""
        token_hash = await repository.revoke_session(tx, staff_id, session_id, clock.now())
        if token_hash is None:
            raise NotFound("没有这个会话，或已结束")
        return token_hash

    async def end_own(self, tx: Transaction, caller: StaffCaller) -> str | None:
        """End the session in hand; None where it has ended. Idempotent."""
        return await repository.revoke_session(tx, caller.staff_id, caller.session_id, clock.now())

    async def end_all(self, tx: Transaction, staff_id: uuid.UUID, but: uuid.UUID | None = None) -> int:
        """End all sessions of a member, except perhaps one; `announce_member` after the commit."""
        return await repository.revoke_sessions(tx, staff_id, clock.now(), but)

    async def announce(self, token_hash: str) -> None:
        """Have every process look at a session anew; call after the commit."""
        self._forget(token_hash)
        await self._broadcast.publish(_CHANNEL, token_hash.encode())

    async def announce_member(self, staff_id: uuid.UUID) -> None:
        """Have every process look at a member's sessions and roles anew; call after the commit."""
        await self._told(f"{_MEMBER}{staff_id.hex}")

    async def _told(self, message: str) -> None:
        self._forget(message)
        await self._broadcast.publish(_CHANNEL, message.encode())

    def _forget(self, message: str) -> None:
        if not message.startswith(_MEMBER):
            self._seen.pop(message, None)
            return
        staff_id = message.removeprefix(_MEMBER)
        for token_hash in [kept for kept, (caller, _) in self._seen.items() if caller.staff_id.hex == staff_id]:
            self._seen.pop(token_hash, None)

    def _new(self, member: Row, steps: list[SetupStep], origin: Origin) -> tuple[str, NewSession]:
        now, token = clock.now(), new_secret()
        return token, NewSession(
            session_id=new_id(),
            staff_id=member["id"],
            token_hash=hash_secret(token),
            csrf_token=new_secret(),
            now=now,
            expires_at=now + self._lifetime(steps),
            kind=SETUP if steps else FULL,
            address=origin.address,
            agent="".join(letter for letter in origin.agent if letter.isprintable())[:_AGENT_LENGTH],
        )

    def _answer(self, token: str, session: NewSession, member: Row, steps: list[SetupStep]) -> StaffSignedIn:
        opened = {"session_id": session.session_id, "csrf_token": session.csrf_token, "staff_id": member["id"]}
        return StaffSignedIn(
            access_token=token,
            csrf_token=session.csrf_token,
            expires_in=int(self._lifetime(steps).total_seconds()),
            staff=view_of(caller_of({**member, **opened, "kind": session.kind})),
            setup=steps,
        )

    def _lifetime(self, steps: list[SetupStep]) -> timedelta:
        return min(_SETUP_LIFETIME, self.terms.lifetime) if steps else self.terms.lifetime


def steps_of(member: Row, terms: Terms, now: datetime) -> list[SetupStep]:
    """Name what a member has to put right: a password of somebody else's making or too old, no second factor."""
    days = terms.password_days
    is_old = days > 0 and member["password_set_at"] < now - timedelta(days=days)
    steps = [SetupStep.PASSWORD] if member["password_is_first"] or is_old else []
    return steps + ([SetupStep.TOTP] if member["totp_cipher"] is None else [])


def caller_of(row: Row) -> StaffCaller:
    """Make the caller of a session's row."""
    return StaffCaller(
        staff_id=row["staff_id"],
        session_id=row["session_id"],
        username=row["username"],
        display_name=row["display_name"],
        roles=frozenset(msgspec.json.decode(row["roles"], type=list[Role])),
        divisions=tuple(msgspec.json.decode(row["divisions"])),
        departments=tuple(msgspec.json.decode(row["departments"])),
        csrf_token=row["csrf_token"],
        is_setup=row["kind"] == SETUP,
    )


def view_of(caller: StaffCaller) -> StaffView:
    """Show a caller to themselves."""
    return StaffView(
        id=caller.staff_id.hex,
        username=caller.username,
        display_name=caller.display_name,
        roles=sorted(caller.roles),
        divisions=list(caller.divisions),
        departments=list(caller.departments),
    )
