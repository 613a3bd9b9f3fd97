"""Queues before their doors: members of staff with clients of theirs."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from app.crypto import FieldCipher
from app.errors import FieldFault, InvalidRequest, Unauthenticated
from app.tokens import AccessTokens
from handlers.citizen import applications
from handlers.staff import cases, decisions, routing
from services.staff.types import Colleague, Role, StaffCaller
from tests.doorway import served
from tests.integration.applications.conftest import staff
from tests.integration.applications.test_doors import Phone

ROUTES = [route for part in (applications, cases, decisions, routing) for route in part.ROUTES]


@pytest.fixture
def people_at_work(world: Any) -> dict[str, StaffCaller]:
    both = (Role.REVIEWER, Role.WINDOW)
    return {
        "window": world.window,
        "reviewer": world.reviewer,
        "second": staff("second", Role.REVIEWER),
        "both": staff("both", *both),
        "chief": staff("chief", Role.APPROVER),
        "auditor": staff("auditor", Role.AUDITOR),
        "far": staff("far", *both, divisions=("1407",)),
        "intake": staff("intake", Role.WINDOW, divisions=("140213",)),
    }


@pytest.fixture
async def counters(
    world: Any, cipher: FieldCipher, people_at_work: dict[str, StaffCaller]
) -> AsyncIterator[Callable[[str], Phone]]:
    """Give a client for each member of staff, by name."""
    tokens = AccessTokens({"k": secrets.token_bytes(32)})

    async def authenticate(token: str, **_: object) -> StaffCaller:
        if token not in people_at_work:
            raise Unauthenticated
        return people_at_work[token]

    async def colleague(username: str) -> Colleague:
        found = people_at_work.get(username)
        if found is None:
            raise InvalidRequest(faults=(FieldFault("username", "没有此工作人员"),))
        return Colleague(found.username, found.display_name, found.roles, found.divisions, found.departments)

    house = SimpleNamespace(
        applications=world.applications,
        staff=SimpleNamespace(authenticate=authenticate, colleague=colleague),
        tokens=tokens,
        cipher=cipher,
    )
    async with served(house, ROUTES) as base, aiohttp.ClientSession() as session:
        yield lambda name: Phone(session, base, name)
