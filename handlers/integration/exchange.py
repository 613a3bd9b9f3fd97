"""Doors of department systems: every request is signed (docs/exchange.md); pull cases and files, push what was done."""

from __future__ import annotations

from typing import Annotated

import msgspec

from app.errors import NotFound
from handlers.citizen.uploads import PRIVATE_FILE, file_id
from handlers.doors import Auth, Call, Reply, Route
from services.exchange.types import (
    AcceptanceMessage,
    ApplicationRecord,
    CaseChanges,
    CaseMessage,
    Kind,
    MessageTaken,
    ProcessMessage,
    ResultMessage,
)

_TAG = "部门系统对接"
_ALL = "/integration/v1/cases"
_ONE = f"{_ALL}/<application_no:str>"


class ChangesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to go on: the last answer's next_cursor; empty from the beginning."""

    cursor: Annotated[str, msgspec.Meta(max_length=64)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


async def list_changes(call: Call[None]) -> Reply:
    """List new and changed cases."""
    query: ChangesQuery = call.query
    return Reply(await call.house.exchange.changes(call.system, query.cursor, query.limit))


async def get_case(call: Call[None]) -> Reply:
    """Show the application data set of one case."""
    record = await call.house.exchange.case(call.system, call.path["application_no"], call.address)
    return Reply(record, headers={"Cache-Control": "private, no-store"})


async def get_material(call: Call[None]) -> Reply:
    """Show a file of one case."""
    number, upload_id = call.path["application_no"], file_id(call)
    file = await call.house.exchange.material(call.system, number, upload_id, call.address)
    return Reply(file.content, content_type=file.content_type, headers=dict(PRIVATE_FILE))


async def get_message(call: Call[None]) -> Reply:
    """Show one of the three case messages."""
    try:
        kind = Kind(call.path["kind"])
    except ValueError:
        raise NotFound from None
    return Reply(await call.house.exchange.message(call.system, call.path["application_no"], kind))


async def push_message(call: Call[CaseMessage]) -> Reply:
    """Take one of the three case messages."""
    return Reply(await call.house.exchange.receive(call.system, call.body, call.address))


_EXAMPLE = {
    "message_no": "GA202611220001",
    "kind": "acceptance",
    "application_no": "1420261122K7QF75CX9V",
    "version": 2,
    "content": {"action": "accept", "officer": "郭强"},
}
ROUTES = (
    Route(
        "GET",
        _ALL,
        list_changes,
        auth=Auth.SYSTEM,
        query=ChangesQuery,
        answer=CaseChanges,
        summary="新增与变化的办件",
        tag=_TAG,
    ),
    Route("GET", _ONE, get_case, auth=Auth.SYSTEM, answer=ApplicationRecord, summary="办件申请信息", tag=_TAG),
    Route("GET", f"{_ONE}/materials/<upload_id:str>", get_material, auth=Auth.SYSTEM, summary="办件材料文件", tag=_TAG),
    Route(
        "GET",
        f"{_ONE}/messages/<kind:str>",
        get_message,
        auth=Auth.SYSTEM,
        answer=AcceptanceMessage | ProcessMessage | ResultMessage,
        summary="受理、过程、结果信息",
        tag=_TAG,
    ),
    Route(
        "POST",
        "/integration/v1/messages",
        push_message,
        auth=Auth.SYSTEM,
        body=CaseMessage,
        answer=MessageTaken,
        summary="推送受理、过程、结果信息",
        tag=_TAG,
        example=_EXAMPLE,
        limit_bytes=16_384,
        remembers=False,
    ),
)
