"""Who may make, change and switch off whose account. Pure; called by members.py, and by pages to show what is possible.

An administrator acts within their own divisions and departments, never on their own account, and never gives away
more than they have of either. Some active administrator always remains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.errors import Conflict, Forbidden, NotFound
from services.staff.types import Role, StaffCaller


@dataclass(frozen=True, slots=True)
class Scope:
    """Prefixes of division codes, and departments; no department means all of those divisions."""

    divisions: Sequence[str]
    departments: Sequence[str]

    def within(self, other: Scope) -> bool:
        """Tell whether this scope reaches nowhere that the other does not."""
        places = all(prefix.startswith(tuple(other.divisions)) for prefix in self.divisions)
        return bool(self.divisions) and places and _departments_within(self.departments, other.departments)


def scope_of(caller: StaffCaller) -> Scope:
    """Return the caller's own scope."""
    return Scope(caller.divisions, caller.departments)


def require_look(caller: StaffCaller, scope: Scope) -> None:
    """Let administrators and auditors see accounts within their scope. Raises: Forbidden, NotFound."""
    caller.require_role(Role.ADMINISTRATOR, Role.AUDITOR)
    if not scope.within(scope_of(caller)):
        raise NotFound("没有此工作人员")


def require_act(caller: StaffCaller, username: str, scope: Scope) -> None:
    """Let an administrator act on somebody else's account within their scope.

    Raises: Forbidden `role_required`, Forbidden `own_account`, NotFound.
    """
    caller.require_role(Role.ADMINISTRATOR)
    if not scope.within(scope_of(caller)):
        raise NotFound("没有此工作人员")
    if username == caller.username:
        raise Forbidden("不能更改自己的账号，请由其他管理员办理", code="own_account")


def require_gift(caller: StaffCaller, scope: Scope) -> None:
    """Refuse a scope that reaches beyond the caller's own. Raises: Forbidden `beyond_scope`."""
    if not scope.within(scope_of(caller)):
        raise Forbidden("不能授予超出本人辖区或部门的范围", code="beyond_scope")


def require_remaining(administrators: Iterable[str], username: str) -> None:
    """Refuse to take the role from the last active administrator. Raises: Conflict `last_administrator`."""
    if not set(administrators) - {username}:
        raise Conflict("至少须保留一名可用的管理员", code="last_administrator")


def _departments_within(own: Sequence[str], others: Sequence[str]) -> bool:
    return not others or (bool(own) and set(own) <= set(others))
