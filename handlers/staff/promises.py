"""Door of the staff's checks of promises (告知承诺的核查)."""

from __future__ import annotations

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.applications.types import CaseMaterial, Reason


class PromiseCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the check found, and on what ground."""

    was_false: bool
    reason: Reason


class PromiseChecked(msgspec.Struct, frozen=True, kw_only=True):
    """The case's materials after the check."""

    data: list[CaseMaterial]
    next_cursor: None = None


async def check_promise(call: Call[PromiseCheck]) -> Reply:
    """Note whether a promise was kept."""
    found = await call.house.applications.promise_checks.note(
        call.staff,
        call.path["application_no"],
        call.path["material_code"],
        call.body.was_false,
        call.body.reason,
        call.address,
    )
    return Reply(PromiseChecked(data=found))


ROUTES = (
    Route(
        "POST",
        "/api/staff/v1/cases/<application_no:str>/materials/<material_code:str>/promise-check",
        check_promise,
        auth=Auth.STAFF,
        body=PromiseCheck,
        answer=PromiseChecked,
        summary="登记告知承诺的核查结果",
        tag="办件审批",
        example={"was_false": False, "reason": "经数据比对，承诺属实"},
    ),
)
