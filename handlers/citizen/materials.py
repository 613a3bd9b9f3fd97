"""Doors of materials: read a promise before it is given, take one back, hand in later what was promised for later."""

from __future__ import annotations

from typing import Literal

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from handlers.parsing import expected_version
from services.applications.materials.types import PromiseView, PromiseWithdrawal, Source, Supply
from services.applications.types import ApplicationView

_TAG = "材料"
_ONE = "/api/v1/applications/<application_no:str>/materials/<material_code:str>"


class PromiseQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which words: those of a promise (告知承诺) or of a later supply (容缺后补)."""

    kind: Literal["promise", "later"] = "promise"


async def get_promise(call: Call[None]) -> Reply:
    """Show the words that may stand in for a material."""
    query: PromiseQuery = call.query
    source = Source(query.kind.upper())
    view = await call.house.applications.promise(call.path["item_code"], call.path["material_code"], source)
    return Reply(view)


async def supply_material(call: Call[Supply]) -> Reply:
    """Hand in what is awaited."""
    number, code = call.path["application_no"], call.path["material_code"]
    view = await call.house.applications.supply(
        call.caller, number, code, call.body.upload_ids, version=expected_version(call.request, call.body.version)
    )
    return Reply(view)


async def withdraw_promise(call: Call[PromiseWithdrawal]) -> Reply:
    """Take a promise back."""
    number, code = call.path["application_no"], call.path["material_code"]
    return Reply(
        await call.house.applications.withdraw_promise(
            call.caller, number, code, version=expected_version(call.request, call.body.version)
        )
    )


ROUTES = (
    Route(
        "GET",
        "/api/v1/items/<item_code:str>/materials/<material_code:str>/promise",
        get_promise,
        auth=Auth.CITIZEN,
        query=PromiseQuery,
        answer=PromiseView,
        summary="告知承诺书或容缺承诺书",
        tag=_TAG,
    ),
    Route(
        "POST",
        f"{_ONE}/supply",
        supply_material,
        auth=Auth.CITIZEN,
        body=Supply,
        answer=ApplicationView,
        summary="补交容缺材料",
        tag=_TAG,
        example={"upload_ids": ["01939c5e-0000-7000-8000-000000000001"], "version": 3},
    ),
    Route(
        "POST",
        f"{_ONE}/withdraw-promise",
        withdraw_promise,
        auth=Auth.CITIZEN,
        body=PromiseWithdrawal,
        answer=ApplicationView,
        summary="撤回告知承诺",
        tag=_TAG,
        example={"version": 3},
    ),
)
