"""Whatever administrators do to each other: nobody gains more than the giver has, and one administrator remains."""

from __future__ import annotations

import uuid
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from app.errors import SanjinError
from services.staff.role_rules import Scope, require_act, require_gift, require_look, require_remaining
from services.staff.types import Role, StaffCaller

_PREFIXES = ("14", "1401", "1402", "140105", "140106", "140213")
_DEPARTMENTS = ("11140105MB0001177F", "11140100012345678A", "11140000012345678B")
scopes = st.builds(
    Scope,
    st.lists(st.sampled_from(_PREFIXES), max_size=3, unique=True),
    st.lists(st.sampled_from(_DEPARTMENTS), max_size=2, unique=True),
)


def _caller(name: str, scope: Scope, *roles: Role) -> StaffCaller:
    return StaffCaller(
        staff_id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        username=name,
        display_name=name,
        roles=frozenset(roles),
        divisions=tuple(scope.divisions),
        departments=tuple(scope.departments),
        csrf_token="t",
    )


def _allows(rule: object, *arguments: object) -> bool:
    try:
        rule(*arguments)  # type: ignore[operator]  # one of the rules of the module
    except SanjinError:
        return False
    return True


@given(own=scopes, given_scope=scopes, division=st.sampled_from(_PREFIXES), department=st.sampled_from(_DEPARTMENTS))
def test_a_scope_that_was_given_covers_nothing_that_the_giver_does_not(
    own: Scope, given_scope: Scope, division: str, department: str
) -> None:
    giver = _caller("a", own, Role.ADMINISTRATOR)
    if _allows(require_gift, giver, given_scope):
        taker = _caller("b", given_scope)
        assert not taker.covers(division, department) or giver.covers(division, department)


@given(own=scopes, theirs=scopes, wider=scopes)
def test_scopes_are_ordered(own: Scope, theirs: Scope, wider: Scope) -> None:
    if own.within(theirs) and theirs.within(wider):
        assert own.within(wider)
    assert own.within(own) == bool(own.divisions)


@given(own=scopes, theirs=scopes, roles=st.sets(st.sampled_from(list(Role))))
def test_only_administrators_act_and_never_on_themselves(own: Scope, theirs: Scope, roles: set[Role]) -> None:
    caller = _caller("a", own, *roles)
    assert not _allows(require_act, caller, "a", theirs)
    if _allows(require_act, caller, "b", theirs):
        assert Role.ADMINISTRATOR in roles
        assert _allows(require_look, caller, theirs)
    if _allows(require_look, caller, theirs):
        assert roles & {Role.ADMINISTRATOR, Role.AUDITOR}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_one_administrator_always_remains(acts: list[tuple[int, int]]) -> None:
    administrators = {f"a{number}" for number in range(4)}
    scope = Scope(("14",), ())
    for actor, target in acts:
        if f"a{actor}" not in administrators:
            continue
        with suppress(SanjinError):
            require_act(_caller(f"a{actor}", scope, Role.ADMINISTRATOR), f"a{target}", scope)
            require_remaining(sorted(administrators), f"a{target}")
            administrators.discard(f"a{target}")
    assert administrators
