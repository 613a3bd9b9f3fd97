"""The door of lockers' terminals (自助柜): a signed request with the code that was typed says which box to open."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.errors import NotFound
from app.limits import Pace
from handlers.doors import Auth, Call, Reply, Route
from services.delivery.collecting.types import LockerOpened

_PACE = Pace(free=5, most_seconds=30, window_seconds=900)
"""Of one locker at its terminal's system: some 37 wrong codes in fifteen minutes; nobody guesses eight digits so.
Right ones are not counted, and whoever types wrong ones for fun makes the next person wait half a minute at most."""


class TypedCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person typed at the locker."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8}\Z")]


async def open_box(call: Call[TypedCode]) -> Reply:
    """Hand the result over whose code was typed."""
    house, system, place = call.house, call.system, call.path["place_code"]
    key = ("locker", system.code, place)
    await house.limits.begin_try(_PACE, *key)
    if system.item_codes:
        raise NotFound("取件码不正确或已失效，请在三晋通重新获取", code="code_wrong")
    opened = await house.applications.collections.open_box(
        system.departments, place, call.body.code, f"system:{system.code}", call.address
    )
    await house.limits.take_back(*key)
    return Reply(opened, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route(
        "POST",
        "/integration/v1/lockers/<place_code:str>/open",
        open_box,
        auth=Auth.SYSTEM,
        body=TypedCode,
        answer=LockerOpened,
        summary="自助柜凭取件码开箱",
        tag="部门系统对接",
        example={"code": "27182818"},
        limit_bytes=1024,
        remembers=False,
    ),
)
