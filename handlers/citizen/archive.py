"""Door of the personal archive: what a form may be filled with before it is shown."""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec

from app.errors import FieldFault, InvalidRequest
from handlers.doors import Auth, Call, Reply, Route
from services.accounts.types import OnBehalfOf
from services.applications.archive.types import Prefill


class PrefillQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom the form is filled in: the caller where nothing is said, an enterprise, or a mandate's principal."""

    enterprise_id: uuid.UUID | None = None
    mandate_no: Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[0-9A-Z]*$(?!\n)")] = ""


async def get_prefill(call: Call[None]) -> Reply:
    """Show what the archive offers, each value with its source."""
    query: PrefillQuery = call.query
    behalf = None
    if query.enterprise_id is not None and query.mandate_no:
        raise InvalidRequest(faults=(FieldFault("mandate_no", "enterprise_id与mandate_no只能填写一项"),))
    if query.enterprise_id is not None or query.mandate_no:
        behalf = OnBehalfOf(enterprise_id=query.enterprise_id, mandate_no=query.mandate_no)
    view = await call.house.applications.archive.prefill(call.caller, call.path["item_code"], behalf)
    return Reply(view, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route(
        "GET",
        "/api/v1/items/<item_code:str>/prefill",
        get_prefill,
        auth=Auth.CITIZEN,
        query=PrefillQuery,
        answer=Prefill,
        summary="表单预填：个人或企业档案中可用的内容及其来源",
        tag="办件",
    ),
)
