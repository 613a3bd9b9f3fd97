"""What administrators do with the accounts of others: make, change, switch off and on, hand out a first password.

Called by handlers through the staff service. Effects reach every process at once; each act leaves an audit row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from app import clock, db
from app.db import Row, Transaction
from app.errors import Conflict, FieldFault, InvalidRequest, NotFound, StaleVersion
from app.identifiers import division_prefix
from services.staff import member_repository, repository
from services.staff.audit import AuditTrail
from services.staff.repository import NewMember
from services.staff.role_rules import Scope, require_act, require_gift, require_look, require_remaining, scope_of
from services.staff.second_factor import Passwords, new_password
from services.staff.sessions import Sessions
from services.staff.types import (
    Act,
    FirstPassword,
    MemberFilter,
    MemberPage,
    MemberStatus,
    MemberTerms,
    MemberView,
    NewStaff,
    Role,
    StaffCaller,
)

FIRST_PASSWORD_DAYS = 7
"""A first password that nobody has used for so long opens nothing any more."""


class Members:
    """Use cases of staff and roles."""

    def __init__(self, passwords: Passwords, sessions: Sessions, audit: AuditTrail) -> None:
        self._passwords = passwords
        self._sessions = sessions
        self._audit = audit

    async def page(
        self,
        caller: StaffCaller,
        wanted: MemberFilter,
        after: Any = None,
        limit: int = 20,
        *,
        cursor_of: Callable[[Any], str] = str,
    ) -> MemberPage:
        """List the accounts within the caller's scope, the newest first. Raises: Forbidden `role_required`."""
        caller.require_role(Role.ADMINISTRATOR, Role.AUDITOR)
        rows = await member_repository.list_members(
            scope_of(caller), wanted, clock.now(), self._sessions.terms.idle, after, limit + 1
        )
        shown = rows[:limit]
        following = cursor_of(shown[-1]["id"]) if len(rows) > limit else None
        return MemberPage(data=[_view(row) for row in shown], next_cursor=following)

    async def show(self, caller: StaffCaller, username: str) -> MemberView:
        """Show one account. Raises: Forbidden `role_required`, NotFound."""
        row = await self._find(username)
        require_look(caller, _scope(row))
        return _view(row)

    async def add(self, caller: StaffCaller, new: NewStaff, address: str) -> FirstPassword:
        """Make an account with a first password, which is shown this once.

        Raises: Forbidden `beyond_scope`, InvalidRequest (unknown places), Conflict `username_taken`.
        """
        caller.require_role(Role.ADMINISTRATOR)
        divisions, departments = await self._places(caller, new)
        return await self._added(new, divisions, departments, caller.username, address)

    async def add_by_operator(self, new: NewStaff) -> FirstPassword:
        """Make an account from the command line of the machine itself. Raises: as `add`."""
        divisions, departments = await _known_places(new)
        return await self._added(new, divisions, departments, "system", "")

    async def change(
        self, caller: StaffCaller, username: str, version: int, terms: MemberTerms, address: str
    ) -> MemberView:
        """Change name, roles and scope of another account.

        Raises: Forbidden `own_account`, `beyond_scope`, InvalidRequest, Conflict `last_administrator`, StaleVersion.
        """
        before = await self._actable(caller, username)
        divisions, departments = await self._places(caller, terms)
        roles = sorted({role.value for role in terms.roles})
        was, new = _details(before), {"roles": roles, "divisions": divisions, "departments": departments}

        async def act(tx: Transaction) -> bool:
            return await member_repository.change(
                tx, before["id"], version, terms.display_name, roles, divisions, departments
            )

        loses = Role.ADMINISTRATOR in was["roles"] and Role.ADMINISTRATOR not in roles
        details = {"before": was, "after": new}
        return await self._acted(caller, before, act, "staff.changed", address, details, loses_administrator=loses)

    async def disable(self, caller: StaffCaller, username: str, version: int, reason: str, address: str) -> MemberView:
        """Switch an account off; its sessions end at once.

        Raises: Forbidden `own_account`, Conflict `last_administrator`, StaleVersion, InvalidRequest.
        """
        before = await self._actable(caller, username)

        async def act(tx: Transaction) -> bool:
            await self._sessions.end_all(tx, before["id"])
            return await member_repository.set_status(tx, before["id"], version, MemberStatus.DISABLED)

        loses = "administrator" in _details(before)["roles"]
        details = {"reason": _reason(reason)}
        return await self._acted(caller, before, act, "staff.disabled", address, details, loses_administrator=loses)

    async def enable(self, caller: StaffCaller, username: str, version: int, address: str) -> MemberView:
        """Switch an account on again. Raises: Forbidden `own_account`, StaleVersion."""
        before = await self._actable(caller, username)

        async def act(tx: Transaction) -> bool:
            return await member_repository.set_status(tx, before["id"], version, MemberStatus.ACTIVE)

        return await self._acted(caller, before, act, "staff.enabled", address, {})

    async def reset_password(
        self, caller: StaffCaller, username: str, version: int, reason: str, address: str
    ) -> FirstPassword:
        """Hand out a first password in place of a forgotten one; sessions end, a lock goes.

        Raises: Forbidden `own_account`, StaleVersion, InvalidRequest.
        """
        before = await self._actable(caller, username)
        return await self._reset(caller, before, version, reason, address, forget_totp=False)

    async def reset_totp(
        self, caller: StaffCaller, username: str, version: int, reason: str, address: str
    ) -> FirstPassword:
        """Forget a lost second factor. The password goes with it: alone it would open the enrolment of another one.

        Raises: Forbidden `own_account`, StaleVersion, InvalidRequest.
        """
        before = await self._actable(caller, username)
        return await self._reset(caller, before, version, reason, address, forget_totp=True)

    async def reset_by_operator(self, username: str) -> FirstPassword:
        """Let somebody in again from the command line of the machine: new password, new second factor, active.

        Raises: NotFound.
        """
        before, password = await self._find(username), new_password()
        new_hash = await self._passwords.hashed(password)
        async with db.transaction() as tx:
            version = before["version"]
            if await member_repository.set_status(tx, before["id"], version, MemberStatus.ACTIVE):
                await member_repository.reset_password(
                    tx, before["id"], version + 1, new_hash, clock.now(), forget_totp=True
                )
            await self._sessions.end_all(tx, before["id"])
            await self._audit.record(Act("system", "staff.totp_reset", "staff", username), tx)
        await self._sessions.announce_member(before["id"])
        return _first(password, await self._find(username))

    async def end_sessions(self, caller: StaffCaller, username: str, address: str) -> int:
        """End all sessions of somebody else; returns how many. Raises: Forbidden `own_account`, NotFound."""
        member = await self._actable(caller, username)
        async with db.transaction() as tx:
            ended = await self._sessions.end_all(tx, member["id"])
            act = Act(caller.username, "staff.sessions_ended", "staff", username, {"ended": ended}, address)
            await self._audit.record(act, tx)
        await self._sessions.announce_member(member["id"])
        return ended

    async def _added(
        self, new: NewStaff, divisions: list[str], departments: list[str], actor: str, address: str
    ) -> FirstPassword:
        password = new_password()
        member = NewMember(
            username=new.username,
            display_name=new.display_name,
            password_hash=await self._passwords.hashed(password),
            totp_cipher=None,
            roles=sorted({role.value for role in new.roles}),
            divisions=divisions,
            departments=departments,
            password_is_first=True,
            created_by=actor,
        )
        async with db.transaction() as tx:
            if not await repository.add_member(tx, member, clock.now()):
                raise Conflict("用户名已被使用", code="username_taken")
            details = {"roles": member.roles, "divisions": divisions, "departments": departments}
            await self._audit.record(Act(actor, "staff.added", "staff", new.username, details, address), tx)
        return _first(password, await self._find(new.username))

    async def _reset(
        self, caller: StaffCaller, before: Row, version: int, reason: str, address: str, *, forget_totp: bool
    ) -> FirstPassword:
        details, password = {"reason": _reason(reason)}, new_password()
        new_hash = await self._passwords.hashed(password)

        async def act(tx: Transaction) -> bool:
            await self._sessions.end_all(tx, before["id"])
            return await member_repository.reset_password(
                tx, before["id"], version, new_hash, clock.now(), forget_totp=forget_totp
            )

        action = "staff.totp_reset" if forget_totp else "staff.password_reset"
        return _first(password, await self._acted(caller, before, act, action, address, details))

    async def _acted(
        self,
        caller: StaffCaller,
        before: Row,
        act: Callable[[Transaction], Awaitable[bool]],
        action: str,
        address: str,
        details: dict[str, Any],
        *,
        loses_administrator: bool = False,
    ) -> MemberView:
        """Do one thing to an account with its audit row, tell every process, and show the account as it is now."""
        username = before["username"]
        async with db.transaction() as tx:
            if loses_administrator:
                require_remaining(await member_repository.lock_administrators(tx), username)
            if not await act(tx):
                raise StaleVersion(current={"version": before["version"]})
            await self._audit.record(Act(caller.username, action, "staff", username, details, address), tx)
        await self._sessions.announce_member(before["id"])
        return _view(await self._find(username))

    async def _actable(self, caller: StaffCaller, username: str) -> Row:
        caller.require_role(Role.ADMINISTRATOR)
        row = await self._find(username)
        require_act(caller, username, _scope(row))
        return row

    async def _places(self, caller: StaffCaller, terms: MemberTerms) -> tuple[list[str], list[str]]:
        divisions, departments = await _known_places(terms)
        require_gift(caller, Scope(divisions, departments))
        return divisions, departments

    async def _find(self, username: str) -> Row:
        row = await member_repository.find_member(username, clock.now(), self._sessions.terms.idle)
        if row is None:
            raise NotFound("没有此工作人员")
        return row


async def _known_places(terms: MemberTerms) -> tuple[list[str], list[str]]:
    """Return the divisions as prefixes and the departments, each once. Raises: InvalidRequest for unknown ones."""
    divisions, departments = await member_repository.unknown_places(terms.divisions, terms.departments)
    faults = [FieldFault("divisions", f"没有区划 {code}") for code in sorted(divisions)]
    faults += [FieldFault("departments", f"没有部门 {code}") for code in sorted(departments)]
    if faults:
        raise InvalidRequest(faults=tuple(faults))
    return sorted({division_prefix(code) for code in terms.divisions}), sorted(set(terms.departments))


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidRequest(faults=(FieldFault("reason", "请填写原因"),))
    return reason


def _scope(row: Row) -> Scope:
    return Scope(msgspec.json.decode(row["divisions"]), msgspec.json.decode(row["departments"]))


def _details(row: Row) -> dict[str, Any]:
    return {name: msgspec.json.decode(row[name]) for name in ("roles", "divisions", "departments")}


def _first(password: str, member: MemberView | Row) -> FirstPassword:
    view = member if isinstance(member, MemberView) else _view(member)
    return FirstPassword(username=view.username, first_password=password, valid_days=FIRST_PASSWORD_DAYS, member=view)


def _view(row: Row) -> MemberView:
    return MemberView(
        username=row["username"],
        display_name=row["display_name"],
        roles=msgspec.json.decode(row["roles"], type=list[Role]),
        divisions=[prefix.ljust(6, "0") for prefix in msgspec.json.decode(row["divisions"])],
        departments=msgspec.json.decode(row["departments"]),
        status=MemberStatus(row["status"]),
        is_locked=row["is_locked"],
        password_is_first=row["password_is_first"],
        has_totp=row["has_totp"],
        password_set_at=clock.rfc3339(row["password_set_at"]),
        signed_in_at=clock.rfc3339_or_none(row["signed_in_at"]),
        created_at=clock.rfc3339(row["created_at"]),
        created_by=row["created_by"],
        sessions=row["sessions"],
        version=row["version"],
    )
