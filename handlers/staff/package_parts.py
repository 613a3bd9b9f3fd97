"""The staff's door of packages (一件事): what a granted part has brought about goes to the part that waits for it."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.doors import Auth, Call, Reply, Route
from services.applications.types import Siblings

_LIMIT_BYTES = 65_536


class FilledPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Missing answers of the merged form; what the citizen has answered cannot be changed."""

    form: dict[str, Any]


async def fill_part(call: Call[FilledPart]) -> Reply:
    """Add what a waiting part lacks."""
    filling = call.house.applications.packages.filling
    number, code = call.path["application_no"], call.path["item_code"]
    return Reply(Siblings(data=await filling.fill(call.staff, number, code, call.body.form, call.address)))


ROUTES = (
    Route(
        "PATCH",
        "/api/staff/v1/cases/<application_no:str>/package-parts/<item_code:str>/form",
        fill_part,
        auth=Auth.STAFF,
        body=FilledPart,
        answer=Siblings,
        summary="为一件事的后续事项补充信息",
        tag="办件审批",
        example={"form": {"child_id_number": "140105202502180026"}},
        limit_bytes=_LIMIT_BYTES,
    ),
)
